import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** What a proxy does with the requests it gets. */
export interface ProxyOptions {
  /** The port on loopback that every host is behind. */
  readonly target: number;
  /** 'user:password', where it wants one. */
  readonly credentials?: string;
  /** Refuses every request with this status. */
  readonly refuses?: number;
  /** What becomes of the first requests, before all is well. */
  readonly first?: readonly ('reset' | 'end' | number)[];
  /** Never answers. */
  readonly silent?: boolean;
}

/** A mock HTTP proxy that tunnels by CONNECT. */
export class ConnectProxy {
  /** What it was asked to connect to. */
  readonly targets: string[] = [];
  readonly #server: Server;
  // A server does not count a tunnelled connection among its own.
  readonly #clients = new Set<Duplex>();

  private constructor(options: ProxyOptions) {
    this.#server = createServer((_request, response) => response.writeHead(405).end());
    this.#server.on('connect', (request, client, head) => {
      this.targets.push(request.url ?? '');
      this.#clients.add(client);
      client.on('error', () => undefined);
      if (options.silent === true) return;
      const trouble = options.first?.[this.targets.length - 1];
      if (trouble === 'reset') return void (client as Socket).resetAndDestroy();
      if (trouble === 'end') return void client.end();
      const wanted =
        options.credentials && `Basic ${Buffer.from(options.credentials).toString('base64')}`;
      const status =
        trouble ??
        options.refuses ??
        (wanted && request.headers['proxy-authorization'] !== wanted ? 407 : 200);
      if (status !== 200) {
        client.end(`HTTP/1.1 ${status} No\r\n\r\n`);
        return;
      }
      const server = connect(options.target, '127.0.0.1', () => {
        client.write('HTTP/1.1 200 Connection established\r\n\r\n');
        server.write(head);
        server.pipe(client).pipe(server);
      });
      server.on('error', () => client.destroy());
      client.on('close', () => server.destroy());
    });
  }

  static async start(options: ProxyOptions): Promise<ConnectProxy> {
    const proxy = new ConnectProxy(options);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
