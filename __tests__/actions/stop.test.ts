import '../support/real-sockets.ts';
import { beforeEach, expect, test } from '@jest/globals';
import type { MockApi } from '../../mock-api/mock-api.ts';
import { stop } from '../../src/actions/stop.ts';
import { ActionRunner } from '../support/action-runner.ts';
import { FakeRunner } from '../support/fake-runner.ts';
import { idTokenEnv, startMockApi, TOKEN } from '../support/with-mock-api.ts';

const step = FakeRunner.forEachTest();

const OIDC = {
  token: '',
  'oidc-provider-urn': 'iam::account:oidcProvider:github',
  'agency-urn': 'iam::account:agency:stop-scans',
};

let mockApi: MockApi;
let runner: ActionRunner;

beforeEach(async () => {
  runner = new ActionRunner(step);
  mockApi = await startMockApi({ scans: { a: { executions: { e1: {}, e2: {} } }, b: {} } });
});

const run = (different: Readonly<Record<string, string>> = {}) =>
  runner.run(stop, {
    'task-id': 'a',
    'execution-id': 'current',
    token: TOKEN,
    endpoint: mockApi.endpoint,
    ...different,
  });

test('stops what its inputs name, and tells so in log, outputs and summary', async () => {
  await expect(run({ 'task-id': 'a,a', 'execution-id': 'e1,e2' })).resolves.toBe(true);
  expect(mockApi.stopRequests).toEqual([
    { taskId: 'a', executionId: 'e1' },
    { taskId: 'a', executionId: 'e2' },
  ]);
  expect(step.log[0]).toBe(
    `Stopping 2 scans (a, a) at 127.0.0.1:${mockApi.port} (region cn-north-4), with a token from the input token; time limit 60 s`,
  );
  expect(JSON.parse(step.outputs()['results'] ?? '')).toMatchObject([
    { 'task-id': 'a', 'execution-id': 'e1', outcome: 'stop-requested' },
    { 'task-id': 'a', 'execution-id': 'e2', outcome: 'stop-requested' },
  ]);
  expect(step.summary()).toContain('Stop requested for all 2 scans');
});

test('masks its token before anything else, and prints the lines of one scan as they come', async () => {
  await run({ 'task-id': 'b' });
  expect(step.lines.map((line) => line.replace(/ in \d+ ms$|, after .*$/, ''))).toEqual([
    `::add-mask::${TOKEN}`,
    expect.stringMatching(/^Stopping scan b at /),
    `POST ${mockApi.endpoint}/v2/tasks/b/stop → HTTP 200`,
    'Stop requested for scan b',
  ]);
});

test.each([
  ['true', 2],
  ['false', 0],
])('groups the lines of each of several scans; wait: %s prints %i before', async (wait, early) => {
  await run({ 'task-id': 'a,b', wait });
  expect(step.commands('group')).toHaveLength(2);
  const requested = step.log.filter((line) => line.startsWith('Stop requested for scan'));
  expect(requested).toHaveLength(early);
});

test('has the time limit that its input sets', async () => {
  mockApi.inject({ kind: 'silence' });
  const received = mockApi.nextRequest('/stop');
  const ending = run({ 'task-id': 'b', 'timeout-seconds': '7', retries: '0' });
  await received;
  await runner.clock.advance(7_000);
  await expect(ending).resolves.toBe(false);
  expect(runner.clock.nowMs).toBe(7_000);
  expect(step.outputs()['error-message']).toBe('No response within 7 s (timeout-seconds)');
});

test.each([
  ['fail', 'set if-not-running: succeed'],
  ['succeed', 'Check task-id, execution-id and region.'],
])('advises by what if-not-running is: %s', async (ifNotRunning, advice) => {
  await expect(run({ 'task-id': 'unknown', 'if-not-running': ifNotRunning })).resolves.toBe(false);
  const text = step.commands('error')[0]?.lines.join('\n') ?? '';
  expect(text).toContain(advice);
  expect(text.includes('if-not-running')).toBe(ifNotRunning === 'fail');
});

test('advises to renew the credential that it used', async () => {
  mockApi.inject({ kind: 'response', status: 401, body: '{"error_code":"CC.00000003"}' });
  await run({ 'task-id': 'b' });
  expect(step.commands('error')[0]?.lines.join('\n')).toContain('A token is valid for 24 hours');
});

test('advises the newer host of its region if an old one does not know the call', async () => {
  const body = '{"error_code":"APIGW.0101","error_msg":"The API does not exist"}';
  mockApi.inject({ kind: 'response', status: 404, body });
  await run({ 'execution-id': 'e1', region: 'ap-southeast-3' });
  expect(step.commands('error')[0]?.lines.join('\n')).toContain(
    'set endpoint: codearts-check.ap-southeast-3.myhuaweicloud.com',
  );
});

test('waits for the end of one scan', async () => {
  await expect(run({ 'task-id': 'b', wait: 'true' })).resolves.toBe(true);
  expect(step.outputs()['outcome']).toBe('stopped');
});

test('sends nothing if an input is invalid', async () => {
  await expect(run({ 'execution-id': '' })).resolves.toBe(false);
  expect(mockApi.requests).toEqual([]);
  expect(step.outputs()).toMatchObject({ outcome: 'failed', results: '[]' });
  expect(step.commands('error')[0]?.lines[0]).toMatch(/^Invalid input: execution-id must be/);
});

test('exchanges the ID token by its own time limit and retries, and logs each attempt', async () => {
  mockApi = await startMockApi({ scans: { b: {} }, idTokens: { '': 'an-id-token' } });
  for (const [name, value] of Object.entries(idTokenEnv(mockApi, 'issues'))) {
    step.variable(name, value);
  }
  mockApi.inject({ kind: 'response', status: 503 }, { path: '/assume-with-oidc', times: 4 });
  const oidc = { ...OIDC, 'sts-endpoint': mockApi.endpoint };
  const options = { 'task-id': 'b', 'timeout-seconds': '1200', retries: '4' };
  await expect(run({ ...oidc, ...options })).resolves.toBe(true);
  const exchanges = mockApi.requestsTo('/assume-with-oidc').map(({ body }) => JSON.parse(body));
  expect(exchanges).toHaveLength(5);
  expect(exchanges[0]).toMatchObject({ id_token: 'an-id-token', duration_seconds: 1_200 });
  expect(step.log).toContain(`Exchanging GitHub's ID token at 127.0.0.1:${mockApi.port}`);
  const attempts = step.log.filter((line) => /^(GET|POST) /.test(line));
  expect(attempts.map((line) => line.replace(/ in \d+ ms.*$/, ''))).toEqual([
    expect.stringMatching(/^GET .*\/github\/id-token\?api-version=2\.0 → HTTP 200$/),
    ...Array(4).fill(`POST ${mockApi.endpoint}/v5/agencies/assume-with-oidc → HTTP 503`),
    `POST ${mockApi.endpoint}/v5/agencies/assume-with-oidc → HTTP 200`,
    `POST ${mockApi.endpoint}/v2/tasks/b/stop → HTTP 200`,
  ]);
});

test('fails every task if the credential exchange fails', async () => {
  for (const [name, value] of Object.entries(idTokenEnv(mockApi, 'issues'))) {
    step.variable(name, value);
  }
  const oidc = { ...OIDC, 'sts-endpoint': mockApi.endpoint };
  await expect(run({ ...oidc, 'task-id': 'a,b', retries: '0' })).resolves.toBe(false);
  expect(mockApi.stopRequests).toEqual([]);
  const results = JSON.parse(step.outputs()['results'] ?? '') as { outcome: string }[];
  expect(results.map(({ outcome }) => outcome)).toEqual(['failed', 'failed']);
});

test('keeps what it knows if it is interrupted while it waits', async () => {
  mockApi.inject(
    { kind: 'response', status: 200, body: '{"task_status":0}' },
    { path: '/progress' },
  );
  const polled = mockApi.nextRequest('/progress');
  const ending = run({ 'task-id': 'b', wait: 'true' });
  await polled;
  runner.interrupt();
  await expect(ending).resolves.toBe(false);
  expect(step.outputs()).toMatchObject({ outcome: 'failed', 'status-code': '200' });
  expect(step.commands('error')[0]?.lines[0]).toMatch(
    /^Stop of scan b not confirmed: The API accepted/,
  );
});

test('keeps what it knows if an error that nobody expected ends it', async () => {
  mockApi.inject({ kind: 'silence' }, { path: '/progress' });
  const polled = mockApi.nextRequest('/progress');
  void run({ 'task-id': 'b', wait: 'true' });
  await polled;
  runner.crash('nobody catches this');
  expect(step.outputs()).toMatchObject({ outcome: 'failed', 'status-code': '200' });
  expect(step.commands('error')[0]?.lines[0]).toContain('nobody catches this');
  runner.interrupt();
});

test('an error that is no failed request is left to the process', async () => {
  for (const [name, value] of Object.entries(idTokenEnv(mockApi, 'issues'))) {
    step.variable(name, value);
  }
  mockApi.inject({ kind: 'response', status: 503 });
  runner.random = () => {
    throw new TypeError('x is not a function');
  };
  const oidc = { ...OIDC, 'sts-endpoint': mockApi.endpoint };
  await expect(run(oidc)).rejects.toThrow('x is not a function');
});
