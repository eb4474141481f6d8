import '../support/real-sockets.ts';
import { beforeEach, expect, test } from '@jest/globals';
import type { MockApi } from '../../mock-api/mock-api.ts';
import { stop } from '../../src/actions/stop.ts';
import { ActionRunner } from '../support/action-runner.ts';
import { FakeRunner } from '../support/fake-runner.ts';
import { idTokenEnv, startMockApi, TOKEN } from '../support/with-mock-api.ts';

const step = FakeRunner.forEachTest();

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

test('fails every task if the credential exchange fails', async () => {
  for (const [name, value] of Object.entries(idTokenEnv(mockApi, 'issues'))) {
    step.variable(name, value);
  }
  const oidc = {
    token: '',
    'oidc-provider-urn': 'iam::account:oidcProvider:github',
    'agency-urn': 'iam::account:agency:stop-scans',
    'sts-endpoint': mockApi.endpoint,
  };
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
  const oidc = {
    token: '',
    'oidc-provider-urn': 'iam::account:oidcProvider:github',
    'agency-urn': 'iam::account:agency:stop-scans',
    'sts-endpoint': mockApi.endpoint,
  };
  await expect(run(oidc)).rejects.toThrow('x is not a function');
});
