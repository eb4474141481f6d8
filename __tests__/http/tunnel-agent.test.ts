import dns from 'node:dns';
import { once } from 'node:events';
import { Agent } from 'node:http';
import { createServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { MockApi } from '../../mock-api/mock-api.ts';
import { HttpClient } from '../../src/http/client.ts';
import { Transport } from '../../src/http/transport.ts';
import { proxyHost } from '../../src/http/tunnel-agent.ts';
import { Deadline } from '../../src/time.ts';
import { type Certificates, issueCertificate } from '../support/certificates.ts';
import { FakeClock } from '../support/fake-clock.ts';
import {
  afterThisTest,
  ClientSockets,
  freePort,
  startMockApi,
  startProxy,
  startRawServer,
  testWithIpv6,
  trust,
  until,
  useProxy,
} from '../support/loopback.ts';

const HOST = 'check.example.com';
const ENDPOINT = `https://${HOST}`;

let certificates: Certificates;

beforeAll(async () => {
  certificates = await issueCertificate(HOST);
});

/** A mock API behind any host name, once a proxy leads there. */
async function startApi(): Promise<MockApi> {
  trust(certificates.authority);
  return startMockApi({ tls: certificates.tls });
}

function send(
  transport: Transport,
  endpoint = ENDPOINT,
  { signal = new AbortController().signal, freshConnection = false } = {},
) {
  return transport.send(
    { method: 'POST', url: new URL(endpoint), headers: { 'x-auth-token': 'secret' }, body: '{}' },
    { signal, freshConnection },
  );
}

/** What a proxy of raw bytes was sent, once it has all of a CONNECT. */
async function connectSentBy(proxyUrl: (port: number) => string): Promise<string> {
  let bytes = '';
  const server = await startRawServer(({ stream }) => {
    stream.end('HTTP/1.1 403 No\r\n\r\n');
  });
  useProxy(proxyUrl(server.port));
  const sending = send(new Transport()).catch(() => undefined);
  await until(() => server.accepted.length === 1);
  server.accepted[0]?.stream.on('data', (chunk) => {
    bytes += chunk;
  });
  await sending;
  return bytes;
}

describe('a request through a proxy', () => {
  test('is tunneled to its host, and the proxy sees nothing of it', async () => {
    const api = await startApi();
    const proxy = await startProxy({ target: api.port });
    await expect(send(new Transport())).resolves.toMatchObject({ status: 404 });
    expect(proxy.targets).toEqual([`${HOST}:443`]);
    expect(api.requests).toMatchObject([
      { method: 'POST', headers: { host: HOST, 'x-auth-token': 'secret' }, body: '{}' },
    ]);
  });

  test('leaves its credential out of the CONNECT', async () => {
    const bytes = await connectSentBy((port) => `http://127.0.0.1:${port}`);
    expect(bytes).toBe(
      `CONNECT ${HOST}:443 HTTP/1.1\r\nhost: ${HOST}:443\r\nConnection: close\r\n\r\n`,
    );
  });

  test('gives the proxy its user and password, decoded', async () => {
    const bytes = await connectSentBy((port) => `http://us%40er:p%3Aw@127.0.0.1:${port}`);
    const basic = Buffer.from('us@er:p:w').toString('base64');
    expect(bytes).toContain(`\r\nproxy-authorization: Basic ${basic}\r\n`);
  });

  test('gives each address of the proxy as much time as those of a host', async () => {
    const api = await startApi();
    await startProxy({ target: api.port });
    const spy = jest.spyOn(Agent.prototype, 'createConnection');
    afterThisTest(() => spy.mockRestore());
    await send(new Transport());
    expect(spy.mock.calls).toMatchObject([[{ autoSelectFamilyAttemptTimeout: 5_000 }, {}]]);
  });

  test('names the port of its host', async () => {
    const api = await startApi();
    const proxy = await startProxy({ target: api.port });
    await send(new Transport(), `${ENDPOINT}:8443`);
    expect(proxy.targets).toEqual([`${HOST}:8443`]);
  });

  test('has brackets around the IPv6 address of its host', async () => {
    const api = await startApi();
    const proxy = await startProxy({ target: api.port });
    // The certificate is not for this address.
    await expect(send(new Transport(), 'https://[2001:db8::1]:8443')).rejects.toMatchObject({
      kind: 'certificate-name',
      mayHaveHappened: false,
    });
    expect(proxy.targets).toEqual(['[2001:db8::1]:8443']);
  });

  testWithIpv6('reaches a proxy at an IPv6 address', async () => {
    const api = await startApi();
    const proxy = await startProxy({ target: api.port, host: '::1' });
    await expect(send(new Transport())).resolves.toMatchObject({ status: 404 });
    expect(proxy.targets).toEqual([`${HOST}:443`]);
  });

  test('is sent directly to loopback', async () => {
    const api = await startApi();
    const proxy = await startProxy({ target: 1 });
    await expect(send(new Transport(), api.endpoint)).resolves.toMatchObject({ status: 404 });
    expect(proxy.targets).toEqual([]);
  });

  test('is sent directly to a host in no_proxy', async () => {
    const api = await startApi();
    const proxy = await startProxy({ target: 1 });
    process.env['no_proxy'] = `other.example.com, ${HOST}`;
    const lookup = (_: string, __: unknown, callback: (...args: unknown[]) => void) =>
      callback(null, [{ address: '127.0.0.1', family: 4 }]);
    const spy = jest.spyOn(dns, 'lookup').mockImplementation(lookup as typeof dns.lookup);
    afterThisTest(() => {
      delete process.env['no_proxy'];
      spy.mockRestore();
    });
    const sending = send(new Transport(), `${ENDPOINT}:${api.port}`);
    await expect(sending).resolves.toMatchObject({ status: 404 });
    expect(proxy.targets).toEqual([]);
  });

  test.each([
    'HTTP/1.1 200 OK\r\n',
    'HTTP/1.0 200 Connection established\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n',
    'HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n',
    'HTTP/1.1 299 Whatever\r\n',
  ])('goes through if the proxy responds with %j', async (head) => {
    const api = await startApi();
    const server = await startRawServer(({ stream }) => {
      stream.removeAllListeners('data').write(`${head}\r\n`);
      const target = connect(api.port, '127.0.0.1').on('error', () => stream.destroy());
      stream.on('close', () => target.destroy());
      stream.pipe(target).pipe(stream);
    });
    useProxy(`http://127.0.0.1:${server.port}`);
    await expect(send(new Transport())).resolves.toMatchObject({ status: 404 });
  });
});

describe('a tunnel', () => {
  test('is kept for the next requests', async () => {
    const api = await startApi();
    const proxy = await startProxy({ target: api.port });
    const transport = new Transport();
    for (let count = 0; count < 20; count++) await send(transport);
    expect(api.requests).toHaveLength(20);
    expect(proxy.connects).toBe(1);
  });

  test('is fresh if it has to be, in place of the idle one', async () => {
    const api = await startApi();
    const proxy = await startProxy({ target: api.port });
    const transport = new Transport();
    await send(transport);
    await send(transport, ENDPOINT, { freshConnection: true });
    await until(() => proxy.open === 1);
    await send(transport);
    expect(proxy.connects).toBe(2);
  });

  test.each(['reset-before-headers', 'close-before-headers'] as const)(
    'that ends after its first request is stale (%s)',
    async (kind) => {
      const api = await startApi();
      await startProxy({ target: api.port });
      api.inject({ kind }, { reusedOnly: true });
      const transport = new Transport();
      await send(transport);
      await expect(send(transport)).rejects.toMatchObject({
        kind: 'connection-reset',
        staleConnection: true,
        mayHaveHappened: true,
      });
    },
  );

  test.each(['reset-after-accept', 'close-after-accept'] as const)(
    'in which TLS did not come about has carried nothing (%s)',
    async (kind) => {
      const api = await startApi();
      await startProxy({ target: api.port });
      api.inject({ kind });
      // The mock proxy may find out before it has opened the tunnel.
      await expect(send(new Transport())).rejects.toMatchObject({
        transient: true,
        staleConnection: false,
        mayHaveHappened: false,
      });
    },
  );

  test('in which TLS came about has carried the request', async () => {
    const api = await startApi();
    await startProxy({ target: api.port });
    api.inject({ kind: 'reset-before-headers' });
    await expect(send(new Transport())).rejects.toMatchObject({
      kind: 'connection-reset',
      staleConnection: false,
      mayHaveHappened: true,
    });
  });

  test('leads to a host whose certificate is verified', async () => {
    const other = await issueCertificate('other.example.com');
    trust(other.authority);
    const api = await startMockApi({ tls: other.tls });
    await startProxy({ target: api.port });
    await expect(send(new Transport())).rejects.toMatchObject({
      kind: 'certificate-name',
      mayHaveHappened: false,
    });
    expect(api.requests).toEqual([]);
  });

  test('is one of at most 16 at any time, given-up attempts included', async () => {
    const api = await startApi();
    const proxy = await startProxy({ target: api.port });
    api.inject({ kind: 'silence' }, { times: 10 });
    api.inject({ kind: 'hang-after-accept' }, { times: 10 });
    const sockets = new ClientSockets(proxy.port);
    const clock = new FakeClock({ autoUpToMs: 0 });
    const client = new HttpClient({
      transport: new Transport(),
      clock,
      deadline: new Deadline(120, clock),
      random: () => 0,
    });
    let over = false;
    const all = Promise.allSettled(
      Array.from({ length: 60 }, () =>
        client.send({
          operation: 'stop',
          request: { method: 'POST', url: new URL(ENDPOINT), headers: {}, body: '{}' },
          authorize: (request) => request,
          parse: ({ status }) => status,
          retries: 2,
          onAttempt: () => undefined,
        }),
      ),
    ).finally(() => {
      over = true;
    });
    await until(() => proxy.connects >= 16);
    while (!over && clock.nowMs < 120_000) await clock.advance(5_000);
    expect((await all).map(({ status }) => status)).toEqual(Array(60).fill('fulfilled'));
    expect(sockets.mostOpen).toBe(16);
  });
});

describe('a proxy', () => {
  test.each([
    ['', 'proxy-password-missing', 'requires a user and a password (HTTP 407)'],
    ['user:wrong', 'proxy-password-rejected', 'rejected the user or the password (HTTP 407)'],
    ['user', 'proxy-password-rejected', 'rejected the user or the password (HTTP 407)'],
  ])('that requires a password, and gets %j', async (user, kind, words) => {
    const api = await startApi();
    const proxy = await startProxy({ target: api.port, credentials: 'user:right' }, user);
    await expect(send(new Transport())).rejects.toMatchObject({
      kind,
      transient: false,
      status: null,
      mayHaveHappened: false,
      // Without its user and password.
      message: `The proxy 127.0.0.1:${proxy.port} ${words}`,
    });
    await until(() => proxy.open === 0);
    expect(api.connections).toBe(0);
  });

  test('that requires a password lets a request with the right one through', async () => {
    const api = await startApi();
    await startProxy({ target: api.port, credentials: 'user:p w' }, 'user:p%20w');
    await expect(send(new Transport())).resolves.toMatchObject({ status: 404 });
  });

  test.each([
    [403, false],
    [502, true],
    [503, true],
    [300, false],
  ])('that denies the connection with HTTP %i, transient: %s', async (status, transient) => {
    const proxy = await startProxy({ target: 1, refuses: status });
    await expect(send(new Transport())).rejects.toMatchObject({
      kind: 'proxy',
      transient,
      mayHaveHappened: false,
      message: `The proxy 127.0.0.1:${proxy.port} denied the connection to ${HOST} (HTTP ${status})`,
    });
    await until(() => proxy.open === 0);
  });

  test('that denies the connection, and keeps its own open, is left', async () => {
    const server = await startRawServer(({ stream }) => {
      stream.write('HTTP/1.1 403 No\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n');
    });
    useProxy(`http://127.0.0.1:${server.port}`);
    await expect(send(new Transport())).rejects.toMatchObject({ kind: 'proxy' });
    await until(() => server.accepted[0]?.tcp.destroyed === true);
  });

  test.each(['reset', 'end'] as const)(
    'that ends the connection (%s) is transient',
    async (how) => {
      const proxy = await startProxy({ target: 1, first: [how] });
      await expect(send(new Transport())).rejects.toMatchObject({
        kind: 'proxy',
        transient: true,
        mayHaveHappened: false,
        staleConnection: false,
        message: `The proxy 127.0.0.1:${proxy.port} reset the connection (ECONNRESET)`,
      });
    },
  );

  test('that does not respond in HTTP says so', async () => {
    const server = await startRawServer(({ stream }) => stream.end('no HTTP\r\n\r\n'));
    useProxy(`http://127.0.0.1:${server.port}`);
    await expect(send(new Transport())).rejects.toMatchObject({
      kind: 'proxy',
      transient: false,
      mayHaveHappened: false,
      message: `The proxy 127.0.0.1:${server.port} did not respond in HTTP (HPE_INVALID_CONSTANT)`,
    });
  });

  test('that refuses the connection is final, but is being restarted once a host has responded', async () => {
    const port = await freePort();
    useProxy(`http://127.0.0.1:${port}`);
    const message = `The proxy 127.0.0.1:${port} refused the connection (ECONNREFUSED)`;
    const expected = { kind: 'proxy', mayHaveHappened: false, message };
    const transport = new Transport();
    await expect(send(transport)).rejects.toMatchObject({ ...expected, transient: false });
    const api = await startApi();
    const proxy = await startProxy({ target: api.port });
    await send(transport);
    await proxy.close();
    useProxy(`http://127.0.0.1:${port}`);
    await expect(send(transport)).rejects.toMatchObject({ ...expected, transient: true });
  });

  test('that never responds is left, and its connection closed, when the attempt is given up', async () => {
    const server = await startRawServer(() => undefined);
    useProxy(`http://127.0.0.1:${server.port}`);
    const sockets = new ClientSockets();
    const controller = new AbortController();
    const sending = send(new Transport(), ENDPOINT, { signal: controller.signal });
    await until(() => (server.accepted[0]?.stream.bytesRead ?? 0) > 0);
    controller.abort();
    await expect(sending).rejects.toMatchObject({
      name: 'NetworkError',
      kind: 'proxy',
      mayHaveHappened: false,
    });
    expect(sockets.open).toEqual([]);
    await until(() => server.accepted[0]?.tcp.destroyed === true);
  });

  test('whose tunnel hangs in TLS is left, and its connection closed, when the attempt is given up', async () => {
    const api = await startApi();
    const proxy = await startProxy({ target: api.port });
    api.inject({ kind: 'hang-after-accept' });
    const controller = new AbortController();
    const sending = send(new Transport(), ENDPOINT, { signal: controller.signal });
    await until(() => api.open === 1);
    controller.abort();
    await expect(sending).rejects.toMatchObject({ mayHaveHappened: false });
    await until(() => proxy.open === 0 && api.open === 0);
  });

  test('gets no request for an attempt that was given up before', async () => {
    const proxy = await startProxy({ target: 1 });
    const sending = send(new Transport(), ENDPOINT, { signal: AbortSignal.abort() });
    await expect(sending).rejects.toMatchObject({ mayHaveHappened: false });
    expect(proxy.targets).toEqual([]);
  });

  test.each([
    ['before the attempt is given up opens a tunnel', false],
    ['after the attempt was given up opens none', true],
  ])('that responds late, %s', async (_, givenUp) => {
    const api = await startApi();
    let respond = () => {};
    const server = await startRawServer(({ stream }) => {
      stream.removeAllListeners('data').pause();
      respond = () => {
        stream.write('HTTP/1.1 200 OK\r\n\r\n');
        const target = connect(api.port, '127.0.0.1');
        target.on('error', () => stream.destroy());
        stream.on('close', () => target.destroy());
        stream.pipe(target).pipe(stream);
      };
    });
    useProxy(`http://127.0.0.1:${server.port}`);
    const controller = new AbortController();
    const sending = send(new Transport(), ENDPOINT, { signal: controller.signal });
    await until(() => (server.accepted[0]?.stream.bytesRead ?? 0) > 0);
    if (!givenUp) {
      respond();
      await expect(sending).resolves.toMatchObject({ status: 404 });
      return;
    }
    controller.abort();
    await expect(sending).rejects.toMatchObject({ kind: 'proxy', mayHaveHappened: false });
    respond();
    await until(() => server.accepted[0]?.tcp.destroyed === true);
    expect(api.requests).toEqual([]);
  });
});

describe('a proxy over TLS', () => {
  /** @returns the tunnels that are open */
  async function startSecureProxy(
    target: number,
    { tls = certificates.tls, host = '127.0.0.1' } = {},
  ): Promise<{ readonly tunnels: Set<Duplex>; readonly names: unknown[] }> {
    const tunnels = new Set<Duplex>();
    const names: unknown[] = [];
    const server = createServer(tls);
    server.on('tlsClientError', () => undefined);
    server.on('connect', (request, client: Duplex) => {
      names.push((request.socket as { servername?: unknown }).servername);
      tunnels.add(client);
      client.on('error', () => undefined).on('close', () => tunnels.delete(client));
      if (target === 0) return;
      const upstream = connect(target, '127.0.0.1', () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n');
        upstream.pipe(client).pipe(upstream);
      });
      upstream.on('error', () => client.destroy());
      client.on('close', () => upstream.destroy());
    });
    afterThisTest(() => {
      for (const client of tunnels) client.destroy();
      server.closeAllConnections();
      server.close();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    useProxy(`https://${host}:${(server.address() as AddressInfo).port}`);
    return { tunnels, names };
  }

  test('tunnels requests, and is kept for the next ones', async () => {
    const api = await startApi();
    const { tunnels } = await startSecureProxy(api.port);
    const transport = new Transport();
    for (let count = 0; count < 3; count++) await send(transport);
    expect(api.requests).toHaveLength(3);
    expect(tunnels.size).toBe(1);
  });

  test('has to present a certificate for its own name, not for that of the host', async () => {
    const api = await startApi();
    const own = await issueCertificate('localhost', { hostOnly: true, selfSigned: true });
    trust(own.tls.cert);
    const { names } = await startSecureProxy(api.port, { tls: own.tls, host: 'localhost' });
    await expect(send(new Transport())).resolves.toMatchObject({ status: 404 });
    expect(names).toEqual(['localhost']);
  });

  test.each(['localhost', '127.0.0.1'])(
    'with a certificate for the host instead of %s is not asked',
    async (host) => {
      const foreign = await issueCertificate(HOST, { hostOnly: true });
      trust(foreign.authority);
      const { tunnels } = await startSecureProxy(1, { tls: foreign.tls, host });
      await expect(send(new Transport())).rejects.toMatchObject({
        kind: 'proxy',
        transient: false,
        mayHaveHappened: false,
        message: expect.stringMatching(
          /^The proxy \S+ presented a certificate for another name \(ERR_TLS_CERT_ALTNAME_INVALID\)$/,
        ),
      });
      expect(tunnels.size).toBe(0);
    },
  );

  test.each(['in CONNECT', 'before the response'])(
    'whose tunnel hangs %s is closed when the attempt is given up',
    async (where) => {
      const api = await startApi();
      api.inject({ kind: 'silence' });
      const { tunnels } = await startSecureProxy(where === 'in CONNECT' ? 0 : api.port);
      const controller = new AbortController();
      const sending = send(new Transport(), ENDPOINT, { signal: controller.signal });
      if (where === 'in CONNECT') await until(() => tunnels.size === 1);
      else await until(() => api.requests.length === 1);
      controller.abort();
      await expect(sending).rejects.toMatchObject({ mayHaveHappened: where !== 'in CONNECT' });
      await until(() => tunnels.size === 0 && api.open === 0);
    },
  );
});

test.each([
  ['http://proxy.example.com:3128', 'proxy.example.com:3128'],
  ['http://user:pass@[::1]:3128/', '[::1]:3128'],
  ['https://proxy.example.com', 'proxy.example.com'],
])('the host of the proxy %s is %s', (proxy, host) => {
  expect(proxyHost(proxy)).toBe(host);
});
