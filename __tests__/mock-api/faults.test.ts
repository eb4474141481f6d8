import '../support/real-sockets.ts';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Fault } from '../../mock-api/faults.ts';
import type { MockApi } from '../../mock-api/mock-api.ts';
import { type Certificates, issueCertificate } from '../support/certificates.ts';
import { startMockApi, TOKEN } from '../support/with-mock-api.ts';

let certificates: Certificates;

beforeAll(async () => {
  certificates = await issueCertificate('check.example.com');
});

interface Outcome {
  readonly status: number;
  readonly body: string;
  /** The code of the error that ended the response; empty if it is complete. */
  readonly error: string;
  readonly headersMs: number;
  readonly endMs: number;
}

/** Reads the status of `scan-1`, or sends another request, on a connection of its own. */
function send(api: MockApi, options: { path?: string; method?: string; body?: string } = {}) {
  const { path = '/v2/tasks/scan-1/progress', method = 'GET', body = '' } = options;
  const request = api.endpoint.startsWith('https') ? httpsRequest : httpRequest;
  const startedMs = performance.now();
  return new Promise<Outcome>((resolve, reject) => {
    let response: IncomingMessage | undefined;
    let error = '';
    request(api.endpoint + path, {
      method,
      headers: { 'x-auth-token': TOKEN, 'content-type': 'application/json' },
      agent: false,
      rejectUnauthorized: false,
    })
      .on('error', (requestError: NodeJS.ErrnoException) => {
        if (response === undefined) reject(requestError);
        else error = requestError.code ?? '?';
      })
      .on('response', (incoming) => {
        response = incoming;
        const headersMs = performance.now() - startedMs;
        let read = '';
        incoming.setEncoding('utf8').on('data', (chunk) => {
          read += chunk;
        });
        incoming.on('error', (responseError: NodeJS.ErrnoException) => {
          error = responseError.code ?? '?';
        });
        incoming.on('close', () => {
          const endMs = performance.now() - startedMs;
          resolve({ status: incoming.statusCode ?? 0, body: read, error, headersMs, endMs });
        });
      })
      .end(body);
  });
}

describe.each(['http', 'https'])('over %s', (protocol) => {
  const start = () => startMockApi(protocol === 'https' ? { tls: certificates.tls } : {});

  test.each<[Fault, { body: string; error: string }]>([
    [
      { kind: 'reset-unframed', body: '{"a":1}' },
      { body: '{"a":1}', error: 'ECONNRESET' },
    ],
    [{ kind: 'reset-unframed' }, { body: '', error: 'ECONNRESET' }],
    [
      { kind: 'close-unframed', body: '{"a":1}' },
      { body: '{"a":1}', error: '' },
    ],
    [{ kind: 'close-unframed' }, { body: '', error: '' }],
    [{ kind: 'cut-short' }, { body: 'null', error: 'ECONNRESET' }],
    [
      { kind: 'cut-short-chunked', body: '{}' },
      { body: '{}', error: 'ECONNRESET' },
    ],
    [{ kind: 'reset-after-headers' }, { body: '{"a":', error: 'ECONNRESET' }],
  ])('%j ends a response', async (fault, expected) => {
    const api = await start();
    api.inject(fault);
    expect(await send(api)).toMatchObject({ status: 200, ...expected });
  });

  test.each<[Fault, string]>([
    [{ kind: 'reset-before-headers' }, 'ECONNRESET'],
    [{ kind: 'close-before-headers' }, 'ECONNRESET'],
    [{ kind: 'large-headers' }, 'HPE_HEADER_OVERFLOW'],
    [{ kind: 'garbage' }, 'HPE_INVALID_CONSTANT'],
  ])('%j leaves no response', async (fault, code) => {
    const api = await start();
    api.inject(fault);
    await expect(send(api)).rejects.toMatchObject({ code });
  });

  test.each(['reset-after-accept', 'close-after-accept'] as const)(
    '%s spoils a connection',
    async (kind) => {
      const api = await start();
      api.inject({ kind }, { times: 1 });
      await expect(send(api)).rejects.toMatchObject({ code: 'ECONNRESET' });
      expect((await send(api)).status).toBe(200);
      expect([api.connections, api.requests.length]).toEqual([2, 1]);
    },
  );
});

test('a request may be handled although its response is spoiled', async () => {
  const api = await startMockApi({ scans: { a: { status: 2 } } });
  api.inject({ kind: 'cut-short' }, { path: '/run', times: 1, handled: true });
  api.inject({ kind: 'reset-before-headers' }, { path: '/run', times: 1 });
  const run = { path: '/v2/tasks/a/run', method: 'POST', body: '{}' };
  const { body, error } = await send(api, run);
  expect([body, error]).toEqual([expect.stringMatching(/^\{"exec_id":"[0-9a-f]+$/), 'ECONNRESET']);
  await expect(send(api, run)).rejects.toThrow();
  expect(api.startedExecutions).toBe(1);
});

test('a slow response is the right one', async () => {
  const api = await startMockApi();
  api.inject({ kind: 'slow', beforeHeadersMs: 200 }, { times: 1 });
  api.inject({ kind: 'slow', withinBodyMs: 200 }, { times: 1 });
  api.inject({ kind: 'slow', beforeByteMs: 5 }, { times: 1 });
  const [late, halting, dripping] = [await send(api), await send(api), await send(api)];
  expect(late.headersMs).toBeGreaterThanOrEqual(199);
  expect(halting.endMs - halting.headersMs).toBeGreaterThanOrEqual(190);
  expect(dripping.endMs - dripping.headersMs).toBeGreaterThanOrEqual(190);
  for (const { body } of [late, halting, dripping]) {
    expect(JSON.parse(body)).toMatchObject({ task_status: 0 });
  }
});

test('a fault is for the requests that it names, after those that it spares', async () => {
  const api = await startMockApi();
  api.inject(
    { kind: 'response', status: 418 },
    { path: '/progress', method: 'GET', after: 1, times: 2 },
  );
  const statuses: number[] = [];
  for (let turn = 0; turn < 4; turn++) statuses.push((await send(api)).status);
  statuses.push((await send(api, { path: '/v2/tasks/scan-1/stop' })).status);
  expect(statuses).toEqual([200, 418, 418, 200, 404]);
});

test('a fault can be for reused connections only', async () => {
  const api = await startMockApi();
  api.inject({ kind: 'reset-before-headers' }, { reusedOnly: true });
  for (const _ of [1, 2]) expect((await send(api)).status).toBe(200);
  const socket = connect(api.port, '127.0.0.1');
  const get = `GET / HTTP/1.1\r\nHost: a\r\n\r\n`;
  socket.write(get);
  socket.once('data', () => socket.write(get));
  await expect(text(socket)).rejects.toMatchObject({ code: 'ECONNRESET' });
  expect(api.arrivals.map(({ reused }) => reused)).toEqual([false, false, false, true]);
});

test('a restart refuses connections for a while', async () => {
  const api = await startMockApi();
  api.inject({ kind: 'restart', downMs: 1_000 }, { times: 1 });
  await expect(send(api)).rejects.toMatchObject({ code: 'ECONNRESET' });
  await expect(send(api)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await setTimeout(1_200);
  expect((await send(api)).status).toBe(200);
});

test('plain HTTP to a TLS port gets the page that names it', async () => {
  const api = await startMockApi({ tls: certificates.tls, pageForPlainHttp: true });
  const page = await fetch(`http://127.0.0.1:${api.port}/`);
  expect(page.status).toBe(400);
  expect(await page.text()).toContain('The plain HTTP request was sent to HTTPS port');
  expect((await send(api)).status).toBe(200);
});

test('a throttle admits a burst, and then a rate', async () => {
  const api = await startMockApi({ throttle: { ratePerSecond: 2, burst: 3, retryAfter: 1 } });
  const statuses: number[] = [];
  for (let turn = 0; turn < 5; turn++) statuses.push((await send(api)).status);
  expect(statuses.slice(0, 3)).toEqual([200, 200, 200]);
  expect(statuses).toContain(429);
  expect(api.throttled).toBe(statuses.filter((status) => status === 429).length);
  await setTimeout(550);
  expect((await send(api)).status).toBe(200);
});

test('a limit of requests at once rejects those beyond it', async () => {
  const api = await startMockApi({ concurrencyLimit: { max: 2 }, latencyMs: 500 });
  const all = await Promise.all([1, 2, 3, 4].map(() => send(api)));
  expect(all.map(({ status }) => status).sort()).toEqual([200, 200, 503, 503]);
  expect((await send(api)).status).toBe(200);
  expect([api.throttled, api.maxOpen]).toEqual([2, 4]);
});

test('whoever runs it injects faults and asks what has happened', async () => {
  const api = await startMockApi({ scans: { a: { executions: { x: {} } } } });
  const control = (method: string, injection?: unknown) =>
    fetch(`${api.endpoint}/mock/inject`, { method, body: JSON.stringify(injection) ?? null });
  expect((await control('POST', { fault: { kind: 'unknown' } })).status).toBe(400);
  await control('POST', { fault: { kind: 'response', status: 503 }, path: '/stop' });
  const stop = { path: '/v1/tasks/a/stop?job_id=x', method: 'PUT', body: '{}' };
  expect((await send(api, stop)).status).toBe(503);
  await control('DELETE');
  expect((await send(api, stop)).status).toBe(200);
  const state = await fetch(`${api.endpoint}/mock/state`);
  expect(await state.json()).toEqual({
    tasks: { a: { status: 3, executions: [{ id: 'x', status: 3, stopRequested: true }] } },
    stopRequests: Array(2).fill({ taskId: 'a', executionId: 'x' }),
    startedExecutions: 0,
    requests: Array(2).fill({ method: 'PUT', path: stop.path }),
  });
});
