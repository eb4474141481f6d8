import '../support/real-sockets.ts';
import { setTimeout } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import type { MockApi } from '../../mock-api/mock-api.ts';
import { startMockApi, TOKEN } from '../support/with-mock-api.ts';

/** Sends a request with a good token and, unless it is a GET, the body `{}`. */
async function call(api: MockApi, method: string, path: string, headers = {}) {
  const response = await fetch(api.endpoint + path, {
    method,
    headers: { 'x-auth-token': TOKEN, 'content-type': 'application/json', ...headers },
    ...(method === 'GET' ? {} : { body: '{}' }),
  });
  const text = await response.text();
  return { status: response.status, json: text === '' ? undefined : JSON.parse(text) };
}

async function statusOf(api: MockApi, task: string, execution?: string): Promise<unknown> {
  const query = execution === undefined ? '' : `?job_id=${execution}`;
  return (await call(api, 'GET', `/v2/tasks/${task}/progress${query}`)).json.task_status;
}

test('a run starts an execution, and a second run is rejected while it is running', async () => {
  const api = await startMockApi({ scans: { a: { status: null } } });
  expect(await statusOf(api, 'a')).toBeNull();
  const first = await call(api, 'POST', '/v2/tasks/a/run');
  expect(first.json.exec_id).toMatch(/^[0-9a-f]{32}$/);
  const second = await call(api, 'POST', '/v2/tasks/a/run');
  expect(second).toMatchObject({ status: 200, json: { error_code: 'CC.00050015' } });
  await call(api, 'POST', '/v2/tasks/a/stop');
  expect((await call(api, 'POST', '/v2/tasks/a/run')).json.exec_id).toBeDefined();
  expect(api.startedExecutions).toBe(2);
  expect(api.executionsOf('a')).toMatchObject([
    { id: first.json.exec_id, status: 3, stopRequested: true },
    { status: 0, stopRequested: false },
  ]);
});

test('a stop hits the latest execution, or exactly the one that it names', async () => {
  const api = await startMockApi({
    scans: { a: { concurrent: true, executions: { 'exec-1': {}, 'exec-2': {} } } },
  });
  const { exec_id: latest } = (await call(api, 'POST', '/v2/tasks/a/run')).json;
  expect((await call(api, 'PUT', '/v1/tasks/a/stop?job_id=exec-1')).json).toMatchObject({
    httpStatus: 'OK',
    status: 'success',
  });
  expect(api.executionsOf('a').map(({ status }) => status)).toEqual([3, 0, 0]);
  expect((await call(api, 'POST', '/v2/tasks/a/stop')).json).toBeUndefined();
  expect(api.executionsOf('a').map(({ status }) => status)).toEqual([3, 0, 3]);
  expect(await statusOf(api, 'a')).toBe(3);
  expect(await statusOf(api, 'a', 'exec-2')).toBe(0);
  for (const gone of ['exec-1', latest, 'unknown']) {
    expect(await call(api, 'PUT', `/v1/tasks/a/stop?job_id=${gone}`)).toMatchObject({
      status: 200,
      json: { httpStatus: 'BAD_REQUEST', status: 'error' },
    });
  }
  expect(api.stopRequests.slice(0, 2)).toEqual([
    { taskId: 'a', executionId: 'exec-1' },
    { taskId: 'a', executionId: undefined },
  ]);
});

test('an unknown task or execution has no status and no result', async () => {
  const api = await startMockApi();
  for (const path of ['progress?job_id=unknown', 'defects-summary?job_id=unknown']) {
    expect((await call(api, 'GET', `/v2/tasks/scan-1/${path}`)).status).toBe(400);
  }
  for (const [method, name] of [
    ['GET', 'progress'],
    ['POST', 'run'],
    ['POST', 'stop'],
  ] as const) {
    expect((await call(api, method, `/v2/tasks/unknown/${name}`)).status).toBe(400);
  }
});

test('right after a run the status is that of the run before, and then null', async () => {
  const api = await startMockApi({
    scans: { a: { status: 2, staleStatusMs: 500, nullStatusMs: 500, endsAfterMs: 1_500 } },
  });
  const { exec_id: id } = (await call(api, 'POST', '/v2/tasks/a/run')).json;
  const seen: unknown[] = [];
  while (seen.at(-1) !== 2 || !seen.includes(0)) {
    seen.push(await statusOf(api, 'a', id));
    await setTimeout(20);
  }
  expect(seen.filter((status, index) => status !== seen[index - 1])).toEqual([2, null, 0, 2]);
});

test('a scan makes progress until it ends, as a success or as a failure', async () => {
  const api = await startMockApi({
    scans: { good: { endsAfterMs: 1_600 }, bad: { endsAfterMs: 1_600, endsWith: 1 } },
  });
  await setTimeout(800);
  const { progress } = (await call(api, 'GET', '/v2/tasks/good/progress')).json;
  expect(Number.parseInt(progress.ratio, 10)).toBeGreaterThanOrEqual(50);
  await setTimeout(900);
  expect([await statusOf(api, 'good'), await statusOf(api, 'bad')]).toEqual([2, 1]);
});

test('the result has the total as a number, and a count of each severity as a string', async () => {
  const issues = { critical: 2, minor: 5 };
  const api = await startMockApi({ scans: { a: { status: 2, executions: { x: { issues } } } } });
  expect((await call(api, 'GET', '/v2/tasks/a/defects-summary?job_id=x')).json).toMatchObject({
    issue_count: 7,
    critical_count: '2',
    major_count: '0',
    minor_count: '5',
    suggestion_count: '0',
  });
});

test('an old host knows no /v1/ path', async () => {
  const api = await startMockApi({ oldHost: true });
  expect(await call(api, 'PUT', '/v1/tasks/scan-1/stop?job_id=x')).toMatchObject({
    status: 404,
    json: { error_code: 'APIGW.0101' },
  });
});

test('a permission that is missing is named, and only its operations are denied', async () => {
  const api = await startMockApi({ denied: ['codeartscheck:task:getReport'] });
  expect(await statusOf(api, 'scan-1')).toBe(0);
  const denied = await call(api, 'GET', '/v2/tasks/scan-1/defects-summary');
  expect(denied).toMatchObject({ status: 403, json: { error_code: 'PAP5.0001' } });
  expect(denied.json.error_msg).toContain('codeartscheck:task:getReport');
});

test.each([
  ['a body that is not {}', 'null', 'application/json', 'PARSE_REQUEST_DATA_EXCEPTION'],
  ['a charset', '{}', 'application/json; charset=utf-8', 'APIGW.0106'],
])('a stop with %s is rejected, and counts as a stop request', async (_name, body, type, code) => {
  const api = await startMockApi();
  const response = await fetch(`${api.endpoint}/v2/tasks/scan-1/stop`, {
    method: 'POST',
    body,
    headers: { 'content-type': type, 'x-auth-token': TOKEN },
  });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error_code: code });
  expect(api.executionsOf('scan-1')).toMatchObject([{ status: 0, stopRequested: false }]);
  expect(api.stopRequests).toEqual([{ taskId: 'scan-1', executionId: undefined }]);
});
