import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import type { Fault } from '../../mock-api/faults.ts';
import { issueCertificate } from '../support/certificates.ts';
import { runBundle } from '../support/run-bundle.ts';
import {
  expectFailure,
  resultsOf,
  runStep,
  startMockApi,
  TOKEN,
} from '../support/with-mock-api.ts';

const MAY_HAVE_HAPPENED = 'The stop may have happened: check the task in CodeArts Check.';

const response = (
  status: number,
  body = '',
  headers: Readonly<Record<string, string>> = {},
): Fault => ({ kind: 'response', status, body, headers });

const taskIds = (count: number) => Array.from({ length: count }, (_, index) => `t${index + 1}`);
const running = (ids: readonly string[]) => Object.fromEntries(ids.map((id) => [id, {}]));

test('a reset before the headers is retried, and fails the step with its cause', async () => {
  const mockApi = (await startMockApi()).inject({ kind: 'reset-before-headers' });
  const run = await runStep(mockApi, { retries: '1' });
  const annotation = expectFailure(run);
  expect(annotation).toMatch(
    /^Stop of scan scan-1 not confirmed: The host \S+ reset the connection \(ECONNRESET\)\n/,
  );
  expect(annotation).toContain(MAY_HAVE_HAPPENED);
  expect(mockApi.requests).toHaveLength(2);
});

test('a reset that happens once does not fail the step', async () => {
  const mockApi = await startMockApi();
  mockApi.inject({ kind: 'reset-before-headers' }, { times: 1 });
  const run = await runStep(mockApi);
  expect(run.exitCode).toBe(0);
  expect(mockApi.scans.get('scan-1')?.status).toBe(3);
  expect(run.lines.join('\n')).toMatch(
    /→ no response in \d+ ms; The host \S+ reset the connection \(ECONNRESET\); attempt 2 in [\d.]+ m?s\n/,
  );
});

test('HTTP 500, 502, 503 and 504 are retried, and the last one is reported', async () => {
  await Promise.all(
    [500, 502, 503, 504].map(async (status) => {
      const mockApi = (await startMockApi()).inject(response(status, '<html>'));
      const run = await runStep(mockApi, { retries: '1' });
      const annotation = expectFailure(run);
      expect(annotation).toContain(`The host responded with a web page (HTTP ${status})`);
      expect(mockApi.requests).toHaveLength(2);
      expect(run.outputs['status-code']).toBe(String(status));
      // What stands behind a gateway may have stopped the scan.
      const lost = status === 502 || status === 504;
      expect([status, annotation.includes(MAY_HAVE_HAPPENED)]).toEqual([status, lost]);
      expect(annotation).toContain(
        lost ? 'Stop of scan scan-1 not confirmed' : 'Could not stop scan scan-1',
      );
    }),
  );
});

test('codes of a busy API are retried, whatever their status', async () => {
  await Promise.all(
    (
      [
        [400, 'CC.00000000'],
        [200, 'CC.00050012'],
        [200, 'CC.00050014'],
      ] as const
    ).map(async ([status, code]) => {
      const body = JSON.stringify({
        error_code: code,
        error_msg: 'Network busy. Try again later.',
      });
      const mockApi = (await startMockApi()).inject(response(status, body));
      const run = await runStep(mockApi, { retries: '1' });
      expect(expectFailure(run)).toContain(
        `Network busy. Try again later. (${code}, HTTP ${status}`,
      );
      expect(mockApi.requests).toHaveLength(2);
    }),
  );
});

test('retries: 0 sends one request', async () => {
  const mockApi = (await startMockApi()).inject(response(503));
  expectFailure(await runStep(mockApi, { retries: '0' }));
  expect(mockApi.requests).toHaveLength(1);
});

test('what the last response said is kept when later attempts get none', async () => {
  const mockApi = await startMockApi();
  mockApi.inject(
    response(503, '{"error_code":"APIGW.0602","error_msg":"Internal server error"}', {
      'x-request-id': 'id-of-the-503',
    }),
    { times: 1 },
  );
  mockApi.inject({ kind: 'reset-before-headers' });
  const run = await runStep(mockApi, { retries: '2' });
  const annotation = expectFailure(run);
  expect(mockApi.requests.length).toBeGreaterThan(2);
  expect(run.outputs).toMatchObject({
    'status-code': '503',
    'error-code': 'APIGW.0602',
    'error-message': 'Internal server error',
    'request-id': 'id-of-the-503',
  });
  expect(resultsOf(run)).toEqual([
    {
      'task-id': 'scan-1',
      'execution-id': '',
      outcome: 'failed',
      'status-code': 503,
      'error-code': 'APIGW.0602',
      'error-message': 'Internal server error',
      'request-id': 'id-of-the-503',
    },
  ]);
  expect(annotation).toMatch(
    /^Stop of scan scan-1 not confirmed: Internal server error \(APIGW\.0602, HTTP 503, request ID id-of-the-503\); then: The host \S+ reset the connection/,
  );
  expect(annotation).toContain(MAY_HAVE_HAPPENED);
});

test('the request ID of a response that was cut short is kept', async () => {
  const mockApi = await startMockApi();
  mockApi.inject({ kind: 'cut-short' }, { handled: true });
  const run = await runStep(mockApi, { retries: '0' });
  expectFailure(run);
  expect(run.outputs).toMatchObject({
    'status-code': '200',
    'request-id': expect.stringMatching(/^[0-9a-f]{32}$/),
  });
});

test('that the stop may have happened is kept when a later attempt is rejected', async () => {
  const mockApi = await startMockApi();
  mockApi.inject({ kind: 'reset-before-headers' }, { times: 1, handled: true });
  const run = await runStep(mockApi);
  const annotation = expectFailure(run);
  expect(annotation).toContain('The task is not being checked. (CC.MOCKAPI0.400, HTTP 400');
  expect(annotation).toContain(MAY_HAVE_HAPPENED);
  expect(run.outputs).toMatchObject({ 'status-code': '400', 'error-code': 'CC.MOCKAPI0.400' });
});

test('a rejection after attempts that certainly did nothing says no word of a stop that happened', async () => {
  const mockApi = await startMockApi();
  mockApi.inject(response(503), { times: 1 });
  mockApi.inject(response(400, '{"error_code":"CC.1.400","error_msg":"No"}'));
  const annotation = expectFailure(await runStep(mockApi));
  expect(annotation).not.toContain('may have happened');
});

test('a reset of a reused connection costs no retry', async () => {
  const ids = taskIds(40);
  const mockApi = await startMockApi({ scans: running(ids) });
  mockApi.inject({ kind: 'reset-before-headers' }, { reusedOnly: true, times: 5 });
  mockApi.inject({ kind: 'close-before-headers' }, { reusedOnly: true, times: 5 });
  const run = await runStep(mockApi, { 'task-id': ids.join(), retries: '0' });
  expect(run.exitCode).toBe(0);
  expect(mockApi.requests).toHaveLength(50);
});

test('a reset of a reused connection after the first byte costs a retry', async () => {
  const ids = taskIds(20);
  const mockApi = await startMockApi({ scans: running(ids) });
  mockApi.inject({ kind: 'reset-after-headers' }, { reusedOnly: true, times: 1 });
  const run = await runStep(mockApi, { 'task-id': ids.join(), retries: '0' });
  expect(expectFailure(run)).toContain('The response was cut short (HTTP 200)');
  expect(resultsOf(run).filter(({ outcome }) => outcome === 'failed')).toHaveLength(1);
});

test('of 300 tasks, none is lost to a gateway that reloads or restarts', async () => {
  const certificates = await issueCertificate('localhost');
  await Promise.all(
    [undefined, certificates].map(async (tls) => {
      const ids = taskIds(300);
      // A stop whose response is lost is accepted once more.
      const stopping = ids.map((id) => [id, { stopsAfterMs: 600_000 }] as const);
      const mockApi = await startMockApi({
        scans: Object.fromEntries(stopping),
        latencyMs: 2,
        ...(tls === undefined ? {} : { tls: tls.tls }),
      });
      for (const after of [60, 160]) {
        mockApi.inject({ kind: 'restart', downMs: 50 }, { after, times: 1 });
      }
      const reload = setInterval(() => mockApi.closeIdleConnections(), 20);
      const run = await runStep(
        mockApi,
        { 'task-id': ids.join() },
        tls === undefined ? {} : { extraCaCerts: tls.authorityFile },
      );
      clearInterval(reload);
      expect(resultsOf(run).filter(({ outcome }) => outcome === 'failed')).toEqual([]);
      expect(run.exitCode).toBe(0);
      const requested = ids.filter((id) => mockApi.executionsOf(id)[0]?.stopRequested);
      expect(requested).toEqual(ids);
    }),
  );
});

test('a host that refuses the connection, on both address families, is named after one attempt', async () => {
  const mockApi = await startMockApi();
  const { port } = mockApi;
  await mockApi.close();
  for (const host of ['127.0.0.1', '[::1]', 'localhost']) {
    const run = await runStep(mockApi, { endpoint: `http://${host}:${port}` });
    const annotation = expectFailure(run);
    expect(annotation).toMatch(
      /^Could not stop scan scan-1: The host \S+ (refused the connection \(ECONNREFUSED|cannot be reached \(E)/,
    );
    expect(annotation).toContain('Check region and endpoint');
    expect(annotation).not.toContain('may have happened');
    expect(run.visible).not.toContain('attempt 2');
  }
});

test('a host that does not exist is named', async () => {
  const run = await runBundle({
    'task-id': 'scan-1',
    token: TOKEN,
    endpoint: 'check.invalid',
    'timeout-seconds': '20',
    retries: '0',
  });
  const annotation = expectFailure(run);
  // Without a network, there is no name server either.
  expect(annotation).toMatch(
    /The host check\.invalid (was not found \(ENOTFOUND\)|could not be looked up: .* \(EAI_AGAIN\))/,
  );
  expect(annotation).not.toContain('may have happened');
});

const unavailable = (failures: number) => ({
  preload: fileURLToPath(
    new URL('../support/preload/name-server-unavailable.cjs', import.meta.url),
  ),
  env: { NAME: 'localhost', NAME_FAILURES: String(failures) },
});

test('a name server that is unavailable for a moment does not fail the step', async () => {
  const mockApi = await startMockApi();
  const endpoint = `http://localhost:${mockApi.port}`;
  const run = await runStep(mockApi, { endpoint }, unavailable(2));
  expect(run.exitCode).toBe(0);
  expect(run.visible).toMatch(
    /could not be looked up: the name server is unavailable \(EAI_AGAIN\); attempt 3 in/,
  );
});

test('a name server that stays unavailable is named, and no stop can have happened', async () => {
  const mockApi = await startMockApi();
  const endpoint = `http://localhost:${mockApi.port}`;
  const run = await runStep(mockApi, { endpoint, retries: '1' }, unavailable(9));
  const annotation = expectFailure(run);
  expect(annotation).toContain(
    'could not be looked up: the name server is unavailable (EAI_AGAIN)',
  );
  expect(annotation).not.toContain('may have happened');
  expect(run.visible).toContain('attempt 2 in');
  expect(mockApi.connections).toBe(0);
});
