import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** What a proxy does with the requests it gets. */
export interface ProxyOptions {
  /** The port on loopback that every host is behind. */
  readonly target: number;
  /** The address of loopback that the target listens at. Default: 127.0.0.1. */
  readonly targetHost?: string;
  /** An address of loopback to listen at. Default: 127.0.0.1. */
  readonly host?: string;
  /** 'user:password', if it wants one. */
  readonly credentials?: string;
  /** Rejects every request with this status. */
  readonly refuses?: number;
  /** What the first requests get before all is well. */
  readonly first?: readonly ('reset' | 'end' | number)[];
  /** Never responds. */
  readonly silent?: boolean;
}

// A host name, an IPv4 address or an IPv6 address in brackets, and a port: RFC 9110, 9.3.6.
const AUTHORITY = /^(?:[^\s:[\]]+|\[[0-9a-f:.]+\]):\d+$/i;

/** A mock HTTP proxy that tunnels by CONNECT. */
export class ConnectProxy {
  /** What it was asked to connect to, for each CONNECT. */
  readonly targets: string[] = [];
  readonly #options: ProxyOptions;
  readonly #server: Server;
  // A server does not count a tunneled connection among its own.
  readonly #clients = new Set<Duplex>();
  /** The most tunnels that were open at once. */
  maxOpen = 0;

  private constructor(options: ProxyOptions) {
    this.#options = options;
    this.#server = createServer((_request, response) => response.writeHead(405).end());
    this.#server.on('connect', (request, client, head) => {
      this.targets.push(request.url ?? '');
      this.#clients.add(client);
      this.maxOpen = Math.max(this.maxOpen, this.#clients.size);
      client.on('error', () => undefined);
      client.on('close', () => this.#clients.delete(client));
      this.#serve(request, client, head);
    });
  }

  static async start(options: ProxyOptions): Promise<ConnectProxy> {
    const proxy = new ConnectProxy(options);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen(0, options.host ?? '127.0.0.1', resolve);
    });
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** How many CONNECT requests it got. */
  get connects(): number {
    return this.targets.length;
  }

  /** How many tunnels are open now, those that were rejected and not closed included. */
  get open(): number {
    return this.#clients.size;
  }

  /**
   * As `https_proxy` has it.
   *
   * @param user 'user:password', percent-encoded
   */
  url(user = ''): string {
    const { host = '127.0.0.1' } = this.#options;
    const authority = `${host.includes(':') ? `[${host}]` : host}:${this.port}`;
    return `http://${user === '' ? '' : `${user}@`}${authority}`;
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(request: IncomingMessage, client: Duplex, head: Buffer): void {
    const { silent, first, target, targetHost = '127.0.0.1' } = this.#options;
    if (silent === true) return;
    const trouble = first?.[this.connects - 1];
    if (trouble === 'reset') return void (client as Socket).resetAndDestroy();
    if (trouble === 'end') return void client.end();
    const status = trouble ?? this.#statusOf(request);
    if (status !== 200) {
      const header = status === 407 ? 'Proxy-Authenticate: Basic realm="mock proxy"\r\n' : '';
      client.end(`HTTP/1.1 ${status} No\r\n${header}\r\n`);
      return;
    }
    const server = connect(target, targetHost, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      server.write(head);
      server.pipe(client).pipe(server);
    });
    server.on('error', () => client.destroy());
    // Nothing else reads the end of a client whose server has closed.
    server.on('close', () => client.resume());
    client.on('close', () => server.destroy());
  }

  #statusOf({ url = '', headers }: IncomingMessage): number {
    const { credentials, refuses } = this.#options;
    if (!AUTHORITY.test(url)) return 400;
    if (refuses !== undefined) return refuses;
    const wanted = credentials && `Basic ${Buffer.from(credentials).toString('base64')}`;
    return wanted && headers['proxy-authorization'] !== wanted ? 407 : 200;
  }
}
