import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import type { Fault } from '../../mock-api/faults.ts';
import type { MockApi, MockApiOptions } from '../../mock-api/mock-api.ts';
import {
  type GuardedJob,
  type GuardedJobRun,
  runBundle,
  runGuardedJob,
  type SignalAt,
} from '../support/run-bundle.ts';
import { readStateFile } from '../support/runner-files.ts';
import {
  closeAfterTests,
  EXPIRED_TOKEN,
  idTokenEnv,
  startMockApi,
  TOKEN,
} from '../support/with-mock-api.ts';

const POST = 'This job was cancelled or failed.';
const NOTHING = 'Nothing to stop: no scan was started.';
const UNCERTAIN =
  'Nothing is stopped, because the ID of the execution is not known. A scan may be running: look at the task in CodeArts Check.';
const OIDC = {
  token: '',
  'oidc-provider-urn': 'iam::account:oidcProvider:github',
  'agency-urn': 'iam::account:agency:start-scans',
};

/** A mock API with two tasks: one that has never been checked, and one whose scan is running. */
const startApi = (options: MockApiOptions = {}) =>
  startMockApi({ scans: { 'scan-1': { status: null }, other: {} }, ...options });

const inputsOf = ({ endpoint }: MockApi, different: Readonly<Record<string, string>> = {}) => ({
  'task-id': 'scan-1',
  token: TOKEN,
  endpoint,
  ...different,
});

/** Runs a job that starts a scan. */
const runJob = (
  mockApi: MockApi,
  job: Partial<GuardedJob> & Pick<GuardedJob, 'end'>,
  different: Readonly<Record<string, string>> = {},
) => runGuardedJob({ action: 'start', inputs: inputsOf(mockApi, different), ...job });

const running = (mockApi: MockApi) =>
  mockApi.executionsOf('scan-1').filter(({ status }) => status === 0);

/** Afterwards either no scan runs, or the log says that one may be running. */
function expectNoForgottenScan(mockApi: MockApi, { post }: GuardedJobRun): void {
  expect(mockApi.startedExecutions).toBeLessThanOrEqual(1);
  if (running(mockApi).length > 0) {
    expect(post?.lines.at(-1)).toBe(UNCERTAIN);
    expect(post?.exitCode).toBe(1);
  }
  expect(mockApi.scans.get('other')?.status).toBe(0);
  expect(mockApi.requests.every(({ path }) => !path.startsWith('/v2/tasks/scan-1/stop'))).toBe(
    true,
  );
}

describe('a job that starts a scan', () => {
  test('and succeeds stops nothing', async () => {
    const mockApi = await startApi();
    const { main, post } = await runJob(mockApi, { end: 'success' });
    const [execution] = mockApi.executionsOf('scan-1');
    expect(main).toMatchObject({ exitCode: 0, stderr: '', summary: '' });
    expect(main.outputs).toEqual({
      'execution-id': execution?.id,
      outcome: 'started',
      'error-code': '',
      'error-message': '',
      'request-id': expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect(main.lines.filter((line) => !line.startsWith('::'))).toEqual([
      `Starting a scan of task scan-1 at 127.0.0.1:${mockApi.port} (region cn-north-4), with a token from the input token; time limit 60 s`,
      'The scan covers the branch that is set in the task, not the commit of this workflow.',
      expect.stringMatching(/^POST \S+\/v2\/tasks\/scan-1\/run → HTTP 200 in \d+ ms$/),
      `Started a scan of task scan-1: execution ${execution?.id}. It will be stopped if the job is cancelled or fails.`,
    ]);
    expect(main.visible + JSON.stringify(main.state)).not.toContain(TOKEN);
    expect(post).toBeUndefined();
    expect(mockApi.requests).toMatchObject([
      { method: 'POST', path: '/v2/tasks/scan-1/run', body: '{}' },
    ]);
  });

  test.each(['failure', 'cancelled'] as const)(
    'and ends with %s stops exactly its execution',
    async (end) => {
      const mockApi = await startApi();
      const job = await runJob(mockApi, { end });
      const [execution] = mockApi.executionsOf('scan-1');
      expect(job.post).toMatchObject({ exitCode: 0, stderr: '', outputs: {} });
      expect(job.post?.lines).toContain(POST);
      expect(mockApi.stopRequests).toEqual([{ taskId: 'scan-1', executionId: execution?.id }]);
      expect(execution?.status).toBe(3);
      expect(job.post?.summary).toContain(
        `Stop requested for scan scan-1 (execution ${execution?.id})`,
      );
      expectNoForgottenScan(mockApi, job);
    },
  );

  test('and whose scan ends before it fails has nothing to stop', async () => {
    const mockApi = await startApi({
      scans: { 'scan-1': { status: null, endsAfterMs: 0 }, other: {} },
    });
    const { post } = await runJob(mockApi, { end: 'failure' });
    expect(post?.exitCode).toBe(0);
    expect(post?.lines.at(-1)).toContain('was not running; nothing to stop');
  });

  test('waits until the scan of a superseded run has stopped', async () => {
    const mockApi = await startApi({ scans: { 'scan-1': { stopsAfterMs: 1_000 }, other: {} } });
    const [superseded] = mockApi.executionsOf('scan-1');
    mockApi.scans.get('scan-1')?.latest?.stop();
    const job = await runJob(mockApi, { end: 'failure' });
    expect(job.main.exitCode).toBe(0);
    expect(mockApi.requestsTo('/run').length).toBeGreaterThan(1);
    const explained = job.main.lines.filter((line) =>
      line.startsWith('The task is already running'),
    );
    expect(explained).toHaveLength(1);
    expect(job.main.outputs['execution-id']).not.toBe(superseded?.id);
    expect(job.post?.exitCode).toBe(0);
    expect(mockApi.executionsOf('scan-1').every(({ stopRequested }) => stopRequested)).toBe(true);
  });

  test('does not fail to stop it because a 401 came in between', async () => {
    const mockApi = await startApi({ tokens: [TOKEN, 'fresh'] });
    const { post } = await runJob(mockApi, {
      end: 'failure',
      afterMain: async () => {
        await runBundle(inputsOf(mockApi, { token: EXPIRED_TOKEN }), { entry: 'wait' });
      },
      inputsAtPost: { token: 'fresh' },
    });
    expect(post?.exitCode).toBe(0);
    expect(running(mockApi)).toEqual([]);
  });

  test('tells that a secret is empty at its end', async () => {
    const mockApi = await startApi();
    const { post } = await runJob(mockApi, { end: 'failure', inputsAtPost: { token: '' } });
    expect(post?.exitCode).toBe(1);
    expect(post?.commands('error')[0]).toMatch(/token had a value .*Use the step form/s);
  });

  test('exchanges OIDC again to stop it', async () => {
    const mockApi = await startApi({
      idTokens: { '': 'id-token-of-the-job' },
      temporaryKeysExpireAfterMs: 3_600_000,
    });
    const env = idTokenEnv(mockApi);
    const { post } = await runJob(
      mockApi,
      { end: 'failure', main: { env }, post: { env } },
      { ...OIDC, 'sts-endpoint': mockApi.endpoint },
    );
    expect(post?.exitCode).toBe(0);
    expect(mockApi.issuedKeys).toHaveLength(2);
    expect(running(mockApi)).toEqual([]);
  });
});

describe('a start that the API rejects', () => {
  const rejection = (status: number, code: string, message: string): Fault => ({
    kind: 'response',
    status,
    body: JSON.stringify({ error_code: code, error_msg: message }),
  });

  test.each<[string, Fault, string]>([
    ['a wrong task ID', rejection(400, 'CC.00000001.400', 'Verify failed.'), 'Check task-id'],
    [
      'a missing project role',
      rejection(400, 'CC.00050006', 'service_error_code is: CC.00070403.403'),
      'Give the user a CodeArts project role',
    ],
    [
      'an error code under HTTP 200',
      rejection(200, 'CC.00050011', 'In no project.'),
      'Add the user',
    ],
    ['403', rejection(403, 'PAP5.0001', 'Access denied.'), 'codeartscheck:task:execute'],
    ['a redirect', { kind: 'redirect', location: 'https://login.example.com' }, 'login page'],
  ])('fails with advice of its own, and post has nothing to stop: %s', async (_, fault, advice) => {
    const mockApi = await startApi();
    mockApi.inject(fault);
    const job = await runJob(mockApi, { end: 'success' });
    expect(job.main.exitCode).toBe(1);
    expect(job.main.outputs).toMatchObject({ outcome: 'failed', 'execution-id': '' });
    const [annotation = '', ...others] = job.main.commands('error');
    expect(others).toEqual([]);
    expect(annotation).toContain('Could not start a scan of task scan-1: ');
    expect(annotation).toContain(advice);
    expect(job.main.summary).toContain('What to do');
    expect(job.post).toMatchObject({ exitCode: 0 });
    expect(job.post?.lines.at(-1)).toBe(NOTHING);
    expect(mockApi.requests).toHaveLength(1);
    expectNoForgottenScan(mockApi, job);
  });

  test('with 401 fails after one request, and post sends nothing', async () => {
    const mockApi = await startApi();
    const { main, post } = await runJob(mockApi, { end: 'success' }, { token: EXPIRED_TOKEN });
    expect(main.exitCode).toBe(1);
    expect(main.outputs['error-code']).toBe('CC.00000003');
    expect(post?.exitCode).toBe(1);
    expect(post?.lines.at(-1)).toMatch(/^Nothing is stopped, because the credential was rejected/);
    expect(mockApi.requests).toHaveLength(1);
  });

  test('although its response has an ID has that execution stopped', async () => {
    const mockApi = await startApi({ scans: { 'scan-1': { executions: { e1: {} } }, other: {} } });
    const body = '{"error_code":"X.1","error_msg":"Half started.","exec_id":"e1"}';
    mockApi.inject({ kind: 'response', status: 200, body }, { path: '/run' });
    const job = await runJob(mockApi, { end: 'success' });
    expect(job.main.exitCode).toBe(1);
    expect(job.main.outputs).toMatchObject({ outcome: 'failed', 'execution-id': 'e1' });
    expect(job.post?.exitCode).toBe(0);
    expect(mockApi.stopRequests).toEqual([{ taskId: 'scan-1', executionId: 'e1' }]);
  });
});

test.each<[string, Fault]>([
  ['500', { kind: 'response', status: 500 }],
  ['502', { kind: 'response', status: 502 }],
  ['504', { kind: 'response', status: 504, body: '{"error_code":"APIGW.0201"}' }],
  ['200 without an ID', { kind: 'response', status: 200, body: '{}' }],
  ['a web page', { kind: 'response', status: 200, body: '<title>Log in</title>' }],
  ['half a response', { kind: 'cut-short' }],
  ['a reset', { kind: 'reset-before-headers' }],
])('a start that may have happened says so, and is not repeated: %s', async (_, fault) => {
  const mockApi = await startApi();
  mockApi.inject(fault, { path: '/run', handled: true });
  const job = await runJob(mockApi, { end: 'success' });
  expect(job.main.exitCode).toBe(1);
  expect(job.main.commands('error')).toEqual([
    expect.stringMatching(
      /^A scan may have been started \(task scan-1\): .*\nLook at the task in CodeArts Check/,
    ),
  ]);
  expect(job.main.outputs).toMatchObject({ outcome: 'failed', 'execution-id': '' });
  expect(job.post?.exitCode).toBe(1);
  expect(job.post?.lines.at(-1)).toBe(UNCERTAIN);
  expect(mockApi.requests).toHaveLength(1);
});

describe('a signal', () => {
  interface Moment {
    readonly name: string;
    /** Sets faults, and returns when the signal is sent. */
    readonly at: (mockApi: MockApi) => Omit<SignalAt, 'name'>;
    /** The output, and whether a scan may be running; undefined if that depends on the moment. */
    readonly outcome?: 'started' | 'failed';
    readonly inputs?: (mockApi: MockApi) => Readonly<Record<string, string>>;
    readonly env?: (mockApi: MockApi) => Readonly<Record<string, string>>;
    readonly options?: MockApiOptions;
  }

  const oidc = (mockApi: MockApi) => ({ ...OIDC, 'sts-endpoint': mockApi.endpoint });
  const withIdToken: MockApiOptions = { idTokens: { '': 'id-token-of-the-job' } };
  const onRun = (mockApi: MockApi, afterMs = 0) => ({
    onRequest: mockApi.nextRequest('/run'),
    afterMs,
  });
  const slow = (mockApi: MockApi, fault: Omit<Extract<Fault, { kind: 'slow' }>, 'kind'>) =>
    mockApi.inject({ kind: 'slow', ...fault }, { path: '/run' });

  const MOMENTS: readonly Moment[] = [
    { name: 'as soon as the process has begun', at: () => ({ afterMs: 30 }) },
    { name: 'right before the request', at: () => ({ onLine: 'Starting a scan' }) },
    {
      name: "while GitHub's ID token is requested",
      options: withIdToken,
      inputs: oidc,
      env: (mockApi) => idTokenEnv(mockApi, 'hangs'),
      at: (mockApi) => ({ onRequest: mockApi.nextRequest('/id-token') }),
      outcome: 'failed',
    },
    {
      name: 'while the ID token is exchanged',
      options: withIdToken,
      inputs: oidc,
      env: (mockApi) => idTokenEnv(mockApi),
      at: (mockApi) => {
        mockApi.inject({ kind: 'slow', beforeHeadersMs: 2_000 }, { path: '/v5/' });
        return { onRequest: mockApi.nextRequest('/v5/') };
      },
      outcome: 'failed',
    },
    {
      name: 'while the connection comes about',
      inputs: ({ endpoint }) => ({ endpoint: endpoint.replace('http:', 'https:') }),
      at: (mockApi) => {
        mockApi.inject({ kind: 'hang-after-accept' });
        return { onLine: 'The scan covers', afterMs: 300 };
      },
      outcome: 'failed',
    },
    {
      name: 'while the response is awaited',
      at: (mockApi) => {
        slow(mockApi, { beforeHeadersMs: 1_000 });
        return onRun(mockApi);
      },
      outcome: 'started',
    },
    {
      name: 'in the middle of the body',
      at: (mockApi) => {
        slow(mockApi, { withinBodyMs: 1_000 });
        return onRun(mockApi, 300);
      },
      outcome: 'started',
    },
    {
      name: 'between two bytes of the body',
      at: (mockApi) => {
        slow(mockApi, { beforeByteMs: 20 });
        return onRun(mockApi, 200);
      },
      outcome: 'started',
    },
    {
      name: 'right after the response',
      at: () => ({ onLine: 'HTTP 200' }),
    },
    {
      name: 'between two attempts',
      at: (mockApi) => {
        const body = '{"error_code":"CC.00050015","error_msg":"Already running."}';
        mockApi.inject({ kind: 'response', status: 200, body }, { path: '/run' });
        return { onLine: 'The task is already running', afterMs: 200 };
      },
      outcome: 'failed',
    },
    {
      name: 'before the connection is reset',
      options: { latencyMs: 700 },
      at: (mockApi) => {
        mockApi.inject({ kind: 'reset-before-headers' }, { path: '/run', handled: true });
        return onRun(mockApi);
      },
      outcome: 'failed',
    },
    {
      name: 'before a response that has no ID',
      options: { latencyMs: 700 },
      at: (mockApi) => {
        mockApi.inject({ kind: 'response', status: 502 }, { path: '/run', handled: true });
        return onRun(mockApi);
      },
      outcome: 'failed',
    },
  ];

  // Both signals mean the same.
  test.each(
    MOMENTS.map((moment, index) => ({
      ...moment,
      signal: index % 2 === 0 ? ('SIGINT' as const) : ('SIGTERM' as const),
    })),
  )(
    '$name leaves no scan that nobody knows of: $signal',
    async ({ at, inputs, env, options, outcome, signal }) => {
      const mockApi = await startApi(options);
      const common = env === undefined ? {} : { env: env(mockApi) };
      const job = await runJob(
        mockApi,
        {
          end: 'cancelled',
          main: { ...common, signal: { name: signal, ...at(mockApi) } },
          post: common,
        },
        inputs?.(mockApi) ?? {},
      );
      if (outcome !== undefined) {
        expect(job.main.outputs['outcome']).toBe(outcome);
        expect(job.main.exitCode).toBe(1);
        expect(job.main.commands('error')).toHaveLength(outcome === 'failed' ? 1 : 0);
        expect(job.main.endedAfterMs).toBeLessThan(6_000);
      }
      if (outcome === 'started') expect(job.post?.exitCode).toBe(0);
      const sent = mockApi.requestsTo('/run').length;
      expect(sent).toBeLessThanOrEqual(1);
      expectNoForgottenScan(mockApi, job);
    },
  );

  test('in the middle of the headers waits for the rest, and a second signal is ignored', async () => {
    const host = await startHostOfHalves(1_500);
    const stopped = await startApi({ scans: { 'scan-1': { executions: { e1: {} } }, other: {} } });
    const job = await runGuardedJob({
      action: 'start',
      inputs: { 'task-id': 'scan-1', token: TOKEN, endpoint: host.endpoint },
      end: 'cancelled',
      main: {
        signal: [
          { name: 'SIGINT', onRequest: host.requested, afterMs: 300 },
          { name: 'SIGTERM', onRequest: host.requested, afterMs: 700 },
          { name: 'SIGINT', onRequest: host.requested, afterMs: 900 },
        ],
      },
      afterMain: ({ state }) => {
        // The host of halves can start a scan, and not stop one.
        const saved = JSON.parse(state['inputs'] ?? '') as { values: { endpoint: string } };
        expect(saved.values.endpoint).toContain(host.endpoint);
      },
    });
    expect(job.main.outputs).toMatchObject({ outcome: 'started', 'execution-id': 'e1' });
    expect(job.main.state['execution-id']).toBe('e1');
    expect(job.main.lines.at(-1)).toBe('The step ended early: the step was cancelled (SIGINT).');
    expect(stopped.requests).toEqual([]);
  });

  test.concurrent('without a response within 9 s ends the step before the runner kills it', async () => {
    const mockApi = await startApi();
    mockApi.inject({ kind: 'silence' }, { path: '/run', handled: true });
    const job = await runJob(mockApi, {
      end: 'cancelled',
      main: {
        signal: [
          { name: 'SIGINT', onRequest: mockApi.nextRequest('/run') },
          // As the runner does.
          { name: 'SIGTERM', onRequest: mockApi.nextRequest('/run'), afterMs: 7_500 },
        ],
      },
    });
    expect(job.main.exitCode).toBe(1);
    expect(job.main.endedAfterMs).toBeGreaterThan(8_900);
    expect(job.main.commands('error')[0]).toContain('A scan may have been started');
    expect(job.post?.lines.at(-1)).toBe(UNCERTAIN);
    expectNoForgottenScan(mockApi, job);
  });

  test('of a closed log does not lose the ID', async () => {
    const mockApi = await startApi();
    slow(mockApi, { beforeHeadersMs: 500 });
    const job = await runJob(mockApi, {
      end: 'cancelled',
      main: { closeStdout: { onRequest: mockApi.nextRequest('/run') } },
    });
    expect(job.main.outputs['outcome']).toBe('started');
    expect(job.post?.exitCode).toBe(0);
    expect(running(mockApi)).toEqual([]);
  });
});

/** A host that responds with an ID, but stops in the middle of the headers for a while. */
async function startHostOfHalves(pauseMs: number) {
  const requested = Promise.withResolvers<void>();
  const body = '{"exec_id":"e1"}';
  const response = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.write(response.slice(0, 30));
      requested.resolve();
      setTimeout(() => socket.end(response.slice(30)), pauseMs);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closeAfterTests({ close: async () => void server.close() });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port');
  return { endpoint: `http://127.0.0.1:${address.port}`, requested: requested.promise };
}

describe('in a job container, in which no signal arrives', () => {
  const temp = mkdtempSync(join(tmpdir(), 'runner-temp-'));
  afterAll(() => rmSync(temp, { recursive: true, force: true }));

  /** Runs `post` with what `main` has saved at a moment, as the runner reads it after a cancel. */
  async function runInContainer(
    mockApi: MockApi,
    { moment, killMain }: { readonly moment: Promise<unknown>; readonly killMain: boolean },
  ) {
    const stateFile = join(temp, `state-${Math.random()}`);
    writeFileSync(stateFile, '');
    const options = { runnerTemp: temp, env: { GITHUB_STATE: stateFile } };
    const main = runBundle(inputsOf(mockApi), {
      ...options,
      entry: 'start',
      ...(killMain ? { signal: { name: 'SIGKILL', onRequest: moment } } : {}),
    });
    await moment;
    const state = readStateFile(readFileSync(stateFile, 'utf8'));
    const post = await runBundle(inputsOf(mockApi), {
      runnerTemp: temp,
      entry: 'start-post',
      state,
    });
    return { main: await main, post, state };
  }

  test('post finds the ID of a main that is still running', async () => {
    const mockApi = await startApi();
    mockApi.inject({ kind: 'slow', beforeHeadersMs: 2_000 }, { path: '/run' });
    const moment = mockApi.nextRequest('/run');
    const { main, post, state } = await runInContainer(mockApi, { moment, killMain: false });
    expect(Object.keys(state)).toEqual(['inputs', 'start-file']);
    expect(main.outputs['outcome']).toBe('started');
    expect(post?.lines).toContain('The response to the start is awaited for up to 15 s.');
    expect(post.exitCode).toBe(0);
    expect(running(mockApi)).toEqual([]);
    expect(mockApi.stopRequests).toHaveLength(1);
    expect(readdirSync(temp).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  test.concurrent('post says after 15 s that a scan may be running if main was killed', async () => {
    const mockApi = await startApi();
    mockApi.inject({ kind: 'silence' }, { path: '/run', handled: true });
    const moment = mockApi.nextRequest('/run');
    const { main, post } = await runInContainer(mockApi, { moment, killMain: true });
    expect(main.endedBy).toBe('SIGKILL');
    expect(post.exitCode).toBe(1);
    expect(post.lines.at(-1)).toBe(UNCERTAIN);
    expect(post.durationMs).toBeGreaterThan(14_900);
    expect(mockApi.stopRequests).toEqual([]);
  });

  test('a main that is killed right after the response has saved and set the ID before', async () => {
    const mockApi = await startApi();
    const job = await runJob(mockApi, {
      end: 'cancelled',
      main: { onLine: (line, child) => /^POST .* HTTP 200/.test(line) && child.kill('SIGKILL') },
    });
    const [execution] = mockApi.executionsOf('scan-1');
    expect(job.main.outputs['execution-id']).toBe(execution?.id);
    expect(job.main.state['execution-id']).toBe(execution?.id);
    expect(job.post?.exitCode).toBe(0);
    expect(running(mockApi)).toEqual([]);
  });

  test('a main that is killed before the request has started nothing', async () => {
    const mockApi = await startApi();
    const job = await runJob(mockApi, {
      end: 'cancelled',
      main: { onLine: (line, child) => /^::add-mask/.test(line) && child.kill('SIGKILL') },
    });
    expectNoForgottenScan(mockApi, job);
  });
});
