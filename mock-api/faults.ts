import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { setTimeout } from 'node:timers/promises';
import type { MockResponse } from './response.ts';

/** What a request gets instead of the response of the mock API. */
export type Fault =
  /** A response of any status, headers and body; `delayMs` before it. */
  | {
      readonly kind: 'response';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
      readonly delayMs?: number;
    }
  /** A redirect; 302 by default. */
  | { readonly kind: 'redirect'; readonly location: string; readonly status?: number }
  /**
   * The response of the mock API, which has done what was asked for, but slowly: with a pause before
   * the headers, or in the middle of the body, or before each byte of the body.
   */
  | {
      readonly kind: 'slow';
      readonly beforeHeadersMs?: number;
      readonly withinBodyMs?: number;
      readonly beforeByteMs?: number;
    }
  | { readonly kind: 'reset-before-headers' }
  | { readonly kind: 'reset-after-headers' }
  /** The connection ends in good order, before any byte of a response. */
  | { readonly kind: 'close-before-headers' }
  /** The connection ends in the midst of a body whose length was announced. */
  | { readonly kind: 'cut-short'; readonly body?: string }
  /** The connection ends in the midst of a chunked body. */
  | { readonly kind: 'cut-short-chunked'; readonly body?: string }
  /** A body without an announced length, after which the connection is reset. */
  | { readonly kind: 'reset-unframed'; readonly status?: number; readonly body?: string }
  /** A body without an announced length, after which the connection ends in good order. */
  | { readonly kind: 'close-unframed'; readonly status?: number; readonly body?: string }
  /** 101 Switching Protocols, after which the connection stays open. */
  | { readonly kind: 'switching-protocols' }
  /** More headers than the 16 KiB that Node.js accepts. */
  | { readonly kind: 'large-headers'; readonly status?: number }
  /** A body without end, as fast as it is read. */
  | { readonly kind: 'endless' }
  /** A byte of the body every 100 ms, without end. */
  | { readonly kind: 'drip' }
  /** The request is read, and never responded to. */
  | { readonly kind: 'silence' }
  /** Not HTTP at all. */
  | { readonly kind: 'garbage' }
  /**
   * The server restarts: it closes all connections, this request's too, and does not listen for
   * `downMs`.
   */
  | { readonly kind: 'restart'; readonly downMs: number };

/** What a new connection gets, before a request arrives on it. */
export type ConnectionFault =
  /** It is accepted and never responded to, so that not even TLS comes about. */
  | { readonly kind: 'hang-after-accept' }
  | { readonly kind: 'reset-after-accept' }
  | { readonly kind: 'close-after-accept' };

/** Which requests or connections a fault is for, and how often. */
export interface Injection {
  readonly fault: Fault | ConnectionFault;
  /** A part of the path, as in '/stop'. Default: every request. */
  readonly path?: string;
  /** Default: every method. */
  readonly method?: string;
  /** Only requests on a connection that has already served one. */
  readonly reusedOnly?: boolean;
  /** How many matching ones are spared first. Default: none. */
  readonly after?: number;
  /** How many matching ones get the fault. Default: all. */
  readonly times?: number;
  /**
   * Whether the mock API does what was asked for before the fault spoils its response: a scan is
   * started or stopped, and the caller does not learn it. A fault that has a body takes that of the
   * response, unless it is given one.
   */
  readonly handled?: boolean;
}

/** A request that gets a fault, and what it would have got instead. */
export interface SpoiledExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The TCP connection, below TLS. */
  readonly connection: Socket;
  /** The response of the mock API, if it has handled the request. */
  readonly own: MockResponse | undefined;
  restart(downMs: number): void;
}

type Spoil<Kind extends Fault['kind']> = (
  fault: Extract<Fault, { kind: Kind }>,
  exchange: SpoiledExchange,
) => Promise<void> | void;

// What was written has to be on its way before the connection ends.
const FLUSH_MS = 50;
const LARGE_HEADER = 'a'.repeat(17 * 1024);

const SPOILERS: { readonly [Kind in Fault['kind']]: Spoil<Kind> } = {
  response: async ({ status, headers, body, delayMs = 0 }, { response }) => {
    if (delayMs > 0) await setTimeout(delayMs);
    response.writeHead(status, headers).end(body);
  },
  redirect: ({ location, status = 302 }, { response }) => {
    response.writeHead(status, { location }).end();
  },
  slow: respondSlowly,
  'reset-before-headers': (_fault, { connection }) => {
    connection.resetAndDestroy();
  },
  'reset-after-headers': async (_fault, { response, connection }) => {
    response.writeHead(200, { 'content-length': 100 }).write('{"a":');
    await setTimeout(FLUSH_MS);
    connection.resetAndDestroy();
  },
  'close-before-headers': (_fault, { request }) => {
    request.socket.end();
  },
  'cut-short': async ({ body }, { request, response, own }) => {
    const half = body ?? halfOf(own) ?? 'null';
    const length = Buffer.byteLength(half) + 96;
    response.writeHead(200, { ...own?.headers, 'content-length': length }).write(half);
    await setTimeout(FLUSH_MS);
    request.socket.end();
  },
  'cut-short-chunked': async ({ body }, { request, response, own }) => {
    response.writeHead(200, own?.headers).write(body ?? halfOf(own) ?? 'null');
    await setTimeout(FLUSH_MS);
    request.socket.end();
  },
  'reset-unframed': async (fault, exchange) => {
    exchange.request.socket.write(unframed(fault, exchange.own));
    await setTimeout(FLUSH_MS);
    exchange.connection.resetAndDestroy();
  },
  'close-unframed': (fault, { request, own }) => {
    request.socket.end(unframed(fault, own));
  },
  'switching-protocols': (_fault, { request }) => {
    const headers = 'Connection: Upgrade\r\nUpgrade: another-protocol\r\n';
    request.socket.write(`HTTP/1.1 101 Switching Protocols\r\n${headers}\r\n`);
  },
  'large-headers': ({ status = 200 }, { response, own }) => {
    response
      .writeHead(status, { ...own?.headers, 'x-large': LARGE_HEADER })
      .end(own?.body ?? 'null');
  },
  endless: async (_fault, { response }) => {
    await pipeline(endlessSpaces, response.writeHead(200)).catch(() => undefined);
  },
  drip: async (_fault, { request, response }) => {
    response.writeHead(200);
    while (!request.socket.destroyed) {
      response.write(' ');
      await setTimeout(100);
    }
  },
  silence: () => undefined,
  garbage: (_fault, { request }) => {
    request.socket.end('It is not HTTP that is spoken here\r\n\r\n');
  },
  restart: ({ downMs }, { restart }) => restart(downMs),
};

const CONNECTION_SPOILERS: {
  readonly [Kind in ConnectionFault['kind']]: (connection: Socket) => void;
} = {
  'hang-after-accept': (connection) => {
    // Read, so that the server notices when the client gives the connection up.
    connection.on('end', () => connection.end()).resume();
  },
  'reset-after-accept': (connection) => {
    connection.resetAndDestroy();
  },
  'close-after-accept': (connection) => {
    connection.end();
  },
};

export function isConnectionFault(fault: Fault | ConnectionFault): fault is ConnectionFault {
  return Object.hasOwn(CONNECTION_SPOILERS, fault.kind);
}

/** Whether there is a fault of this name. */
export function isFaultKind(kind: unknown): boolean {
  return [SPOILERS, CONNECTION_SPOILERS].some((all) => Object.hasOwn(all, String(kind)));
}

/** Responds to a request with a fault. */
export async function spoil(fault: Fault, exchange: SpoiledExchange): Promise<void> {
  await (SPOILERS[fault.kind] as Spoil<Fault['kind']>)(fault, exchange);
}

/** Gives a new connection a fault. */
export function spoilConnection(fault: ConnectionFault, connection: Socket): void {
  CONNECTION_SPOILERS[fault.kind](connection);
}

async function respondSlowly(
  fault: Extract<Fault, { kind: 'slow' }>,
  { response, own }: SpoiledExchange,
): Promise<void> {
  const { beforeHeadersMs = 0, withinBodyMs = 0, beforeByteMs = 0 } = fault;
  const { status = 200, headers, body = 'null' } = own ?? {};
  await setTimeout(beforeHeadersMs);
  response.writeHead(status, headers);
  response.flushHeaders();
  if (beforeByteMs > 0) {
    for (const byte of Buffer.from(body)) {
      await setTimeout(beforeByteMs);
      response.write(Buffer.of(byte));
    }
    response.end();
    return;
  }
  const half = Math.floor(body.length / 2);
  response.write(body.slice(0, half));
  await setTimeout(withinBodyMs);
  response.end(body.slice(half));
}

function unframed(
  fault: { readonly status?: number; readonly body?: string },
  own: MockResponse | undefined,
): string {
  const { status = own?.status ?? 200, body = own?.body ?? '' } = fault;
  const headers = Object.entries({ ...own?.headers, connection: 'close' });
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return `HTTP/1.1 ${status} OK\r\n${lines}\r\n${body}`;
}

function halfOf(response: MockResponse | undefined): string | undefined {
  return response?.body.slice(0, Math.ceil(response.body.length / 2));
}

function* endlessSpaces(): Generator<Buffer> {
  for (;;) yield Buffer.alloc(64 * 1024, ' ');
}
