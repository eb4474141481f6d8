import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const entry = fileURLToPath(new URL('../../../dist/start.js', import.meta.url));
// Detached: it has a session of its own, which the end of this process does not end.
const start = spawn(process.execPath, [entry], { detached: true, stdio: 'inherit' });
start.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
