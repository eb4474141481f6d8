import * as http from 'node:http';
import * as https from 'node:https';
import type { Socket } from 'node:net';
import { urlToHttpOptions } from 'node:url';
import { getProxyUrl, HttpClient } from '@actions/http-client';
import { USER_AGENT } from '../version.ts';
import { connectionError, type Route } from './connection-error.ts';
import { NetworkError } from './errors.ts';
import { proxyHost, TunnelAgent } from './tunnel-agent.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly url: URL;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Empty if nothing is sent. */
  readonly body: string;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** Longer than any response of the API, and short enough for an endless one to do no harm. */
export const MAX_RESPONSE_BYTES = 64 * 1024;

// Node.js gives each address of a host a quarter of a second, less than a connection from one
// continent to another needs: https://nodejs.org/api/net.html#socketconnectoptions-connectlistener
const ADDRESS_TIMEOUT_MS = 5_000;

// http-client's own limit, on idle time: longer than any deadline, because `signal` ends an attempt.
const SOCKET_TIMEOUT_MS = 24 * 60 * 60 * 1000;

const SWITCHING_PROTOCOLS = 101;

interface SendOptions {
  /** Gives up the attempt, and closes its connection. */
  readonly signal: AbortSignal;
  /** Whether to open a connection, in place of those that are idle. */
  readonly freshConnection: boolean;
  /** Called once the request may have reached the host: TCP, CONNECT and TLS came about. */
  readonly onConnected?: (() => void) | undefined;
}

/** What is known of the connection of one request. */
interface Connection {
  request: http.ClientRequest | undefined;
  socket: Socket | undefined;
  /** Whether it was used by an earlier request. */
  reused: boolean;
  /** Whether the request may have reached the host: TCP, CONNECT and TLS came about. */
  established: boolean;
  /** Bytes that had arrived before this request. */
  bytesBefore: number;
}

/** One exchange over HTTP: a request, and the whole response or the reason why there is none. */
export class Transport {
  readonly #client = new HttpClient(undefined, [], { socketTimeout: SOCKET_TIMEOUT_MS });
  readonly #agents = new Map<string, http.Agent>();
  // A refused connection means a restart if the host has responded before.
  readonly #responded = new Set<string>();

  /**
   * Sends a request once. Redirects are not followed: they would carry the credential away.
   *
   * @returns the response, whatever its status
   * @throws NetworkError if there is none, if it is cut short or longer than
   *   {@link MAX_RESPONSE_BYTES}, or if `signal` aborts
   */
  async send(
    request: HttpRequest,
    { signal, freshConnection, onConnected = () => undefined }: SendOptions,
  ): Promise<HttpResponse> {
    const { url, method, headers, body } = request;
    const proxy = url.protocol === 'https:' ? getProxyUrl(url.href) : '';
    const route: Route = { host: url.host, proxy: proxy === '' ? undefined : proxyHost(proxy) };
    const connection: Connection = {
      request: undefined,
      socket: undefined,
      reused: false,
      established: false,
      bytesBefore: 0,
    };
    const options: http.RequestOptions = {
      // http-client would take '[::1]' for a host name.
      ...urlToHttpOptions(url),
      method,
      headers: { 'user-agent': USER_AGENT, 'accept-encoding': 'identity', ...headers },
      agent: this.#agentFor(url, proxy, freshConnection),
      // For TunnelAgent.
      ...{ tunnelSignal: signal, autoSelectFamilyAttemptTimeout: ADDRESS_TIMEOUT_MS },
    };
    // The option `signal` of Node.js does no more, and takes a millisecond to load.
    // After the end of a response it has no effect.
    signal.addEventListener('abort', () => connection.request?.destroy(signal.reason));
    try {
      // Node.js would open a connection nevertheless, and keep it.
      signal.throwIfAborted();
      const module = url.protocol === 'https:' ? https : http;
      const httpModule = observed(module, connection, onConnected);
      const { message } = await this.#client.requestRaw(
        { options, parsedUrl: url, httpModule },
        body,
      );
      this.#responded.add(url.origin);
      if (message.statusCode === SWITCHING_PROTOCOLS) throw upgradeError(message);
      return await readBody(message);
    } catch (error) {
      if (error instanceof NetworkError) throw error;
      const { socket, reused, established, bytesBefore } = connection;
      const anyByte = (socket?.bytesRead ?? 0) > bytesBefore;
      throw connectionError(error, {
        route,
        mayHaveHappened: established,
        staleConnection: reused && !anyByte && !signal.aborted,
        respondedBefore: this.#responded.has(url.origin),
      });
    }
  }

  // Connections are bounded by the requests under way (MAX_CONNECTIONS) only if none is opened while
  // others are idle.
  #agentFor(url: URL, proxy: string, freshConnection: boolean): http.Agent {
    const key = `${url.origin} ${proxy}`;
    for (const [one, agent] of this.#agents) {
      if (freshConnection || one !== key) closeIdleConnections(agent);
    }
    const agent = this.#agents.get(key) ?? createAgent(url, proxy);
    this.#agents.set(key, agent);
    return agent;
  }
}

function createAgent({ protocol }: URL, proxy: string): http.Agent {
  if (proxy !== '') return new TunnelAgent(proxy);
  return new (protocol === 'https:' ? https : http).Agent({ keepAlive: true });
}

function closeIdleConnections({ freeSockets }: http.Agent): void {
  for (const socket of Object.values(freeSockets).flat()) socket?.destroy();
}

/** Has http-client send a request by a module of Node.js, and keeps track of its connection. */
function observed(
  module: typeof http | typeof https,
  connection: Connection,
  onConnected: () => void,
): typeof http {
  const request = (
    options: http.RequestOptions,
    onResponse: (message: http.IncomingMessage) => void,
  ) => {
    const sent = module.request(options, onResponse);
    connection.request = sent;
    sent.once('socket', (socket) => {
      connection.socket = socket;
      connection.reused = sent.reusedSocket;
      connection.established = sent.reusedSocket;
      connection.bytesBefore = socket.bytesRead;
      if (sent.reusedSocket) return onConnected();
      socket.once(module === https ? 'secureConnect' : 'connect', () => {
        connection.established = true;
        onConnected();
      });
    });
    // Without a listener, Node.js would report a hangup, which is retried.
    sent.once('upgrade', onResponse);
    return sent;
  };
  // Not a copy of the module: reading all its members would load WebSocket, and HTTP/2 with it.
  return { request } as unknown as typeof http;
}

function upgradeError({ statusCode, headers, socket }: http.IncomingMessage): NetworkError {
  socket.destroy();
  return new NetworkError(`The host responded with HTTP ${statusCode} to a plain request`, {
    kind: 'upgrade',
    status: SWITCHING_PROTOCOLS,
    requestId: requestIdOf(headers),
    mayHaveHappened: true,
  });
}

// http-client's own readBody has no limit, and does not settle if the response is cut short.
function readBody(message: http.IncomingMessage): Promise<HttpResponse> {
  // Node.js sets it on every response that a client gets.
  const status = message.statusCode as number;
  const headers = message.headers;
  const chunks: Buffer[] = [];
  let bytes = 0;
  let reset = false;
  if (!isFramed(status, headers)) {
    message.socket.once('error', () => {
      reset = true;
    });
  }
  return new Promise((resolve, reject) => {
    const fail = (text: string, details: { kind: 'cut-short' | 'too-long'; cause?: unknown }) =>
      reject(
        new NetworkError(text, {
          status,
          requestId: requestIdOf(headers),
          transient: details.kind === 'cut-short',
          // A rejection is one, however much of it arrived.
          mayHaveHappened: status < 300 || status === 502 || status === 504,
          ...details,
        }),
      );
    const cutShort = (cause?: Error) =>
      fail('The response was cut short', { kind: 'cut-short', cause });
    message.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes <= MAX_RESPONSE_BYTES) return;
      fail(`The response is longer than ${MAX_RESPONSE_BYTES / 1024} KiB`, { kind: 'too-long' });
      message.destroy();
    });
    message.once('end', () => {
      const response = { status, headers, body: Buffer.concat(chunks).toString() };
      if (isFramed(status, headers) || (!reset && endsByItself(response))) resolve(response);
      else cutShort();
    });
    message.once('error', cutShort);
  });
}

// https://www.rfc-editor.org/rfc/rfc9112#name-message-body-length
function isFramed(status: number, headers: http.IncomingHttpHeaders): boolean {
  const { 'content-length': length, 'transfer-encoding': encoding = '' } = headers;
  if (status === 204 || status === 304 || length !== undefined) return true;
  // Any other encoding at the end leaves the body without an end of its own.
  return /(^|,)\s*chunked$/i.test(encoding);
}

// Without a length, the end of the connection is the end of the body, and looks the same if half of
// it is lost. Only JSON that is complete tells; of a number, a digit may be missing. Whatever cannot
// be JSON is no success in any case.
function endsByItself({ status, body }: HttpResponse): boolean {
  if (status < 200 || status > 299) return true;
  const text = body.trim();
  try {
    return typeof JSON.parse(text) !== 'number';
  } catch {
    // The empty text is the beginning of everything.
    return !/^[[{"\d-]/.test(text) && !['true', 'false', 'null'].some((it) => it.startsWith(text));
  }
}

/** The request ID in a response's headers; empty without one. */
export function requestIdOf(headers: http.IncomingHttpHeaders): string {
  const value = headers['x-request-id'];
  return typeof value === 'string' ? value : '';
}
