import pLimit from 'p-limit';
import type { Clock } from '../clock.ts';
import type { Deadline } from '../deadline.ts';
import { backoffMs } from './backoff.ts';
import { RequestError, SkippedError } from './errors.ts';
import {
  deadlineError,
  type HttpRequest,
  type HttpResponse,
  MAX_CONNECTIONS,
  type Transport,
} from './transport.ts';

/** What became of one attempt, for the log. */
export interface Attempt {
  readonly request: HttpRequest;
  /** From 1. */
  readonly number: number;
  readonly status: number | null;
  readonly durationMs: number;
  readonly failure: RequestError | undefined;
  /** Milliseconds until the next attempt; undefined when this was the last. */
  readonly nextInMs: number | undefined;
}

export interface RequestOptions<T> {
  readonly request: HttpRequest;
  /** Adds the credential, anew for each attempt. */
  readonly authorize: (request: HttpRequest, now: Date) => HttpRequest;
  /** Makes a result of the answer, or throws what is wrong with it. */
  readonly parse: (answer: HttpResponse, now: Date) => T;
  /** How many more attempts after a transient failure. */
  readonly retries: number;
  readonly onAttempt: (attempt: Attempt) => void;
}

/** The parts that a {@link HttpClient} works with. */
export interface HttpClientDeps {
  readonly transport: Pick<Transport, 'send'>;
  readonly clock: Clock;
  readonly deadline: Deadline;
  /** From 0 up to, but without, 1. */
  readonly random: () => number;
  /** Whether there may be a second request before the first is over: only then is there a queue. */
  readonly sideBySide: boolean;
}

/**
 * Sends every request of the step: at most {@link MAX_CONNECTIONS} at once, again after a
 * transient failure, none while the API throttles, and none after it refused the credential.
 */
export class HttpClient {
  readonly #parts: HttpClientDeps;
  readonly #limit: <T>(attempt: () => Promise<T>) => Promise<T>;
  #throttledUntil = 0;
  #throttledBy: RequestError | undefined;
  #rejectedBy: RequestError | undefined;

  constructor(parts: HttpClientDeps) {
    this.#parts = parts;
    this.#limit = parts.sideBySide ? pLimit(MAX_CONNECTIONS) : (attempt) => attempt();
  }

  /**
   * @returns what `parse` makes of the answer
   * @throws RequestError the last failure, when it is final, when the attempts are used up, or
   *   when the wait for the next one would reach past the deadline
   */
  async send<T>(call: RequestOptions<T>): Promise<T> {
    const { clock, deadline } = this.#parts;
    for (let number = 1; ; number++) {
      const attempt = await this.#limit(() => this.#attempt(call, number));
      call.onAttempt(attempt);
      if (attempt.failure === undefined) return attempt.value;
      const { failure, nextInMs } = attempt;
      if (nextInMs === undefined) throw failure;
      await clock.sleep(nextInMs, deadline.signal).catch(() => {
        throw failure;
      });
    }
  }

  async #attempt<T>(call: RequestOptions<T>, number: number) {
    await this.#waitWhileThrottled();
    const { transport, clock } = this.#parts;
    const request = call.authorize(call.request, clock.date());
    const started = clock.now();
    const seen = (status: number | null) => ({
      request,
      number,
      status,
      durationMs: clock.now() - started,
    });
    let status: number | null = null;
    try {
      const answer = await transport.send(request);
      status = answer.status;
      const value = call.parse(answer, clock.date());
      return { ...seen(status), failure: undefined, nextInMs: undefined, value };
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      // A key pair is locked after five refusals:
      // HWS/devg-apisign/api-sign-errorcode.html (APIGW.0301)
      if (error.status === 401) this.#rejectedBy ??= error;
      // Here, before the queue lets the next one go: it has to see that it is held.
      const nextInMs = this.#nextInMs(error, number, call.retries);
      return { ...seen(error.status), failure: error, nextInMs };
    }
  }

  /** Waits while the API throttles. */
  async #waitWhileThrottled(): Promise<void> {
    const { clock, deadline } = this.#parts;
    for (;;) {
      if (this.#rejectedBy !== undefined) {
        throw new SkippedError('the credential was refused', this.#rejectedBy);
      }
      if (deadline.signal.aborted) throw deadlineError(deadline);
      const heldMs = this.#throttledUntil - clock.now();
      if (this.#throttledBy === undefined || heldMs <= 0) return;
      if (heldMs >= deadline.remainingMs()) {
        throw new SkippedError('the API asks to wait past the deadline', this.#throttledBy);
      }
      await clock.sleep(heldMs, deadline.signal).catch(() => undefined);
    }
  }

  #nextInMs(failure: RequestError, number: number, retries: number): number | undefined {
    if (!failure.transient) return undefined;
    const { clock, deadline, random } = this.#parts;
    const waitMs = failure.retryAfterMs ?? backoffMs(number, random());
    if (failure.status === 429) {
      this.#throttledUntil = Math.max(this.#throttledUntil, clock.now() + waitMs);
      this.#throttledBy = failure;
    }
    return number > retries || waitMs >= deadline.remainingMs() ? undefined : waitMs;
  }
}
