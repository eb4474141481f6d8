import type { Server as HttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { nginxPage } from './throttle.ts';

export interface ListenerOptions {
  /** Serves the connections; it does not listen by itself. */
  readonly server: HttpServer;
  readonly tls: boolean;
  /** With `tls`: responds to plain HTTP with a web page. */
  readonly pageForPlainHttp: boolean;
  readonly host: string;
  /** @returns whether it has dealt with a new connection, so that nobody serves it */
  readonly intercept: (connection: Socket) => boolean;
}

// The first byte of a TLS record that begins a handshake.
const TLS_HANDSHAKE = 0x16;

/**
 * Accepts connections for an HTTP server, counts them, and has them at hand below TLS: an HTTP
 * server cannot reset a TLS connection, and cannot stop listening for a while.
 */
export class Listener {
  /** How many connections there were so far. */
  connections = 0;
  /** The most connections that were open at once. */
  maxOpen = 0;
  readonly #options: ListenerOptions;
  // By the client's address, which is known above TLS as well.
  readonly #open = new Map<string, Socket>();
  #port = 0;
  #server: Server | undefined;
  #closed = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  get port(): number {
    return this.#port;
  }

  get open(): number {
    return this.#open.size;
  }

  /** The TCP connection of a request's socket. */
  connectionOf(socket: Socket): Socket {
    return this.#open.get(addressOf(socket)) ?? socket;
  }

  /** @param port 0 for a free one */
  async listen(port: number): Promise<void> {
    // As an HTTP server has it.
    const options = { noDelay: true, allowHalfOpen: !this.#options.tls };
    const server = createServer(options, (connection) => this.#accept(connection));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, this.#options.host, resolve);
    });
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Closes all connections, and listens again after a while. */
  async restart(downMs: number): Promise<void> {
    await this.#stop();
    await setTimeout(downMs);
    if (!this.#closed) await this.listen(this.#port);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#stop();
  }

  async #stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    const stopped = new Promise<void>((resolve) => {
      if (server === undefined) resolve();
      else server.close(() => resolve());
    });
    for (const connection of this.#open.values()) connection.destroy();
    await stopped;
  }

  #accept(connection: Socket): void {
    const address = addressOf(connection);
    this.connections += 1;
    this.#open.set(address, connection);
    this.maxOpen = Math.max(this.maxOpen, this.#open.size);
    connection.on('error', () => undefined);
    connection.once('close', () => this.#open.delete(address));
    if (this.#options.intercept(connection)) return;
    if (this.#options.tls && this.#options.pageForPlainHttp) this.#peek(connection);
    else this.#options.server.emit('connection', connection);
  }

  #peek(connection: Socket): void {
    connection.once('data', (chunk) => {
      connection.pause();
      if (chunk[0] === TLS_HANDSHAKE) {
        connection.unshift(chunk);
        this.#options.server.emit('connection', connection);
        process.nextTick(() => connection.resume());
        return;
      }
      const { body } = nginxPage(400);
      const head = `HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: ${body.length}`;
      connection.end(`${head}\r\nConnection: close\r\n\r\n${body}`);
    });
  }
}

function addressOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
