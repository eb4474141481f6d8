// What the committed bundle costs, measured against the mock API on this machine:
//
//   npm run bench              200 pairs of one stop, then lists of tasks
//   npm run bench -- --pairs 40
import { type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { MockApi } from '../mock-api/mock-api.ts';

const BUNDLE = fileURLToPath(new URL('../dist/index.js', import.meta.url));
const BARE = fileURLToPath(new URL('./bare-post.cjs', import.meta.url));
const MEMORY = fileURLToPath(new URL('../__tests__/support/memory.cjs', import.meta.url));
const TOKEN = 'token-of-the-benchmark';
const TASK_ID = 'task-1';
const LATENCY_MS = 100;
const PARALLEL = 16;

const { values } = parseArgs({ options: { pairs: { type: 'string', default: '200' } } });
const pairs = Math.max(40, Number(values.pairs));
const folder = mkdtempSync(join(tmpdir(), 'bench-'));
const files = { output: join(folder, 'output'), summary: join(folder, 'summary') };
for (const file of Object.values(files)) writeFileSync(file, '');

try {
  console.log(`Node.js ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim()}\n`);
  await benchOneStop();
  await benchTaskLists();
  const size = statSync(BUNDLE).size;
  console.log(`\ndist/index.js: ${(size / 1024).toFixed(0)} KiB, minified`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function benchOneStop(): Promise<void> {
  const mockApi = await MockApi.start({ tokens: [TOKEN] });
  mockApi.inject({ kind: 'response', status: 200, body: 'null' });
  const { endpoint } = mockApi;
  const stopUrl = `${endpoint}/v2/tasks/${TASK_ID}/stop`;
  const headers = ['-H', `x-auth-token: ${TOKEN}`, '-H', 'content-type: application/json'];
  const candidates = {
    bare: () => node([BARE], { ENDPOINT: endpoint, TOKEN, TASK_ID }),
    bundle: () => node([BUNDLE], inputs(endpoint, [TASK_ID])),
    ...(spawnSync('curl', ['--version']).error === undefined
      ? { curl: () => timed('curl', ['-sS', '--fail', '-d', '{}', ...headers, stopUrl], {}) }
      : {}),
  };
  const times: Record<string, number[]> = {};
  for (let pair = -2; pair < pairs; pair++) {
    // Each goes first as often as last: what runs after what is no advantage to either.
    const turn = Object.entries(candidates);
    for (const [name, run] of pair % 2 === 0 ? turn : turn.toReversed()) {
      const ms = await run();
      // The first two warm up the machine.
      if (pair >= 0) times[name] = [...(times[name] ?? []), ms];
    }
  }
  const memory = async (script: string, env: Readonly<Record<string, string>>) => {
    const file = join(folder, 'memory');
    await node(['--require', MEMORY, script], { ...env, MEMORY_FILE: file });
    return `${(Number(readFileSync(file, 'utf8')) / 1024).toFixed(0)} MiB`;
  };
  const { bare = [], bundle = [], curl } = times;
  const ratio = median(bundle.map((ms, index) => ms / (bare[index] ?? Number.NaN)));
  console.log(`One stop, ${pairs} times in turn`);
  console.log('| | median | peak memory |');
  console.log('|---|---|---|');
  const bareMemory = await memory(BARE, { ENDPOINT: endpoint, TOKEN, TASK_ID });
  console.log(`| bare \`node:http\` POST (CommonJS) | ${ms(median(bare))} | ${bareMemory} |`);
  const bundleMemory = await memory(BUNDLE, inputs(endpoint, [TASK_ID]));
  console.log(`| this action | ${ms(median(bundle))} | ${bundleMemory} |`);
  if (curl !== undefined) console.log(`| \`curl\` | ${ms(median(curl))} | |`);
  console.log(`| median ratio, action to bare POST | ${ratio.toFixed(2)} | |`);
  await mockApi.close();
}

async function benchTaskLists(): Promise<void> {
  const counts = [1, 10, 100, 1000];
  console.log(`\nTasks at ${LATENCY_MS} ms each, 16 at once after the first`);
  console.log('| tasks | time | ideal | connections | peak memory |');
  console.log('|---|---|---|---|---|');
  for (const count of counts) {
    const taskIds = Array.from({ length: count }, (_, index) => `task-${index + 1}`);
    const mockApi = await MockApi.start({ tokens: [TOKEN], latencyMs: LATENCY_MS });
    mockApi.inject({ kind: 'response', status: 200, body: 'null' });
    const file = join(folder, 'memory');
    const took = await node(['--require', MEMORY, BUNDLE], {
      ...inputs(mockApi.endpoint, taskIds),
      MEMORY_FILE: file,
    });
    const ideal = LATENCY_MS * (1 + Math.ceil((count - 1) / PARALLEL));
    const memory = (Number(readFileSync(file, 'utf8')) / 1024).toFixed(0);
    console.log(
      `| ${count} | ${ms(took)} | ${ms(ideal)} | ${mockApi.connections} | ${memory} MiB |`,
    );
    await mockApi.close();
  }
}

function inputs(endpoint: string, taskIds: readonly string[]): Record<string, string> {
  return {
    'INPUT_TASK-ID': taskIds.join(),
    INPUT_TOKEN: TOKEN,
    INPUT_ENDPOINT: endpoint,
    GITHUB_OUTPUT: files.output,
    GITHUB_STEP_SUMMARY: files.summary,
  };
}

function node(args: readonly string[], env: Readonly<Record<string, string>>): Promise<number> {
  return timed(process.execPath, args, env);
}

/** Milliseconds from the start of a process to its end. */
function timed(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<number> {
  const options: SpawnOptions = { env: { PATH: process.env['PATH'], ...env }, stdio: 'ignore' };
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const child = spawn(command, args, options);
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(performance.now() - started);
      else reject(new Error(`${command} ended with ${code}`));
    });
  });
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function ms(number: number): string {
  return `${number.toFixed(0)} ms`;
}
