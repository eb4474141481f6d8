import { spawn } from 'node:child_process';
import { appendFileSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

const { INPUT_ARGUMENTS = '', GITHUB_OUTPUT, GITHUB_STATE, RUNNER_TEMP } = process.env;
const DEADLINE_MS = 20_000;

const log = join(mkdtempSync(join(RUNNER_TEMP, 'stand-in-')), 'log.txt');
const output = openSync(log, 'w');
// Detached and with a file for its output: it has to outlive this step, whose terminal and pipes
// are closed.
const standIn = spawn(
  process.execPath,
  ['scripts/stand-in.ts', '--port', '0', ...INPUT_ARGUMENTS.split(/\s+/).filter(Boolean)],
  { detached: true, stdio: ['ignore', output, output] },
);
standIn.unref();
appendFileSync(GITHUB_STATE, `pid=${standIn.pid}\n`);

const endpoint = await listening();
if (endpoint === undefined) {
  console.log(readFileSync(log, 'utf8'));
  console.log('::error::The stand-in does not listen.');
  process.exitCode = 1;
} else {
  console.log(`The stand-in listens at ${endpoint}`);
  appendFileSync(GITHUB_OUTPUT, `endpoint=${endpoint}\n`);
}

/** @returns where the stand-in says that it listens; undefined when it ended or took too long */
async function listening() {
  const deadline = Date.now() + DEADLINE_MS;
  while (standIn.exitCode === null && Date.now() < deadline) {
    const [url] = /http:\/\/[\d.]+:\d+/.exec(readFileSync(log, 'utf8')) ?? [];
    if (url !== undefined) return url;
    await setTimeout(50);
  }
  return undefined;
}
