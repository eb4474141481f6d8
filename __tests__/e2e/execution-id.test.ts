import { expect, test } from '@jest/globals';
import type { Fault } from '../../mock-api/faults.ts';
import type { MockApi, MockApiOptions } from '../../mock-api/mock-api.ts';
import { ConnectProxy } from '../../mock-api/proxy.ts';
import { issueCertificate } from '../support/certificates.ts';
import {
  ACCESS_KEY,
  closeAfterTests,
  EXPIRED_TOKEN,
  expectFailure,
  resultsOf,
  runStep,
  startMockApi,
} from '../support/with-mock-api.ts';

const TARGET = 'scan scan-1 (execution first)';
const PATH = '/v1/tasks/scan-1/stop?job_id=first';

/** A mock API whose task has two executions that run, of which the second is the newer one. */
function startTwoExecutions(options: MockApiOptions = {}): Promise<MockApi> {
  const scans = { 'scan-1': { executions: { first: {}, second: {} } } };
  return startMockApi({ scans, ...options });
}

const response = (status: number, body: unknown = ''): Fault => ({
  kind: 'response',
  status,
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

const stopRequested = (mockApi: MockApi, taskId = 'scan-1') =>
  Object.fromEntries(mockApi.executionsOf(taskId).map((one) => [one.id, one.stopRequested]));

test('the first execution is stopped while the second goes on', async () => {
  const mockApi = await startTwoExecutions();
  const run = await runStep(mockApi, { 'execution-id': 'first', wait: 'true' });
  expect(run).toMatchObject({ exitCode: 0, stderr: '' });
  expect(stopRequested(mockApi)).toEqual({ first: true, second: false });
  expect(mockApi.scans.get('scan-1')?.status).toBe(0);
  expect(mockApi.requests).toMatchObject([
    { method: 'PUT', path: PATH, body: '{}', headers: { 'content-type': 'application/json' } },
    { method: 'GET', path: '/v2/tasks/scan-1/progress?job_id=first' },
  ]);
  expect(run.outputs).toMatchObject({ outcome: 'stopped', 'status-code': '200' });
  expect(resultsOf(run)).toMatchObject([
    { 'task-id': 'scan-1', 'execution-id': 'first', outcome: 'stopped', 'status-code': 200 },
  ]);
  expect(run.lines[1]).toContain(`Stopping ${TARGET} at 127.0.0.1`);
  expect(run.lines.at(-1)).toContain('Scan scan-1 (execution first) stopped, after ');
  expect(run.summary).toContain('<h3>Scan scan-1 (execution first) stopped</h3>');
  expect(run.summary).toContain('<tr><td>Execution</td><td><code>first</code></td></tr>');
});

test('the ID that starting a scan returns stops that scan', async () => {
  const mockApi = await startMockApi({
    scans: { 'scan-1': { status: 2, concurrent: true } },
    accessKeys: { [ACCESS_KEY.accessKeyId]: ACCESS_KEY.secretAccessKey },
  });
  const ids = [
    mockApi.scans.get('scan-1')?.run()?.id ?? '',
    mockApi.scans.get('scan-1')?.run()?.id,
  ];
  // The query is signed, too.
  const run = await runStep(mockApi, {
    'execution-id': ids[0] ?? '',
    token: '',
    'access-key-id': ACCESS_KEY.accessKeyId,
    'secret-access-key': ACCESS_KEY.secretAccessKey,
    wait: 'true',
  });
  expect([run.exitCode, run.outputs['outcome']]).toEqual([0, 'stopped']);
  expect(mockApi.executionsOf('scan-1').slice(1)).toMatchObject([
    { id: ids[0], status: 3, stopRequested: true },
    { id: ids[1], status: 0, stopRequested: false },
  ]);
});

test.each(['current', ' current '])('%j stops whatever the task is executing', async (id) => {
  const mockApi = await startTwoExecutions();
  const run = await runStep(mockApi, { 'execution-id': id, wait: 'true' });
  expect(run.exitCode).toBe(0);
  expect(stopRequested(mockApi)).toEqual({ first: false, second: true });
  expect(mockApi.requests.map(({ path }) => path)).toEqual([
    '/v2/tasks/scan-1/stop',
    '/v2/tasks/scan-1/progress',
  ]);
  expect(resultsOf(run)).toMatchObject([{ 'execution-id': '' }]);
});

test('three tasks with an execution each: three are stopped, and no other', async () => {
  const executions = { old: {}, new: {} };
  const mockApi = await startMockApi({
    scans: { a: { executions }, b: { executions }, c: { executions } },
  });
  const run = await runStep(mockApi, {
    'task-id': 'a b c',
    'execution-id': 'old, new\nold',
    wait: 'true',
  });
  expect(run.exitCode).toBe(0);
  expect(stopRequested(mockApi, 'a')).toEqual({ old: true, new: false });
  expect(stopRequested(mockApi, 'b')).toEqual({ old: false, new: true });
  expect(stopRequested(mockApi, 'c')).toEqual({ old: true, new: false });
  expect(resultsOf(run)).toMatchObject([
    { 'task-id': 'a', 'execution-id': 'old', outcome: 'stopped' },
    { 'task-id': 'b', 'execution-id': 'new', outcome: 'stopped' },
    { 'task-id': 'c', 'execution-id': 'old', outcome: 'stopped' },
  ]);
});

test('a task with two executions is two stops, each with its own result', async () => {
  const executions = { first: {}, second: { status: 2 }, third: {} };
  const mockApi = await startMockApi({ scans: { 'scan-1': { executions } } });
  const run = await runStep(mockApi, {
    'task-id': 'scan-1 scan-1 scan-1',
    // A pair that occurs twice is one stop.
    'execution-id': 'first second first',
    wait: 'true',
  });
  const annotation = expectFailure(run);
  expect(mockApi.requestsTo('/stop')).toHaveLength(2);
  expect(stopRequested(mockApi)).toEqual({ first: true, second: false, third: false });
  expect(resultsOf(run)).toMatchObject([
    { 'task-id': 'scan-1', 'execution-id': 'first', outcome: 'stopped' },
    { 'task-id': 'scan-1', 'execution-id': 'second', outcome: 'failed', 'status-code': 200 },
  ]);
  expect(annotation).toContain('scan-1 (second): The execution is not running. (HTTP 200');
  expect(run.summary).toContain('<code>scan-1 (second)</code>');
});

test('{"httpStatus":"BAD_REQUEST"} under HTTP 200 fails with its text, after one request', async () => {
  const mockApi = await startTwoExecutions();
  const body = { httpStatus: 'BAD_REQUEST', result: 'The job does not exist', status: 'error' };
  mockApi.inject(response(200, body));
  const run = await runStep(mockApi, { 'execution-id': 'first' });
  expect(expectFailure(run)).toContain(
    `Could not stop ${TARGET}: The job does not exist (HTTP 200)`,
  );
  expect(run.outputs).toMatchObject({
    'status-code': '200',
    'error-code': '',
    'error-message': 'The job does not exist',
  });
  expect(run.summary).toContain(`<h3>Could not stop ${TARGET}</h3>`);
  expect(mockApi.requests).toHaveLength(1);
});

test('INTERNAL_SERVER_ERROR under HTTP 200 is retried like a 500', async () => {
  const error = { httpStatus: 'INTERNAL_SERVER_ERROR', result: 'Timed out', status: 'error' };
  const once = await startTwoExecutions();
  once.inject(response(200, error), { times: 1 });
  const good = await runStep(once, { 'execution-id': 'first' });
  expect([good.exitCode, once.requests.length]).toEqual([0, 2]);

  const always = (await startTwoExecutions()).inject(response(200, error));
  const run = await runStep(always, { 'execution-id': 'first', retries: '1' });
  expect(expectFailure(run)).toContain('Timed out (HTTP 200)');
  expect(always.requests).toHaveLength(2);
});

test.each([
  { httpStatus: 'OK', result: 'Stopped', status: 'success' },
  { httpStatus: 'ACCEPTED', result: 'Accepted, not finished', status: 'success' },
  { httpStatus: 'OK', result: null, status: 'success' },
  null,
])('%j under HTTP 200 is success', async (body) => {
  const mockApi = (await startTwoExecutions()).inject(response(200, body));
  const run = await runStep(mockApi, { 'execution-id': 'first' });
  expect([run.exitCode, run.outputs['outcome']]).toEqual([0, 'stop-requested']);
  expect(run.outputs['error-message']).toBe('');
});

test.each([
  { httpStatus: 'FORBIDDEN', result: 'No', status: 'success' },
  { httpStatus: 'NOT_FOUND', result: 'No' },
  { httpStatus: 'OK', result: 'No', status: 'error' },
  { httpStatus: 'ACCEPTED', result: 'No', status: 'ERROR' },
])('%j under HTTP 200 is an error', async (body) => {
  const mockApi = (await startTwoExecutions()).inject(response(200, body));
  const run = await runStep(mockApi, { 'execution-id': 'first' });
  expect(expectFailure(run)).toContain(`Could not stop ${TARGET}: No (HTTP 200)`);
});

test('a host that is too old for it is named, and the task is not stopped instead', async () => {
  const mockApi = await startTwoExecutions({ oldHost: true });
  const run = await runStep(mockApi, {
    'execution-id': 'first',
    region: 'ap-southeast-3',
    'if-not-running': 'succeed',
  });
  const annotation = expectFailure(run);
  expect(annotation).toContain('The API does not exist (APIGW.0101, HTTP 404');
  expect(annotation).toContain('set endpoint: codearts-check.ap-southeast-3.myhuaweicloud.com.');
  expect(stopRequested(mockApi)).toEqual({ first: false, second: false });
});

test('APIGW.0101 to a stop of the whole task does not name the newer host', async () => {
  const mockApi = (await startTwoExecutions()).inject(
    response(404, { error_code: 'APIGW.0101', error_msg: 'The API does not exist' }),
  );
  const annotation = expectFailure(await runStep(mockApi));
  expect(annotation).toContain('Check region and endpoint');
  expect(annotation).not.toContain('codearts-check.');
});

test('in a region with an old host, the newer one is used if an execution is named', async () => {
  const host = 'codearts-check.la-north-2.myhuaweicloud.com';
  const certificates = await issueCertificate(host);
  const mockApi = await startTwoExecutions({ tls: certificates.tls });
  const proxy = closeAfterTests(await ConnectProxy.start({ target: mockApi.port }));
  const inputs = { endpoint: '', region: 'la-north-2', retries: '0' };
  const options = { proxy: proxy.url(), extraCaCerts: certificates.authorityFile };
  const named = await runStep(mockApi, { ...inputs, 'execution-id': 'first' }, options);
  expect(named.exitCode).toBe(0);
  await runStep(mockApi, inputs, options);
  expect(proxy.targets).toEqual([`${host}:443`, 'devcloud.la-north-2.myhuaweicloud.com:443']);
});

test('if-not-running: succeed does not take a status of null for the end of an execution', async () => {
  const mockApi = await startTwoExecutions();
  mockApi.inject(response(400, { error_code: 'CC.1.400', error_msg: 'No' }), { path: '/stop' });
  mockApi.inject(response(200, { task_status: null }), { path: '/progress' });
  const run = await runStep(mockApi, { 'execution-id': 'first', 'if-not-running': 'succeed' });
  expect(expectFailure(run)).toContain(`Could not stop ${TARGET}: No (CC.1.400, HTTP 400)`);
});

test.each([1, 2, 3])('an execution whose status is %j was not running', async (status) => {
  const executions = { first: { status }, second: {} };
  const mockApi = await startMockApi({ scans: { 'scan-1': { executions } } });
  const run = await runStep(mockApi, { 'execution-id': 'first', 'if-not-running': 'succeed' });
  expect([run.exitCode, run.outputs['outcome']]).toEqual([0, 'not-running']);
  expect(mockApi.requests.map(({ path }) => path)).toEqual([
    PATH,
    '/v2/tasks/scan-1/progress?job_id=first',
  ]);
  expect(stopRequested(mockApi)).toEqual({ first: false, second: false });
});

test('in no outcome is the whole task stopped', async () => {
  const error = (status: number, code: string) =>
    response(status, { error_code: code, error_msg: 'No' });
  const faults: readonly (readonly [
    string,
    Fault | undefined,
    Readonly<Record<string, string>>,
  ])[] = [
    ['success', undefined, {}],
    ['an expired token', undefined, { token: EXPIRED_TOKEN }],
    ['HTTP 400', error(400, 'CC.1.400'), { 'if-not-running': 'succeed' }],
    ['HTTP 403', error(403, 'PAP5.0001'), { 'if-not-running': 'succeed' }],
    ['HTTP 404', error(404, 'APIGW.0101'), { 'if-not-running': 'succeed' }],
    ['HTTP 405', response(405), {}],
    ['HTTP 429', { kind: 'response', status: 429 }, { 'timeout-seconds': '2' }],
    ['HTTP 500', error(500, ''), {}],
    ['HTTP 501', response(501), {}],
    ['HTTP 504', response(504, '<html>'), {}],
    ['a code of a busy API', error(200, 'CC.00050012'), {}],
    ['a redirect', { kind: 'redirect', location: '/v2/tasks/scan-1/stop' }, {}],
    ['a web page', response(200, '<html>'), {}],
    ['status: error', response(200, { status: 'error' }), { 'if-not-running': 'succeed' }],
    ['101', { kind: 'switching-protocols' }, {}],
    ['a reset', { kind: 'reset-before-headers' }, {}],
    ['half a response', { kind: 'cut-short' }, {}],
    ['a response without its end', { kind: 'reset-unframed', body: '{}' }, {}],
    ['silence', { kind: 'silence' }, { 'timeout-seconds': '2' }],
    ['headers that are too long', { kind: 'large-headers' }, {}],
  ];
  await Promise.all(
    faults.map(async ([name, fault, inputs]) => {
      const mockApi = await startTwoExecutions();
      if (fault !== undefined) mockApi.inject(fault, { path: '/stop' });
      const run = await runStep(mockApi, { 'execution-id': 'first', retries: '1', ...inputs });
      expect([name, run.exitCode]).toEqual([name, name === 'success' ? 0 : 1]);
      expect([name, mockApi.requestsTo('/stop').length > 0]).toEqual([name, true]);
      const others = mockApi.stopRequests.filter(({ executionId }) => executionId !== 'first');
      expect([name, others]).toEqual([name, []]);
      const paths = new Set(mockApi.requestsTo('/stop').map((one) => `${one.method} ${one.path}`));
      expect([name, paths]).toEqual([name, new Set([`PUT ${PATH}`])]);
    }),
  );
});

test('an annotation, a warning and a summary name the execution', async () => {
  const mockApi = await startTwoExecutions();
  const denial = response(403, { error_code: 'PAP5.0001', error_msg: 'Access denied' });
  mockApi.inject(denial, { path: '/progress', times: 1 });
  const run = await runStep(mockApi, { 'execution-id': 'first', wait: 'true' });
  expect(run.exitCode).toBe(0);
  expect(run.commands('warning')[0]).toContain(`the status of ${TARGET} could not be read`);
  expect(run.summary).toContain(`<h3>Stop requested for ${TARGET}</h3>`);
});
