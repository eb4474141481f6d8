import dns, { type LookupAddress } from 'node:dns';
import { once } from 'node:events';
import { Agent, createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { beforeEach, describe, expect, jest, test } from '@jest/globals';
import { HttpClient } from '../../src/http/client.ts';
import { NetworkError } from '../../src/http/errors.ts';
import { type HttpRequest, requestIdOf, Transport } from '../../src/http/transport.ts';
import { Deadline } from '../../src/time.ts';
import { USER_AGENT } from '../../src/version.ts';
import { FakeClock } from '../support/fake-clock.ts';
import {
  afterThisTest,
  ClientSockets,
  freePort,
  startMockApi,
  startRawServer,
  testWithIpv6,
  until,
} from '../support/loopback.ts';

let transport: Transport;

beforeEach(() => {
  transport = new Transport();
});

interface Options {
  readonly signal?: AbortSignal;
  readonly freshConnection?: boolean;
  readonly onConnected?: () => void;
  readonly request?: Partial<HttpRequest>;
}

function send(url: string, options: Options = {}) {
  const { signal = new AbortController().signal, freshConnection = false } = options;
  const { onConnected, request } = options;
  return transport.send(
    { method: 'GET', url: new URL(url), headers: {}, body: '', ...request },
    { signal, freshConnection, onConnected },
  );
}

async function serve(listener: RequestListener, host = '127.0.0.1'): Promise<Server> {
  const server = createServer(listener).listen(0, host);
  afterThisTest(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  return server;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

describe('a request', () => {
  test('is sent as it is, with the name of the action', async () => {
    const api = await startMockApi();
    await send(`${api.endpoint}/v2/tasks/abc/stop?a=%20b`, {
      request: {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-auth-token': 'token' },
        body: '{"é":1}',
      },
    });
    expect(api.requests).toHaveLength(1);
    expect(api.requests[0]).toMatchObject({
      method: 'POST',
      path: '/v2/tasks/abc/stop?a=%20b',
      body: '{"é":1}',
    });
    expect(api.requests[0]?.headers).toEqual({
      host: `127.0.0.1:${api.port}`,
      'content-type': 'application/json',
      'content-length': '8',
      'x-auth-token': 'token',
      'user-agent': USER_AGENT,
      // Half of a compressed body would look like a whole one.
      'accept-encoding': 'identity',
      connection: 'keep-alive',
    });
  });

  test('without a body sends none', async () => {
    const api = await startMockApi();
    await send(`${api.endpoint}/v2/tasks/abc/progress`);
    expect(api.requests).toMatchObject([{ method: 'GET', body: '' }]);
  });

  test('with a header that cannot be sent has reached no host', async () => {
    const api = await startMockApi();
    const sending = send(api.endpoint, { request: { headers: { 'x-auth-token': 'a\nb' } } });
    await expect(sending).rejects.toMatchObject({
      name: 'NetworkError',
      kind: 'unexpected',
      transient: false,
      mayHaveHappened: false,
    });
    expect(api.connections).toBe(0);
  });

  testWithIpv6('reaches a host that is given by its IPv6 address', async () => {
    let host: string | undefined;
    const server = await serve(({ headers }, response) => {
      host = headers.host;
      response.end('from ::1');
    }, '::1');
    const authority = `[::1]:${portOf(server)}`;
    await expect(send(`http://${authority}/`)).resolves.toMatchObject({ body: 'from ::1' });
    expect(host).toBe(authority);
  });
});

describe('a response', () => {
  test.each([200, 201, 204, 304, 400, 401, 404, 408, 429, 500, 503])(
    'with HTTP %i is returned',
    async (status) => {
      const api = await startMockApi();
      const body = status === 204 || status === 304 ? '' : '{"a":1}';
      api.inject({ kind: 'response', status, headers: { 'x-a': 'b' }, body });
      const received = await send(api.endpoint);
      expect(received).toMatchObject({ status, body });
      expect(received.headers).toMatchObject({ 'x-a': 'b' });
    },
  );

  test.each([301, 302, 303, 307, 308])(
    'with HTTP %i is returned, and its redirect not followed',
    async (status) => {
      const [api, other] = [await startMockApi(), await startMockApi()];
      api.inject({ kind: 'redirect', location: `${other.endpoint}/elsewhere`, status });
      const headers = { 'x-auth-token': 'secret' };
      await expect(send(api.endpoint, { request: { headers } })).resolves.toMatchObject({ status });
      expect(api.requests).toHaveLength(1);
      expect(other.connections).toBe(0);
    },
  );

  test.each([
    ['with the headers of an upgrade', 'Connection: Upgrade\r\nUpgrade: another\r\n'],
    ['without them', ''],
  ])('with HTTP 101 %s is final, and its connection is closed', async (_, headers) => {
    const server = await startRawServer(({ stream }) => {
      stream.write(`HTTP/1.1 101 Switching Protocols\r\n${headers}X-Request-Id: request-1\r\n\r\n`);
    });
    await expect(send(server.endpoint)).rejects.toMatchObject({
      name: 'NetworkError',
      kind: 'upgrade',
      status: 101,
      requestId: 'request-1',
      transient: false,
      mayHaveHappened: true,
      message: 'The host responded with HTTP 101 to a plain request',
    });
    await until(() => server.accepted[0]?.tcp.destroyed === true);
  });

  test('that only offers another protocol is returned', async () => {
    const server = await startRawServer(({ stream }) => {
      const offer = 'Connection: Upgrade, Keep-Alive\r\nUpgrade: h2,h2c\r\n';
      stream.write(`HTTP/1.1 200 OK\r\n${offer}Content-Length: 2\r\n\r\n{}`);
    });
    await expect(send(server.endpoint)).resolves.toMatchObject({ status: 200, body: '{}' });
  });

  test('is preceded by others with HTTP 1xx, which are ignored', async () => {
    const server = await startRawServer(({ stream }) => {
      stream.write('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n');
      stream.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}');
    });
    await expect(send(server.endpoint)).resolves.toMatchObject({ status: 200, body: '{}' });
  });

  test('with headers longer than 16 KiB is none, but the request was sent', async () => {
    const api = await startMockApi();
    api.inject({ kind: 'large-headers' });
    await expect(send(api.endpoint)).rejects.toMatchObject({
      kind: 'headers-too-long',
      transient: false,
      status: null,
      mayHaveHappened: true,
      message: `The host 127.0.0.1:${api.port} sent response headers longer than 16 KiB (HPE_HEADER_OVERFLOW)`,
    });
    await until(() => api.open === 0);
  });

  test.each([
    ['reset-before-headers', 'connection-reset', true, 'reset the connection (ECONNRESET)'],
    ['close-before-headers', 'connection-reset', true, 'reset the connection (ECONNRESET)'],
    ['garbage', 'not-http', false, 'did not respond in HTTP (HPE_INVALID_CONSTANT)'],
  ] as const)('that does not come (%s) is of kind %s', async (fault, kind, transient, words) => {
    const api = await startMockApi();
    api.inject({ kind: fault });
    const sending = send(api.endpoint);
    await expect(sending).rejects.toBeInstanceOf(NetworkError);
    await expect(sending).rejects.toMatchObject({
      kind,
      transient,
      status: null,
      mayHaveHappened: true,
      // The first request of its connection.
      staleConnection: false,
      message: `The host 127.0.0.1:${api.port} ${words}`,
    });
  });

  test('has its request ID in its headers, or nowhere', () => {
    expect(requestIdOf({ 'x-request-id': 'request-1' })).toBe('request-1');
    expect(requestIdOf({})).toBe('');
  });
});

describe('a host that refuses the connection', () => {
  test('has not been reached, and is final', async () => {
    const port = await freePort();
    await expect(send(`http://127.0.0.1:${port}`)).rejects.toMatchObject({
      kind: 'connection-refused',
      transient: false,
      mayHaveHappened: false,
      message: `The host 127.0.0.1:${port} refused the connection (ECONNREFUSED)`,
    });
  });

  test('is being restarted if it has responded before, whatever its response was', async () => {
    const api = await startMockApi();
    const sockets = new ClientSockets();
    await expect(send(api.endpoint)).resolves.toMatchObject({ status: 404 });
    await api.close();
    await until(() => sockets.open.length === 0);
    await expect(send(api.endpoint)).rejects.toMatchObject({
      kind: 'connection-refused',
      transient: true,
      mayHaveHappened: false,
    });
  });

  test('is not being restarted if only another host has responded before', async () => {
    const api = await startMockApi();
    await send(api.endpoint);
    const port = await freePort();
    await expect(send(`http://127.0.0.1:${port}`)).rejects.toMatchObject({ transient: false });
  });
});

describe('a connection', () => {
  test('is kept for the next request', async () => {
    const api = await startMockApi();
    for (const path of ['/a', '/b', '/c']) await send(api.endpoint + path);
    expect(api.requests).toHaveLength(3);
    expect(api.connections).toBe(1);
  });

  test('is reported once for each request, before its response, reused or not', async () => {
    const api = await startMockApi();
    const connected = jest.fn(() => api.requests.length);
    for (let count = 0; count < 3; count++) await send(api.endpoint, { onConnected: connected });
    expect(connected.mock.results.map(({ value }) => value)).toEqual([0, 1, 2]);
    expect(api.connections).toBe(1);
  });

  test('that is refused is not reported', async () => {
    const onConnected = jest.fn();
    const sending = send(`http://127.0.0.1:${await freePort()}`, { onConnected });
    await expect(sending).rejects.toMatchObject({ kind: 'connection-refused' });
    expect(onConnected).not.toHaveBeenCalled();
  });

  test('is fresh if it has to be, and is kept in place of the idle ones', async () => {
    const api = await startMockApi();
    const sockets = new ClientSockets();
    await Promise.all([send(api.endpoint), send(api.endpoint), send(api.endpoint)]);
    expect(sockets.open).toHaveLength(3);
    await send(api.endpoint, { freshConnection: true });
    expect(sockets.all).toHaveLength(4);
    expect(sockets.open).toEqual([sockets.all[3]]);
    await send(api.endpoint);
    expect(api.arrivals.map(({ reused }) => reused)).toEqual([false, false, false, false, true]);
  });

  test('that is in use stays open when another one has to be fresh', async () => {
    const api = await startMockApi();
    api.inject({ kind: 'slow', beforeHeadersMs: 50 }, { path: '/slow', handled: true });
    const slow = send(`${api.endpoint}/slow`);
    await until(() => api.requests.length === 1);
    await send(api.endpoint, { freshConnection: true });
    await expect(slow).resolves.toMatchObject({ status: 404 });
  });

  test('to one host is not used for another, nor idle beside it', async () => {
    const [one, other] = [await startMockApi(), await startMockApi()];
    const sockets = new ClientSockets();
    for (const api of [one, other, one, other]) await send(api.endpoint);
    expect([one.requests.length, other.requests.length]).toEqual([2, 2]);
    expect(sockets.mostOpen).toBe(1);
  });

  test.each([200, 304])(
    'collects no listeners over 1000 responses with HTTP %i',
    async (status) => {
      const api = await startMockApi();
      api.inject({ kind: 'response', status, ...(status === 200 ? { body: '{}' } : {}) });
      const sockets = new ClientSockets();
      const listeners = ([socket]: Socket[]) =>
        socket?.eventNames().map((name) => `${String(name)}: ${socket.listenerCount(name)}`);
      await send(api.endpoint);
      await send(api.endpoint);
      const before = listeners(sockets.all);
      for (let count = 2; count < 1_000; count++) await send(api.endpoint);
      expect(api.requests).toHaveLength(1_000);
      expect(sockets.all).toHaveLength(1);
      expect(listeners(sockets.all)).toEqual(before);
    },
  );
});

describe('a connection that the server closes after its first request', () => {
  test.each(['reset-before-headers', 'close-before-headers'] as const)(
    'is stale (%s)',
    async (kind) => {
      const api = await startMockApi();
      api.inject({ kind }, { reusedOnly: true });
      await send(api.endpoint);
      await expect(send(api.endpoint)).rejects.toMatchObject({
        kind: 'connection-reset',
        transient: true,
        staleConnection: true,
        mayHaveHappened: true,
      });
    },
  );

  test('is not stale if a byte of a response has arrived', async () => {
    let requests = 0;
    const server = await startRawServer(({ stream, tcp }) => {
      requests += 1;
      if (requests === 1) stream.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}');
      else stream.write('H', () => tcp.resetAndDestroy());
    });
    await send(server.endpoint);
    await expect(send(server.endpoint)).rejects.toMatchObject({
      kind: 'connection-reset',
      transient: true,
      staleConnection: false,
    });
    expect(server.accepted).toHaveLength(1);
  });

  test('is not stale if the attempt was given up', async () => {
    const api = await startMockApi();
    api.inject({ kind: 'silence' }, { reusedOnly: true });
    await send(api.endpoint);
    const controller = new AbortController();
    const sending = send(api.endpoint, { signal: controller.signal });
    await until(() => api.requests.length === 2);
    controller.abort();
    await expect(sending).rejects.toMatchObject({
      kind: 'unexpected',
      staleConnection: false,
      mayHaveHappened: true,
    });
    expect(api.connections).toBe(1);
  });

  test('loses no request, and takes none of its retries', async () => {
    const api = await startMockApi();
    // In the midst of the requests, as by a gateway that is reloaded.
    api.inject({ kind: 'reset-before-headers' }, { reusedOnly: true, after: 20, times: 40 });
    const clock = new FakeClock({ autoUpToMs: 0 });
    const client = new HttpClient({
      transport,
      clock,
      deadline: new Deadline(60, clock),
      random: () => 0.5,
    });
    const sockets = new ClientSockets();
    const statuses = await Promise.all(
      Array.from({ length: 300 }, () =>
        client.send({
          operation: 'stop',
          request: { method: 'POST', url: new URL(api.endpoint), headers: {}, body: '{}' },
          authorize: (request) => request,
          parse: ({ status }) => status,
          retries: 0,
          onAttempt: () => undefined,
        }),
      ),
    );
    expect(new Set(statuses)).toEqual(new Set([404]));
    expect(api.requests).toHaveLength(340);
    expect(sockets.mostOpen).toBeLessThanOrEqual(16);
  });
});

describe('an attempt that is given up', () => {
  test.each(['silence', 'drip'] as const)(
    'with %s ends immediately, and closes its connection',
    async (kind) => {
      const api = await startMockApi();
      api.inject({ kind });
      const sockets = new ClientSockets();
      const controller = new AbortController();
      const sending = send(api.endpoint, { signal: controller.signal });
      await until(() => (sockets.all[0]?.bytesRead ?? 0) > 0 || kind === 'silence');
      await until(() => api.requests.length === 1);
      controller.abort();
      await expect(sending).rejects.toMatchObject({
        name: 'NetworkError',
        mayHaveHappened: true,
        status: kind === 'drip' ? 200 : null,
      });
      expect(sockets.open).toEqual([]);
      await until(() => api.open === 0);
    },
  );

  test('only after its response has arrived keeps its connection', async () => {
    const api = await startMockApi();
    const controller = new AbortController();
    await send(api.endpoint, { signal: controller.signal });
    controller.abort();
    await send(api.endpoint);
    expect(api.connections).toBe(1);
  });

  test('is given up by nothing else within the longest time limit', async () => {
    const api = await startMockApi();
    api.inject({ kind: 'silence' });
    const sockets = new ClientSockets();
    const controller = new AbortController();
    const sending = send(api.endpoint, { signal: controller.signal });
    await until(() => api.requests.length === 1);
    // Of the idle connection, by http-client; 43,200 s is the most that timeout-seconds may be.
    expect(sockets.all[0]?.timeout).toBeGreaterThan(43_200_000);
    controller.abort();
    await expect(sending).rejects.toMatchObject({ name: 'NetworkError' });
  });

  test('before it is sent opens no connection', async () => {
    const api = await startMockApi();
    const sockets = new ClientSockets();
    await expect(send(api.endpoint, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'NetworkError',
      mayHaveHappened: false,
    });
    expect(sockets.all).toEqual([]);
  });

  test('makes room for others: at most 16 connections are open at any time', async () => {
    const api = await startMockApi();
    api.inject({ kind: 'silence' }, { times: 20 });
    api.inject({ kind: 'reset-before-headers' }, { reusedOnly: true, times: 5 });
    const sockets = new ClientSockets();
    const clock = new FakeClock({ autoUpToMs: 0 });
    const client = new HttpClient({
      transport,
      clock,
      deadline: new Deadline(60, clock),
      random: () => 0,
    });
    const all = Promise.allSettled(
      Array.from({ length: 100 }, () =>
        client.send({
          operation: 'stop',
          request: { method: 'POST', url: new URL(api.endpoint), headers: {}, body: '{}' },
          authorize: (request) => request,
          parse: ({ status }) => status,
          retries: 1,
          onAttempt: () => undefined,
        }),
      ),
    );
    let over = false;
    all.then(() => {
      over = true;
    });
    await until(() => api.requests.length === 16);
    while (!over && clock.nowMs < 60_000) await clock.advance(5_000);
    expect((await all).map(({ status }) => status)).toEqual(Array(100).fill('fulfilled'));
    expect(sockets.mostOpen).toBe(16);
  });

  test('concerns nobody when its connection fails afterwards', async () => {
    const unhandled = jest.fn();
    process.on('unhandledRejection', unhandled);
    process.on('uncaughtException', unhandled);
    afterThisTest(() => {
      process.off('unhandledRejection', unhandled);
      process.off('uncaughtException', unhandled);
    });
    const server = await startRawServer(() => undefined);
    const controller = new AbortController();
    const sending = send(server.endpoint, { signal: controller.signal });
    await until(() => server.accepted.length === 1);
    controller.abort();
    server.accepted[0]?.tcp.resetAndDestroy();
    await expect(sending).rejects.toMatchObject({ name: 'NetworkError' });
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).not.toHaveBeenCalled();
  });
});

describe('the name of a host', () => {
  // Node.js looks everything up by this function.
  function resolve(outcome: Error | LookupAddress[] | undefined): void {
    const lookup = (_: string, __: unknown, callback: (...args: unknown[]) => void) => {
      if (outcome instanceof Error) callback(outcome);
      else if (outcome !== undefined) callback(null, outcome);
    };
    const spy = jest.spyOn(dns, 'lookup').mockImplementation(lookup as typeof dns.lookup);
    afterThisTest(() => spy.mockRestore());
  }

  test.each([
    ['ENOTFOUND', false, 'was not found'],
    ['EAI_AGAIN', true, 'could not be looked up: the name server is unavailable'],
  ])('may not be found (%s), transient: %s', async (code, transient, words) => {
    resolve(Object.assign(new Error(`getaddrinfo ${code}`), { code }));
    await expect(send('http://check.example.com/')).rejects.toMatchObject({
      kind: 'host-not-found',
      transient,
      mayHaveHappened: false,
      message: `The host check.example.com ${words} (${code})`,
    });
  });

  test('that is looked up without end is given up immediately', async () => {
    resolve(undefined);
    const controller = new AbortController();
    const sending = send('http://check.example.com/', { signal: controller.signal });
    setImmediate(() => controller.abort());
    await expect(sending).rejects.toMatchObject({ name: 'NetworkError', mayHaveHappened: false });
  });

  test('with several addresses gives each 5 s, enough for a connection between continents', async () => {
    const api = await startMockApi();
    const spy = jest.spyOn(Agent.prototype, 'createConnection');
    afterThisTest(() => spy.mockRestore());
    await send(api.endpoint);
    expect(spy.mock.calls).toMatchObject([[{ autoSelectFamilyAttemptTimeout: 5_000 }, {}]]);
  });

  test('with several addresses has one sentence if all of them refuse', async () => {
    resolve([
      { address: '127.0.0.1', family: 4 },
      { address: '127.0.0.2', family: 4 },
    ]);
    const port = await freePort();
    const sending = send(`http://check.example.com:${port}/`);
    await expect(sending).rejects.toMatchObject({
      kind: 'connection-refused',
      mayHaveHappened: false,
      message: `The host check.example.com:${port} refused the connection (ECONNREFUSED)`,
    });
    await expect(sending).rejects.toHaveProperty('cause', expect.any(AggregateError));
  });

  test('with several addresses is reached by one that responds', async () => {
    const server = await serve((_, response) => response.end('here'));
    resolve([
      { address: '127.0.0.2', family: 4 },
      { address: '::1', family: 6 },
      { address: '127.0.0.1', family: 4 },
    ]);
    await expect(send(`http://check.example.com:${portOf(server)}/`)).resolves.toMatchObject({
      body: 'here',
    });
  });
});
