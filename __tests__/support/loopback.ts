// Servers on loopback for tests of the transport. All of them are closed after each test.
import './real-sockets.ts';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import tls, { type TlsOptions } from 'node:tls';
import { afterEach, test } from '@jest/globals';
import { MockApi, type MockApiOptions } from '../../mock-api/mock-api.ts';
import { ConnectProxy, type ProxyOptions } from '../../mock-api/proxy.ts';

const closers: (() => unknown)[] = [];

export function afterThisTest(close: () => unknown): void {
  closers.push(close);
}

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

export async function startMockApi(options: MockApiOptions = {}): Promise<MockApi> {
  const api = await MockApi.start(options);
  afterThisTest(() => api.close());
  return api;
}

/** Starts a proxy, and has all requests to https use it. */
export async function startProxy(options: ProxyOptions, user = ''): Promise<ConnectProxy> {
  const proxy = await ConnectProxy.start(options);
  afterThisTest(() => proxy.close());
  useProxy(proxy.url(user));
  return proxy;
}

export function useProxy(url: string): void {
  process.env['https_proxy'] = url;
  afterThisTest(() => {
    delete process.env['https_proxy'];
  });
}

/** A connection that a server has accepted. */
export interface Accepted {
  /** What the client reads and writes. */
  readonly stream: Socket;
  /** The TCP connection; below TLS, another one than `stream`. */
  readonly tcp: Socket;
}

/** A server of bytes, for what no HTTP server would send. */
export interface RawServer {
  readonly port: number;
  readonly endpoint: string;
  /** The connections so far. */
  readonly accepted: Accepted[];
}

/**
 * @param onData called with the connection whenever bytes have arrived
 * @param secure for TLS
 */
export async function startRawServer(
  onData: (connection: Accepted) => void,
  secure?: TlsOptions,
): Promise<RawServer> {
  const accepted: Accepted[] = [];
  const server = createServer({ allowHalfOpen: false }, (tcp) => {
    const stream =
      secure === undefined ? tcp : new tls.TLSSocket(tcp, { ...secure, isServer: true });
    const connection = { stream, tcp };
    accepted.push(connection);
    for (const socket of [stream, tcp]) socket.on('error', () => undefined);
    stream.on('data', () => onData(connection));
  });
  afterThisTest(() => {
    for (const { tcp } of accepted) tcp.destroy();
    server.close();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const endpoint = `${secure === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  return { port, endpoint, accepted };
}

/** A port on which no server listens. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Trusts a CA until the end of the test. */
export function trust(authority: string): void {
  const before = tls.getCACertificates('default');
  tls.setDefaultCACertificates([...before, authority]);
  afterThisTest(() => tls.setDefaultCACertificates(before));
}

/** The TCP connections that this process opens. */
export class ClientSockets {
  readonly all: Socket[] = [];
  /** The most that were open at once. */
  mostOpen = 0;

  /** @param port counts only connections to this port as open */
  constructor(port?: number) {
    const connected: Socket[] = [];
    const onSocket = (message: unknown) => {
      const { socket } = message as { socket: Socket };
      this.all.push(socket);
      socket.once('connect', () => {
        if (port !== undefined && socket.remotePort !== port) return;
        connected.push(socket);
        this.mostOpen = Math.max(this.mostOpen, connected.filter(isOpen).length);
      });
    };
    subscribe('net.client.socket', onSocket);
    afterThisTest(() => unsubscribe('net.client.socket', onSocket));
  }

  get open(): Socket[] {
    return this.all.filter(isOpen);
  }
}

function isOpen({ destroyed }: Socket): boolean {
  return !destroyed;
}

/** Waits for something that happens in a turn of the event loop to come. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

async function canListenOnIpv6(): Promise<boolean> {
  const server = createServer().listen(0, '::1');
  const listening = await once(server, 'listening').then(
    () => true,
    () => false,
  );
  server.close();
  return listening;
}

const hasIpv6 = await canListenOnIpv6();

/** Like `test`, but skipped on a machine without IPv6, and says so. */
export function testWithIpv6(name: string, run: () => Promise<void>): void {
  if (hasIpv6) test(name, run);
  else test.skip(`${name} (skipped: this machine cannot listen on ::1)`, run);
}
