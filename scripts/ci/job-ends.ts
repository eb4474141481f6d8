// Runs the jobs of .github/workflows/job-ends.yml under act, against a mock API, and compares the
// stop requests that arrive with those that are expected:
//
//   node scripts/ci/job-ends.ts              the jobs succeed, fail and are cancelled
//   node scripts/ci/job-ends.ts --prove-red  then, with broken actions, differences must be found
//
// act treats SIGINT as a cancel: it kills the running steps, and continues with the steps whose
// condition holds after a cancel and with the post steps.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { MockApi } from '../../mock-api/mock-api.ts';
import { Act, LEFT_OUT, prepare } from './act.ts';

const ENDS = ['success', 'failure', 'cancelled'] as const;
type End = (typeof ENDS)[number];

/** What is expected of a job that has ended. */
interface Expected {
  /** Which scans are stopped: tasks, with the execution if the request has to name it. */
  readonly stops?: readonly string[];
  /** Parts of lines of the job's log. */
  readonly logs?: readonly string[];
}

/** A job of the workflow. */
interface Job {
  readonly name: string;
  /** The end of the path of the request that shows that the job can be cancelled. */
  readonly ready: string;
  /** Whether it is cancelled in the step that sends this request, and not in a build. */
  readonly early?: boolean;
  /** Whether this step gets a signal, as from GitHub's runner. */
  readonly signaled?: boolean;
  /** The ends for which the job runs. */
  readonly ends: Readonly<Partial<Record<End, Expected>>>;
}

/** Stands for the ID of the execution that the first run of a task has started. */
const FIRST_RUN = ':first-run';
const GUARDED = [
  `started${FIRST_RUN}`,
  'guarded',
  'guarded-2',
  'guarded-3',
  'guarded-execution:older',
];
/** How the log of a post stage begins. */
const POST_LINE = 'This job was cancelled or failed.';
const TOKEN_GONE = 'token had a value when the job reached this step, but is empty now';

const JOBS: Readonly<Record<string, Job>> = {
  build: {
    name: 'Build',
    ready: '/builds/build',
    ends: {
      success: { stops: ['step', 'step-always'] },
      failure: { stops: [...GUARDED, 'step-failure', 'step-either', 'step-always'] },
      cancelled: { stops: [...GUARDED, 'step-cancelled', 'step-either', 'step-always'] },
    },
  },
  composite: {
    name: 'Build in a composite action',
    ready: '/builds/composite',
    ends: { success: {}, failure: { stops: ['composite'] }, cancelled: { stops: ['composite'] } },
  },
  'composite-guard': {
    name: 'Build after a composite action',
    ready: '/builds/composite-guard',
    ends: { success: {}, cancelled: { stops: ['composite-guard'] } },
  },
  emptied: {
    name: 'Empty the inputs of guards',
    ready: '/builds/emptied',
    ends: {
      success: {},
      failure: { stops: ['emptied'], logs: [TOKEN_GONE] },
      cancelled: { stops: ['emptied'], logs: [TOKEN_GONE] },
    },
  },
  rejected: {
    name: 'Guard with a rejected credential',
    ready: '',
    ends: { failure: { logs: ['Nothing is stopped, because the credential was rejected'] } },
  },
  invalid: {
    name: 'Guard with an invalid input',
    ready: '',
    ends: { failure: { logs: ['Nothing is stopped, because an input was invalid'] } },
  },
  'guard-killed': {
    name: 'Cancel a guard',
    ready: '/guard-killed/progress',
    early: true,
    ends: { cancelled: { stops: ['guard-killed'] } },
  },
  'guard-signaled': {
    name: 'Cancel a guard by a signal',
    ready: '/guard-signaled/progress',
    early: true,
    signaled: true,
    ends: { cancelled: { stops: ['guard-signaled'] } },
  },
  'start-signaled': {
    name: 'Cancel a start by a signal',
    ready: '/start-signaled/run',
    early: true,
    signaled: true,
    ends: { cancelled: { stops: [`start-signaled${FIRST_RUN}`] } },
  },
  'start-repeated': {
    name: 'Cancel a start that is repeated',
    ready: '/start-repeated/run',
    early: true,
    signaled: true,
    ends: { cancelled: { logs: ['Nothing to stop'] } },
  },
  'start-unsignaled': {
    name: 'Cancel a start without a signal',
    ready: '/start-unsignaled/run',
    early: true,
    ends: { cancelled: { stops: [`start-unsignaled${FIRST_RUN}`] } },
  },
  'start-killed': {
    name: 'Kill a start',
    ready: '/start-killed/run',
    early: true,
    ends: { cancelled: { logs: ['A scan may be running'] } },
  },
};

/** A fault that has to be noticed. */
interface Breakage {
  readonly what: string;
  readonly ends: readonly End[];
  /** Files of the repository, and what their text is changed to. */
  readonly files: Readonly<Record<string, (text: string) => string>>;
}

const exit = (code: number) => () => `process.exit(${code})`;
const bundles = (change: () => string) => ({ 'dist/index.js': change, 'dist/job.js': change });
const empty = () => '';
const BREAKAGES: readonly Breakage[] = [
  { what: "bundles that are 'process.exit(0)'", ends: ENDS, files: bundles(exit(0)) },
  {
    what: "bundles that are 'process.exit(1)'",
    ends: ['failure', 'cancelled'],
    files: bundles(exit(1)),
  },
  {
    what: 'a guard that does nothing',
    ends: ['failure', 'cancelled'],
    files: { 'dist/guard.js': empty, 'dist/guard-post.js': empty },
  },
  {
    what: 'a guard that always stops its scan',
    ends: ['success'],
    files: { 'guard/action.yml': (text) => text.replace(/^ +post-if:.*$/m, '') },
  },
  {
    what: 'a start that does nothing',
    ends: ['failure', 'cancelled'],
    files: { 'dist/start.js': empty, 'dist/start-post.js': empty },
  },
];

const LINE = '='.repeat(66);
const WORKFLOW = '.github/workflows/job-ends.yml';
const TOKEN = 'good-token';
const STOPS_AFTER_MS = 300;
// Longer than it takes until all steps that are to be cancelled run, and shorter than the 9 seconds
// for which a start waits after a signal.
const START_RESPONDS_AFTER_MS = 6_000;

const { values } = parseArgs({ options: { 'prove-red': { type: 'boolean', default: false } } });
const scratch = mkdtempSync(join(tmpdir(), 'job-ends-'));
try {
  process.exitCode = await main();
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** @returns the exit code */
async function main(): Promise<number> {
  if (process.platform !== 'linux') {
    console.log(`${LINE}\nLEFT OUT: the ends of a job. The steps to signal are in /proc.\n${LINE}`);
    return 0;
  }
  const repository = join(scratch, 'repository');
  const status = await prepare(repository);
  if (status !== 0) return status === LEFT_OUT ? 0 : 1;
  for (const end of ENDS) {
    const { stopped, problems, log } = await runJobs(repository, end, Object.keys(JOBS));
    console.log(`${end}: ${stopped.length} scans were stopped: ${stopped.join(', ')}`);
    if (problems.length > 0) {
      console.log(`${log}\nFAILED: jobs that end with ${end}:\n${problems.join('\n')}`);
      return 1;
    }
  }
  return values['prove-red'] && !(await proveRed(repository)) ? 1 : 0;
}

/** @returns whether each breakage was noticed */
async function proveRed(repository: string): Promise<boolean> {
  for (const { what, ends, files } of BREAKAGES) {
    const intact = new Map(
      Object.keys(files).map((file) => [file, readFileSync(join(repository, file), 'utf8')]),
    );
    for (const [file, text] of intact) {
      writeFileSync(join(repository, file), files[file]?.(text) ?? text);
    }
    for (const end of ends) {
      const { problems, log } = await runJobs(repository, end, ['build']);
      if (problems.length === 0) {
        console.log(`${log}\nFAILED: ${end} with ${what} was not noticed.`);
        return false;
      }
      console.log(`${end} with ${what} fails, as it must: ${problems[0]}`);
    }
    for (const [file, text] of intact) writeFileSync(join(repository, file), text);
  }
  return true;
}

interface Outcome {
  /** The scans for which a stop request arrived. */
  readonly stopped: readonly string[];
  /** What differs from what is expected. */
  readonly problems: readonly string[];
  readonly log: string;
}

/** Runs those of the jobs `ids` that have this end. */
async function runJobs(repository: string, end: End, ids: readonly string[]): Promise<Outcome> {
  const jobs = ids.flatMap((id) => JOBS[id] ?? []).filter((job) => end in job.ends);
  const selected = ids.length === 1 ? ids : [];
  const mockApi = await startMockApi(end);
  try {
    const runWorkflow = (ending: string, some: readonly string[]) =>
      new Act(repository, [
        ...['--workflows', WORKFLOW, '--concurrent-jobs', '20'],
        ...['--input', `end=${ending}`, '--input', `endpoint=${mockApi.endpoint}`],
        ...some.flatMap((job) => ['--job', job]),
      ]);
    const act = runWorkflow(end, selected);
    const problems: string[] = [];
    if (end === 'cancelled') {
      const supersede =
        selected.length > 0 ? undefined : () => runWorkflow('superseding', ['superseding']);
      problems.push(...(await cancel({ act, mockApi, jobs, supersede })));
    }
    await act.ended;
    await setTimeout(2 * STOPS_AFTER_MS);
    const stopped = mockApi.stopRequests.map(({ taskId, executionId }) =>
      executionId === undefined ? taskId : `${taskId}:${executionId}`,
    );
    problems.unshift(...findWrongStops(stopped, { jobs, end, mockApi }));
    problems.push(...findWrongLogs(act.log, jobs, end));
    return { stopped: stopped.toSorted(), problems, log: act.log };
  } finally {
    await mockApi.close();
  }
}

async function startMockApi(end: End): Promise<MockApi> {
  const running = [
    'guarded guarded-2 guarded-3 composite composite-guard emptied emptied-token rejected invalid',
    'guard-killed guard-signaled start-repeated',
    'step step-failure step-cancelled step-either step-always of-nobody',
  ];
  const scan = { stopsAfterMs: STOPS_AFTER_MS };
  const ended = { ...scan, status: 2 };
  const mockApi = await MockApi.start({
    tokens: [TOKEN],
    expiredTokens: ['old-token'],
    accessKeys: { MOCKACCESSKEY: 'made-up-secret' },
    scans: {
      ...Object.fromEntries(running.flatMap((ids) => ids.split(' ')).map((id) => [id, scan])),
      'guarded-execution': { ...scan, executions: { older: {}, newer: {} } },
      // Only a job that succeeds waits for its scan.
      started: end === 'success' ? { ...ended, endsAfterMs: 4_000 } : ended,
      'start-signaled': ended,
      'start-unsignaled': ended,
      'start-killed': ended,
    },
  });
  for (const task of ['guard-killed', 'guard-signaled']) {
    mockApi.inject({ kind: 'silence' }, { path: `/${task}/progress` });
  }
  for (const task of ['start-signaled', 'start-unsignaled']) {
    const fault = { kind: 'slow', beforeHeadersMs: START_RESPONDS_AFTER_MS } as const;
    mockApi.inject(fault, { path: `/${task}/run` });
  }
  return mockApi.inject({ kind: 'silence' }, { path: '/start-killed/run', handled: true });
}

interface Cancelling {
  readonly act: Act;
  readonly mockApi: MockApi;
  readonly jobs: readonly Job[];
  /** Starts a newer run, which starts a scan of the same task; undefined if there is none. */
  readonly supersede: (() => Act) | undefined;
}

/**
 * Cancels a run while its builds and the `early` steps are running.
 *
 * @returns what differs from what is expected
 */
async function cancel({ act, mockApi, jobs, supersede }: Cancelling): Promise<string[]> {
  const areReady = (some: readonly Job[]) => () =>
    some.every(({ ready }) => mockApi.requestsTo(ready).length > 0);
  const startsOf = (taskId: string) => mockApi.requestsTo(`/${taskId}/run`).length;
  await act.until(areReady(jobs.filter(({ early }) => early !== true)));
  const newer = supersede?.();
  await newer?.until(() => startsOf('started') > 1);
  // The early steps wait for this request.
  await fetch(`${mockApi.endpoint}/builds/all`);
  await act.until(areReady(jobs));
  if (!act.isRunning) return ['The run ended before it was cancelled.'];
  const repeated = startsOf('start-repeated');
  act.cancel();
  for (const { ready, signaled } of jobs) {
    const [, taskId = ''] = ready.split('/');
    if (signaled === true) act.signalStep(taskId);
  }
  await act.ended;
  await newer?.ended;
  const problems: string[] = [];
  if (startsOf('start-repeated') > repeated) problems.push('A start was sent after the cancel.');
  if (newer !== undefined) problems.push(...findWrongSuperseding(newer, mockApi));
  return problems;
}

function findWrongSuperseding({ log }: Act, mockApi: MockApi): string[] {
  const [, older, newer, ...others] = mockApi.executionsOf('started');
  const isRight = older?.status === 3 && newer?.status === 0 && others.length === 0;
  return [
    ...(isRight ? [] : ['The newer run did not start its scan, or its scan was stopped.']),
    ...(log.includes('CC.00050015') && log.includes('Job succeeded')
      ? []
      : [`The newer run did not wait for the older scan to stop:\n${log}`]),
  ];
}

function findWrongStops(
  stopped: readonly string[],
  { jobs, end, mockApi }: { jobs: readonly Job[]; end: End; mockApi: MockApi },
): string[] {
  const expected = jobs
    .flatMap((job) => job.ends[end]?.stops ?? [])
    .map((scan) => {
      const [taskId = ''] = scan.split(FIRST_RUN);
      return scan === taskId
        ? scan
        : `${taskId}:${mockApi.executionsOf(taskId)[1]?.id ?? '(not started)'}`;
    });
  const missing = expected.filter((scan) => !stopped.includes(scan));
  const unexpected = stopped.filter(
    (scan, index) => !expected.includes(scan) || stopped.indexOf(scan) !== index,
  );
  const running = mockApi.stopRequests.filter(({ taskId, executionId }) =>
    mockApi
      .executionsOf(taskId)
      .some(
        ({ id, status, stopRequested }) =>
          (executionId ?? id) === id && stopRequested && status !== 3,
      ),
  );
  return [
    ...missing.map((scan) => `No stop request for ${scan} arrived.`),
    ...unexpected.map((scan) => `A stop request for ${scan} arrived that is not expected.`),
    ...running.map(({ taskId }) => `The scan of ${taskId} is still running.`),
  ];
}

function findWrongLogs(log: string, jobs: readonly Job[], end: End): string[] {
  const result = end === 'success' ? 'Job succeeded' : 'Job failed';
  const lines = log.split('\n');
  const missing = jobs.flatMap(({ name, ends }) =>
    [result, ...(ends[end]?.logs ?? [])].flatMap((text) => {
      const prefix = new RegExp(`^\\[Ends of a job/${name} *\\]`);
      const found = lines.some((line) => prefix.test(line) && line.includes(text));
      return found ? [] : [`The log of '${name}' lacks '${text}'.`];
    }),
  );
  return end === 'success' && lines.some((line) => line.includes(POST_LINE))
    ? [...missing, 'The post stage of an action ran in a job that succeeded.']
    : missing;
}
