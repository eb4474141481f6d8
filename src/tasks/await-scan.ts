import type { CheckApi, ScanStatus } from '../api/check-api.ts';
import { DeadlineError, isCredentialRejected, RequestError } from '../http/errors.ts';
import type { Target } from '../inputs/target.ts';
import type { Clock, Deadline } from '../time.ts';
import type { TaskLogger } from './logger.ts';
import { describeStatus, isDenied } from './poll-status.ts';

const FIRST_DELAY_MS = 2_000;
const MAX_DELAY_MS = 15_000;
const DELAY_GROWTH = 1.25;
// Right after a start, the status may still be the previous run's.
const END_COUNTS_AFTER_MS = 30_000;
const NULL_FAILS_AFTER_MS = 5 * 60_000;
// The last reading before the deadline needs a moment for its response.
const LAST_READING_MS = 1_000;
const MIN_MS_BETWEEN_LINES = 10_000;

/** Why a scan that was waited for is no success. */
export interface WaitFailure {
  readonly message: string;
  readonly reason:
    | 'scan-failed'
    | 'scan-stopped'
    | 'no-status'
    | 'deadline'
    | 'cancelled'
    | 'request';
  /** The last error of a request, if the status could not be read. */
  readonly error: RequestError | undefined;
}

type StatusApi = Pick<CheckApi, 'status'>;

export interface AwaitDeps {
  readonly api: StatusApi;
  readonly clock: Clock;
  readonly deadline: Deadline;
  readonly log: TaskLogger;
  /**
   * Called after a rejected credential.
   *
   * @returns an API with a fresh credential; undefined if the old one had not expired
   */
  readonly renew: () => Promise<StatusApi | undefined>;
}

/**
 * Reads the status of a scan until it has ended. An end counts once the scan has been seen running,
 * or if the same end is still read half a minute later.
 *
 * @returns undefined if the scan succeeded
 * @throws RequestError if the credential could not be renewed
 */
export async function awaitScan(target: Target, deps: AwaitDeps): Promise<WaitFailure | undefined> {
  const { clock, deadline, log } = deps;
  const watched = new WatchedScan(clock, deadline, log);
  const reader = new StatusReader(target, deps);
  for (let delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(MAX_DELAY_MS, delayMs * DELAY_GROWTH)) {
    const reading = await reader.read();
    const end = watched.see(reading);
    if (end !== undefined) return end.failure;
    const waitMs = nextDelay(reading, watched.sooner(delayMs), deadline);
    if (waitMs <= 0) return watched.timeUp();
    await clock.sleep(waitMs, deadline.signal).catch(() => undefined);
  }
}

/** Milliseconds until the next reading; 0 or less if the deadline leaves no time for one. */
function nextDelay(
  reading: ScanStatus | RequestError,
  delayMs: number,
  deadline: Deadline,
): number {
  const waitMs = Math.min(delayMs, deadline.remainingMs() - LAST_READING_MS);
  return Math.max(waitMs, retryAfterOf(reading));
}

function retryAfterOf(reading: ScanStatus | RequestError): number {
  return reading instanceof RequestError ? (reading.retryAfterMs ?? 0) : 0;
}

/** Reads the status, if need be with a fresh credential. */
class StatusReader {
  readonly #target: Target;
  readonly #deps: AwaitDeps;
  #api: StatusApi;

  constructor(target: Target, deps: AwaitDeps) {
    this.#target = target;
    this.#deps = deps;
    this.#api = deps.api;
  }

  /** A credential that is rejected is renewed once; rejected again, it is wrong. */
  async read(): Promise<ScanStatus | RequestError> {
    const reading = await this.#readOnce();
    if (!(reading instanceof RequestError) || !isCredentialRejected(reading)) return reading;
    const api = await this.#deps.renew();
    if (api === undefined) return reading;
    this.#api = api;
    return this.#readOnce();
  }

  async #readOnce(): Promise<ScanStatus | RequestError> {
    const onAttempt: TaskLogger['attempt'] = (attempt) => {
      if (attempt.error !== undefined) this.#deps.log.attempt(attempt);
    };
    try {
      return await this.#api.status(this.#target, onAttempt, 0);
    } catch (error) {
      if (error instanceof RequestError) return error;
      throw error;
    }
  }
}

interface End {
  /** Undefined if the scan succeeded. */
  readonly failure: WaitFailure | undefined;
}

/** What has been seen of a scan. */
class WatchedScan {
  readonly #clock: Clock;
  readonly #deadline: Deadline;
  readonly #progress: Progress;
  #last: ScanStatus | RequestError | undefined;
  #seenRunning = false;
  #end: { readonly state: EndState; readonly sinceMs: number } | undefined;
  #nullSinceMs: number | undefined;

  constructor(clock: Clock, deadline: Deadline, log: TaskLogger) {
    this.#clock = clock;
    this.#deadline = deadline;
    this.#progress = new Progress(clock, log);
  }

  /** @returns undefined while it has to be read again */
  see(reading: ScanStatus | RequestError): End | undefined {
    const first = this.#last === undefined;
    // Keep the last observed status; it tells more than a deadline.
    if (first || !(reading instanceof DeadlineError)) this.#last = reading;
    return reading instanceof RequestError
      ? this.#seeError(reading, first)
      : this.#seeStatus(reading);
  }

  /** When to read next: one reading falls on the moment at which an end begins to count. */
  sooner(delayMs: number): number {
    if (this.#end === undefined) return delayMs;
    const countsInMs = this.#end.sinceMs + END_COUNTS_AFTER_MS - this.#clock.now();
    return countsInMs > 0 ? Math.min(delayMs, countsInMs) : delayMs;
  }

  /** Why the deadline came first. */
  timeUp(): WaitFailure {
    const last = this.#last;
    const { interruption, limit } = this.#deadline;
    const reason = interruption === undefined ? 'deadline' : 'cancelled';
    const when = interruption === undefined ? `after ${limit}` : `when ${interruption}`;
    const failure = (message: string, error?: RequestError) =>
      ({ message, reason, error }) as const;
    if (last instanceof DeadlineError) return failure(UNREADABLE, last);
    if (last === undefined || last instanceof RequestError) {
      return failure(`${UNREADABLE} ${when}`, last);
    }
    if (this.#end !== undefined) {
      const within = interruption === undefined ? `within ${limit}` : `before ${interruption}`;
      return failure(
        `The scan was not seen running ${within}. The status '${last.state}' may be that of the previous scan`,
      );
    }
    if (last.state === 'checking') return failure(`The scan was still running ${when}`);
    return last.state === 'never-checked'
      ? failure(`The service had no status for this scan ${when}`)
      : failure(`The scan had the unknown status ${last.taskStatus} ${when}`);
  }

  #seeError(error: RequestError, first: boolean): End | undefined {
    // Denied at first is denied for good; later, something else is in the way.
    const denied = isCredentialRejected(error) || (first && isDenied(error));
    const tooLate = retryAfterOf(error) > this.#deadline.remainingMs();
    return denied || tooLate
      ? { failure: { message: UNREADABLE, reason: 'request', error } }
      : undefined;
  }

  #seeStatus(status: ScanStatus): End | undefined {
    const now = this.#clock.now();
    const { state } = status;
    this.#nullSinceMs = state === 'never-checked' ? (this.#nullSinceMs ?? now) : undefined;
    if (this.#nullSinceMs !== undefined && now - this.#nullSinceMs >= NULL_FAILS_AFTER_MS) {
      return { failure: NO_STATUS };
    }
    if (isEnd(state)) return this.#seeEnd(state, now);
    this.#end = undefined;
    this.#seenRunning ||= state === 'checking';
    this.#progress.show(describeStatus(status));
    return undefined;
  }

  #seeEnd(state: EndState, now: number): End | undefined {
    if (this.#end?.state !== state) this.#end = { state, sinceMs: now };
    if (this.#seenRunning || now - this.#end.sinceMs >= END_COUNTS_AFTER_MS) {
      return { failure: FAILURES[state] };
    }
    this.#progress.show(
      `Not seen running yet: the status '${state}' may be that of the previous scan`,
    );
    return undefined;
  }
}

/** The steps of progress in the log: a line when something changes, and not too often. */
class Progress {
  readonly #clock: Clock;
  readonly #log: TaskLogger;
  #shown = '';
  #shownAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, log: TaskLogger) {
    this.#clock = clock;
    this.#log = log;
  }

  show(text: string): void {
    const now = this.#clock.now();
    if (text === this.#shown || now - this.#shownAtMs < MIN_MS_BETWEEN_LINES) return;
    this.#shown = text;
    this.#shownAtMs = now;
    this.#log.line(text);
  }
}

function isEnd(state: ScanStatus['state']): state is EndState {
  return state === 'succeeded' || state === 'failed' || state === 'stopped';
}

const UNREADABLE = 'The status could not be read';

type EndState = 'succeeded' | 'failed' | 'stopped';

// That 1 means a check that failed, and not issues that were found, is inferred.
const FAILURES: Readonly<Record<EndState, WaitFailure | undefined>> = {
  succeeded: undefined,
  failed: { message: 'The scan failed', reason: 'scan-failed', error: undefined },
  stopped: { message: 'The scan was stopped', reason: 'scan-stopped', error: undefined },
};
const NO_STATUS: WaitFailure = {
  message: 'The service has had no status for this scan for 5 minutes',
  reason: 'no-status',
  error: undefined,
};
