import { expect, test } from '@jest/globals';
import { expectFailure, resultsOf, runStep, startMockApi } from '../support/with-mock-api.ts';

const BODY = '{"error_code":"APIGW.0308","error_msg":"The throttling threshold has been reached"}';
const MESSAGE = 'The throttling threshold has been reached (APIGW.0308, HTTP 429';

const taskIds = (count: number) => Array.from({ length: count }, (_, index) => `t${index + 1}`);

test.concurrent('a Retry-After of a second is honored for as long as there is time, whatever retries is', async () => {
  const mockApi = await startMockApi();
  const retryAfter = { 'retry-after': '1' };
  mockApi.inject({ kind: 'response', status: 429, headers: retryAfter, body: BODY }, { times: 5 });
  const run = await runStep(mockApi, { retries: '0' });
  expect(run.exitCode).toBe(0);
  expect(mockApi.requests).toHaveLength(6);
  expect(run.lines.join('\n')).toContain('attempt 6 in 1.0 s');
  const times = mockApi.arrivals.map(({ atMs }) => atMs);
  const pauses = times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0));
  expect(Math.min(...pauses)).toBeGreaterThan(950);
}, 60_000);

test.concurrent('a 429 that lasts until the deadline is reported with the message of the API', async () => {
  const mockApi = await startMockApi();
  mockApi.inject({ kind: 'response', status: 429, body: BODY, headers: { 'x-request-id': 'r1' } });
  const run = await runStep(mockApi, { 'timeout-seconds': '3', retries: '0' });
  const annotation = expectFailure(run);
  expect(annotation).toContain(`Could not stop scan scan-1: ${MESSAGE}, request ID r1)`);
  expect(annotation).toContain('The API throttles requests.');
  expect(annotation).not.toMatch(/past the deadline|Not sent|may have happened/);
  expect(run.outputs).toMatchObject({
    'status-code': '429',
    'error-code': 'APIGW.0308',
    'request-id': 'r1',
  });
  expect(mockApi.requests.length).toBeGreaterThan(3);
});

test.concurrent('a 429 holds back every task', async () => {
  const ids = taskIds(10);
  const mockApi = await startMockApi({ scans: Object.fromEntries(ids.map((id) => [id, {}])) });
  mockApi.inject(
    { kind: 'response', status: 429, headers: { 'retry-after': '1' } },
    { path: '/t1/', times: 1 },
  );
  const run = await runStep(mockApi, { 'task-id': ids.join() });
  expect(run.exitCode).toBe(0);
  expect(mockApi.requests).toHaveLength(11);
  const [first = 0, second = 0] = mockApi.arrivals.map(({ atMs }) => atMs);
  expect(second - first).toBeGreaterThan(950);
});

test.concurrent('a 429 while the status is read holds back, and does not fail the step', async () => {
  const mockApi = await startMockApi();
  mockApi.inject(
    { kind: 'response', status: 429, headers: { 'retry-after': '1' }, body: BODY },
    { path: '/progress', times: 2 },
  );
  const run = await runStep(mockApi, { wait: 'true', retries: '0' });
  expect(run.exitCode).toBe(0);
  expect(run.outputs['outcome']).toBe('stopped');
  expect(mockApi.requestsTo('/progress')).toHaveLength(3);
});

test.each(['120', 'Fri, 31 Dec 2100 23:59:59 GMT'])(
  'Retry-After: %s reaches past the deadline, and ends the task at once with the message of the API',
  async (retryAfter) => {
    const mockApi = await startMockApi();
    const headers = { 'retry-after': retryAfter };
    mockApi.inject({ kind: 'response', status: 429, body: BODY, headers });
    const run = await runStep(mockApi);
    expect(expectFailure(run)).toContain(MESSAGE);
    expect(mockApi.requests).toHaveLength(1);
    expect(run.durationMs).toBeLessThan(30_000);
  },
);

test('a Retry-After past the deadline of a 503 ends the task at once as well', async () => {
  const mockApi = await startMockApi();
  mockApi.inject({ kind: 'response', status: 503, headers: { 'retry-after': '120' } });
  const run = await runStep(mockApi);
  expect(expectFailure(run)).toContain('The API gave no reason (HTTP 503)');
  expect(mockApi.requests).toHaveLength(1);
});

test('a 429 that reaches past the deadline ends every task at once', async () => {
  const ids = taskIds(40);
  const mockApi = await startMockApi({
    scans: Object.fromEntries(ids.map((id) => [id, {}])),
    latencyMs: 20,
  });
  mockApi.inject({
    kind: 'response',
    status: 429,
    body: BODY,
    headers: { 'retry-after': '300' },
  });
  const run = await runStep(mockApi, { 'task-id': ids.join() });
  const annotation = expectFailure(run);
  expect(mockApi.requests).toHaveLength(1);
  expect(run.durationMs).toBeLessThan(30_000);
  expect(resultsOf(run).map((result) => result['status-code'])).toEqual([
    429,
    ...Array(39).fill(null),
  ]);
  expect(resultsOf(run)[1]).toMatchObject({
    'error-code': 'APIGW.0308',
    'error-message':
      'Not sent, because the API throttles requests past the deadline: The throttling threshold has been reached',
  });
  expect(annotation).toContain('Could not stop any of the 40 scans');
  expect(annotation).not.toContain('may have happened');
});
