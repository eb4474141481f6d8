// Times the committed bundle against the mock API on this machine, and prints Markdown tables:
//
//   npm run bench                  one stop, 200 times, then lists of tasks
//   npm run bench -- --pairs 100
//   npm run bench -- --check       only what has a limit; fails if one is exceeded
//   npm run bench -- --action FILE...
//                                  starts other actions too: their bundles, from a checkout of each
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { issueCertificate } from '../__tests__/support/certificates.ts';
import { MockApi, type MockApiOptions } from '../mock-api/mock-api.ts';

const LIMITS = { httpsRatio: 1.2, hundredTasksMs: 2_000, distKiB: 200 };

const TOKEN = 'token-of-the-benchmark';
const LATENCY_MS = 100;
const PARALLEL = 16;
const THROTTLE = { ratePerSecond: 5 };
const WARM_UP = 2;
const MIN_PAIRS = 40;

const pathOf = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const STOP = pathOf('dist/index.js');
const GUARD_MAIN = pathOf('dist/guard.js');
const BARE_POST = pathOf('scripts/bare-post.cjs');
const MEMORY = pathOf('__tests__/support/memory.cjs');

interface Script {
  readonly script: string;
  readonly env: Readonly<Record<string, string>>;
  /** A script that Node.js loads before. */
  readonly preload?: string;
}

/** A script, and what it is called in a table. */
interface Candidate extends Script {
  readonly label: string;
}

interface Run {
  readonly exitCode: number | null;
  /** Milliseconds from the start of the process to its end. */
  readonly durationMs: number;
  readonly stdout: string;
}

interface Timed {
  readonly candidate: Candidate;
  readonly medianMs: number;
  /** Median ratio to the first candidate of the same turn. */
  readonly ratio: number;
}

const { values, positionals } = parseArgs({
  options: {
    pairs: { type: 'string', default: '200' },
    check: { type: 'boolean', default: false },
    action: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const pairs = Number(values.pairs);
if (!(pairs >= MIN_PAIRS)) throw new Error(`--pairs must be at least ${MIN_PAIRS}`);

const folder = mkdtempSync(join(tmpdir(), 'bench-'));
const files = {
  output: join(folder, 'output'),
  state: join(folder, 'state'),
  summary: join(folder, 'summary'),
  memory: join(folder, 'memory'),
};
const certificates = await issueCertificate('localhost');
try {
  console.log(`Node.js ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim()}`);
  if (values.check) await checkLimits();
  else if (values.action) await printStartUp(positionals);
  else await printAll();
} finally {
  rmSync(folder, { recursive: true, force: true });
  rmSync(dirname(certificates.authorityFile), { recursive: true, force: true });
}

async function printAll(): Promise<void> {
  await printOneStop('https', { tls: certificates.tls });
  await printOneStop('http', {});
  await printGuard();
  await printTaskLists();
  await printThrottled();
  console.log(`\ndist/: ${distKiB().toFixed(0)} KiB`);
}

async function printOneStop(scheme: 'http' | 'https', options: MockApiOptions): Promise<void> {
  console.log(`\nOne stop over ${scheme}, ${pairs} times in turn`);
  await withMockApi(options, async (endpoint) => {
    await printCompared([barePost(endpoint), stop(endpoint, ['task-1'])]);
  });
}

async function printGuard(): Promise<void> {
  console.log(`\nThe guard when the job reaches it, over https, ${pairs} times in turn`);
  await withMockApi({ tls: certificates.tls }, async (endpoint) => {
    const guard = {
      label: '`guard`: one status request',
      script: GUARD_MAIN,
      env: inputs('guard/action.yml', endpoint, ['task-1']),
    };
    await printCompared([stop(endpoint, ['task-1']), guard]);
  });
}

/** Without inputs, an action comes to its first error: what that takes is the start. */
async function printStartUp(paths: readonly string[]): Promise<void> {
  if (paths.length === 0) throw new Error('--action needs the bundles of other actions');
  const env = { GITHUB_OUTPUT: files.output, GITHUB_STEP_SUMMARY: files.summary };
  const candidates = [
    { label: 'this action', script: STOP, env },
    ...paths.map((path) => ({ label: path, script: path, env })),
  ];
  console.log(`\nStart without inputs, until the error about them, ${pairs} times in turn`);
  const rows = await timeInTurn(candidates, run);
  printTable(
    ['', 'median', 'median ratio'],
    rows.map(({ candidate, medianMs, ratio }) => [candidate.label, ms(medianMs), ratio.toFixed(2)]),
  );
}

async function printCompared(candidates: readonly Candidate[]): Promise<void> {
  const rows: string[][] = [];
  for (const { candidate, medianMs, ratio } of await timeInTurn(candidates)) {
    await succeed(withMemory(candidate));
    rows.push([candidate.label, ms(medianMs), ratio.toFixed(2), peakMemory()]);
  }
  printTable(['', 'median', 'median ratio', 'peak memory'], rows);
}

/** @param use is given the endpoint of a mock API that lets `task-1` be stopped over and over */
async function withMockApi<T>(
  options: MockApiOptions,
  use: (endpoint: string) => Promise<T>,
): Promise<T> {
  const mockApi = await MockApi.start({ ...options, tokens: [TOKEN], scans: { 'task-1': {} } });
  try {
    mockApi.inject({ kind: 'response', status: 200, body: 'null' }, { path: '/stop' });
    return await use(mockApi.endpoint);
  } finally {
    await mockApi.close();
  }
}

function barePost(endpoint: string): Candidate {
  return {
    label: `bare \`node:${new URL(endpoint).protocol.slice(0, -1)}\` POST (CommonJS)`,
    script: BARE_POST,
    env: { ENDPOINT: endpoint, TOKEN, TASK_ID: 'task-1' },
  };
}

function stop(endpoint: string, taskIds: readonly string[]): Candidate {
  return { label: 'this action', script: STOP, env: inputs('action.yml', endpoint, taskIds) };
}

/** Times candidates in turn, so that whatever else the machine does slows all of them alike. */
async function timeInTurn(
  candidates: readonly Candidate[],
  runOne: (script: Script) => Promise<Run> = succeed,
): Promise<Timed[]> {
  const times = new Map(candidates.map((candidate) => [candidate, [] as number[]]));
  for (let turn = -WARM_UP; turn < pairs; turn++) {
    // What runs after what must be no advantage to either.
    for (const candidate of turn % 2 === 0 ? candidates : candidates.toReversed()) {
      const { durationMs } = await runOne(candidate);
      if (turn >= 0) times.get(candidate)?.push(durationMs);
    }
  }
  const [first = []] = times.values();
  return [...times].map(([candidate, own]) => ({
    candidate,
    medianMs: median(own),
    ratio: median(own.map((durationMs, turn) => durationMs / (first[turn] ?? Number.NaN))),
  }));
}

/** @returns `candidate` with a note of its peak memory, for {@link peakMemory} */
function withMemory({ script, env }: Script): Script {
  return { script, env: { ...env, MEMORY_FILE: files.memory }, preload: MEMORY };
}

function peakMemory(): string {
  return `${(Number(readFileSync(files.memory, 'utf8')) / 1024).toFixed(0)} MiB`;
}

async function printTaskLists(): Promise<void> {
  const rows: string[][] = [];
  for (const count of [1, 10, 100, 1000]) {
    const { durationMs, connections } = await stopTasks(count, { latencyMs: LATENCY_MS });
    const idealMs = LATENCY_MS * (1 + Math.ceil((count - 1) / PARALLEL));
    rows.push([`${count}`, ms(durationMs), ms(idealMs), `${connections}`, peakMemory()]);
  }
  console.log(`\nTasks at ${LATENCY_MS} ms each over https, ${PARALLEL} at once after the first`);
  printTable(['tasks', 'time', 'ideal', 'connections', 'peak memory'], rows);
}

async function printThrottled(): Promise<void> {
  const { ratePerSecond } = THROTTLE;
  const count = 100;
  const { durationMs, requests } = await stopTasks(count, { throttle: THROTTLE });
  const idealMs = ((count - 1) / ratePerSecond) * 1000;
  console.log(`\nTasks while the API admits ${ratePerSecond} requests a second (HTTP 429)`);
  printTable(
    ['tasks', 'time', 'ideal', 'requests'],
    [[`${count}`, ms(durationMs), ms(idealMs), `${requests}`]],
  );
}

/** @returns `durationMs` is NaN if not every task was stopped */
async function stopTasks(
  count: number,
  options: MockApiOptions,
): Promise<{ durationMs: number; connections: number; requests: number }> {
  const taskIds = Array.from({ length: count }, (_, index) => `task-${index + 1}`);
  const mockApi = await MockApi.start({
    ...options,
    tls: certificates.tls,
    tokens: [TOKEN],
    scans: Object.fromEntries(taskIds.map((id) => [id, {}])),
  });
  try {
    const { exitCode, durationMs } = await run(withMemory(stop(mockApi.endpoint, taskIds)));
    return {
      durationMs: exitCode === 0 ? durationMs : Number.NaN,
      connections: mockApi.connections,
      requests: mockApi.requests.length,
    };
  } finally {
    await mockApi.close();
  }
}

async function checkLimits(): Promise<void> {
  const [, timed] = await withMockApi({ tls: certificates.tls }, (endpoint) =>
    timeInTurn([barePost(endpoint), stop(endpoint, ['task-1'])]),
  );
  const { durationMs } = await stopTasks(100, { latencyMs: LATENCY_MS });
  const rows = [
    limited(`One stop over https to a bare POST, ${pairs} pairs`, timed?.ratio, LIMITS.httpsRatio),
    limited(`100 tasks at ${LATENCY_MS} ms each, in ms`, durationMs, LIMITS.hundredTasksMs),
    limited('Size of dist/, in KiB', distKiB(), LIMITS.distKiB),
  ];
  console.log();
  printTable(['', 'measured', 'limit', ''], rows);
  if (rows.some((row) => row.includes('EXCEEDED'))) process.exitCode = 1;
}

function limited(what: string, measured = Number.NaN, limit: number): string[] {
  const digits = limit < 10 ? 2 : 0;
  const good = measured <= limit;
  return [what, measured.toFixed(digits), limit.toFixed(digits), good ? 'ok' : 'EXCEEDED'];
}

function distKiB(): number {
  const sizes = readdirSync(dirname(STOP)).map((file) => statSync(join(dirname(STOP), file)).size);
  return sizes.reduce((sum, size) => sum + size, 0) / 1024;
}

/** What the runner sets: inputs with the defaults of an action, and its files. */
function inputs(
  metadata: string,
  endpoint: string,
  taskIds: readonly string[],
): Record<string, string> {
  const declared: Readonly<Record<string, { readonly default?: string }>> = parse(
    readFileSync(pathOf(metadata), 'utf8'),
  ).inputs;
  const values = {
    ...Object.fromEntries(
      Object.entries(declared).map(([name, input]) => [name, input.default ?? '']),
    ),
    'task-id': taskIds.join(),
    token: TOKEN,
    endpoint,
  };
  return {
    ...Object.fromEntries(
      Object.entries(values).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]),
    ),
    GITHUB_OUTPUT: files.output,
    GITHUB_STATE: files.state,
    GITHUB_STEP_SUMMARY: files.summary,
  };
}

/** @returns what {@link run} returns, if the script succeeds */
async function succeed(script: Script): Promise<Run> {
  const result = await run(script);
  if (result.exitCode === 0) return result;
  throw new Error(`${script.script} ended with ${result.exitCode}:\n${result.stdout}`);
}

async function run({ script, env, preload }: Script): Promise<Run> {
  for (const file of Object.values(files)) writeFileSync(file, '');
  const started = performance.now();
  const nodeOptions = preload === undefined ? [] : ['--require', preload];
  const child = spawn(process.execPath, [...nodeOptions, script], {
    env: {
      SystemRoot: process.env['SystemRoot'],
      NODE_EXTRA_CA_CERTS: certificates.authorityFile,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { exitCode, durationMs: performance.now() - started, stdout };
}

function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  console.log([head, head.map(() => '---'), ...rows].map(line).join('\n'));
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function ms(number: number): string {
  return Number.isNaN(number) ? 'failed' : `${number.toFixed(0)} ms`;
}
