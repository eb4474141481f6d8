import { expect, test } from '@jest/globals';
import { runBundle } from '../support/run-bundle.ts';
import { EXPIRED_TOKEN, startMockApi, TOKEN } from '../support/with-mock-api.ts';

const ids = (count: number) => Array.from({ length: count }, (_, index) => `task-${index + 1}`);
const running = (taskIds: readonly string[]) =>
  Object.fromEntries(taskIds.map((id) => [id, {}] as const));

test('one of three is refused: the others are stopped, and the step fails and says which and why', async () => {
  const mockApi = await startMockApi({ scans: { a: {}, b: { status: 2 }, c: {} } });
  const run = await runBundle({
    'task-id': 'a, b\nc,a',
    token: TOKEN,
    endpoint: mockApi.endpoint,
    wait: 'true',
  });
  expect(run.exitCode).toBe(1);
  expect(mockApi.scans.get('a')?.status).toBe(3);
  expect(mockApi.scans.get('c')?.status).toBe(3);
  expect(mockApi.requestsTo('/stop').map(({ path }) => path)[0]).toBe('/v2/tasks/a/stop');
  expect(mockApi.requestsTo('/stop')).toHaveLength(3);

  const results: unknown = JSON.parse(run.outputs['results'] ?? '');
  expect(results).toMatchObject([
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
  expect(run.commands('error')).toHaveLength(1);
  expect(run.commands('error')[0]).toMatch(
    /^2 of 3 scans stopped, 1 failed\nb: The task is not being checked\. \(CC\.MOCKAPI0\.400, HTTP 400, request ID \w+\)\nCheck task-id/,
  );
  expect(run.summary).toContain('<h3>2 of 3 scans stopped, 1 failed</h3>');
});

test('each of several tasks has a group of its own in the log, printed whole', async () => {
  const taskIds = ids(20);
  const mockApi = await startMockApi({ scans: running(taskIds), latencyMs: 5 });
  const run = await runBundle({
    'task-id': taskIds.join(' '),
    token: TOKEN,
    endpoint: mockApi.endpoint,
  });
  const groups = run.lines.join('\n').match(/^::group::.*\n(?:(?!::).*\n)+::endgroup::$/gm) ?? [];
  expect(groups).toHaveLength(20);
  for (const group of groups) {
    const [, id] = /::group::Scan (\S+) asked to stop/.exec(group) ?? [];
    expect(group.split('\n').slice(1, -1)).toEqual([
      expect.stringContaining(`/v2/tasks/${id}/stop → HTTP 200`),
    ]);
  }
});

test('a refused credential ends the step after one request, and every task is reported', async () => {
  const taskIds = ids(40);
  const mockApi = await startMockApi({ scans: running(taskIds) });
  const run = await runBundle({
    'task-id': taskIds.join(),
    token: EXPIRED_TOKEN,
    endpoint: mockApi.endpoint,
    'if-not-running': 'succeed',
    wait: 'true',
  });
  expect(run.exitCode).toBe(1);
  expect(mockApi.requests).toHaveLength(1);
  const results = JSON.parse(run.outputs['results'] ?? '') as Record<string, unknown>[];
  expect(results.map((result) => result['task-id'])).toEqual(taskIds);
  expect(new Set(results.map((result) => result['error-code']))).toEqual(new Set(['CC.00000003']));
  expect(new Set(results.map((result) => result['outcome']))).toEqual(new Set(['failed']));
  expect(results.map((result) => result['status-code'])).toEqual([401, ...Array(39).fill(null)]);
  const [annotation = ''] = run.commands('error');
  expect(annotation.split('\n')).toHaveLength(1 + 10 + 1 + 1);
  expect(annotation).toContain('\nand 30 more\n');
});

test('a first task that fails again and again does not hold back the others', async () => {
  const taskIds = ids(40);
  const mockApi = await startMockApi({ scans: running(taskIds) });
  mockApi.inject(
    { kind: 'response', status: 503, headers: { 'retry-after': '2' } },
    { path: '/task-1/' },
  );
  const run = await runBundle({
    'task-id': taskIds.join(),
    token: TOKEN,
    endpoint: mockApi.endpoint,
    'timeout-seconds': '3',
  });
  expect(run.exitCode).toBe(1);
  expect(run.commands('error')[0]).toMatch(/^39 of 40 scans asked to stop, 1 failed\n/);
  expect(mockApi.requests.findLastIndex(({ path }) => path.includes('/task-1/'))).toBe(40);
});

test('a 429 holds back every task', async () => {
  const taskIds = ids(10);
  const mockApi = await startMockApi({ scans: running(taskIds) });
  mockApi.inject(
    { kind: 'response', status: 429, headers: { 'retry-after': '1' } },
    { path: '/task-2/', times: 1 },
  );
  const run = await runBundle({
    'task-id': taskIds.join(),
    token: TOKEN,
    endpoint: mockApi.endpoint,
  });
  expect(run.exitCode).toBe(0);
  expect(mockApi.requests).toHaveLength(11);
  expect(run.durationMs).toBeGreaterThan(1_000);
});

test('a 429 that reaches past the deadline ends every task at once', async () => {
  const taskIds = ids(40);
  const mockApi = await startMockApi({ scans: running(taskIds), latencyMs: 20 });
  mockApi.inject({ kind: 'response', status: 429, headers: { 'retry-after': '300' } });
  const run = await runBundle({
    'task-id': taskIds.join(),
    token: TOKEN,
    endpoint: mockApi.endpoint,
  });
  expect(run.exitCode).toBe(1);
  expect(mockApi.requests).toHaveLength(1);
  expect(run.durationMs).toBeLessThan(5_000);
  expect(run.outputs['results']).toContain(
    'Not sent, because the API asks to wait past the deadline',
  );
});

test('100 tasks at 100 ms each take under 2 seconds, over at most 16 connections', async () => {
  const taskIds = ids(100);
  const mockApi = await startMockApi({ scans: running(taskIds), latencyMs: 100 });
  const run = await runBundle({
    'task-id': taskIds.join('\n'),
    token: TOKEN,
    endpoint: mockApi.endpoint,
  });
  expect(run.exitCode).toBe(0);
  expect(run.durationMs).toBeLessThan(2_000);
  expect(mockApi.connections).toBeLessThanOrEqual(16);
  expect(mockApi.requests).toHaveLength(100);
});

test('1000 tasks work, those that fail are named, and the summary stays below the limit', async () => {
  const taskIds = ids(1000);
  const mockApi = await startMockApi({ scans: running(taskIds.slice(0, 500)) });
  const run = await runBundle({
    'task-id': taskIds.join(),
    token: TOKEN,
    endpoint: mockApi.endpoint,
    'timeout-seconds': '120',
  });
  expect(run.exitCode).toBe(1);
  expect(mockApi.requests).toHaveLength(1000);
  expect(JSON.parse(run.outputs['results'] ?? '')).toHaveLength(1000);
  expect(run.commands('error')[0]).toMatch(/^500 of 1000 scans asked to stop, 500 failed\n/);
  expect(run.commands('error')[0]).toContain('\nand 490 more\n');
  expect(run.summary.match(/<tr>/g)).toHaveLength(1000 + 2);
  expect(Buffer.byteLength(run.summary)).toBeLessThan(1024 * 1024);
});
