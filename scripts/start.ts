// Shows the main job: the committed bundle, run as the runner runs it, against the mock API of the
// CodeArts Check API; or for real, where CHECK_TASK_ID and CHECK_TOKEN are set.

import { runBundle, type StepRun } from '../__tests__/support/run-bundle.ts';
import { MockApi } from '../mock-api/mock-api.ts';

const { CHECK_ENDPOINT = '', CHECK_TASK_ID = '', CHECK_TOKEN = '' } = process.env;

process.exitCode =
  CHECK_TASK_ID || CHECK_TOKEN || CHECK_ENDPOINT ? await stopForReal() : await demo();

/** @returns the exit code of the step */
async function stopForReal(): Promise<number> {
  console.log('A step that stops a scan for real\n');
  const run = await step({
    'task-id': CHECK_TASK_ID,
    token: CHECK_TOKEN,
    endpoint: CHECK_ENDPOINT,
  });
  return run.exitCode ?? 1;
}

/** @returns 0 when both steps did what they are expected to do */
async function demo(): Promise<number> {
  const taskId = '2b3f0c9a7d154e0f8a1b6c5d4e3f2a10';
  const tokens = {
    good: 'token-of-today-MIIF0AYJKoZIhvc',
    expired: 'token-of-yesterday-MIIF0AYJKoZ',
  };
  const mockApi = await MockApi.start({
    scans: { [taskId]: {} },
    tokens: [tokens.good],
    expiredTokens: [tokens.expired],
  });
  const status = () => JSON.stringify(mockApi.scans.get(taskId)?.status);
  const inputs = { 'task-id': taskId, endpoint: mockApi.endpoint };

  console.log('1. A scan is being checked, and a step stops it\n');
  const before = status();
  const good = await step({ ...inputs, token: tokens.good, wait: 'true' });
  const after = status();
  console.log(
    `task_status of the scan: ${before} (being checked) before, ${after} (stopped) after\n`,
  );

  console.log('2. The same step with a token that has expired\n');
  const bad = await step({ ...inputs, token: tokens.expired });
  await mockApi.close();

  const asExpected = good.exitCode === 0 && after === '3' && bad.exitCode === 1;
  if (!asExpected) console.log('That is not what was expected: please report it.');
  return asExpected ? 0 : 1;
}

/** Runs a step, and shows what a user would see of it. */
async function step(inputs: Readonly<Record<string, string>>): Promise<StepRun> {
  console.log('   with:');
  for (const [name, value] of Object.entries(inputs)) {
    if (value !== '') console.log(`     ${name}: ${name === 'token' ? '***' : value}`);
  }
  console.log('   log:');
  const run = await runBundle(inputs, { onLine: (line) => showLine(line) });
  console.log('   outputs:');
  for (const [name, value] of Object.entries(run.outputs)) console.log(`     ${name}: ${value}`);
  if (run.summary !== '') {
    console.log('   job summary:');
    for (const row of asText(run.summary)) console.log(`     ${row}`);
  }
  console.log(`   exit code: ${run.exitCode}, after ${Math.round(run.durationMs)} ms\n`);
  return run;
}

// The runner takes commands out of the log, and shows an annotation in their place.
function showLine(line: string): void {
  if (line.startsWith('::add-mask::')) return;
  const command = /^::(\w+)[^:]*::(.*)$/.exec(line);
  const text =
    command === null ? line : `${command[1]}: ${command[2]?.replaceAll('%0A', '\n       ')}`;
  console.log(`     ${text}`);
}

// Enough for the few tags of a job summary.
function asText(html: string): string[] {
  return html
    .replaceAll('</tr>', '\n')
    .replaceAll(/<\/t[dh]>/g, ' | ')
    .replaceAll(/<[^>]+>/g, '')
    .split(/\r?\n/)
    .filter((row) => row.trim() !== '');
}
