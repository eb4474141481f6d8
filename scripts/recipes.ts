// Runs the workflows of the documents as they are printed, but for hosts and secrets, under act and
// against the mock API:
//
//   npm run recipes [-- README docs-recipes]     needs go, to build act, and python3 for the SDK
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { ID_TOKEN_REQUEST_TOKEN } from '../mock-api/identity.ts';
import { MockApi } from '../mock-api/mock-api.ts';

const ACTION = 'OWNER/stop-codearts-check-task';
const TASKS = ['2b3f0c9a7d154e0f8a1b6c5d4e3f2a10', '3c4a1d0b8e265f1a9b2c7d6e5f4a3b21'];
const ACCESS_KEY = {
  id: 'QTWAOYTTINDUT2QVKYUC',
  secret: 'MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc',
};
const TOKEN = 'token-of-the-recipes-MIIF0AYJKoZ';
const PASSWORD = 'password-of-the-recipes';
const AUDIENCE = 'huaweicloud-stop-scans';

/** What the API was asked to do, and how the workflow ended. */
interface Seen {
  readonly api: MockApi;
  readonly succeeded: boolean;
  readonly log: string;
}

interface Recipe {
  /** The event that starts it. Default: workflow_dispatch. */
  readonly event?: string;
  readonly inputs?: Readonly<Record<string, string>>;
  /** Tasks that are running a scan already, with the ID of its execution. */
  readonly running?: Readonly<Record<string, string>>;
  /** A line of act's log at which the run is cancelled, after a moment. */
  readonly cancelAt?: string;
  /** Text that is put in the place of other text, where the recipe leaves something to its reader. */
  readonly edits?: Readonly<Record<string, string>>;
  /** @returns what is wrong; empty if nothing is */
  readonly check: (seen: Seen) => string;
}

const stops = ({ api }: Seen) =>
  api.stopRequests.map(({ taskId, executionId }) => `${taskId} ${executionId ?? 'current'}`).sort();
const startedAndWaited = (count: number) => (seen: Seen) => {
  const { api, succeeded } = seen;
  if (!succeeded) return 'the workflow failed';
  if (api.startedExecutions !== count) return `${api.startedExecutions} executions were started`;
  if (stops(seen).length > 0) return `stops: ${stops(seen)}`;
  return api.requestsTo('/defects-summary').length === count ? '' : 'no result was read';
};
const stoppedItsOwn = (seen: Seen) => {
  const started = seen.api.executionsOf(TASKS[0] ?? '').at(-1);
  if (started === undefined || seen.api.startedExecutions !== 1) {
    return `${seen.api.startedExecutions} executions were started`;
  }
  const wanted = `${TASKS[0]} ${started.id}`;
  return stops(seen).join() === wanted ? '' : `stops: ${stops(seen)}, not ${wanted}`;
};
const stopped =
  (...wanted: readonly string[]) =>
  (seen: Seen) =>
    seen.succeeded && stops(seen).join() === [...wanted].sort().join()
      ? ''
      : `stops: ${stops(seen)}, not ${wanted}; ${seen.succeeded ? 'succeeded' : 'failed'}`;

/** The script that the recipe of the guard leaves to its reader. */
const START_SCRIPT = `#!/usr/bin/env bash
response=$(curl --silent --header 'X-Auth-Token: ${TOKEN}' --header 'Content-Type: application/json' \\
  --data '{}' ENDPOINT/v2/tasks/${TASKS[0]}/run)
echo "execution-id=$(sed 's/.*"exec_id":"\\([^"]*\\)".*/\\1/' <<<"$response")" >>"$GITHUB_OUTPUT"
`;
const BUILDING = 'echo "Building; the run is cancelled now" && sleep 60';

/** The recipes, by the names that `npm run docs -- --examples` gives them. */
const RECIPES: Readonly<Record<string, readonly Recipe[]>> = {
  'README-1': [
    { event: 'push', check: startedAndWaited(1) },
    {
      event: 'push',
      edits: { 'echo "Building"': BUILDING },
      cancelAt: 'the run is cancelled now',
      check: stoppedItsOwn,
    },
  ],
  'README-3': [
    {
      edits: { './start-scan.sh': 'REPOSITORY/start-scan.sh' },
      check: (seen) =>
        seen.succeeded && seen.api.startedExecutions === 1 && stops(seen).length === 0
          ? ''
          : `${seen.api.startedExecutions} executions were started; stops: ${stops(seen)}`,
    },
  ],
  'README-4': [
    {
      running: { [TASKS[0] ?? '']: 'one', [TASKS[1] ?? '']: 'two' },
      check: stopped(`${TASKS[0]} current`, `${TASKS[1]} current`),
    },
  ],
  'docs-credentials-3': [
    { running: { [TASKS[0] ?? '']: 'one' }, check: stopped(`${TASKS[0]} current`) },
  ],
  'docs-credentials-5': [
    { running: { [TASKS[0] ?? '']: 'one' }, check: stopped(`${TASKS[0]} current`) },
  ],
  'docs-credentials-6': [
    { running: { [TASKS[0] ?? '']: 'one' }, check: stopped(`${TASKS[0]} current`) },
  ],
  'docs-recipes-1': [{ event: 'push', check: startedAndWaited(1) }],
  'docs-recipes-2': [{ event: 'push', check: startedAndWaited(1) }],
  'docs-recipes-3': [{ event: 'push', check: startedAndWaited(1) }],
  'docs-recipes-6': [{ check: startedAndWaited(2) }],
  'docs-recipes-7': [
    {
      running: { [TASKS[0] ?? '']: 'one', [TASKS[1] ?? '']: 'two' },
      inputs: { 'execution-ids': 'one two' },
      check: stopped(`${TASKS[0]} one`, `${TASKS[1]} two`),
    },
  ],
  'docs-recipes-11': [
    {
      running: { [TASKS[0] ?? '']: 'one' },
      inputs: { 'task-id': TASKS[0] ?? '', 'execution-id': 'one' },
      check: stopped(`${TASKS[0]} one`),
    },
  ],
};

/** Why the others are not run. All of them are linted. */
const NOT_RUN: Readonly<Record<string, string>> = {
  'docs-recipes-4': 'it uploads an artifact, which takes an action that cannot be had offline',
  'docs-recipes-5': 'workflow_run and the download of an artifact are services of GitHub',
  'docs-recipes-8': 'it uploads an artifact, which takes an action that cannot be had offline',
  'docs-recipes-10': 'act cannot give a called workflow its own repository and commit',
  'docs-recipes-12': 'it wants a self-hosted runner behind a proxy; gateways.ts has such proxies',
};
// It installs the SDK from PyPI.
const PYTHON = 'docs-recipes-3';
// A composite action is no workflow: job-ends.yml runs one.
const COMPOSITE = 'docs-recipes-9';

const folder = mkdtempSync(join(tmpdir(), 'recipes-'));
const clone = join(folder, 'repository');
const only = process.argv.slice(2);
let problems = 0;

try {
  const prepared = spawnSync('scripts/ci/act.sh', ['prepare', clone], { stdio: 'inherit' });
  if (prepared.status === 3) process.exitCode = 0;
  else if (prepared.status !== 0) throw new Error('act cannot be prepared');
  else await runAll();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function runAll(): Promise<void> {
  const examples = join(folder, 'examples');
  spawnSync(process.execPath, ['scripts/docs.ts', '--examples', examples], { stdio: 'inherit' });
  const found = readdirSync(examples)
    .filter((file) => !file.includes('zh-CN') && !file.endsWith('.sh'))
    .map((file) => file.replace(/\.yml$/, ''));
  const known = [...Object.keys(RECIPES), ...Object.keys(NOT_RUN), COMPOSITE];
  for (const name of found.filter((one) => !known.includes(one))) {
    report(`${name}: neither run nor explained in scripts/recipes.ts`);
  }
  for (const name of known.filter((one) => !found.includes(one))) {
    report(`${name}: there is no such example`);
  }
  for (const [name, why] of Object.entries(NOT_RUN)) console.log(`not run  ${name}: ${why}`);
  for (const [name, recipes] of Object.entries(RECIPES)) {
    if (only.length > 0 && !only.some((prefix) => name.startsWith(prefix))) continue;
    if (name === PYTHON && spawnSync('python3', ['--version']).error !== undefined) {
      console.log(`LEFT OUT ${name}: there is no python3`);
      continue;
    }
    for (const recipe of recipes) {
      await runRecipe(name, readFileSync(join(examples, `${name}.yml`), 'utf8'), recipe);
    }
  }
  console.log(problems === 0 ? 'All recipes work.' : `${problems} problems`);
  process.exitCode = problems === 0 ? 0 : 1;
}

function report(problem: string): void {
  problems += 1;
  console.log(`FAILED   ${problem}`);
}

async function runRecipe(name: string, workflow: string, recipe: Recipe): Promise<void> {
  const plan = { endsAfterMs: recipe.cancelAt === undefined ? 8_000 : 60_000 };
  const api = await MockApi.start({
    scans: Object.fromEntries(
      TASKS.map((id) => {
        const executionId = recipe.running?.[id];
        return [id, executionId ? { executions: { [executionId]: {} } } : { status: 2, ...plan }];
      }),
    ),
    tokens: [TOKEN],
    passwords: { 'check-user': PASSWORD },
    accessKeys: { [ACCESS_KEY.id]: ACCESS_KEY.secret },
    idTokens: { [AUDIENCE]: 'id-token-of-the-recipes' },
  });
  const started = performance.now();
  const { code, log } = await act(localized(workflow, api.endpoint, recipe), api, recipe);
  const problem = recipe.check({ api, succeeded: code === 0, log });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const what = `${name}${recipe.cancelAt === undefined ? '' : ', cancelled'}`;
  if (problem === '') console.log(`ok       ${what} (${seconds} s)`);
  else {
    report(`${what} (${seconds} s): ${problem}`);
    console.log(log.replace(/^/gm, '         '));
  }
  await api.close();
}

/** The workflow with the hosts of the mock API in place of the real ones. */
function localized(workflow: string, endpoint: string, { edits = {} }: Recipe): string {
  let text = workflow
    .replace(/(CHECK_ENDPOINT|IAM_ENDPOINT): https:\S+/g, `$1: ${endpoint}`)
    .replace(
      /^( *)(- )?uses: OWNER\/stop-codearts-check-task(?:\/\w+)?@v1\n(?:\1(?: {2})? *env:\n(?:.*\n)*?)?( *)with:\n/gm,
      (step) => {
        const indent = /( *)with:\n$/.exec(step)?.[1] ?? '';
        return `${step}${indent}  endpoint: ${endpoint}\n`;
      },
    )
    .replace(/^( *)oidc-audience:/m, `$1sts-endpoint: ${endpoint}\n$1oidc-audience:`);
  for (const [from, to] of Object.entries(edits)) {
    if (!text.includes(from)) throw new Error(`There is no '${from}' to edit`);
    text = text.replace(from, () => to.replace('REPOSITORY', clone));
  }
  return text;
}

function act(
  workflow: string,
  api: MockApi,
  { event = 'workflow_dispatch', inputs = {}, cancelAt }: Recipe,
): Promise<{ code: number | null; log: string }> {
  const file = join(clone, '.github/workflows/recipe.yml');
  mkdirSync(join(clone, '.github/workflows'), { recursive: true });
  writeFileSync(file, workflow);
  const script = START_SCRIPT.replace('ENDPOINT', api.endpoint);
  writeFileSync(join(clone, 'start-scan.sh'), script, { mode: 0o755 });
  const secrets = {
    HUAWEI_CLOUD_AK: ACCESS_KEY.id,
    HUAWEI_CLOUD_SK: ACCESS_KEY.secret,
    HUAWEI_CLOUD_DOMAIN: 'account',
    HUAWEI_CLOUD_USER: 'check-user',
    HUAWEI_CLOUD_PASSWORD: PASSWORD,
  };
  // Of a run with the permission id-token: write, and of huaweicloud/auth-action.
  const variables = {
    ...(workflow.includes('id-token: write')
      ? {
          ACTIONS_ID_TOKEN_REQUEST_URL: `${api.endpoint}/github/id-token?api-version=2`,
          ACTIONS_ID_TOKEN_REQUEST_TOKEN: ID_TOKEN_REQUEST_TOKEN,
        }
      : {}),
    ...(workflow.includes('access-key-id') || workflow.includes('token')
      ? {}
      : {
          HUAWEI_CLOUD_ACCESS_KEY_ID: ACCESS_KEY.id,
          HUAWEI_CLOUD_SECRET_ACCESS_KEY: ACCESS_KEY.secret,
        }),
  };
  const pairs = (option: string, values: Readonly<Record<string, string>>) =>
    Object.entries(values).flatMap(([name, value]) => [option, `${name}=${value}`]);
  const child = spawn(
    'scripts/ci/act.sh',
    [
      ...['run', clone, '--workflows', file, '--local-repository', `${ACTION}@v1=${clone}`],
      ...pairs('--var', { CODEARTS_CHECK_TASK_ID: TASKS[0] ?? '' }),
      ...pairs('--secret', secrets),
      ...pairs('--env', variables),
      ...pairs('--input', inputs),
    ],
    { env: { ...process.env, ACT_EVENT: event }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let log = '';
  let cancelled = false;
  const onData = async (chunk: Buffer) => {
    log += chunk;
    if (cancelAt === undefined || cancelled || !log.includes(cancelAt)) return;
    cancelled = true;
    await setTimeout(500);
    child.kill('SIGINT');
  };
  child.stdout.on('data', onData);
  child.stderr.on('data', onData);
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, log })));
}
