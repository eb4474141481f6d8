import { spawn } from 'node:child_process';
import { appendFileSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

const { INPUT_ARGUMENTS = '', GITHUB_OUTPUT, GITHUB_STATE, RUNNER_TEMP } = process.env;
const DEADLINE_MS = 20_000;

const log = join(mkdtempSync(join(RUNNER_TEMP, 'mock-api-')), 'log.txt');
const output = openSync(log, 'w');
// Detached and with a file for its output: it has to outlive this step, whose terminal and pipes
// are closed.
const mockApi = spawn(
  process.execPath,
  ['mock-api/cli.ts', '--port', '0', ...INPUT_ARGUMENTS.split(/\s+/).filter(Boolean)],
  { detached: true, stdio: ['ignore', output, output] },
);
mockApi.unref();
appendFileSync(GITHUB_STATE, `pid=${mockApi.pid}\n`);

const endpoint = await listening();
if (endpoint === undefined) {
  console.log(readFileSync(log, 'utf8'));
  console.log('::error::The mock API does not listen.');
  process.exitCode = 1;
} else {
  console.log(`The mock API listens at ${endpoint}`);
  appendFileSync(GITHUB_OUTPUT, `endpoint=${endpoint}\n`);
}

/** @returns where the mock API says that it listens; undefined when it ended or took too long */
async function listening() {
  const deadline = Date.now() + DEADLINE_MS;
  while (mockApi.exitCode === null && Date.now() < deadline) {
    const [url] = /http:\/\/[\d.]+:\d+/.exec(readFileSync(log, 'utf8')) ?? [];
    if (url !== undefined) return url;
    await setTimeout(50);
  }
  return undefined;
}
