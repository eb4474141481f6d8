import { expect, test } from '@jest/globals';
import type { Fault } from '../../mock-api/faults.ts';
import type { MockApi } from '../../mock-api/mock-api.ts';
import {
  EXPIRED_TOKEN,
  expectFailure,
  resultsOf,
  runStep,
  startMockApi,
} from '../support/with-mock-api.ts';

const NOT_CONFIRMED =
  'Stop of scan scan-1 not confirmed: The API accepted the stop request, but its status could not be read: ';

const response = (status: number, body: unknown = ''): Fault => ({
  kind: 'response',
  status,
  body: typeof body === 'string' ? body : JSON.stringify(body),
});
const status = (task_status: unknown): Fault => response(200, { task_status });
const error = (code: string, message: string) => ({ error_code: code, error_msg: message });

/** A mock API whose scan takes longer to stop than any step waits for it. */
function startSlowApi(taskIds: readonly string[] = ['scan-1']): Promise<MockApi> {
  const scans = taskIds.map((id) => [id, { stopsAfterMs: 600_000 }] as const);
  return startMockApi({ scans: Object.fromEntries(scans) });
}

test('a scan that takes a while to stop is waited for', async () => {
  const mockApi = await startMockApi({ scans: { 'scan-1': { stopsAfterMs: 800 } } });
  const run = await runStep(mockApi, { wait: 'true' });
  expect(run.exitCode).toBe(0);
  expect(run.outputs).toMatchObject({ outcome: 'stopped', 'error-message': '' });
  expect(mockApi.requestsTo('/progress').length).toBeGreaterThan(1);
  expect(mockApi.requestsTo('/progress')[0]?.path).toBe('/v2/tasks/scan-1/progress');
  expect(run.lines.join('\n')).toMatch(/^Still running, \d+%$/m);
  expect(run.lines.join('\n')).toMatch(/^Scan scan-1 stopped, after /m);
});

test.each([1, 2])('a scan that has task_status %j after the stop was not running', async (end) => {
  const mockApi = await startMockApi();
  mockApi.inject(response(200, { task_status: end, progress: { ratio: null, info: null } }), {
    path: '/progress',
  });
  const run = await runStep(mockApi, { wait: 'true' });
  expect(run.exitCode).toBe(0);
  expect(run.outputs).toMatchObject({ outcome: 'not-running', 'status-code': '200' });
  expect(run.lines.at(-1)).toMatch(/^Scan scan-1 was not running; nothing to stop, after /);
});

test('a status that is null for a moment is read again', async () => {
  const mockApi = await startMockApi();
  mockApi.inject(status(null), { path: '/progress', times: 2 });
  const run = await runStep(mockApi, { wait: 'true' });
  expect(run.exitCode).toBe(0);
  expect(run.outputs['outcome']).toBe('stopped');
  expect(mockApi.requestsTo('/progress')).toHaveLength(3);
});

test('a status that is still null at the deadline is no success', async () => {
  const mockApi = (await startMockApi()).inject(status(null), { path: '/progress' });
  const run = await runStep(mockApi, { wait: 'true', 'timeout-seconds': '2' });
  expect(expectFailure(run)).toContain(
    'The API accepted the stop request, but the service had no status after 2 s (timeout-seconds)',
  );
});

test('a scan that is still running at the deadline fails the step', async () => {
  const mockApi = await startSlowApi();
  const run = await runStep(mockApi, { wait: 'true', 'timeout-seconds': '2' });
  const annotation = expectFailure(run);
  expect(annotation.split('\n')).toEqual([
    'Stop of scan scan-1 not confirmed: The API accepted the stop request, but the scan was still running after 2 s (timeout-seconds)',
    'Look at the task in CodeArts Check. If scans take longer to stop, increase timeout-seconds.',
  ]);
  expect(run.outputs).toMatchObject({
    'status-code': '200',
    'error-code': '',
    'request-id': expect.stringMatching(/^[0-9a-f]{32}$/),
  });
  expect(run.durationMs).toBeLessThan(10_000);
});

test('no status that was never seen before is a success', async () => {
  const bodies = [
    '{"task_status":7}',
    '{"task_status":"3"}',
    '{"task_status":{"a":3}}',
    '{}',
    '[]',
  ];
  await Promise.all(
    [...bodies, 'null', ''].map(async (body) => {
      const mockApi = (await startMockApi()).inject(response(200, body), { path: '/progress' });
      const run = await runStep(mockApi, { wait: 'true', 'timeout-seconds': '2' });
      expect([body, expectFailure(run)]).toEqual([
        body,
        expect.stringMatching(/but the scan had the unknown status \S+ after 2 s/),
      ]);
    }),
  );
});

const ODD: readonly (readonly [string, Fault, string])[] = [
  ['a web page', response(200, '<html><title>Log in</title></html>'), "the web page 'Log in'"],
  ['a redirect', { kind: 'redirect', location: 'https://example.com/login' }, 'a redirect'],
  ['HTTP 400', response(400, error('CC.00000001.400', 'Bad parameter')), 'Bad parameter'],
  ['HTTP 403', response(403, error('PAP5.0001', 'Access denied')), 'Access denied'],
  [
    'no permission under HTTP 200',
    response(200, error('CC.00050010', 'Not allowed')),
    'Not allowed',
  ],
  ['HTTP 404', response(404, error('APIGW.0101', 'No such API')), 'No such API'],
  ['HTTP 408', response(408), 'The API gave no reason'],
  ['HTTP 501', response(501), 'The API gave no reason'],
  ['HTTP 520', response(520, '<html>'), 'The host responded with a web page'],
  ['a reset', { kind: 'reset-before-headers' }, 'reset the connection'],
  [
    'a status without a length that is reset',
    { kind: 'reset-unframed', body: '{"task_status":3}' },
    'cut short',
  ],
  ['a status cut short', { kind: 'cut-short', body: '{"task_status":3}' }, 'cut short'],
];

test('after two readings of a running scan, no odd response is a success: each is read again until the deadline', async () => {
  await Promise.all(
    ODD.map(async ([name, fault, words]) => {
      const mockApi = await startSlowApi();
      mockApi.inject(fault, { path: '/progress', after: 2 });
      const run = await runStep(mockApi, { wait: 'true', 'timeout-seconds': '5', retries: '0' });
      const annotation = expectFailure(run);
      const [first = ''] = annotation.split('\n');
      expect([name, first]).toEqual([name, expect.stringContaining(NOT_CONFIRMED)]);
      expect([name, first]).toEqual([name, expect.stringContaining(words)]);
      expect([name, run.outputs]).toEqual([
        name,
        expect.objectContaining({
          'status-code': '200',
          'error-code': '',
          'error-message': expect.stringContaining('The API accepted the stop request, but '),
          'request-id': expect.stringMatching(/^[0-9a-f]{32}$/),
        }),
      ]);
      expect([name, run.commands('warning')]).toEqual([name, []]);
      expect(mockApi.requestsTo('/stop')).toHaveLength(1);
      expect([name, mockApi.requestsTo('/progress').length > 3]).toEqual([name, true]);
    }),
  );
});

test('a scan that is stopped while one reading fails is stopped', async () => {
  await Promise.all(
    ODD.map(async ([name, fault]) => {
      const mockApi = await startMockApi({ scans: { 'scan-1': { stopsAfterMs: 300 } } });
      mockApi.inject(fault, { path: '/progress', after: 1, times: 1 });
      const run = await runStep(mockApi, { wait: 'true', retries: '0' });
      expect([name, run.exitCode, run.outputs['outcome']]).toEqual([name, 0, 'stopped']);
      expect([name, run.commands('error'), run.commands('warning')]).toEqual([name, [], []]);
    }),
  );
});

test('an odd first response that is no denial is read again', async () => {
  const odd: readonly (readonly [string, Fault])[] = [
    ['a web page', response(200, '<html>')],
    ['HTTP 400', response(400, error('CC.00000001.400', 'Bad parameter'))],
    ['HTTP 404', response(404)],
    ['HTTP 501', response(501)],
  ];
  await Promise.all(
    odd.map(async ([name, fault]) => {
      const mockApi = (await startMockApi()).inject(fault, { path: '/progress', times: 1 });
      const once = await runStep(mockApi, { wait: 'true', retries: '0' });
      expect([name, once.outputs['outcome']]).toEqual([name, 'stopped']);

      const always = (await startMockApi()).inject(fault, { path: '/progress' });
      const run = await runStep(always, { wait: 'true', 'timeout-seconds': '2' });
      expect([name, expectFailure(run)]).toEqual([name, expect.stringContaining(NOT_CONFIRMED)]);
    }),
  );
});

test('a 401 after a good reading fails at once, and is not read again', async () => {
  const mockApi = await startSlowApi();
  mockApi.inject(response(401, error('CC.00000003', 'Authentication information expired.')), {
    path: '/progress',
    after: 2,
  });
  const run = await runStep(mockApi, { wait: 'true', 'timeout-seconds': '600' });
  const annotation = expectFailure(run);
  expect(annotation).toContain(`${NOT_CONFIRMED}Authentication information expired.`);
  expect(annotation).toContain('A token is valid for 24 hours');
  expect(mockApi.requestsTo('/progress')).toHaveLength(3);
  expect(run.outputs).toMatchObject({
    'status-code': '200',
    'request-id': expect.stringMatching(/^[0-9a-f]{32}$/),
  });
});

test('of three tasks, a 401 after good readings fails all that are still being read', async () => {
  const scans = { a: {}, b: { stopsAfterMs: 600_000 }, c: { stopsAfterMs: 600_000 } };
  const mockApi = await startMockApi({ scans });
  const denial = response(401, error('CC.00000003', 'Authentication information expired.'));
  mockApi.inject(denial, { path: '/b/progress', after: 2 });
  const inputs = { 'task-id': 'a b c', wait: 'true', 'timeout-seconds': '600' };
  const run = await runStep(mockApi, inputs);
  const annotation = expectFailure(run);
  expect(annotation).toMatch(/^[^\n]*2 [^\n]*not confirmed; 1 stopped\n/);
  expect(resultsOf(run)).toMatchObject([
    { 'task-id': 'a', outcome: 'stopped', 'status-code': 200 },
    { 'task-id': 'b', outcome: 'failed', 'status-code': 200 },
    { 'task-id': 'c', outcome: 'failed', 'status-code': 200 },
  ]);
  for (const id of ['b', 'c']) {
    expect(annotation).toMatch(
      new RegExp(
        `^${id}: The API accepted the stop request, but its status could not be read: `,
        'm',
      ),
    );
  }
  expect(mockApi.requests.filter(({ path }) => path.includes('/b/progress'))).toHaveLength(3);
});

test.each<[string, Fault, string, string]>([
  [
    'HTTP 403',
    response(403, error('PAP5.0001', 'Access denied')),
    'Access denied (PAP5.0001, HTTP 403',
    'codeartscheck:task:get',
  ],
  [
    'a denial under another status',
    response(404, error('PAP5.0001', 'Access denied')),
    'Access denied (PAP5.0001, HTTP 404',
    'codeartscheck:task:get',
  ],
  [
    'a permission code under HTTP 200',
    response(200, error('CC.00050010', 'No permission')),
    'No permission (CC.00050010, HTTP 200',
    'codeartscheck:task:get',
  ],
  [
    'a user in no project',
    response(200, error('CC.00050011', 'Not in any project')),
    'Not in any project (CC.00050011, HTTP 200',
    'Add the user to the CodeArts project',
  ],
  [
    'a missing project role',
    response(400, error('CC.00050006', 'failed, service_error_code is: CC.00070403.403')),
    'CC.00050006, HTTP 400',
    'a CodeArts project role',
  ],
  [
    'a host that does not know the call',
    response(404, error('APIGW.0101', 'The API does not exist')),
    'The API does not exist (APIGW.0101, HTTP 404',
    'Check region and endpoint',
  ],
  [
    'a rejected credential',
    response(401, error('CC.00000003', 'Authentication information expired.')),
    'Authentication information expired. (CC.00000003, HTTP 401',
    'A token is valid for 24 hours',
  ],
])(
  'a first reading that is denied by %s is a warning that says what is missing',
  async (_name, fault, message, advice) => {
    const mockApi = (await startMockApi()).inject(fault, { path: '/progress' });
    const run = await runStep(mockApi, { wait: 'true' });
    expect(run.exitCode).toBe(0);
    expect(run.outputs).toMatchObject({
      outcome: 'stop-requested',
      'status-code': '200',
      'error-code': '',
      'error-message': '',
    });
    const [warning = '', ...others] = run.commands('warning');
    expect(others).toEqual([]);
    expect(warning).toContain(
      `The API accepted the stop request, but the status of scan scan-1 could not be read: `,
    );
    expect(warning).toContain(message);
    expect(warning).toContain(advice);
    expect(warning).not.toContain('codeartscheck:task:execute');
    expect(mockApi.requestsTo('/progress')).toHaveLength(1);
  },
);

test('a credential that is rejected at the first reading ends the reading for all tasks, with one warning', async () => {
  const ids = ['a', 'b', 'c'];
  const mockApi = await startSlowApi(ids);
  mockApi.inject(response(401, error('CC.00000003', 'Expired.')), { path: '/progress' });
  const inputs = { 'task-id': ids.join(), wait: 'true', 'timeout-seconds': '600' };
  const run = await runStep(mockApi, inputs);
  expect(run.exitCode).toBe(0);
  expect(mockApi.requestsTo('/stop')).toHaveLength(3);
  // Those that were under way when the first was rejected.
  expect(mockApi.requestsTo('/progress').length).toBeLessThanOrEqual(3);
  expect(run.commands('warning')).toHaveLength(1);
  expect(new Set(resultsOf(run).map(({ outcome }) => outcome))).toEqual(
    new Set(['stop-requested']),
  );
});

test('a denial of one task says nothing of another', async () => {
  const mockApi = await startMockApi({ scans: { a: { stopsAfterMs: 300 }, b: {} } });
  mockApi.inject(response(403, error('PAP5.0001', 'Access denied')), { path: '/b/progress' });
  const run = await runStep(mockApi, { 'task-id': 'a b', wait: 'true' });
  expect(run.exitCode).toBe(0);
  expect(resultsOf(run)).toMatchObject([
    { 'task-id': 'a', outcome: 'stopped' },
    { 'task-id': 'b', outcome: 'stop-requested' },
  ]);
  expect(run.commands('warning')[0]).toContain('the status of scan b could not be read');
});

test.each<[string, Fault]>([
  ['a reset', { kind: 'reset-before-headers' }],
  ['a 503', response(503)],
  [
    'a response without a length that is reset',
    { kind: 'reset-unframed', body: '{"task_status":3}' },
  ],
])('%s at the first readings is no failure, even without retries', async (_name, fault) => {
  const mockApi = (await startMockApi()).inject(fault, { path: '/progress', times: 2 });
  const run = await runStep(mockApi, { wait: 'true', retries: '0' });
  expect(run.exitCode).toBe(0);
  expect(run.outputs['outcome']).toBe('stopped');
});

test('for several tasks, the log has a line for each stop as soon as it is accepted', async () => {
  const mockApi = await startSlowApi(['a', 'b', 'c']);
  const lines: string[] = [];
  const run = await runStep(
    mockApi,
    { 'task-id': 'a b c', wait: 'true', 'timeout-seconds': '2' },
    { onLine: (line) => lines.push(line) },
  );
  expectFailure(run);
  const before = lines.slice(
    0,
    lines.findIndex((line) => line.startsWith('::group::')),
  );
  for (const id of ['a', 'b', 'c']) expect(before).toContain(`Stop requested for scan ${id}`);
});

test('if-not-running: succeed makes the rejected stop of an ended scan no failure', async () => {
  const mockApi = await startMockApi({ scans: { 'scan-1': { status: 2 } } });
  const run = await runStep(mockApi, { 'if-not-running': 'succeed' });
  expect(run.exitCode).toBe(0);
  expect(run.outputs).toMatchObject({ outcome: 'not-running', 'status-code': '400' });
  expect(mockApi.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
    'POST /v2/tasks/scan-1/stop',
    'GET /v2/tasks/scan-1/progress',
  ]);
  expect(run.commands('error')).toEqual([]);

  const strict = await runStep(mockApi, { 'if-not-running': 'fail' });
  expect(expectFailure(strict)).toContain('set if-not-running: succeed');
});

test.each([1, 2, 3, null])(
  'if-not-running: succeed accepts a status of %j after the rejection',
  async (end) => {
    const mockApi = await startMockApi({ scans: { 'scan-1': { status: end } } });
    const run = await runStep(mockApi, { 'if-not-running': 'succeed' });
    expect([run.exitCode, run.outputs['outcome']]).toEqual([0, 'not-running']);
  },
);

const REJECTED = response(400, error('CC.1.400', 'No'));

test.each<[string, Fault, Fault | undefined, string]>([
  ['a 403', response(403, error('APIGW.0302', 'No')), undefined, '403'],
  ['a denial under HTTP 200', response(200, error('CC.00050010', 'No')), undefined, '200'],
  ['a scan that is still running', REJECTED, status(0), '400'],
  ['an unknown status', REJECTED, status(9), '400'],
  ['a status that may not be read', REJECTED, response(403), '400'],
  ['a status that is a web page', REJECTED, response(200, '<html>'), '400'],
])('if-not-running: succeed does not hide %s', async (_name, stop, progress, statusCode) => {
  const mockApi = await startMockApi({ scans: { 'scan-1': { status: 2 } } });
  mockApi.inject(stop, { path: '/stop' });
  if (progress !== undefined) mockApi.inject(progress, { path: '/progress' });
  const run = await runStep(mockApi, { 'if-not-running': 'succeed', wait: 'true' });
  expect(expectFailure(run)).toMatch(/^Could not stop scan scan-1: No \(/);
  expect(run.outputs).toMatchObject({ 'status-code': statusCode, 'error-message': 'No' });
});

test('if-not-running: succeed does not hide what is transient', async () => {
  const mockApi = await startMockApi({ scans: { 'scan-1': { status: 2 } } });
  mockApi.inject(response(503), { path: '/stop' });
  expectFailure(await runStep(mockApi, { 'if-not-running': 'succeed', retries: '0' }));
  expect(mockApi.requestsTo('/progress')).toEqual([]);
});

test('if-not-running: succeed does not hide a 401', async () => {
  const mockApi = await startMockApi({ scans: { 'scan-1': { status: 2 } } });
  const inputs = { token: EXPIRED_TOKEN, 'if-not-running': 'succeed', wait: 'true' };
  expectFailure(await runStep(mockApi, inputs));
  expect(mockApi.requests).toHaveLength(1);
});
