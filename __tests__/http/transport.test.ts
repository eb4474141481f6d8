import '../support/real-sockets.ts';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import dns, { type LookupAddress } from 'node:dns';
import { getEventListeners, once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect, getDefaultAutoSelectFamilyAttemptTimeout } from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { generate } from 'selfsigned';
import type { Fault } from '../../mock-api/faults.ts';
import { MockApi, type MockApiOptions } from '../../mock-api/mock-api.ts';
import { parseResponse } from '../../src/api/response.ts';
import { Deadline } from '../../src/deadline.ts';
import { NetworkError } from '../../src/http/errors.ts';
import {
  ATTEMPT_TIMEOUT_MS,
  deadlineError,
  type HttpRequest,
  MAX_ANSWER_BYTES,
  MAX_CONNECTIONS,
  requestIdOf,
  Transport,
} from '../../src/http/transport.ts';
import { USER_AGENT } from '../../src/version.ts';
import { FakeClock } from '../support/fake-clock.ts';

const SECONDS = 60;

let clock: FakeClock;
let transport: Transport;
let closers: (() => Promise<unknown>)[];

beforeEach(() => {
  // No attempt times out but when the test says so.
  clock = new FakeClock({ autoUpToMs: 0 });
  transport = new Transport(new Deadline(SECONDS, clock), clock);
  closers = [];
});

afterEach(async () => {
  jest.restoreAllMocks();
  for (const close of closers) await close();
});

async function mockApi(options: MockApiOptions = {}): Promise<MockApi> {
  const one = await MockApi.start(options);
  closers.push(() => one.close());
  return one;
}

async function serve(listener: RequestListener, host = '127.0.0.1'): Promise<Server> {
  const server = createServer(listener).listen(0, host);
  closers.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  return server;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/** A port on which nobody listens. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const port = portOf(server);
  server.close();
  await once(server, 'close');
  return port;
}

function request(url: string, changes: Partial<HttpRequest> = {}): HttpRequest {
  return { method: 'GET', url: new URL(url), headers: {}, body: '', ...changes };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

function answer(body: string, more: Partial<Extract<Fault, { kind: 'response' }>> = {}): Fault {
  return { kind: 'response', status: 200, body, ...more };
}

describe('a request', () => {
  test('goes out as it is, with the name of the action', async () => {
    const api = await mockApi();
    await transport.send(
      request(`${api.endpoint}/v2/tasks/abc/stop?a=%20b`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-auth-token': 'token' },
        body: '{"é":1}',
      }),
    );
    expect(api.requests).toHaveLength(1);
    expect(api.requests[0]).toMatchObject({
      method: 'POST',
      path: '/v2/tasks/abc/stop?a=%20b',
      body: '{"é":1}',
      headers: {
        host: `127.0.0.1:${api.port}`,
        'content-type': 'application/json',
        'content-length': '8',
        'x-auth-token': 'token',
        'user-agent': USER_AGENT,
      },
    });
  });

  test('without a body sends none', async () => {
    const api = await mockApi();
    await transport.send(request(`${api.endpoint}/v2/tasks/abc/progress`));
    expect(api.requests).toMatchObject([{ method: 'GET', body: '' }]);
  });

  test('reaches a host that is named by its IPv6 address', async () => {
    const server = await serve((_, response) => response.end('from ::1'), '::1');
    const { body } = await transport.send(request(`http://[::1]:${portOf(server)}/`));
    expect(body).toBe('from ::1');
  });

  test('gives each address of a host long enough for a connection between continents', () => {
    expect(getDefaultAutoSelectFamilyAttemptTimeout()).toBe(5_000);
  });
});

describe('an answer', () => {
  test.each([200, 204, 400, 401, 404, 429, 500, 503])(
    'with HTTP %i is handed on',
    async (status) => {
      const api = await mockApi();
      api.inject(answer(status === 204 ? '' : '{"a":1}', { status, headers: { 'x-a': 'b' } }));
      const received = await transport.send(request(api.endpoint));
      expect(received).toMatchObject({ status, body: status === 204 ? '' : '{"a":1}' });
      expect(received.headers).toMatchObject({ 'x-a': 'b' });
    },
  );

  test.each([301, 302, 303, 307, 308])(
    'that redirects (HTTP %i) is not followed',
    async (status) => {
      const api = await mockApi();
      const other = await mockApi();
      api.inject(answer('', { status, headers: { location: `${other.endpoint}/elsewhere` } }));
      const headers = { 'x-auth-token': 'secret' };
      const received = await transport.send(request(api.endpoint, { headers }));
      expect(received.status).toBe(status);
      expect(api.requests).toHaveLength(1);
      expect(other.requests).toEqual([]);
      expect(other.connections).toBe(0);
    },
  );

  test('of 64 KiB is whole', async () => {
    const api = await mockApi();
    const body = 'x'.repeat(MAX_ANSWER_BYTES);
    api.inject(answer(body));
    expect((await transport.send(request(api.endpoint))).body).toBe(body);
  });

  test.each([
    ['of a length that is announced', { 'content-length': String(MAX_ANSWER_BYTES + 1) }],
    ['in chunks', { 'transfer-encoding': 'chunked' }],
  ])('longer than 64 KiB, %s, is refused', async (_, headers) => {
    const api = await mockApi();
    api.inject(
      answer('x'.repeat(MAX_ANSWER_BYTES + 1), {
        status: 500,
        headers: { ...headers, 'x-request-id': 'request-1' },
      }),
    );
    const failure = transport.send(request(api.endpoint));
    await expect(failure).rejects.toBeInstanceOf(NetworkError);
    await expect(failure).rejects.toMatchObject({
      kind: 'too-long',
      transient: false,
      message: 'The answer is longer than 64 KiB',
      status: 500,
      requestId: 'request-1',
    });
  });

  test('without end is given up at once, and its connection closed', async () => {
    let written = 0;
    const server = await serve((_, response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(16 * 1024, ' '))) {
          // As fast as it is read.
        }
      };
      response.on('drain', more);
      response.on('close', () => {
        written = response.socket?.bytesWritten ?? 0;
      });
      more();
    });
    const closed = new Promise((resolve) => {
      server.once('connection', (socket) => socket.once('close', resolve));
    });
    await expect(
      transport.send(request(`http://127.0.0.1:${portOf(server)}`)),
    ).rejects.toMatchObject({ kind: 'too-long' });
    await closed;
    // What the buffers of the sockets took in the meantime.
    expect(written).toBeLessThan(16 * 1024 * 1024);
  });

  test('is text in UTF-8, also where a character is split between two packets', async () => {
    const server = await serve((_, response) => {
      const bytes = Buffer.from('{"a":"é"}');
      response.write(bytes.subarray(0, 7));
      setImmediate(() => setImmediate(() => response.end(bytes.subarray(7))));
    });
    const { body } = await transport.send(request(`http://127.0.0.1:${portOf(server)}`));
    expect(body).toBe('{"a":"é"}');
  });

  test('keeps its byte order mark, which is for whoever reads its text', async () => {
    const server = await serve((_, response) => {
      response.end(Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0x7d]));
    });
    const received = await transport.send(request(`http://127.0.0.1:${portOf(server)}`));
    expect(received.body).toBe('\ufeff{}');
    expect(parseResponse(received, clock.date()).json).toEqual({});
  });

  test('that is not UTF-8 is read as far as it goes', async () => {
    const server = await serve((_, response) => response.end(Buffer.from([0x61, 0xff, 0x62])));
    const { body } = await transport.send(request(`http://127.0.0.1:${portOf(server)}`));
    expect(body).toBe('a\ufffdb');
  });

  test('leaves nothing behind on the deadline, which lives on', async () => {
    const any = jest.spyOn(AbortSignal, 'any');
    const deadline = new Deadline(SECONDS, clock);
    const server = await mockApi();
    const lasting = new Transport(deadline, clock);
    await lasting.send(request(`${server.endpoint}/a`));
    await lasting.send(request(`${server.endpoint}/b`));
    expect(getEventListeners(deadline.signal, 'abort')).toEqual([]);
    // Node.js keeps each signal that depends on one that lives on: 1.3 KB for a request.
    expect(any).not.toHaveBeenCalled();
  });

  test('leaves no timer behind', async () => {
    const api = await mockApi();
    await transport.send(request(api.endpoint));
    // That of the deadline.
    expect(clock.sleeping).toBe(1);
  });
});

describe('a connection', () => {
  test.each([
    ['reset-before-headers', 'reset', true, 'reset the connection (ECONNRESET)'],
    ['garbage', 'not-http', false, 'did not answer in HTTP (HPE_INVALID_CONSTANT)'],
  ] as const)('that ends with %s is told as %s', async (fault, kind, transient, words) => {
    const api = await mockApi();
    api.inject({ kind: fault });
    const failure = transport.send(request(api.endpoint));
    await expect(failure).rejects.toBeInstanceOf(NetworkError);
    await expect(failure).rejects.toMatchObject({
      kind,
      transient,
      status: null,
      message: `The host 127.0.0.1:${api.port} ${words}`,
    });
  });

  test.each(['reset-after-headers', 'cut-short', 'cut-short-chunked'] as const)(
    'that ends in the midst of an answer (%s) leaves none',
    async (fault) => {
      const api = await mockApi();
      api.inject({ kind: fault });
      await expect(transport.send(request(api.endpoint))).rejects.toMatchObject({
        name: 'NetworkError',
        kind: 'cut-short',
        transient: true,
        message: 'The answer was cut short',
        status: 200,
        cause: expect.objectContaining({ code: 'ECONNRESET' }),
      });
      expect(clock.sleeping).toBe(1);
    },
  );

  test('that ends in the midst of an answer still tells its request ID', async () => {
    const server = await serve((_, response) => {
      response
        .writeHead(503, { 'content-length': 100, 'x-request-id': 'request-1' })
        .flushHeaders();
      response.write('{', () => response.destroy());
    });
    await expect(
      transport.send(request(`http://127.0.0.1:${portOf(server)}`)),
    ).rejects.toMatchObject({ kind: 'cut-short', status: 503, requestId: 'request-1' });
  });

  test('that is refused is told so', async () => {
    const port = await freePort();
    await expect(transport.send(request(`http://127.0.0.1:${port}`))).rejects.toMatchObject({
      kind: 'refused',
      transient: false,
      message: `The host 127.0.0.1:${port} refused the connection (ECONNREFUSED)`,
    });
  });

  test('is kept for the next request', async () => {
    const api = await mockApi();
    for (const path of ['/a', '/b', '/c']) await transport.send(request(api.endpoint + path));
    expect(api.requests).toHaveLength(3);
    expect(api.connections).toBe(1);
  });

  test('that hangs after its attempt was given up takes the place of no other', async () => {
    const api = await mockApi();
    api.inject({ kind: 'silence' }, { times: MAX_CONNECTIONS });
    const hanging = Array.from({ length: MAX_CONNECTIONS }, () =>
      transport.send(request(api.endpoint)).catch((error: unknown) => error),
    );
    await until(() => api.requests.length === MAX_CONNECTIONS);
    await clock.advance(ATTEMPT_TIMEOUT_MS);
    for (const failure of await Promise.all(hanging)) expect(failure).toBeInstanceOf(NetworkError);
    await expect(transport.send(request(api.endpoint))).resolves.toMatchObject({ status: 404 });
  });

  test('to one host is not used for another', async () => {
    const [one, other] = [await mockApi(), await mockApi()];
    for (const api of [one, other, one, other]) await transport.send(request(api.endpoint));
    expect([one.connections, other.connections]).toEqual([1, 1]);
    expect([one.requests.length, other.requests.length]).toEqual([2, 2]);
  });
});

describe('the name of a host', () => {
  // All that Node.js looks up, it asks of this function.
  function resolve(outcome: Error | LookupAddress[]): void {
    const lookup = (_: string, __: unknown, callback: (...args: unknown[]) => void) =>
      outcome instanceof Error ? callback(outcome) : callback(null, outcome);
    jest.spyOn(dns, 'lookup').mockImplementation(lookup as typeof dns.lookup);
  }

  test('that is unknown is told so', async () => {
    resolve(Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }));
    await expect(transport.send(request('https://check.example.com/'))).rejects.toMatchObject({
      kind: 'host-not-found',
      transient: false,
      message: 'The host check.example.com was not found (ENOTFOUND)',
    });
  });

  test('that stands for several addresses is told in one sentence when all of them refuse', async () => {
    resolve([
      { address: '127.0.0.1', family: 4 },
      { address: '::1', family: 6 },
    ]);
    const port = await freePort();
    const failure = transport.send(request(`http://check.example.com:${port}/`));
    await expect(failure).rejects.toMatchObject({
      kind: 'refused',
      message: `The host check.example.com:${port} refused the connection (ECONNREFUSED)`,
    });
    await expect(failure).rejects.toHaveProperty('cause', expect.any(AggregateError));
  });

  test('that stands for several addresses is reached by the one that answers', async () => {
    const server = await serve((_, response) => response.end('here'));
    resolve([
      { address: '::1', family: 6 },
      { address: '127.0.0.1', family: 4 },
    ]);
    const { body } = await transport.send(request(`http://check.example.com:${portOf(server)}/`));
    expect(body).toBe('here');
  });
});

describe.each(['silence', 'drip'] as const)('a host that answers with %s', (fault) => {
  test('is given up when the attempt has taken too long, to be tried again', async () => {
    const api = await mockApi();
    api.inject({ kind: fault });
    const failed = expect(transport.send(request(api.endpoint))).rejects.toMatchObject({
      name: 'NetworkError',
      kind: 'timeout',
      transient: true,
      status: null,
      message: `The host 127.0.0.1:${api.port} did not answer within 20 s`,
      cause: expect.any(Error),
    });
    await until(() => api.requests.length > 0);
    await clock.advance(ATTEMPT_TIMEOUT_MS);
    await failed;
  });

  test('is waited for as long as an attempt may take', async () => {
    const api = await mockApi();
    api.inject({ kind: fault });
    let settled = false;
    const sending = transport.send(request(api.endpoint)).finally(() => {
      settled = true;
    });
    const failed = expect(sending).rejects.toMatchObject({ kind: 'timeout' });
    await until(() => api.requests.length > 0);
    await clock.advance(ATTEMPT_TIMEOUT_MS - 1);
    expect(settled).toBe(false);
    await clock.advance(1);
    await failed;
  });

  test('is given up when the deadline passes, for good', async () => {
    const api = await mockApi();
    api.inject({ kind: fault });
    const urgent = new Transport(new Deadline(5, clock), clock);
    const failed = expect(urgent.send(request(api.endpoint))).rejects.toMatchObject({
      name: 'NetworkError',
      kind: 'deadline',
      transient: false,
      status: null,
      message: 'No answer within the deadline (timeout-seconds: 5)',
      cause: expect.any(Error),
    });
    await until(() => api.requests.length > 0);
    await clock.advance(5_000);
    await failed;
  });

  test('does not hold up the next request', async () => {
    const api = await mockApi();
    api.inject({ kind: fault }, { times: 1 });
    const failed = expect(transport.send(request(api.endpoint))).rejects.toBeInstanceOf(
      NetworkError,
    );
    await until(() => api.requests.length > 0);
    await clock.advance(ATTEMPT_TIMEOUT_MS);
    await failed;
    expect((await transport.send(request(api.endpoint))).status).toBe(404);
    expect(api.connections).toBe(2);
  });
});

test('an answer that is given up leaves a closed connection', async () => {
  const headArrived = new Promise<void>((resolve) => {
    const seen = () => {
      unsubscribe('http.client.response.finish', seen);
      resolve();
    };
    subscribe('http.client.response.finish', seen);
  });
  let closed = false;
  const server = await serve((_, response) => {
    response.on('close', () => {
      closed = true;
    });
    response.writeHead(200).write(' ');
  });
  const failed = expect(
    transport.send(request(`http://127.0.0.1:${portOf(server)}`)),
  ).rejects.toMatchObject({ kind: 'timeout' });
  await headArrived;
  await clock.advance(ATTEMPT_TIMEOUT_MS);
  await failed;
  await until(() => closed);
}, 5_000);

test.each([
  ['its attempt has taken too long', 120, ATTEMPT_TIMEOUT_MS, 'timeout'],
  ['the deadline has passed', 5, 5_000, 'deadline'],
])(
  'an answer that begins when %s is not read, and its connection is closed',
  async (_, seconds, ms, kind) => {
    const giving = new Transport(new Deadline(seconds, clock), clock);
    let answerLate: () => void = () => undefined;
    let closed = false;
    const server = await serve((_request, response) => {
      response.on('close', () => {
        closed = true;
      });
      // It never ends: nobody but the client closes the connection.
      answerLate = () => response.writeHead(200, { 'x-request-id': 'late' }).write(' ');
    });
    const asked = once(server, 'request');
    const failed = expect(
      giving.send(request(`http://127.0.0.1:${portOf(server)}`)),
    ).rejects.toMatchObject({ kind, status: null, requestId: '' });
    await asked;
    await clock.advance(ms);
    await failed;
    expect(closed).toBe(false);
    answerLate();
    await until(() => closed);
  },
  // Before http-client itself would close it.
  5_000,
);

test('an answer that fails after its attempt was given up is nobody’s concern', async () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown) => unhandled.push(error);
  process.on('unhandledRejection', note);
  closers.push(async () => process.off('unhandledRejection', note));
  let breakOff: () => void = () => undefined;
  const server = await serve(({ socket }) => {
    breakOff = () => socket.resetAndDestroy();
  });
  const asked = once(server, 'request');
  const failed = expect(
    transport.send(request(`http://127.0.0.1:${portOf(server)}`)),
  ).rejects.toMatchObject({ kind: 'timeout' });
  const [{ socket }] = await asked;
  await clock.advance(ATTEMPT_TIMEOUT_MS);
  await failed;
  const closed = once(socket, 'close');
  breakOff();
  await closed;
  await clock.advance(0);
  expect(unhandled).toEqual([]);
});

test('no answer is waited for once the deadline has passed', async () => {
  const api = await mockApi();
  api.inject({ kind: 'silence' });
  await clock.advance(SECONDS * 1000);
  await expect(transport.send(request(api.endpoint))).rejects.toMatchObject({
    kind: 'deadline',
    status: null,
  });
  // That of the attempt has ended, too.
  expect(clock.sleeping).toBe(0);
});

describe('over TLS', () => {
  let pem: { readonly key: string; readonly cert: string };

  beforeAll(async () => {
    const { private: key, cert } = await generate([{ name: 'commonName', value: 'mock API' }], {
      extensions: [
        { name: 'basicConstraints', cA: true },
        {
          name: 'subjectAltName',
          altNames: [
            { type: 7, ip: '127.0.0.1' },
            { type: 2, value: 'check.example.com' },
          ],
        },
      ],
    });
    pem = { key, cert };
  });

  function trustTheStandIn(): void {
    const before = tls.getCACertificates('default');
    tls.setDefaultCACertificates([...before, pem.cert]);
    closers.push(async () => tls.setDefaultCACertificates(before));
  }

  async function proxy(onConnect: (path: string, socket: Duplex) => void): Promise<string[]> {
    const asked: string[] = [];
    const sockets: Duplex[] = [];
    const server = await serve((_, response) => response.destroy());
    server.on('connect', ({ url = '', headers }, socket) => {
      asked.push([url, headers['proxy-authorization']].filter(Boolean).join(' '));
      sockets.push(socket.on('error', () => undefined));
      onConnect(url, socket);
    });
    process.env['https_proxy'] = `http://user:pass@127.0.0.1:${portOf(server)}`;
    closers.push(async () => {
      delete process.env['https_proxy'];
      for (const socket of sockets) socket.destroy();
    });
    return asked;
  }

  test('a host with a trusted certificate is answered', async () => {
    const api = await mockApi({ tls: pem });
    trustTheStandIn();
    api.inject(answer('{"a":1}'));
    expect((await transport.send(request(api.endpoint))).body).toBe('{"a":1}');
  });

  test('a host with another certificate gets no request', async () => {
    const api = await mockApi({ tls: pem });
    const headers = { 'x-auth-token': 'secret' };
    await expect(transport.send(request(api.endpoint, { headers }))).rejects.toMatchObject({
      kind: 'certificate',
      transient: false,
    });
    expect(api.requests).toEqual([]);
  });

  test('one host may speak TLS and another not', async () => {
    const [plain, secure] = [await mockApi(), await mockApi({ tls: pem })];
    trustTheStandIn();
    for (const api of [plain, secure]) api.inject(answer('{}'));
    for (const api of [plain, secure, plain]) {
      expect((await transport.send(request(api.endpoint))).status).toBe(200);
    }
    expect([plain.connections, secure.connections]).toEqual([1, 1]);
  });

  test('a host that does not speak it is told so', async () => {
    const api = await mockApi();
    await expect(
      transport.send(request(api.endpoint.replace('http:', 'https:'))),
    ).rejects.toMatchObject({ kind: 'tls', transient: false });
  });

  test('a proxy is asked for the host, and sees nothing of the request', async () => {
    const api = await mockApi({ tls: pem });
    trustTheStandIn();
    const asked = await proxy((_, socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(connect(api.port, '127.0.0.1')).pipe(socket);
    });
    for (const path of ['/a', '/b']) {
      await transport.send(request(`https://check.example.com${path}`));
    }
    const basic = Buffer.from('user:pass').toString('base64');
    expect(new Set(asked)).toEqual(new Set([`check.example.com:443 Basic ${basic}`]));
    expect(api.requests.map(({ path }) => path)).toEqual(['/a', '/b']);
  });

  test.each([
    [407, 'proxy-password', 'asks for a user and a password (HTTP 407)'],
    [403, 'proxy', 'refused to connect to check.example.com (HTTP 403)'],
  ])(
    'a proxy that answers with HTTP %i is told as %s, without its password',
    async (status, kind, words) => {
      await proxy((_, socket) => socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\n\r\n`));
      const { host } = new URL(process.env['https_proxy'] ?? '');
      await expect(transport.send(request('https://check.example.com/'))).rejects.toMatchObject({
        kind,
        transient: false,
        status: null,
        message: `The proxy ${host} ${words}`,
      });
    },
  );

  test('a proxy that is not there is told so', async () => {
    const port = await freePort();
    await proxy(() => undefined);
    process.env['https_proxy'] = `http://127.0.0.1:${port}`;
    await expect(transport.send(request('https://check.example.com/'))).rejects.toMatchObject({
      kind: 'proxy',
      message: `The proxy 127.0.0.1:${port} cannot be used: connect ECONNREFUSED 127.0.0.1:${port}`,
    });
  });

  test('a silent proxy is given up when the attempt has taken too long', async () => {
    const asked = await proxy(() => undefined);
    const failed = expect(
      transport.send(request('https://check.example.com/')),
    ).rejects.toMatchObject({ kind: 'timeout', transient: true });
    await until(() => asked.length > 0);
    await clock.advance(ATTEMPT_TIMEOUT_MS);
    await failed;
  });
});

test('the failure of the deadline names the input that sets it', () => {
  const cause = new Error('why');
  const failure = deadlineError(new Deadline(90, clock), cause);
  expect(failure).toBeInstanceOf(NetworkError);
  expect(failure).toMatchObject({
    kind: 'deadline',
    transient: false,
    message: 'No answer within the deadline (timeout-seconds: 90)',
    cause,
  });
});

test('the request ID of an answer is in its headers, or nowhere', () => {
  expect(requestIdOf({ 'x-request-id': 'request-1' })).toBe('request-1');
  expect(requestIdOf({})).toBe('');
});
