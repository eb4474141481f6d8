import { CheckApi } from '../../src/api/check-api.ts';
import { HttpClient } from '../../src/http/client.ts';
import { connectionError } from '../../src/http/connection-error.ts';
import type { NetworkError } from '../../src/http/errors.ts';
import type { HttpRequest, HttpResponse } from '../../src/http/transport.ts';
import { Deadline } from '../../src/time.ts';
import { FakeClock } from './fake-clock.ts';

/** What comes back for a request; a function may wait for a while first. */
export type Reply =
  | HttpResponse
  | Error
  | ((request: HttpRequest, signal: AbortSignal) => Promise<HttpResponse>);

/** @param body JSON, or text as it is */
export function response(
  status: number,
  body: unknown = '',
  headers: HttpResponse['headers'] = {},
): HttpResponse {
  return {
    status,
    headers: { 'x-request-id': 'f00d', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  };
}

/** A rejection in the API's own form. */
export function rejected(
  status: number,
  code: string,
  message = 'No.',
  headers: HttpResponse['headers'] = {},
): HttpResponse {
  return response(status, { error_code: code, error_msg: message }, headers);
}

/** A response with a status of a scan: 0 to 3, null, or something that the API never returns. */
export function progress(task_status: unknown): HttpResponse {
  return response(200, { task_status, progress: { ratio: '50%' } });
}

/**
 * What the transport throws if there is no response.
 *
 * @param code of Node.js, as in 'ECONNRESET'
 * @param sent whether TCP and TLS came about, so that the host may have got the request
 */
export function noResponse(code: string, sent: boolean): NetworkError {
  return connectionError(Object.assign(new Error(code), { code }), {
    route: { host: 'check.example.com', proxy: undefined },
    mayHaveHappened: sent,
    staleConnection: false,
    respondedBefore: false,
  });
}

/** A host that never responds, until the attempt is given up. */
export function silence(sent: boolean): Reply {
  return (_request, signal) =>
    new Promise((_resolve, reject) => {
      const giveUp = () => reject(noResponse('ABORT_ERR', sent));
      if (signal.aborted) giveUp();
      signal.addEventListener('abort', giveUp);
    });
}

export interface ScriptedApiOptions {
  /** The value of `timeout-seconds`. */
  readonly seconds?: number;
  readonly retries?: number;
  readonly random?: () => number;
  readonly authorize?: (request: HttpRequest) => HttpRequest;
}

/** The API over a transport that replies to order: no network, and time that moves by itself. */
export class ScriptedApi {
  // Sleeps of a step are shorter than the timeout of an attempt (20 s), which only a test ends.
  readonly clock = new FakeClock({ autoUpToMs: 16_000 });
  readonly deadline: Deadline;
  readonly client: HttpClient;
  readonly api: CheckApi;
  /** Each request, as in 'POST a', 'GET a' or 'PUT a/e1', in the order in which they were sent. */
  readonly sent: string[] = [];
  /** When each of them was sent, in milliseconds since the start. */
  readonly sentAtMs: number[] = [];

  /** @param script by request ('*': any other), the replies to it; the last one stays */
  constructor(
    script: Readonly<Record<string, readonly Reply[]>>,
    { seconds = 60, retries = 2, random = () => 0.5, authorize }: ScriptedApiOptions = {},
  ) {
    const { clock } = this;
    this.deadline = new Deadline(seconds, clock);
    const counts = new Map<string, number>();
    const send = async (request: HttpRequest, { signal }: { signal: AbortSignal }) => {
      const key = keyOf(request);
      this.sent.push(key);
      this.sentAtMs.push(clock.nowMs);
      const replies = script[key] ?? script['*'] ?? [];
      const count = counts.get(key) ?? 0;
      counts.set(key, count + 1);
      const reply = replies[Math.min(count, replies.length - 1)];
      if (reply === undefined) throw new Error(`No reply to ${key}`);
      if (reply instanceof Error) throw reply;
      return typeof reply === 'function' ? reply(request, signal) : reply;
    };
    this.client = new HttpClient({ transport: { send }, clock, deadline: this.deadline, random });
    this.api = new CheckApi({
      client: this.client,
      endpoint: new URL('https://check.example.com'),
      authorize: authorize ?? ((request) => request),
      retries,
    });
  }
}

function keyOf({ method, url }: HttpRequest): string {
  const [, taskId] = /^\/v[12]\/tasks\/(\w+)\/(?:stop|progress|run)$/.exec(url.pathname) ?? [];
  const executionId = url.searchParams.get('job_id');
  return `${method} ${taskId}${executionId === null ? '' : `/${executionId}`}`;
}
