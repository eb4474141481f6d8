import { expect, test } from '@jest/globals';
import type { Fault } from '../../mock-api/faults.ts';
import { runBundle } from '../support/run-bundle.ts';
import { EXPIRED_TOKEN, startMockApi, TOKEN } from '../support/with-mock-api.ts';

const inputs = (endpoint: string) => ({
  'task-id': 'scan-1',
  token: TOKEN,
  endpoint,
  wait: 'true',
});

test('a scan that takes a while to stop is waited for', async () => {
  const mockApi = await startMockApi({ scans: { 'scan-1': { stopsAfterMs: 800 } } });
  const run = await runBundle(inputs(mockApi.endpoint));
  expect(run.exitCode).toBe(0);
  expect(run.outputs['outcome']).toBe('stopped');
  expect(mockApi.requestsTo('/progress').length).toBeGreaterThan(1);
  expect(run.lines.join('\n')).toMatch(/^Still being checked, \d+%$/m);
});

test.each([1, 2, null])(
  'a scan that has task_status %j after the stop was not running',
  async (status) => {
    const mockApi = await startMockApi();
    const body = JSON.stringify({ task_status: status, progress: { ratio: null, info: null } });
    mockApi.inject({ kind: 'response', status: 200, body }, { path: '/progress' });
    const run = await runBundle(inputs(mockApi.endpoint));
    expect(run.exitCode).toBe(0);
    expect(run.outputs).toMatchObject({ outcome: 'not-running', 'status-code': '200' });
  },
);

test('a scan that is still being checked at the deadline fails the step', async () => {
  const mockApi = await startMockApi({ scans: { 'scan-1': { stopsAfterMs: 60_000 } } });
  const run = await runBundle({ ...inputs(mockApi.endpoint), 'timeout-seconds': '2' });
  expect(run.exitCode).toBe(1);
  expect(run.outputs).toMatchObject({ outcome: 'failed', 'status-code': '200' });
  expect(run.commands('error')[0]).toContain('still being checked after 2 s');
  expect(run.durationMs).toBeLessThan(4_000);
});

test.each(['{"task_status":7}', '{"task_status":"3"}', '{}', '[]', 'null', ''])(
  'a status never seen before, %s, is not success',
  async (body) => {
    const mockApi = await startMockApi();
    mockApi.inject({ kind: 'response', status: 200, body }, { path: '/progress' });
    const run = await runBundle({ ...inputs(mockApi.endpoint), 'timeout-seconds': '1' });
    expect(run.exitCode).toBe(1);
    expect(run.outputs['outcome']).toBe('failed');
    expect(run.commands('error')[0]).toContain('unknown status');
  },
);

test.each([403, 404])(
  'a status that may not be read, HTTP %i, is a warning that names the permission',
  async (status) => {
    const mockApi = await startMockApi();
    const body = '{"error_code":"PAP5.0001","error_msg":"Access denied"}';
    mockApi.inject({ kind: 'response', status, body }, { path: '/progress' });
    const run = await runBundle(inputs(mockApi.endpoint));
    expect(run.exitCode).toBe(0);
    expect(run.outputs).toMatchObject({ outcome: 'stop-requested', 'error-message': '' });
    expect(run.commands('warning')).toEqual([
      expect.stringMatching(/Access denied \(PAP5\.0001, HTTP \d+.*codeartscheck:task:get/s),
    ]);
  },
);

test.each<[string, Fault]>([
  ['a reset', { kind: 'reset-before-headers' }],
  ['a 503', { kind: 'response', status: 503 }],
  ['a 429', { kind: 'response', status: 429, headers: { 'retry-after': '1' } }],
])('%s while it waits is a hiccup, without retries too', async (_name, fault) => {
  const mockApi = await startMockApi();
  mockApi.inject(fault, { path: '/progress', times: 2 });
  const run = await runBundle({ ...inputs(mockApi.endpoint), retries: '0' });
  expect(run.exitCode).toBe(0);
  expect(run.outputs['outcome']).toBe('stopped');
});

test('if-not-running: succeed makes the refused stop of an ended scan no failure', async () => {
  const mockApi = await startMockApi({ scans: { 'scan-1': { status: 2 } } });
  const step = { ...inputs(mockApi.endpoint), 'if-not-running': 'succeed' };
  const run = await runBundle(step);
  expect(run.exitCode).toBe(0);
  expect(run.outputs).toMatchObject({ outcome: 'not-running', 'status-code': '400' });
  expect(mockApi.requests).toHaveLength(2);
  expect(run.commands('error')).toEqual([]);

  const strict = await runBundle({ ...step, 'if-not-running': 'fail' });
  expect(strict.exitCode).toBe(1);
});

test.each<[string, Fault, Fault | undefined, string]>([
  [
    'a 403',
    { kind: 'response', status: 403, body: '{"error_code":"APIGW.0302","error_msg":"No"}' },
    undefined,
    '403',
  ],
  [
    'a scan still being checked',
    { kind: 'response', status: 400, body: '{"error_code":"CC.1.400","error_msg":"No"}' },
    { kind: 'response', status: 200, body: '{"task_status":0}' },
    '400',
  ],
  [
    'an unknown status',
    { kind: 'response', status: 400, body: '{"error_code":"CC.1.400","error_msg":"No"}' },
    { kind: 'response', status: 200, body: '{"task_status":9}' },
    '400',
  ],
  [
    'a status that may not be read',
    { kind: 'response', status: 400, body: '{"error_code":"CC.1.400","error_msg":"No"}' },
    { kind: 'response', status: 403 },
    '400',
  ],
])('if-not-running: succeed does not hide %s', async (_name, stop, progress, statusCode) => {
  const mockApi = await startMockApi({ scans: { 'scan-1': { status: 2 } } });
  mockApi.inject(stop, { path: '/stop' });
  if (progress !== undefined) mockApi.inject(progress, { path: '/progress' });
  const run = await runBundle({ ...inputs(mockApi.endpoint), 'if-not-running': 'succeed' });
  expect(run.exitCode).toBe(1);
  expect(run.outputs).toMatchObject({
    outcome: 'failed',
    'status-code': statusCode,
    'error-message': 'No',
  });
});

test('if-not-running: succeed does not hide a 401', async () => {
  const mockApi = await startMockApi({ scans: { 'scan-1': { status: 2 } } });
  const run = await runBundle({
    ...inputs(mockApi.endpoint),
    token: EXPIRED_TOKEN,
    'if-not-running': 'succeed',
  });
  expect(run.exitCode).toBe(1);
  expect(mockApi.requests).toHaveLength(1);
});
