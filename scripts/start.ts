// Shows what the step does: the built bundle, run as the runner runs it, against the mock API; or
// against the live API if CHECK_TASK_ID, CHECK_TOKEN or CHECK_ENDPOINT is set.

import { runBundle, type StepRun } from '../__tests__/support/run-bundle.ts';
import { MockApi } from '../mock-api/mock-api.ts';

const { CHECK_ENDPOINT = '', CHECK_TASK_ID = '', CHECK_TOKEN = '' } = process.env;

const TASK_ID = '2b3f0c9a7d154e0f8a1b6c5d4e3f2a10';
const TOKENS = {
  good: 'token-of-today-MIIF0AYJKoZIhvc',
  expired: 'token-of-yesterday-MIIF0AYJKoZ',
};
const STATUSES = ['running', 'failed', 'succeeded', 'stopped'];

process.exitCode =
  CHECK_TASK_ID || CHECK_TOKEN || CHECK_ENDPOINT ? await stopForReal() : await demo();

/** @returns the exit code of the step */
async function stopForReal(): Promise<number> {
  console.log('A step that stops a scan of the live API\n');
  const run = await step({
    'task-id': CHECK_TASK_ID,
    token: CHECK_TOKEN,
    endpoint: CHECK_ENDPOINT,
  });
  return run.exitCode ?? 1;
}

/** @returns 0 if each scene went as it should */
async function demo(): Promise<number> {
  const running = {};
  const none = { executions: {} };
  const scenes = [
    ['A scan is running, and a step stops it', running, stopCurrent],
    ['Two scans of a task are running, and a step stops the first one only', none, stopExecution],
    ['A token that has expired: the step fails and says what to do', running, failWithAdvice],
  ] as const;
  let asExpected = true;
  for (const [index, [title, plan, scene]] of scenes.entries()) {
    console.log(`${index + 1}. ${title}\n`);
    const mockApi = await MockApi.start({
      scans: { [TASK_ID]: { ...plan, concurrent: true, stopsAfterMs: 300 } },
      tokens: [TOKENS.good],
      expiredTokens: [TOKENS.expired],
    });
    asExpected = (await scene(mockApi)) && asExpected;
    showExecutions(mockApi);
    await mockApi.close();
  }
  if (!asExpected) console.log('That is not what was expected: please report it.');
  return asExpected ? 0 : 1;
}

async function stopCurrent(mockApi: MockApi): Promise<boolean> {
  const run = await step({ ...inputsFor(mockApi), wait: 'true' });
  return run.outputs['outcome'] === 'stopped' && mockApi.scans.get(TASK_ID)?.status === 3;
}

async function stopExecution(mockApi: MockApi): Promise<boolean> {
  const first = await startScan(mockApi);
  const second = await startScan(mockApi);
  const run = await step({ ...inputsFor(mockApi), 'execution-id': first, wait: 'true' });
  const statusOf = (id: string) => mockApi.scans.get(TASK_ID)?.find(id)?.status;
  return run.outputs['outcome'] === 'stopped' && statusOf(first) === 3 && statusOf(second) === 0;
}

async function failWithAdvice(mockApi: MockApi): Promise<boolean> {
  const run = await step({ ...inputsFor(mockApi), token: TOKENS.expired });
  return run.exitCode === 1 && mockApi.scans.get(TASK_ID)?.status === 0;
}

function inputsFor({ endpoint }: MockApi): Record<string, string> {
  return { 'task-id': TASK_ID, endpoint, token: TOKENS.good };
}

/** Starts a scan, as a step before this one would. @returns its execution ID */
async function startScan({ endpoint }: MockApi): Promise<string> {
  const url = `${endpoint}/v2/tasks/${TASK_ID}/run`;
  const headers = { 'x-auth-token': TOKENS.good, 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: '{}' });
  const { exec_id: executionId } = (await response.json()) as { readonly exec_id: string };
  console.log(`   POST ${url} → exec_id ${executionId}`);
  return executionId;
}

/** Shows how each execution of the task ended. */
function showExecutions(mockApi: MockApi): void {
  for (const { id, status } of mockApi.executionsOf(TASK_ID)) {
    console.log(`   execution ${id}: ${STATUSES[Number(status)]}`);
  }
  console.log();
}

/** Runs a step, and shows what a person would see of it. */
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
