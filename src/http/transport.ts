import * as http from 'node:http';
import * as https from 'node:https';
import { setDefaultAutoSelectFamilyAttemptTimeout } from 'node:net';
import { urlToHttpOptions } from 'node:url';
import { getProxyUrl, HttpClient } from '@actions/http-client';
import type { Clock } from '../clock.ts';
import type { Deadline } from '../deadline.ts';
import { abortable } from '../until-aborted.ts';
import { USER_AGENT } from '../version.ts';
import { connectionError, type Route } from './connection-error.ts';
import { NetworkError, type RequestError } from './errors.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Empty where nothing is sent. */
  readonly body: string;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** Requests at once, and connections kept alive. */
export const MAX_CONNECTIONS = 16;

/** Longer than any answer of the API, and short enough for an endless one to do no harm. */
export const MAX_ANSWER_BYTES = 64 * 1024;

/** An attempt that takes longer counts as timed out, so that there is time left for another. */
export const ATTEMPT_TIMEOUT_MS = 20_000;

// Node.js gives each address of a host a quarter of a second, less than a connection from one
// continent to another takes: https://nodejs.org/api/net.html#netsetdefaultautoselectfamilyattempttimeoutvalue
const ADDRESS_TIMEOUT_MS = 5_000;

/** One exchange over HTTP: a request, and the whole answer or the reason why there is none. */
export class Transport {
  readonly #deadline: Deadline;
  readonly #clock: Clock;
  // One client for each origin: http-client keeps one agent, of the scheme it saw first.
  readonly #clients = new Map<string, HttpClient>();

  constructor(deadline: Deadline, clock: Clock) {
    this.#deadline = deadline;
    this.#clock = clock;
    setDefaultAutoSelectFamilyAttemptTimeout(ADDRESS_TIMEOUT_MS);
  }

  /**
   * Sends a request once. Redirects are not followed: they would carry the credential away.
   *
   * @returns the answer, whatever its status
   * @throws NetworkError when there is none, when it is cut short, or longer than
   *   {@link MAX_ANSWER_BYTES}, or when {@link ATTEMPT_TIMEOUT_MS} or the deadline passes
   */
  async send(request: HttpRequest): Promise<HttpResponse> {
    const attempt = new AbortController();
    const deadline = this.#deadline.signal;
    const end = () => attempt.abort();
    const cancelTimer = this.#clock.after(ATTEMPT_TIMEOUT_MS, end);
    // Not AbortSignal.any: what depends on a signal that lives on is never let go of.
    deadline.addEventListener('abort', end);
    if (deadline.aborted) end();
    try {
      return await this.#exchange(request, attempt.signal);
    } catch (error) {
      throw this.#failure(error, request, attempt.signal);
    } finally {
      cancelTimer();
      deadline.removeEventListener('abort', end);
    }
  }

  async #exchange(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    const { url, method, headers, body } = request;
    const client = this.#clientFor(url.origin);
    const options = {
      // http-client itself would take '[::1]' for a host name.
      ...urlToHttpOptions(url),
      method,
      headers: { 'user-agent': USER_AGENT, ...headers },
      agent: client.getAgent(url.href),
    };
    const httpModule = url.protocol === 'https:' ? https : http;
    const answering = client.requestRaw({ options, parsedUrl: url, httpModule }, body);
    // An answer that begins after its attempt was given up must not keep its connection.
    answering.then(({ message }) => signal.aborted && message.destroy()).catch(() => undefined);
    const { message } = await abortable(answering, signal);
    return parseResponse(message, signal);
  }

  #clientFor(origin: string): HttpClient {
    let client = this.#clients.get(origin);
    if (client === undefined) {
      client = new HttpClient(undefined, [], {
        // No maxSockets: HttpClient has at most 16 requests under way. An agent that counts connections
        // counts those of attempts that were given up, too, and the one for proxies loses some.
        keepAlive: true,
        // What an attempt leaves behind when its own limit, on the whole and not on idle time, ends
        // it: http-client closes the connection a moment later.
        socketTimeout: ATTEMPT_TIMEOUT_MS + 1_000,
      });
      this.#clients.set(origin, client);
    }
    return client;
  }

  #failure(error: unknown, request: HttpRequest, attempt: AbortSignal): RequestError {
    if (this.#deadline.signal.aborted) return deadlineError(this.#deadline, error);
    const route = routeOf(request.url);
    if (attempt.aborted) {
      const seconds = ATTEMPT_TIMEOUT_MS / 1000;
      return new NetworkError(`The host ${route.host} did not answer within ${seconds} s`, {
        kind: 'timeout',
        transient: true,
        cause: error,
      });
    }
    return error instanceof NetworkError ? error : connectionError(error, route);
  }
}

/** The failure of whatever is not done when the deadline passes. */
export function deadlineError(deadline: Deadline, cause?: unknown): NetworkError {
  return new NetworkError(`No answer within the deadline (timeout-seconds: ${deadline.seconds})`, {
    kind: 'deadline',
    cause,
  });
}

function routeOf(url: URL): Route {
  const proxy = getProxyUrl(url.href);
  return { host: url.host, proxy: proxy === '' ? undefined : new URL(proxy).host };
}

// http-client's own readBody has no limit, and does not settle when the answer is cut short.
function parseResponse(message: http.IncomingMessage, signal: AbortSignal): Promise<HttpResponse> {
  // Node.js sets it on every answer that a client gets.
  const status = message.statusCode as number;
  const headers = message.headers;
  const requestId = requestIdOf(headers);
  const chunks: Buffer[] = [];
  let bytes = 0;
  return new Promise((resolve, reject) => {
    message.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes <= MAX_ANSWER_BYTES) return;
      const text = `The answer is longer than ${MAX_ANSWER_BYTES / 1024} KiB`;
      reject(new NetworkError(text, { kind: 'too-long', status, requestId }));
      message.destroy();
    });
    message.once('end', () => resolve({ status, headers, body: Buffer.concat(chunks).toString() }));
    const cutShort = (cause?: unknown) => {
      const details = { kind: 'cut-short', status, requestId, transient: true, cause } as const;
      reject(new NetworkError('The answer was cut short', details));
    };
    message.once('error', cutShort);
    // Comes after 'end' or 'error' where there was one.
    message.once('close', cutShort);
    signal.addEventListener('abort', () => message.destroy(), { once: true });
  });
}

/** The request ID in an answer's headers; empty where there is none. */
export function requestIdOf(headers: http.IncomingHttpHeaders): string {
  const value = headers['x-request-id'];
  return typeof value === 'string' ? value : '';
}
