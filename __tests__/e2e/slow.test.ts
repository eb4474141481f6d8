// Scenarios that take more than some seconds: they run at the same time.
import { expect, test } from '@jest/globals';
import type { MockApiOptions } from '../../mock-api/mock-api.ts';
import { expectFailure, resultsOf, runStep, startMockApi } from '../support/with-mock-api.ts';

const TIMEOUT_MS = 120_000;
const MAY_HAVE_HAPPENED = 'The stop may have happened: check the task in CodeArts Check.';

const taskIds = (count: number) => Array.from({ length: count }, (_, index) => `t${index + 1}`);
const running = (ids: readonly string[]) => Object.fromEntries(ids.map((id) => [id, {}]));

/** Stops many tasks at an API that is limited, and expects that all of them are stopped. */
async function stopAll(count: number, options: MockApiOptions, timeoutSeconds: string) {
  const ids = taskIds(count);
  const mockApi = await startMockApi({ scans: running(ids), ...options });
  const inputs = { 'task-id': ids.join(), 'timeout-seconds': timeoutSeconds, retries: '0' };
  const run = await runStep(mockApi, inputs);
  expect(resultsOf(run).filter(({ outcome }) => outcome !== 'stop-requested')).toEqual([]);
  expect(run.exitCode).toBe(0);
  expect(ids.filter((id) => mockApi.scans.get(id)?.status !== 3)).toEqual([]);
  expect(mockApi.throttled).toBeGreaterThan(0);
  expect(mockApi.maxOpen).toBeLessThanOrEqual(16);
  return { mockApi, run };
}

// This takes 20 s at best. The step is given 30, so that it fails if it is too slow.
test.concurrent(
  '100 tasks are all stopped within 30 s by an API that admits 5 requests a second and sends no Retry-After',
  async () => {
    const throttle = { ratePerSecond: 5, burst: 5 };
    const { mockApi, run } = await stopAll(100, { throttle }, '30');
    // It reacts once to each burst: the API is not asked much more often than it admits.
    expect(mockApi.throttled).toBeLessThan(100);
    expect(run.visible).toMatch(/HTTP 429 in \d+ ms; APIGW\.0308 .*; attempt \d+ in [\d.]+ m?s/);
  },
  TIMEOUT_MS,
);

test.concurrent(
  '60 tasks are all stopped by nginx that admits 20 requests a second (limit_req)',
  async () => {
    await stopAll(
      60,
      { throttle: { ratePerSecond: 20, burst: 10, status: 429, page: true } },
      '20',
    );
  },
  TIMEOUT_MS,
);

test.concurrent(
  '60 tasks are all stopped by nginx that serves 4 requests at once (limit_conn)',
  async () => {
    await stopAll(60, { concurrencyLimit: { max: 4, status: 429 }, latencyMs: 50 }, '30');
  },
  TIMEOUT_MS,
);

test.concurrent(
  'an attempt ends after 20 s and gives up its connection: with its retry, at most 16 are open',
  async () => {
    const ids = taskIds(40);
    const mockApi = await startMockApi({ scans: running(ids), latencyMs: 1_000 });
    mockApi.inject({ kind: 'silence' }, { after: 1, times: 16 });
    // Half a second after others took the places of those that were given up: the server may notice
    // the end of a connection after the beginning of the next.
    let open = 0;
    const poll = setInterval(() => {
      if (mockApi.requests.length <= 17) return;
      clearInterval(poll);
      setTimeout(() => {
        open = mockApi.open;
      }, 500);
    }, 50);
    const run = await runStep(mockApi, { 'task-id': ids.join() });
    expect(resultsOf(run).filter(({ outcome }) => outcome !== 'stop-requested')).toEqual([]);
    expect(run.exitCode).toBe(0);
    expect(run.visible.match(/did not respond within 20 s; attempt 2 in/g)).toHaveLength(16);
    expect(mockApi.requests).toHaveLength(56);
    expect(open).toBeGreaterThan(0);
    expect(open).toBeLessThanOrEqual(16);
  },
  TIMEOUT_MS,
);

test.concurrent(
  'a host that never responds is named after 20 s, long before the deadline',
  async () => {
    const mockApi = (await startMockApi()).inject({ kind: 'silence' });
    const run = await runStep(mockApi, { retries: '0', 'timeout-seconds': '600' });
    const annotation = expectFailure(run);
    expect(annotation).toContain(
      `Stop of scan scan-1 not confirmed: The host 127.0.0.1:${mockApi.port} did not respond within 20 s`,
    );
    expect(annotation).toContain(MAY_HAVE_HAPPENED);
  },
  TIMEOUT_MS,
);

const nullStatus = { kind: 'response', status: 200, body: '{"task_status":null}' } as const;

test.concurrent('a status that is still null after 5 s means that nothing is running', async () => {
  const mockApi = (await startMockApi()).inject(nullStatus, { path: '/progress' });
  const run = await runStep(mockApi, { wait: 'true' });
  expect(run.exitCode).toBe(0);
  expect(run.outputs['outcome']).toBe('not-running');
  const times = mockApi.arrivals.filter(({ path }) => path.endsWith('/progress'));
  expect((times.at(-1)?.atMs ?? 0) - (times[0]?.atMs ?? 0)).toBeGreaterThan(4_900);
});

test.concurrent('for a named execution, null never counts', async () => {
  const scans = { 'scan-1': { executions: { first: {} } } };
  const mockApi = (await startMockApi({ scans })).inject(nullStatus, { path: '/progress' });
  const inputs = { 'execution-id': 'first', wait: 'true', 'timeout-seconds': '8' };
  const run = await runStep(mockApi, inputs);
  expect(expectFailure(run)).toContain(
    'Stop of scan scan-1 (execution first) not confirmed: The API accepted the stop request, but the service had no status after 8 s',
  );
});
