import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { setTimeout } from 'node:timers/promises';

/** What a request gets instead of the response of the mock API. */
export type Fault =
  /** A response of any status, header and body; `delayMs` before it. */
  | {
      readonly kind: 'response';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
      readonly delayMs?: number;
    }
  | { readonly kind: 'reset-before-headers' }
  | { readonly kind: 'reset-after-headers' }
  /** The connection ends in the midst of a body whose length was announced. */
  | { readonly kind: 'cut-short' }
  /** The connection ends in the midst of a chunked body. */
  | { readonly kind: 'cut-short-chunked' }
  /** A body without end, as fast as it is read. */
  | { readonly kind: 'endless' }
  /** A byte of the body every 100 ms, without end. */
  | { readonly kind: 'drip' }
  /** The request is read, and never responded to. */
  | { readonly kind: 'silence' }
  /** Not HTTP at all. */
  | { readonly kind: 'garbage' };

/** Which requests a fault is for, and how often. */
export interface Injection {
  readonly fault: Fault;
  /** A part of the path, as in '/stop'; every request where it is left out. */
  readonly path?: string;
  /** Every time where it is left out. */
  readonly times?: number;
}

/** Responds to a request with a fault. */
export async function commit(
  fault: Fault,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { socket } = request;
  switch (fault.kind) {
    case 'response':
      if (fault.delayMs !== undefined) await setTimeout(fault.delayMs);
      response.writeHead(fault.status, fault.headers).end(fault.body);
      return;
    case 'reset-before-headers':
      socket.resetAndDestroy();
      return;
    case 'reset-after-headers':
      response.writeHead(200, { 'content-length': 100 }).write('{"a":');
      await setTimeout(50);
      socket.resetAndDestroy();
      return;
    case 'cut-short':
      response.writeHead(200, { 'content-length': 100 }).write('null');
      await setTimeout(50);
      socket.end();
      return;
    case 'cut-short-chunked':
      response.writeHead(200).write('null');
      await setTimeout(50);
      socket.end();
      return;
    case 'endless':
      await pipeline(endlessSpaces, response.writeHead(200)).catch(() => undefined);
      return;
    case 'drip':
      response.writeHead(200);
      while (!socket.destroyed) {
        response.write(' ');
        await setTimeout(100);
      }
      return;
    case 'silence':
      return;
    case 'garbage':
      socket.end('It is not HTTP that is spoken here\r\n\r\n');
      return;
  }
}

function* endlessSpaces(): Generator<Buffer> {
  for (;;) yield Buffer.alloc(64 * 1024, ' ');
}
