import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

const { INPUT_ARGUMENTS = '', GITHUB_OUTPUT, GITHUB_STATE, RUNNER_TEMP } = process.env;
const DEADLINE_MS = 20_000;

const folder = mkdtempSync(join(RUNNER_TEMP, 'mock-api-'));
const log = join(folder, 'log.txt');
const endpointFile = join(folder, 'endpoint');
const output = openSync(log, 'w');
// Detached and with a file for its output: it has to outlive this step, whose terminal and pipes
// are closed.
const mockApi = spawn(
  process.execPath,
  [
    'mock-api/cli.ts',
    ...['--port', '0', '--endpoint-file', endpointFile],
    ...INPUT_ARGUMENTS.split(/\s+/).filter(Boolean),
  ],
  { detached: true, stdio: ['ignore', output, output] },
);
mockApi.unref();
appendFileSync(GITHUB_STATE, `pid=${mockApi.pid}\n`);

const deadline = Date.now() + DEADLINE_MS;
while (!existsSync(endpointFile) && mockApi.exitCode === null && Date.now() < deadline) {
  await setTimeout(50);
}
if (existsSync(endpointFile)) {
  const endpoint = readFileSync(endpointFile, 'utf8');
  console.log(`The mock API listens at ${endpoint}`);
  appendFileSync(GITHUB_OUTPUT, `endpoint=${endpoint}\n`);
} else {
  console.log(readFileSync(log, 'utf8'));
  console.log('::error::The mock API does not listen.');
  process.exitCode = 1;
}
