import { expect, test } from '@jest/globals';
import {
  EXPIRED_TOKEN,
  expectFailure,
  resultsOf,
  runStep,
  startMockApi,
} from '../support/with-mock-api.ts';

const ids = (count: number) => Array.from({ length: count }, (_, index) => `task-${index + 1}`);
const running = (taskIds: readonly string[]) => Object.fromEntries(taskIds.map((id) => [id, {}]));

test('one of three is rejected: the others are stopped, and the step fails and says which and why', async () => {
  const mockApi = await startMockApi({ scans: { a: {}, b: { status: 2 }, c: {} } });
  const run = await runStep(mockApi, { 'task-id': 'a, b\nc,a', wait: 'true' });
  const annotation = expectFailure(run);
  expect(mockApi.scans.get('a')?.status).toBe(3);
  expect(mockApi.scans.get('c')?.status).toBe(3);
  expect(mockApi.requestsTo('/stop').map(({ path }) => path)[0]).toBe('/v2/tasks/a/stop');
  expect(mockApi.requestsTo('/stop')).toHaveLength(3);

  expect(resultsOf(run)).toMatchObject([
    { 'task-id': 'a', outcome: 'stopped', 'status-code': 200, 'error-code': '' },
    {
      'task-id': 'b',
      outcome: 'failed',
      'status-code': 400,
      'error-code': 'CC.MOCKAPI0.400',
      'error-message': 'The task is not being checked.',
    },
    { 'task-id': 'c', outcome: 'stopped', 'status-code': 200, 'error-code': '' },
  ]);
  expect(run.outputs).toMatchObject({ outcome: 'failed', 'error-code': 'CC.MOCKAPI0.400' });
  expect(annotation).toContain('Could not stop 1 of 3 scans; 2 stopped');
  expect(annotation).toMatch(
    /\bb: The task is not being checked\. \(CC\.MOCKAPI0\.400, HTTP 400, request ID \w+\)\nCheck task-id/,
  );
  expect(run.summary).toContain('<h3>Could not stop 1 of 3 scans; 2 stopped</h3>');
  expect(run.summary.indexOf('</table>')).toBeLessThan(run.summary.indexOf('What to do'));
  expect(run.summary.match(/<th>/g)).toHaveLength(4);
});

test('if none can be stopped, the annotation says so', async () => {
  const mockApi = await startMockApi({ scans: { a: { status: 2 }, b: { status: 2 }, c: {} } });
  mockApi.inject({ kind: 'response', status: 403 }, { path: '/c/' });
  const run = await runStep(mockApi, { 'task-id': 'a b c' });
  expect(expectFailure(run)).toMatch(/^Could not stop any of the 3 scans\na: .*\nb: .*\nc: .*\n/);
});

test('each of several tasks has a group of its own in the log, printed whole', async () => {
  const taskIds = ids(20);
  const mockApi = await startMockApi({ scans: running(taskIds), latencyMs: 5 });
  const run = await runStep(mockApi, { 'task-id': taskIds.join(' ') });
  const groups = run.lines.join('\n').match(/^::group::.*\n(?:(?!::).*\n)+::endgroup::$/gm) ?? [];
  expect(groups).toHaveLength(20);
  for (const group of groups) {
    const [, id] = /::group::Stop requested for scan ([^ ,]+)/.exec(group) ?? [];
    expect(group.split('\n').slice(1, -1)).toEqual([
      expect.stringContaining(`/v2/tasks/${id}/stop → HTTP 200`),
    ]);
  }
});

test('a rejected credential ends the step after one request, and every task is reported', async () => {
  const taskIds = ids(40);
  const mockApi = await startMockApi({ scans: running(taskIds) });
  const run = await runStep(mockApi, {
    'task-id': taskIds.join(),
    token: EXPIRED_TOKEN,
    'if-not-running': 'succeed',
    wait: 'true',
  });
  const annotation = expectFailure(run);
  expect(mockApi.requests).toHaveLength(1);
  const results = resultsOf(run);
  expect(results.map((result) => result['task-id'])).toEqual(taskIds);
  expect(new Set(results.map((result) => result['error-code']))).toEqual(new Set(['CC.00000003']));
  expect(new Set(results.map((result) => result['outcome']))).toEqual(new Set(['failed']));
  expect(results.map((result) => result['status-code'])).toEqual([401, ...Array(39).fill(null)]);
  const lines = annotation.split('\n');
  expect(lines[0]).toBe('Could not stop any of the 40 scans');
  expect(lines).toHaveLength(1 + 10 + 1 + 1);
  expect(lines[11]).toBe('and 30 more');
  expect(lines[12]).toContain('A token is valid for 24 hours');
});

test('a first task that keeps failing does not hold back the others', async () => {
  const taskIds = ids(40);
  const mockApi = await startMockApi({ scans: running(taskIds) });
  const headers = { 'retry-after': '3' };
  mockApi.inject({ kind: 'response', status: 503, headers }, { path: '/task-1/' });
  const inputs = { 'task-id': taskIds.join(), 'timeout-seconds': '5' };
  const run = await runStep(mockApi, inputs);
  expect(expectFailure(run)).toContain('Could not stop 1 of 40 scans; 39 stop requested');
  expect(mockApi.requests.findLastIndex(({ path }) => path.includes('/task-1/'))).toBe(40);
});

test('100 tasks take at most 16 connections, which are kept alive', async () => {
  const taskIds = ids(100);
  const mockApi = await startMockApi({ scans: running(taskIds), latencyMs: 20 });
  const run = await runStep(mockApi, { 'task-id': taskIds.join('\n'), wait: 'true' });
  expect(run.exitCode).toBe(0);
  expect(mockApi.connections).toBeLessThanOrEqual(16);
  expect(mockApi.maxOpen).toBeLessThanOrEqual(16);
  expect(mockApi.requests.length).toBeGreaterThanOrEqual(200);
});

test('the first task is sent alone', async () => {
  const taskIds = ids(10);
  const mockApi = await startMockApi({ scans: running(taskIds) });
  mockApi.inject({ kind: 'slow', beforeHeadersMs: 500 }, { path: '/task-1/' });
  const run = await runStep(mockApi, { 'task-id': taskIds.join() });
  expect(run.exitCode).toBe(0);
  const [first = 0, second = 0] = mockApi.arrivals.map(({ atMs }) => atMs);
  expect(second - first).toBeGreaterThan(450);
});

test('1000 tasks work, those that fail are counted, and the summary stays below the limit', async () => {
  const taskIds = ids(1000);
  const mockApi = await startMockApi({ scans: running(taskIds.slice(0, 500)) });
  const inputs = { 'task-id': taskIds.join(), 'timeout-seconds': '120' };
  const run = await runStep(mockApi, inputs);
  const annotation = expectFailure(run);
  expect(mockApi.requests).toHaveLength(1000);
  expect(resultsOf(run)).toHaveLength(1000);
  expect(annotation).toMatch(/^Could not stop 500 of 1000 scans; 500 stop requested\n/);
  expect(annotation).toContain('\nand 490 more\n');
  expect(run.summary.match(/<tr>/g)).toHaveLength(1000 + 2);
  expect(Buffer.byteLength(run.summary)).toBeLessThan(1024 * 1024);
});
