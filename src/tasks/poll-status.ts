import type { CheckApi, ScanStatus } from '../api/check-api.ts';
import { codeFacts, UNKNOWN_CALL } from '../api/error-codes.ts';
import { DeadlineError, isCredentialRejected, RequestError, SkippedError } from '../http/errors.ts';
import type { Target } from '../inputs/target.ts';
import type { Clock, Deadline } from '../time.ts';
import type { TaskLogger } from './logger.ts';
import type { TaskResult } from './task-result.ts';

/** How stopping a task ended, and why. */
export type Resolution = Pick<TaskResult, 'outcome'> &
  Partial<Pick<TaskResult, 'error' | 'statusError'>>;

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 10_000;
const DELAY_GROWTH = 1.5;
// The last poll before the deadline needs a moment for its response.
const LAST_POLL_MS = 500;
const MIN_MS_BETWEEN_LINES = 3_000;
// Seen: null for a moment while a scan is being started.
const NULL_COUNTS_AFTER_MS = 5_000;

export interface PollDeps {
  readonly api: Pick<CheckApi, 'status' | 'ended'>;
  readonly clock: Clock;
  readonly deadline: Deadline;
}

/**
 * Polls the status, after the API accepted the stop request, until the scan is no longer running.
 * Only if the first reading is denied, the status is unreadable, and that the stop was accepted is
 * all there is to know. After that, nothing but an end counts: whatever cannot be read is read again
 * until the deadline.
 */
export async function pollStatus(
  target: Target,
  { api, clock, deadline }: PollDeps,
  log: TaskLogger,
): Promise<Resolution> {
  const progress = new ProgressLog(log, clock);
  const nullStatus = new NullStatus(target, clock);
  let last: ScanStatus | RequestError | undefined;
  for (let delayMs = FIRST_DELAY_MS; ; delayMs *= DELAY_GROWTH) {
    const reading = await readStatus(target, api, log);
    const resolution =
      reading instanceof RequestError
        ? resolveError(reading, { first: last === undefined, deadline })
        : resolveStatus(reading, nullStatus);
    if (resolution !== undefined) return resolution;
    progress.show(reading);
    // Keep the last observed status; it tells more than a deadline.
    if (last === undefined || !(reading instanceof DeadlineError)) last = reading;
    const waitMs = nextPollDelay(reading, Math.min(delayMs, MAX_DELAY_MS), deadline);
    if (waitMs === 0) return notConfirmed(last, deadline);
    await clock.sleep(nullStatus.sooner(reading, waitMs), api.ended).catch(() => undefined);
  }
}

/** Whether a reading means that the status cannot be read here, or not by this user. */
export function isDenied(error: RequestError): boolean {
  return isCredentialRejected(error) || lacksPermission(error) || error.code === UNKNOWN_CALL;
}

/** Whether the user may not do it: a permission, or a role in the project, is missing. */
export function lacksPermission({ status, code, message }: RequestError): boolean {
  return status === 403 || codeFacts(code, message)?.denied === true;
}

/** Undefined if the status has to be read again. */
function resolveError(
  error: RequestError,
  { first, deadline }: { readonly first: boolean; readonly deadline: Deadline },
): Resolution | undefined {
  if (first && isDenied(error)) return { outcome: 'stop-requested', statusError: error };
  // After a rejected credential, or if the API throttles past the deadline, no request is sent.
  const final = isCredentialRejected(error) || error instanceof SkippedError;
  return final ? notConfirmed(error, deadline) : undefined;
}

/** Undefined if the status has to be read again. */
function resolveStatus(status: ScanStatus, nullStatus: NullStatus): Resolution | undefined {
  if (status.state === 'stopped') return { outcome: 'stopped' };
  const ended = status.state === 'failed' || status.state === 'succeeded';
  return nullStatus.counts(status) || ended ? { outcome: 'not-running' } : undefined;
}

/** Milliseconds until the next poll; 0 if the deadline leaves no time for one. */
function nextPollDelay(
  reading: ScanStatus | RequestError,
  delayMs: number,
  deadline: Deadline,
): number {
  const remainingMs = deadline.remainingMs();
  const waitMs = Math.min(delayMs, remainingMs - LAST_POLL_MS);
  const retryAfterMs = reading instanceof RequestError ? (reading.retryAfterMs ?? 0) : 0;
  // Less than a millisecond is a rounding error.
  return waitMs < 1 || retryAfterMs >= remainingMs ? 0 : Math.max(waitMs, retryAfterMs);
}

async function readStatus(
  target: Target,
  api: PollDeps['api'],
  log: TaskLogger,
): Promise<ScanStatus | RequestError> {
  const onAttempt: TaskLogger['attempt'] = (attempt) => {
    if (attempt.error !== undefined) log.attempt(attempt);
  };
  try {
    return await api.status(target, onAttempt, 0);
  } catch (error) {
    if (error instanceof RequestError) return error;
    throw error;
  }
}

function notConfirmed(last: ScanStatus | RequestError, deadline: Deadline): Resolution {
  const end =
    deadline.interruption === undefined
      ? `after ${deadline.seconds} s (timeout-seconds)`
      : `when ${deadline.interruption}`;
  if (last instanceof RequestError) {
    return unconfirmed(`its status could not be read: ${last.message}`, last);
  }
  if (last.state === 'checking') return unconfirmed(`the scan was still running ${end}`);
  return last.state === 'never-checked'
    ? unconfirmed(`the service had no status ${end}`)
    : unconfirmed(`the scan had the unknown status ${last.taskStatus} ${end}`);
}

/**
 * How a stop ended that the API accepted, if it is not known whether the scan has stopped.
 *
 * @param why completes 'The API accepted the stop request, but …'
 * @param statusError why the status could not be read; undefined if it was
 */
export function unconfirmed(
  why = 'its status is not known',
  statusError?: RequestError,
): Resolution {
  return { outcome: 'failed', error: new NotConfirmedError(why, statusError) };
}

/** The stop was accepted; whether the scan has stopped is not known. */
export class NotConfirmedError extends RequestError {
  override readonly name = 'NotConfirmedError';
  /** Why the status could not be read; undefined if it was. */
  readonly statusError: RequestError | undefined;

  constructor(why: string, statusError: RequestError | undefined) {
    const message = `The API accepted the stop request, but ${why}`;
    super(message, { kind: 'not-confirmed', cause: statusError });
    this.statusError = statusError;
  }
}

/** Tells a status that stays null from one that is null for a moment. */
class NullStatus {
  readonly #target: Target;
  readonly #clock: Clock;
  #sinceMs: number | undefined;

  constructor(target: Target, clock: Clock) {
    this.#target = target;
    this.#clock = clock;
  }

  /** Whether this reading means that nothing is running. A named execution has a status. */
  counts({ state }: ScanStatus): boolean {
    if (state !== 'never-checked' || this.#target.executionId !== undefined) {
      this.#sinceMs = undefined;
      return false;
    }
    const now = this.#clock.now();
    this.#sinceMs ??= now;
    return now - this.#sinceMs >= NULL_COUNTS_AFTER_MS;
  }

  /** When to poll next after a reading: if it was null, at the latest when that begins to count. */
  sooner(reading: ScanStatus | RequestError, waitMs: number): number {
    if (this.#sinceMs === undefined || reading instanceof RequestError) return waitMs;
    const countsInMs = this.#sinceMs + NULL_COUNTS_AFTER_MS - this.#clock.now();
    // A pause as short as a rounding error would be none.
    return Math.min(waitMs, Math.max(1, countsInMs));
  }
}

/** The progress of a scan in the log: a line when it changes, and not too often. */
class ProgressLog {
  readonly #log: TaskLogger;
  readonly #clock: Clock;
  #shown = '';
  #shownAtMs = Number.NEGATIVE_INFINITY;

  constructor(log: TaskLogger, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  show(status: ScanStatus | RequestError): void {
    if (status instanceof RequestError) return;
    const text = describeStatus(status);
    const now = this.#clock.now();
    if (text === this.#shown || now - this.#shownAtMs < MIN_MS_BETWEEN_LINES) return;
    this.#shown = text;
    this.#shownAtMs = now;
    this.#log.line(text);
  }
}

/** A status in words: 'Still running, 40%'. */
export function describeStatus({ state, taskStatus, ratio }: ScanStatus): string {
  const progress = ratio === undefined ? '' : `, ${ratio}`;
  if (state === 'checking') return `Still running${progress}`;
  if (state === 'never-checked') return 'No status yet';
  return state === 'unknown' ? `Unknown status ${taskStatus}${progress}` : `Ended: ${state}`;
}
