import '../support/real-sockets.ts';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ConnectionFault, Fault, Injection } from '../../mock-api/faults.ts';
import { MockApi, type MockApiOptions } from '../../mock-api/mock-api.ts';
import { start, startPost } from '../../src/actions/start.ts';
import { ActionRunner } from '../support/action-runner.ts';
import { FakeRunner } from '../support/fake-runner.ts';
import {
  closeAfterTests,
  EXPIRED_TOKEN,
  idTokenEnv,
  startMockApi,
  TOKEN,
} from '../support/with-mock-api.ts';

const step = FakeRunner.forEachTest();

const IDLE = { scans: { 'scan-1': { status: null } } };
const CANCELLED = 'the step was cancelled (SIGTERM)';
const OUTPUTS = {
  'execution-id': '',
  outcome: 'failed',
  'error-code': '',
  'error-message': '',
  'request-id': '',
};
const UNCERTAIN_ADVICE =
  'Look at the task in CodeArts Check, and stop the scan there if it is running. The request is not repeated: that could start a second scan.';
const UNCERTAIN_LINE =
  'Nothing is stopped, because the ID of the execution is not known. A scan may be running: look at the task in CodeArts Check.';
const NOTHING_LINE = 'Nothing to stop: no scan was started.';

const temp = mkdtempSync(join(tmpdir(), 'runner-temp-'));
afterAll(() => rmSync(temp, { recursive: true, force: true }));

let mockApi: MockApi;
let runner: ActionRunner;

beforeEach(() => {
  runner = new ActionRunner(step);
  step.variable('RUNNER_TEMP', temp);
});

async function startApi(options: MockApiOptions = {}): Promise<void> {
  mockApi = await startMockApi({ ...IDLE, ...options });
}

const inputs = (different: Readonly<Record<string, string>> = {}) => ({
  'task-id': 'scan-1',
  token: TOKEN,
  endpoint: mockApi.endpoint,
  ...different,
});

/** Runs `main` of the start. */
const runStart = (different: Readonly<Record<string, string>> = {}) =>
  runner.run(start, inputs(different));

/** Runs `post` with what was saved, and forgets what was printed and written before. */
async function runPost(different: Readonly<Record<string, string>> = {}): Promise<boolean> {
  const state = step.state();
  step.clear();
  return runner.run(startPost, inputs(different), state);
}

const respond = (status: number, code = '', message = 'No.', more: object = {}): Fault => ({
  kind: 'response',
  status,
  body: JSON.stringify({ error_code: code, error_msg: message, ...more }),
});

const executionId = () => mockApi.executionsOf('scan-1').at(-1)?.id ?? '';
const running = () => mockApi.executionsOf('scan-1').filter(({ status }) => status === 0);

/** The lines of the one error annotation. */
function onlyError(): string[] {
  const [annotation, ...others] = step.commands('error');
  expect(others).toEqual([]);
  expect(annotation?.title).toBe('Start CodeArts Check Scan');
  return [...(annotation?.lines ?? [])];
}

/** A host that holds its response back. */
class HeldHost {
  readonly endpoint: string;
  readonly requested: Promise<void>;
  respond: (status: number, body: string) => void = () => undefined;

  private constructor(endpoint: string, requested: Promise<ServerResponse>) {
    this.endpoint = endpoint;
    this.requested = requested.then((response) => {
      this.respond = (status, body) => void response.writeHead(status).end(body);
    });
  }

  static async start(): Promise<HeldHost> {
    const requested = Promise.withResolvers<ServerResponse>();
    const server = createServer((_request, response) => requested.resolve(response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closeAfterTests({
      close: async () => {
        server.closeAllConnections();
        server.close();
      },
    });
    const { port } = server.address() as AddressInfo;
    return new HeldHost(`http://127.0.0.1:${port}`, requested.promise);
  }
}

describe('a scan that is started', () => {
  test('is reported, and saved in both places', async () => {
    await startApi();
    await expect(runStart()).resolves.toBe(true);
    const id = executionId();
    expect(step.log).toEqual([
      `Starting a scan of task scan-1 at 127.0.0.1:${mockApi.port} (region cn-north-4), with a token from the input token; time limit 60 s`,
      'The scan covers the branch that is set in the task, not the commit of this workflow.',
      expect.stringMatching(/^POST \S+\/v2\/tasks\/scan-1\/run → HTTP 200 in \d+ ms$/),
      `Started a scan of task scan-1: execution ${id}. It will be stopped if the job is cancelled or fails.`,
    ]);
    expect(mockApi.requests).toMatchObject([{ method: 'POST', body: '{}' }]);
    expect(step.outputs()).toEqual({
      ...OUTPUTS,
      outcome: 'started',
      'execution-id': id,
      'request-id': expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    const state = step.state();
    expect(Object.keys(state)).toEqual(['inputs', 'start-file', 'execution-id']);
    expect(state['inputs']).not.toContain(TOKEN);
    expect(state['execution-id']).toBe(id);
    expect(readFileSync(state['start-file'] ?? '', 'utf8')).toBe(id);
    expect(readdirSync(temp).filter((name) => name.endsWith('.part'))).toEqual([]);
    expect(step.summary()).toBe('');
  });

  test('needs no folder for the file', async () => {
    await startApi();
    step.variable('RUNNER_TEMP', undefined);
    await expect(runStart()).resolves.toBe(true);
    expect(step.state()).toMatchObject({ 'start-file': 'none', 'execution-id': executionId() });
    expect(existsSync('none')).toBe(false);
  });

  test('needs no file that can be written', async () => {
    await startApi();
    step.variable('RUNNER_TEMP', join(temp, 'missing'));
    await expect(runStart()).resolves.toBe(true);
    expect(step.state()['execution-id']).toBe(executionId());
  });

  test('fails the step if its outputs cannot be set, and is stopped', async () => {
    await startApi();
    rmSync(step.outputFile);
    await expect(runStart()).resolves.toBe(false);
    expect(onlyError()).toEqual([expect.stringContaining('The outputs could not be set')]);
    await expect(runPost()).resolves.toBe(true);
    expect(running()).toEqual([]);
  });

  test('has its output and its file if its ID cannot be saved', async () => {
    await startApi();
    const requested = mockApi.nextRequest('/run').then(() => {
      const path = step.state()['start-file'] ?? '';
      rmSync(step.stateFile);
      return path;
    });
    await expect(runStart()).resolves.toBe(false);
    const id = executionId();
    expect(onlyError()).toEqual([
      expect.stringContaining(
        `Execution ${id} may not be stopped at the end of the job. The state for the end of the job could not be saved: Missing file`,
      ),
    ]);
    expect(step.log.at(-1)).toContain(`Started a scan of task scan-1: execution ${id}`);
    expect(step.outputs()).toMatchObject({ outcome: 'started', 'execution-id': id });
    expect(readFileSync(await requested, 'utf8')).toBe(id);
  });

  test('that may have been started is reported, also if that cannot be saved', async () => {
    await startApi();
    mockApi.inject(respond(502), { path: '/run' });
    mockApi.nextRequest('/run').then(() => rmSync(step.stateFile));
    await expect(runStart()).resolves.toBe(false);
    expect(onlyError()[0]).toContain('A scan may have been started (task scan-1): No. (HTTP 502');
    expect(step.commands('warning')).toMatchObject([
      { lines: [expect.stringContaining('The state for the end of the job could not be saved')] },
    ]);
  });

  test('is not started if what post needs cannot be saved', async () => {
    await startApi();
    rmSync(step.stateFile);
    await expect(runStart()).resolves.toBe(false);
    expect(onlyError()[0]).toContain(
      'Could not start a scan of task scan-1: Unexpected error: The state for the end of the job could not be saved: Missing file',
    );
    expect(step.outputs()).toMatchObject({ outcome: 'failed', 'execution-id': '' });
    expect(mockApi.requests).toEqual([]);
  });

  test('is not started if the place of its ID cannot be saved', async () => {
    await startApi({ idTokens: { '': 'an-id-token' } });
    const service = mockApi.nextRequest('/id-token').then(() => rmSync(step.stateFile));
    const oidc = {
      token: '',
      'oidc-provider-urn': 'iam::account:oidcProvider:github',
      'agency-urn': 'iam::account:agency:stopper',
      'sts-endpoint': mockApi.endpoint,
    };
    for (const [name, value] of Object.entries(idTokenEnv(mockApi))) step.variable(name, value);
    await expect(runStart(oidc)).resolves.toBe(false);
    await service;
    expect(onlyError()[0]).toContain('Could not start a scan of task scan-1: Unexpected error');
    expect(mockApi.requests.filter(({ path }) => path.endsWith('/run'))).toEqual([]);
  });
});

describe('an invalid input', () => {
  test.each([
    [{ 'task-id': '' }, 'Set it to the ID of the check task.'],
    [{ 'task-id': 'scan-1 scan-2' }, 'task-id must be exactly one task ID'],
    [{ region: 'cn-north-9' }, 'region must be one of these regions'],
    [{ token: '' }, 'set token, or access-key-id and secret-access-key'],
  ])('fails, and post sends nothing: %j', async (different, message) => {
    await startApi();
    await expect(runStart(different)).resolves.toBe(false);
    expect(onlyError().join('\n')).toContain(message);
    expect(step.outputs()).toMatchObject({ outcome: 'failed', 'execution-id': '' });
    await expect(runPost(different)).resolves.toBe(false);
    expect(step.log).toEqual([
      'This job was cancelled or failed.',
      'Nothing is stopped, because an input was invalid when the job reached this step.',
    ]);
    expect(mockApi.requests).toEqual([]);
  });
});

describe('a start that the API rejects', () => {
  test.each<[string, Fault, string, string]>([
    [
      'a wrong task ID',
      respond(400, 'CC.00000001.400', 'Verify request parameter failed.'),
      'Verify request parameter failed. (CC.00000001.400, HTTP 400)',
      'Check task-id and region.',
    ],
    [
      'a missing project role',
      respond(400, 'CC.00050006', 'service_error_code is: CC.00070403.403'),
      'service_error_code is: CC.00070403.403 (CC.00050006, HTTP 400)',
      'Give the user a CodeArts project role that may execute tasks, such as developer or project manager.',
    ],
    [
      'a missing permission',
      respond(403, 'PAP5.0001', 'Access denied.'),
      'Access denied. (PAP5.0001, HTTP 403)',
      'Grant the user codeartscheck:task:execute (an identity policy, or a CodeArts project role that includes it). A wrong region or endpoint causes the same error.',
    ],
    [
      'an error code under HTTP 200',
      respond(200, 'CC.00050011', 'In no project.'),
      'In no project. (CC.00050011, HTTP 200)',
      'Add the user to the CodeArts project of the task.',
    ],
    [
      'a busy API under HTTP 200',
      respond(200, 'CC.00000000', 'Network busy.'),
      'Network busy. (CC.00000000, HTTP 200)',
      'The API is busy. Run the step again later, or increase timeout-seconds and retries.',
    ],
    [
      'a redirect',
      { kind: 'redirect', location: 'https://login.example.com/' },
      'The host responded with a redirect to https://login.example.com/, which is not followed because it would carry the credential away (HTTP 302)',
      'The response comes from something other than the API: check region, endpoint, and the proxy or login page of the network.',
    ],
  ])('fails with its message and advice of its own: %s', async (_, fault, message, advice) => {
    await startApi();
    mockApi.inject(fault);
    await expect(runStart()).resolves.toBe(false);
    expect(mockApi.requests).toHaveLength(1);
    const error = `Could not start a scan of task scan-1: ${message}`;
    expect(onlyError()).toEqual([error, advice]);
    expect(step.outputs()).toMatchObject({ outcome: 'failed', 'execution-id': '' });
    expect(step.outputs()['error-message']).not.toBe('');
    expect(step.summary()).toContain('Could not start a scan of task scan-1');
    expect(step.state()['ending']).toBe('rejected');
    await expect(runPost()).resolves.toBe(true);
    expect(step.log).toEqual(['This job was cancelled or failed.', NOTHING_LINE]);
    expect(mockApi.requests).toHaveLength(1);
  });

  test('with 401 is not repeated, and post sends nothing', async () => {
    await startApi();
    await expect(runStart({ token: EXPIRED_TOKEN })).resolves.toBe(false);
    expect(onlyError()[0]).toMatch(/Authentication information expired\. \(CC\.00000003, HTTP 401/);
    expect(step.outputs()['error-code']).toBe('CC.00000003');
    await expect(runPost({ token: EXPIRED_TOKEN })).resolves.toBe(false);
    expect(step.log[1]).toMatch(
      /^Nothing is stopped, because the credential was rejected \(401\).* locked /,
    );
    expect(mockApi.requests).toHaveLength(1);
  });

  test('before it is sent, by STS, started nothing', async () => {
    await startApi({ idTokens: { '': 'an-id-token' } });
    for (const [name, value] of Object.entries(idTokenEnv(mockApi))) step.variable(name, value);
    mockApi.inject(respond(403, 'STS5.1001', 'No trust.'), { path: '/v5/' });
    const oidc = {
      token: '',
      'oidc-provider-urn': 'iam::account:oidcProvider:github',
      'agency-urn': 'iam::account:agency:start-scans',
      'sts-endpoint': mockApi.endpoint,
    };
    await expect(runStart(oidc)).resolves.toBe(false);
    expect(onlyError()[0]).toContain('No trust. (STS5.1001, HTTP 403)');
    await expect(runPost(oidc)).resolves.toBe(true);
    expect(step.log.at(-1)).toBe(NOTHING_LINE);
  });

  test.each<[string, string, Fault]>([
    ['STS with 500', '/v5/', respond(500, 'STS5.1', 'Internal.')],
    ['STS with a web page', '/v5/', { kind: 'response', status: 200, body: '<html></html>' }],
    [
      'STS with an error and no code',
      '/v5/',
      { kind: 'response', status: 200, body: '{"error":"x"}' },
    ],
    ['STS with half a response', '/v5/', { kind: 'cut-short' }],
    ['STS without a response', '/v5/', { kind: 'reset-before-headers' }],
    ['the ID-token service with 500', '/id-token', respond(500)],
  ])('before it is sent, by %s, started nothing', async (_, path, fault) => {
    await startApi({ idTokens: { '': 'an-id-token' } });
    for (const [name, value] of Object.entries(idTokenEnv(mockApi))) step.variable(name, value);
    mockApi.inject(fault, { path, times: 10 });
    const oidc = {
      token: '',
      'oidc-provider-urn': 'iam::account:oidcProvider:github',
      'agency-urn': 'iam::account:agency:start-scans',
      'sts-endpoint': mockApi.endpoint,
      retries: '0',
    };
    await expect(runStart(oidc)).resolves.toBe(false);
    expect(onlyError()[0]).toMatch(/^Could not start a scan of task scan-1: /);
    expect(onlyError().join()).not.toContain('second scan');
    expect(mockApi.requestsTo('/run')).toEqual([]);
    await expect(runPost(oidc)).resolves.toBe(true);
    expect(step.log.at(-1)).toBe(NOTHING_LINE);
  });

  test('although its response has an execution ID is failed, saved, set and stopped', async () => {
    await startApi({ scans: { 'scan-1': { executions: { e1: {} } } } });
    mockApi.inject(respond(400, 'X.1', 'Half started.', { exec_id: 'e1' }), { path: '/run' });
    await expect(runStart()).resolves.toBe(false);
    expect(mockApi.requests).toHaveLength(1);
    expect(onlyError()).toEqual([
      'Could not start a scan of task scan-1: Half started. (X.1, HTTP 400)',
      'The response contains execution ID e1. This execution is stopped at the end of the job.',
      'Check task-id and region.',
    ]);
    expect(step.outputs()).toMatchObject({
      outcome: 'failed',
      'execution-id': 'e1',
      'error-code': 'X.1',
      'error-message': 'Half started.',
    });
    expect(step.summary()).toContain('e1');
    await expect(runPost()).resolves.toBe(true);
    expect(mockApi.stopRequests).toEqual([{ taskId: 'scan-1', executionId: 'e1' }]);
    expect(running()).toEqual([]);
  });
});

describe('a start that may have happened', () => {
  test.each<[string, Fault, string]>([
    ['500', respond(500), 'No. (HTTP 500)'],
    ['500 of the API', respond(500, 'CC.00000000'), 'No. (CC.00000000, HTTP 500)'],
    ['502', respond(502), 'No. (HTTP 502)'],
    ['503 without a code of the gateway', respond(503), 'No. (HTTP 503)'],
    ['504', respond(504, 'APIGW.0201'), 'No. (APIGW.0201, HTTP 504)'],
    [
      '200 without an ID',
      { kind: 'response', status: 200, body: '{}' },
      "Invalid response: 'exec_id' is missing or malformed (HTTP 200",
    ],
    ['half a response', { kind: 'cut-short' }, 'The response was cut short (HTTP 200'],
    ['a reset', { kind: 'reset-before-headers' }, 'reset the connection (ECONNRESET)'],
  ])('fails after one request: %s', async (_, fault, message) => {
    await startApi();
    mockApi.inject(fault, { handled: true });
    await expect(runStart({ retries: '5' })).resolves.toBe(false);
    expect(mockApi.requests).toHaveLength(1);
    const [error, advice] = onlyError();
    expect(error).toContain('A scan may have been started (task scan-1): ');
    expect(error).toContain(message);
    expect(advice).toBe(UNCERTAIN_ADVICE);
    expect(step.commands('error')[0]?.lines.join(' ')).not.toMatch(/run the step again|stop may/i);
    expect(step.outputs()).toMatchObject({ outcome: 'failed', 'execution-id': '' });
    expect(step.summary()).toContain('A scan may have been started');
    await expect(runPost()).resolves.toBe(false);
    expect(step.log).toEqual(['This job was cancelled or failed.', UNCERTAIN_LINE]);
    expect(mockApi.requests).toHaveLength(1);
  });

  test('has the advice on a web page as well', async () => {
    await startApi();
    mockApi.inject({ kind: 'response', status: 200, body: '<title>Log in</title>' });
    await expect(runStart()).resolves.toBe(false);
    expect(onlyError()).toEqual([
      "A scan may have been started (task scan-1): The host responded with the web page 'Log in' instead of JSON (HTTP 200)",
      UNCERTAIN_ADVICE,
      expect.stringContaining('something other than the API'),
    ]);
  });

  test('ends at timeout-seconds, not after 20 s', async () => {
    await startApi();
    mockApi.inject({ kind: 'silence' });
    const requested = mockApi.nextRequest('/run');
    const end = runStart();
    await requested;
    await runner.clock.advance(59_999);
    expect(step.state()['ending']).toBeUndefined();
    await runner.clock.advance(1);
    await expect(end).resolves.toBe(false);
    expect(onlyError()).toEqual([
      'A scan may have been started (task scan-1): No response within 60 s (timeout-seconds)',
      UNCERTAIN_ADVICE,
    ]);
    expect(mockApi.requests).toHaveLength(1);
  });
});

describe('a start that certainly started nothing', () => {
  const RUNNING =
    'The task is already running (CC.00050015), perhaps a scan of another run that is being stopped. The start is repeated until the deadline.';

  test('is repeated while the task is running already, which is explained once', async () => {
    await startApi();
    const other = respond(200, 'CC.00050015', 'Already running.', { exec_id: 'other' });
    mockApi.inject(other, { times: 3 });
    await expect(runStart({ retries: '0' })).resolves.toBe(true);
    expect(mockApi.requests).toHaveLength(4);
    expect(step.log.filter((line) => line === RUNNING)).toHaveLength(1);
    expect(runner.clock.sleeps).toEqual([3_500, 3_500, 3_500]);
    expect(step.outputs()['execution-id']).toBe(executionId());
    expect(step.state()['execution-id']).toBe(executionId());
  });

  test('reports the last rejection at the deadline, with nothing of ours to stop', async () => {
    await startApi();
    mockApi.inject(respond(200, 'CC.00050015', 'Already running.', { exec_id: 'other' }));
    await expect(runStart()).resolves.toBe(false);
    expect(onlyError()).toEqual([
      'Could not start a scan of task scan-1: Already running. (CC.00050015, HTTP 200)',
      'Another run has started a scan of this task: let concurrency allow one run at a time, or increase timeout-seconds.',
    ]);
    expect(step.outputs()).toMatchObject({ 'execution-id': '', 'error-code': 'CC.00050015' });
    await expect(runPost()).resolves.toBe(true);
    expect(mockApi.stopRequests).toEqual([]);
  });

  test.each<[string, Fault]>([
    ['429', respond(429, 'APIGW.0308')],
    ['503 of the gateway', respond(503, 'APIGW.0701')],
  ])('is repeated, whatever retries is: %s', async (_, fault) => {
    await startApi();
    mockApi.inject(fault, { times: 5 });
    await expect(runStart({ retries: '0' })).resolves.toBe(true);
    expect(mockApi.requests).toHaveLength(6);
    expect(mockApi.startedExecutions).toBe(1);
  });

  test('each attempt has a fresh connection', async () => {
    await startApi();
    mockApi.inject(respond(429), { times: 2 });
    await runStart();
    expect(mockApi.arrivals.map(({ reused }) => reused)).toEqual([false, false, false]);
  });

  test('is not sent if the OIDC exchange leaves too little time for it', async () => {
    await startApi({ idTokens: { '': 'an-id-token' } });
    for (const [name, value] of Object.entries(idTokenEnv(mockApi))) step.variable(name, value);
    const requested = mockApi.nextRequest('/v5/');
    const end = runStart({
      token: '',
      'oidc-provider-urn': 'iam::account:oidcProvider:github',
      'agency-urn': 'iam::account:agency:start-scans',
      'sts-endpoint': mockApi.endpoint,
      'timeout-seconds': '19',
    });
    await requested;
    runner.clock.nowMs += 17_101;
    await expect(end).resolves.toBe(false);
    expect(onlyError()).toEqual([
      'Could not start a scan of task scan-1: Not sent, because the OIDC exchange left no time for it within 19 s (timeout-seconds)',
      'Increase timeout-seconds.',
    ]);
    expect(mockApi.requestsTo('/run')).toEqual([]);
    await expect(runPost()).resolves.toBe(true);
    expect(step.log.at(-1)).toBe(NOTHING_LINE);
  });
});

describe('an interruption', () => {
  const NOT_SENT = `Could not start a scan of task scan-1: Not sent, because ${CANCELLED}`;
  const EARLY = `The step ended early: ${CANCELLED}.`;

  test('before the request ends the step, and no start is sent', async () => {
    await startApi();
    const end = runStart();
    runner.interrupt();
    await expect(end).resolves.toBe(false);
    expect(onlyError().slice(0, 2)).toEqual([NOT_SENT, EARLY]);
    expect(mockApi.requests).toEqual([]);
    expect(step.state()['ending']).toBe('rejected');
  });

  test('during the OIDC exchange ends the step, and no start is sent', async () => {
    await startApi({ idTokens: { '': 'an-id-token' } });
    for (const [name, value] of Object.entries(idTokenEnv(mockApi, 'hangs'))) {
      step.variable(name, value);
    }
    const requested = mockApi.nextRequest('/id-token');
    const end = runStart({
      token: '',
      'oidc-provider-urn': 'iam::account:oidcProvider:github',
      'agency-urn': 'iam::account:agency:start-scans',
    });
    await requested;
    runner.interrupt();
    await expect(end).resolves.toBe(false);
    expect(onlyError()[0]).toContain('Could not start a scan of task scan-1');
    expect(onlyError()[1]).toBe(EARLY);
    expect(step.state()).not.toHaveProperty('start-file');
    expect(step.state()['ending']).toBe('rejected');
    expect(mockApi.requestsTo('/run')).toEqual([]);
  });

  test('while the connection comes about ends the step, and nothing was started', async () => {
    await startApi();
    mockApi.inject({ kind: 'hang-after-accept' });
    const end = runStart({ endpoint: mockApi.endpoint.replace('http:', 'https:') });
    while (mockApi.connections === 0) await new Promise((resolve) => setImmediate(resolve));
    runner.interrupt();
    await expect(end).resolves.toBe(false);
    expect(runner.clock.nowMs).toBe(0);
    expect(onlyError()[0]).toBe(
      `Could not start a scan of task scan-1: No response before ${CANCELLED}`,
    );
    await expect(runPost()).resolves.toBe(true);
    expect(step.log.at(-1)).toBe(NOTHING_LINE);
  });

  test('between two attempts ends the step, and no start is sent after it', async () => {
    await startApi();
    mockApi.inject(respond(200, 'CC.00050015', 'Already running.'));
    // The pause between two attempts is shorter than that.
    runner.clock.schedule(1_000, () => runner.interrupt());
    await expect(runStart()).resolves.toBe(false);
    expect(runner.clock.nowMs).toBe(1_000);
    expect(mockApi.requests).toHaveLength(1);
    expect(onlyError().slice(0, 2)).toEqual([
      'Could not start a scan of task scan-1: Already running. (CC.00050015, HTTP 200)',
      EARLY,
    ]);
    await expect(runPost()).resolves.toBe(true);
  });

  test('while the response is awaited waits for it, and keeps its ID', async () => {
    const host = await HeldHost.start();
    const end = runner.run(start, { 'task-id': 'scan-1', token: TOKEN, endpoint: host.endpoint });
    await host.requested;
    runner.interrupt();
    await runner.clock.advance(8_999);
    host.respond(200, '{"exec_id":"e1"}');
    await expect(end).resolves.toBe(false);
    expect(step.outputs()).toMatchObject({ outcome: 'started', 'execution-id': 'e1' });
    expect(step.state()['execution-id']).toBe('e1');
    expect(step.log.at(-1)).toBe(EARLY);
    expect(step.commands('error')).toEqual([]);
  });

  test('awaits it for 9 s, after which a scan may have been started', async () => {
    const host = await HeldHost.start();
    const end = runner.run(start, { 'task-id': 'scan-1', token: TOKEN, endpoint: host.endpoint });
    await host.requested;
    await runner.clock.advance(1_000);
    runner.interrupt();
    await runner.clock.advance(9_000);
    await expect(end).resolves.toBe(false);
    expect(runner.clock.nowMs).toBe(10_000);
    expect(onlyError()).toEqual([
      `A scan may have been started (task scan-1): No response before ${CANCELLED}`,
      EARLY,
      UNCERTAIN_ADVICE,
    ]);
    expect(step.state()['ending']).toBe('uncertain');
  });

  test('awaits it no longer than timeout-seconds', async () => {
    const host = await HeldHost.start();
    const end = runner.run(start, {
      'task-id': 'scan-1',
      token: TOKEN,
      endpoint: host.endpoint,
      'timeout-seconds': '9',
    });
    await host.requested;
    await runner.clock.advance(5_000);
    runner.interrupt();
    await runner.clock.advance(4_000);
    await expect(end).resolves.toBe(false);
    expect(step.state()['ending']).toBe('uncertain');
  });

  test('keeps the ID that comes with an error', async () => {
    const host = await HeldHost.start();
    const end = runner.run(start, { 'task-id': 'scan-1', token: TOKEN, endpoint: host.endpoint });
    await host.requested;
    runner.interrupt();
    host.respond(500, '{"error_code":"X","exec_id":"e1"}');
    await expect(end).resolves.toBe(false);
    expect(step.outputs()).toMatchObject({ outcome: 'failed', 'execution-id': 'e1' });
  });

  test.each([
    [429, '{}'],
    [503, '{"error_code":"APIGW.0701"}'],
    [200, '{"error_code":"CC.00050015"}'],
  ])('has nothing repeated after it: %d %s', async (status, body) => {
    const host = await HeldHost.start();
    const end = runner.run(start, { 'task-id': 'scan-1', token: TOKEN, endpoint: host.endpoint });
    await host.requested;
    runner.interrupt();
    host.respond(status, body);
    await expect(end).resolves.toBe(false);
    expect(onlyError()[0]).toContain('Could not start a scan of task scan-1');
    expect(step.state()['ending']).toBe('rejected');
  });
});

test('a fault of ours is no error of the API', async () => {
  await startApi();
  mockApi.inject(respond(200, 'CC.00050015'));
  runner.random = () => {
    throw new TypeError('x is not a function');
  };
  await expect(runStart()).rejects.toThrow('x is not a function');
});

test('a step that does not come to its own end keeps the ID that it knows', async () => {
  await startApi({ scans: { 'scan-1': { executions: { e1: {} } } } });
  mockApi.inject(respond(400, 'X.1', 'No.', { exec_id: 'e1' }), { path: '/run' });
  await runStart();
  step.clear();
  runner.crash('x is not a function');
  expect(step.outputs()).toMatchObject({ outcome: 'failed', 'execution-id': 'e1' });
});

describe('at the end of a job that was cancelled or failed', () => {
  const WAITS = 'The response to the start is awaited for up to 15 s.';
  const POST = 'This job was cancelled or failed.';

  test('exactly the execution that was started is stopped', async () => {
    await startApi({ scans: { 'scan-1': { status: null, concurrent: true } } });
    await runStart();
    const id = executionId();
    mockApi.scans.get('scan-1')?.run();
    await expect(runPost()).resolves.toBe(true);
    expect(mockApi.stopRequests).toEqual([{ taskId: 'scan-1', executionId: id }]);
    expect(running().map((execution) => execution.id)).not.toContain(id);
    expect(running()).toHaveLength(1);
    expect(step.log[0]).toBe(POST);
    expect(step.log[1]).toContain(`Stopping scan scan-1 (execution ${id})`);
    expect(step.outputs()).toEqual({});
  });

  test('it is stopped although a 401 came in between', async () => {
    await startApi();
    await runStart();
    writeFileSync(
      step.stateFile,
      `${readFileSync(step.stateFile, 'utf8')}ending=credential-rejected\n`,
    );
    await expect(runPost()).resolves.toBe(true);
    expect(running()).toEqual([]);
  });

  test('a scan that has ended by itself is not running, which does not fail', async () => {
    await startApi({ scans: { 'scan-1': { status: null, endsAfterMs: 0 } } });
    await runStart();
    await expect(runPost()).resolves.toBe(true);
    expect(step.log.at(-1)).toContain('was not running; nothing to stop');
  });

  test('no input that the start does not have changes the stop', async () => {
    await startApi({ scans: { 'scan-1': { status: null, endsAfterMs: 0 } } });
    const foreign = { 'if-not-running': 'fail', wait: 'maybe' };
    await runStart(foreign);
    await expect(runPost(foreign)).resolves.toBe(true);
    expect(step.log.at(-1)).toContain('was not running; nothing to stop');
  });

  test('a secret that is empty by then is an error', async () => {
    await startApi();
    await runStart();
    await expect(runPost({ token: '' })).resolves.toBe(false);
    expect(onlyError()[0]).toContain('token had a value when the job reached this step');
  });

  test('the secrets are masked before the first line', async () => {
    await startApi();
    await runStart();
    await runPost();
    expect(step.lines[0]).toBe(`::add-mask::${TOKEN}`);
    expect(step.visible()).not.toContain(TOKEN);
  });

  test('nothing was started if nothing was saved', async () => {
    await startApi();
    await expect(runPost()).resolves.toBe(true);
    expect(step.log).toEqual([POST, NOTHING_LINE]);
  });

  describe('whose start has saved neither an ID nor an end', () => {
    const state = { 'start-file': join(temp, 'id') };
    const runAwaitingPost = (more: Readonly<Record<string, string>> = {}) =>
      runner.run(startPost, inputs(), { ...state, ...more });

    beforeEach(async () => {
      rmSync(state['start-file'], { force: true });
      await startApi({ scans: { 'scan-1': { executions: { e1: {} } } } });
    });

    test('the ID is found in the file', async () => {
      writeFileSync(state['start-file'], 'e1');
      await expect(runAwaitingPost()).resolves.toBe(true);
      expect(step.log.slice(0, 2)).toEqual([POST, WAITS]);
      expect(mockApi.stopRequests).toEqual([{ taskId: 'scan-1', executionId: 'e1' }]);
    });

    test('the ID is awaited for 15 s', async () => {
      runner.clock.schedule(14_990, () => writeFileSync(state['start-file'], 'e1'));
      await expect(runAwaitingPost()).resolves.toBe(true);
      expect(running()).toEqual([]);
    });

    test('after 15 s without an ID, a scan may be running', async () => {
      runner.clock.schedule(15_010, () => writeFileSync(state['start-file'], 'e1'));
      await expect(runAwaitingPost()).resolves.toBe(false);
      expect(runner.clock.nowMs).toBe(15_000);
      expect(step.log).toEqual([POST, WAITS, UNCERTAIN_LINE]);
      expect(mockApi.requests).toEqual([]);
    });

    test.each(['e', '0_-Z', 'e'.repeat(64)])('an ID in the file is %s', async (id) => {
      writeFileSync(state['start-file'], id);
      await runAwaitingPost();
      expect(mockApi.stopRequests).toEqual([{ taskId: 'scan-1', executionId: id }]);
    });

    test.each(['', 'e1 or e2', 'e1\n', 'e'.repeat(65)])('no ID is %j', async (text) => {
      writeFileSync(state['start-file'], text);
      await expect(runAwaitingPost()).resolves.toBe(false);
      expect(mockApi.requests).toEqual([]);
    });

    test('no ID is awaited if there is no file for it', async () => {
      await expect(runAwaitingPost({ 'start-file': 'none' })).resolves.toBe(false);
      expect(runner.clock.nowMs).toBe(0);
      expect(step.log.at(-1)).toBe(UNCERTAIN_LINE);
    });

    test('an interruption ends that, and says that a scan may be running', async () => {
      runner.clock.schedule(5_100, () => runner.interrupt());
      await expect(runAwaitingPost()).resolves.toBe(false);
      expect(runner.clock.nowMs).toBe(5_100);
      expect(step.log.at(-1)).toBe(UNCERTAIN_LINE);
    });

    test('an interruption after it has been found ends the stop', async () => {
      writeFileSync(state['start-file'], 'e1');
      mockApi.inject({ kind: 'silence' }, { path: '/stop' });
      const requested = mockApi.nextRequest('/stop');
      const end = runAwaitingPost();
      await requested;
      runner.interrupt();
      await expect(end).resolves.toBe(false);
      expect(onlyError()).toContain(`The step ended early: ${CANCELLED}.`);
    });
  });

  test('an uncertain start is not waited for', async () => {
    await startApi();
    const state = { 'start-file': join(temp, 'id'), ending: 'uncertain' };
    await expect(runner.run(startPost, inputs(), state)).resolves.toBe(false);
    expect(runner.clock.nowMs).toBe(0);
    expect(step.log).toEqual([POST, UNCERTAIN_LINE]);
  });
});

describe('never two scans', () => {
  /** What a request for a start gets, and what that means for whoever sent it. */
  interface Trouble {
    readonly name: string;
    readonly meaning: 'repeated' | 'rejected' | 'may have been started';
    readonly fault: Fault;
    /** Whether the mock API has started the scan nevertheless. */
    readonly handled?: boolean;
  }

  const repeated = (name: string, fault: Fault): Trouble => ({ name, meaning: 'repeated', fault });
  const rejected = (name: string, fault: Fault): Trouble => ({ name, meaning: 'rejected', fault });
  const lost = (name: string, fault: Fault): Trouble[] => [
    { name: `${name}, started`, meaning: 'may have been started', fault, handled: true },
    { name: `${name}, not started`, meaning: 'may have been started', fault },
  ];
  const page: Fault = { kind: 'response', status: 200, body: '<title>Log in</title>' };

  const TROUBLES: readonly Trouble[] = [
    repeated('429', respond(429)),
    repeated('429 of the gateway', respond(429, 'APIGW.0308')),
    repeated('503 of the gateway', respond(503, 'APIGW.0701')),
    repeated('already running', respond(200, 'CC.00050015')),
    repeated('already running, 400', respond(400, 'CC.00050015', 'No.', { exec_id: 'other' })),
    repeated('already running, 500', respond(500, 'CC.00050015', 'No.', { exec_id: 'other' })),
    rejected('400', respond(400, 'CC.00000001.400')),
    rejected('busy under 400', respond(400, 'CC.00000000')),
    rejected('401', respond(401, 'APIGW.0301')),
    rejected('403', respond(403)),
    rejected('404', respond(404, 'APIGW.0101')),
    rejected('200 with a code', respond(200, 'CC.00050012')),
    rejected('a redirect', { kind: 'redirect', location: '/', status: 307 }),
    ...lost('500', respond(500)),
    ...lost('500 of the gateway', respond(500, 'APIGW.0601')),
    ...lost('502', respond(502)),
    ...lost('503', respond(503)),
    ...lost('504', respond(504, 'APIGW.0201')),
    ...lost('a web page', page),
    ...lost('an empty object', { kind: 'response', status: 200, body: '{}' }),
    ...lost('an error without a code', {
      kind: 'response',
      status: 200,
      body: '{"status":"error"}',
    }),
    ...lost('reset-before-headers', { kind: 'reset-before-headers' }),
    ...lost('reset-after-headers', { kind: 'reset-after-headers' }),
    ...lost('close-before-headers', { kind: 'close-before-headers' }),
    ...lost('cut-short', { kind: 'cut-short' }),
    ...lost('cut-short-chunked', { kind: 'cut-short-chunked' }),
    ...lost('reset-unframed', { kind: 'reset-unframed' }),
    ...lost('large-headers', { kind: 'large-headers' }),
    ...lost('switching-protocols', { kind: 'switching-protocols' }),
    ...lost('garbage', { kind: 'garbage' }),
    ...lost('endless', { kind: 'endless' }),
  ];

  /** Starts a scan in spite of troubles, one after the other, and has `post` clean up. */
  async function startInSpiteOf(troubles: readonly Trouble[]) {
    // With all faults at once, each would wait for its turn by `after`.
    const api = await MockApi.start({ ...IDLE, tokens: [TOKEN] });
    mockApi = api;
    try {
      const before = troubles.filter(({ meaning }) => meaning === 'repeated');
      const last = troubles.find(({ meaning }) => meaning !== 'repeated');
      for (const { fault, handled } of [...before, ...(last === undefined ? [] : [last])]) {
        const which: Omit<Injection, 'fault'> = { path: '/run', times: 1 };
        api.inject(fault, handled === undefined ? which : { ...which, handled });
      }
      step.clear();
      runner = new ActionRunner(step);
      const success = await runStart();
      const { lines = [] } = step.commands('error')[0] ?? {};
      const requests = api.requestsTo('/run').length;
      const outputs = step.outputs();
      // The end of the job: faults are over by then.
      api.clearFaults();
      await runPost();
      return { api, success, lines, requests, outputs, postLog: step.log, before, last };
    } finally {
      await api.close();
    }
  }

  const check = async (troubles: readonly Trouble[]) => {
    const { api, success, lines, requests, outputs, postLog, before, last } =
      await startInSpiteOf(troubles);
    expect(api.startedExecutions).toBeLessThanOrEqual(1);
    const mayHaveBeenStarted = lines.join('\n').includes('A scan may have been started');
    expect(success).toBe(last === undefined);
    expect(outputs['outcome']).toBe(success ? 'started' : 'failed');
    expect(mayHaveBeenStarted).toBe(last?.meaning === 'may have been started');
    expect(requests).toBe(before.length + 1);
    // Afterwards either no scan runs, or the log says that one may be running.
    if (running().length > 0) expect(postLog.at(-1)).toBe(UNCERTAIN_LINE);
  };

  test.each(TROUBLES)('after $name', async (trouble) => {
    await check([trouble]);
  });

  test.each<ConnectionFault['kind']>(['close-after-accept', 'reset-after-accept'])(
    'after %s, before or after the connection has come about',
    async (kind) => {
      await startApi();
      mockApi.inject({ kind }, { times: 1 });
      const success = await runStart();
      // Before, it certainly started nothing and was repeated.
      expect(mockApi.startedExecutions).toBe(success ? 1 : 0);
      if (!success) expect(onlyError()[0]).toContain('A scan may have been started');
    },
  );

  test('after any troubles, one after the other', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...TROUBLES.filter(({ fault }) => fault.kind === 'response')), {
          maxLength: 5,
        }),
        check,
      ),
      { numRuns: 60 },
    );
  });
});

test('the file of the ID is whole or not there', async () => {
  await startApi();
  await runStart();
  const path = step.state()['start-file'] ?? '';
  expect(existsSync(path)).toBe(true);
  expect(existsSync(`${path}.part`)).toBe(false);
});
