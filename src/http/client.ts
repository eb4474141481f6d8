import pLimit from 'p-limit';
import type { Clock, Deadline } from '../time.ts';
import { backoffMs } from './backoff.ts';
import {
  DeadlineError,
  NetworkError,
  type Operation,
  RequestError,
  SkippedError,
} from './errors.ts';
import { Throttle } from './throttle.ts';
import type { HttpRequest, HttpResponse, Transport } from './transport.ts';

/** Requests under way at once, and so connections. */
export const MAX_CONNECTIONS = 16;

// An access key is locked after five rejections: HWS/devg-apisign/api-sign-errorcode.html
// (APIGW.0301). Fewer requests are under way until a response shows that it is accepted.
const MAX_UNPROVEN = 4;

/** An attempt that takes longer counts as timed out, so that there is time left for another. */
export const ATTEMPT_TIMEOUT_MS = 20_000;

/** One attempt at a request, for the log. */
export interface Attempt {
  readonly request: HttpRequest;
  /** 1-based. */
  readonly number: number;
  /** HTTP status of the response; null without one. */
  readonly status: number | null;
  readonly durationMs: number;
  /** Undefined if it succeeded. */
  readonly error: RequestError | undefined;
  /** Milliseconds until the next attempt; undefined if this was the last. */
  readonly nextInMs: number | undefined;
}

export interface RequestOptions<T> {
  readonly operation: Operation;
  readonly request: HttpRequest;
  /** Adds the credential, afresh for each attempt. */
  readonly authorize: (request: HttpRequest, now: Date) => HttpRequest;
  /** Makes a result of the response, or throws what is wrong with it. */
  readonly parse: (response: HttpResponse, now: Date) => T;
  /** How often the request is retried after a transient error. */
  readonly retries: number;
  readonly onAttempt: (attempt: Attempt) => void;
  /** Called in each attempt once the request may have reached the host. */
  readonly onConnected?: (() => void) | undefined;
  /** For a request that must not be made twice, in place of `retries`. */
  readonly once?: OncePolicy;
}

/** Each attempt has a fresh connection, and ends at the deadline only. */
export interface OncePolicy {
  /** Milliseconds until the next attempt; undefined if this error is final. */
  readonly retryInMs: (error: RequestError) => number | undefined;
  /** No attempt begins with less than this left, in milliseconds. */
  readonly leastMs: number;
}

export interface HttpClientDeps {
  readonly transport: Pick<Transport, 'send'>;
  readonly clock: Clock;
  readonly deadline: Deadline;
  /** 0 to 1, without 1. */
  readonly random: () => number;
}

/** What one attempt came to. */
type Exchange<T> =
  | { readonly value: T; readonly error: undefined; readonly status: number }
  | { readonly error: RequestError; readonly status: number | null };

/**
 * Sends every request of the step: at most {@link MAX_CONNECTIONS} at once, and fewer after an attempt
 * that shows nothing of the credential; again after a transient error, paced while the API throttles,
 * and none after it rejected the credential.
 */
export class HttpClient {
  readonly #deps: HttpClientDeps;
  readonly #limit = pLimit(MAX_CONNECTIONS);
  readonly #throttle = new Throttle();
  readonly #ended = new AbortController();
  #isProven = false;
  #throttledBy: RequestError | undefined;
  #rejectedBy: RequestError | undefined;

  constructor(deps: HttpClientDeps) {
    this.#deps = deps;
    const { signal } = deps.deadline;
    signal.addEventListener('abort', () => this.#ended.abort(), { once: true });
    if (signal.aborted) this.#ended.abort();
  }

  /** Aborts when no further request is sent: at the deadline, or after a rejected credential. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /**
   * @returns what `parse` makes of the response
   * @throws RequestError the last error, if it is final, if the retries are used up, or if the wait
   *   for the next attempt would reach past the deadline
   */
  async send<T>(options: RequestOptions<T>): Promise<T> {
    let last: RequestError | undefined;
    let freshConnection = options.once !== undefined;
    for (let number = 1, retriesLeft = options.retries; ; number++) {
      const attempting = this.#limit(() =>
        this.#attempt(options, { number, retriesLeft, freshConnection }),
      );
      const [exchange, attempt] = await attempting.catch((error: unknown) => {
        throw error instanceof RequestError ? lastKnown(error, options.operation, last) : error;
      });
      options.onAttempt(attempt);
      if (exchange.error === undefined) return exchange.value;
      last = exchange.error.within(options.operation, last);
      const { nextInMs } = attempt;
      if (nextInMs === undefined) throw last;
      freshConnection ||= last.staleConnection;
      if (countsAsRetry(last)) retriesLeft -= 1;
      await this.#sleep(nextInMs);
    }
  }

  async #attempt<T>(
    options: RequestOptions<T>,
    attempt: { number: number; retriesLeft: number; freshConnection: boolean },
  ): Promise<[Exchange<T>, Attempt]> {
    await this.#waitWhileThrottled();
    const { clock } = this.#deps;
    const request = options.authorize(options.request, clock.date());
    const startedMs = clock.now();
    const exchange = await this.#exchange(options, request, attempt.freshConnection);
    const { error, status } = exchange;
    if (error?.status === 401) this.#reject(error);
    this.#isProven ||= provesCredential(options.operation, status);
    this.#limit.concurrency = this.#isProven ? MAX_CONNECTIONS : MAX_UNPROVEN;
    if (error?.status === 429) {
      this.#throttledBy = error;
      this.#throttle.rejected(startedMs, clock.now(), error.retryAfterMs);
    } else if (status !== null) {
      this.#throttle.admitted();
    }
    // Decided here, before the queue lets the next request go: it has to see that it must wait.
    const nextInMs = error && this.#nextInMs(error, options, attempt);
    const { number } = attempt;
    const durationMs = clock.now() - startedMs;
    return [exchange, { request, number, status, durationMs, error, nextInMs }];
  }

  async #exchange<T>(
    options: RequestOptions<T>,
    request: HttpRequest,
    freshConnection: boolean,
  ): Promise<Exchange<T>> {
    const { transport, clock, deadline } = this.#deps;
    const controller = new AbortController();
    const abort = () => controller.abort();
    const cancelTimer =
      options.once === undefined ? clock.schedule(ATTEMPT_TIMEOUT_MS, abort) : () => undefined;
    // AbortSignal.any would keep each signal alive as long as the deadline's.
    deadline.signal.addEventListener('abort', abort);
    if (deadline.signal.aborted) abort();
    try {
      const response = await transport.send(request, {
        signal: controller.signal,
        freshConnection,
        onConnected: options.onConnected,
      });
      const value = options.parse(response, clock.date());
      return { value, error: undefined, status: response.status };
    } catch (cause) {
      if (!(cause instanceof RequestError)) throw cause;
      const error = this.#explainAbort(cause, request, controller.signal);
      return { error, status: error.status };
    } finally {
      cancelTimer();
      deadline.signal.removeEventListener('abort', abort);
    }
  }

  #explainAbort(error: RequestError, request: HttpRequest, attempt: AbortSignal): RequestError {
    const { deadline } = this.#deps;
    // The response was there before the attempt ended.
    if (!attempt.aborted || !(error instanceof NetworkError)) return error;
    if (deadline.signal.aborted) return deadlineError(deadline, error);
    const byProxy = error.kind === 'proxy';
    const who = byProxy ? 'The proxy' : `The host ${request.url.host}`;
    const what = error.status === null ? 'respond' : 'complete its response';
    return new NetworkError(`${who} did not ${what} within ${ATTEMPT_TIMEOUT_MS / 1000} s`, {
      ...partOf(error),
      kind: byProxy ? 'proxy' : 'timeout',
      transient: true,
    });
  }

  #reject(error: RequestError): void {
    this.#rejectedBy ??= error;
    this.#ended.abort();
  }

  /** Waits until it is the turn of another request. */
  async #waitWhileThrottled(): Promise<void> {
    const { clock, deadline } = this.#deps;
    for (;;) {
      if (this.#rejectedBy !== undefined) {
        throw new SkippedError('the credential was rejected', this.#rejectedBy);
      }
      if (deadline.signal.aborted) throw this.#deadlinePassed();
      const waitMs = this.#throttle.nextMs - clock.now();
      if (waitMs <= 0) {
        this.#throttle.take(clock.now());
        return;
      }
      if (waitMs >= deadline.remainingMs()) throw this.#deadlinePassed();
      await this.#sleep(waitMs);
    }
  }

  /** Sleeps, but not longer than requests are sent. */
  async #sleep(ms: number): Promise<void> {
    await this.#deps.clock.sleep(ms, this.ended).catch(() => undefined);
  }

  #deadlinePassed(): RequestError {
    const { clock, deadline } = this.#deps;
    // Only a request that had to wait for its turn was held back by that.
    const throttledBy = this.#throttle.nextMs > clock.now() ? this.#throttledBy : undefined;
    return throttledBy === undefined || deadline.interruption !== undefined
      ? deadlineError(deadline)
      : new SkippedError('the API throttles requests past the deadline', throttledBy);
  }

  #nextInMs<T>(
    error: RequestError,
    { once }: RequestOptions<T>,
    { number, retriesLeft }: { number: number; retriesLeft: number },
  ): number | undefined {
    const { clock, deadline, random } = this.#deps;
    // No request is sent after a rejected credential, even if its code would be retried.
    if (error.status === 401) return undefined;
    const waitMs = once === undefined ? retryInMs(error, number, random()) : once.retryInMs(error);
    if (waitMs === undefined) return undefined;
    if (once === undefined && countsAsRetry(error) && retriesLeft <= 0) return undefined;
    const nextInMs =
      error.status === 429 ? Math.max(waitMs, this.#throttle.nextMs - clock.now()) : waitMs;
    const leftMs = deadline.remainingMs() - (once?.leastMs ?? 0);
    return nextInMs >= leftMs ? undefined : nextInMs;
  }
}

/** Whether a response comes from behind the check of the credential. */
function provesCredential(operation: Operation, status: number | null): boolean {
  const isOfApi = operation !== 'id-token' && operation !== 'sts';
  return isOfApi && status !== null && status < 500 && status !== 401 && status !== 429;
}

// What became known in an earlier attempt tells more than why another one was not made.
function lastKnown(
  error: RequestError,
  operation: Operation,
  last: RequestError | undefined,
): RequestError {
  return last ?? error.within(operation, undefined);
}

function retryInMs(error: RequestError, number: number, random: number): number | undefined {
  if (!countsAsRetry(error)) return 0;
  return error.transient ? (error.retryAfterMs ?? backoffMs(number, random)) : undefined;
}

// A reused connection that the server has closed meanwhile says nothing of the service, and the pace
// of requests is not a fault of this one.
function countsAsRetry(error: RequestError): boolean {
  return !error.staleConnection && error.status !== 429;
}

/** What an error knows of a response that did not arrive in time, or not all of it. */
function partOf(error: NetworkError | undefined) {
  return {
    status: error?.status ?? null,
    requestId: error?.requestId ?? '',
    mayHaveHappened: error?.mayHaveHappened ?? false,
    cause: error,
  };
}

/** @param error how the attempt ended; undefined if none was made */
function deadlineError({ interruption, limit }: Deadline, error?: NetworkError): DeadlineError {
  const part = partOf(error);
  const what = part.status === null ? 'No response' : 'No complete response';
  return interruption === undefined
    ? new DeadlineError(`${what} within ${limit}`, {
        ...part,
        kind: 'deadline',
      })
    : new DeadlineError(`${what} before ${interruption}`, { ...part, kind: 'interrupted' });
}
