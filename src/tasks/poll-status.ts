import type { CheckApi, ScanStatus } from '../api/check-api.ts';
import type { Clock } from '../clock.ts';
import type { Deadline } from '../deadline.ts';
import { ApiError, NetworkError, RequestError, SkippedError } from '../http/errors.ts';
import type { TaskLog } from '../report/log.ts';
import type { TaskResult } from './task-result.ts';

/** What became of a task, and why. */
export type Resolution = Pick<TaskResult, 'outcome'> &
  Partial<Pick<TaskResult, 'failure' | 'statusError'>>;

const FIRST_INTERVAL_MS = 500;
const MAX_INTERVAL_MS = 10_000;
const INTERVAL_GROWTH = 1.5;
// The last look before the deadline needs a moment for its answer.
const LAST_POLL_MS = 500;
const MIN_MS_BETWEEN_LINES = 3_000;

/** The parts that waiting works with. */
export interface PollDeps {
  readonly api: Pick<CheckApi, 'status'>;
  readonly clock: Clock;
  readonly deadline: Deadline;
}

/**
 * Waits, after the API took the stop request, until it says that the task is no longer being
 * checked, the deadline passes, or it refuses to tell. A status that cannot be read for the moment
 * is asked for again.
 */
export async function waitForEnd(
  taskId: string,
  { api, clock, deadline }: PollDeps,
  log: TaskLog,
): Promise<Resolution> {
  const progress = new ProgressLines(log, clock);
  let last: ScanStatus | RequestError | undefined;
  for (let intervalMs = FIRST_INTERVAL_MS; ; intervalMs *= INTERVAL_GROWTH) {
    const polled = await look(taskId, api, log);
    const resolution = resolutionOf(polled);
    if (resolution !== undefined) return resolution;
    // That the deadline passed says less than what was seen before.
    if (last === undefined || !isDeadline(polled)) last = polled;
    progress.show(polled);
    const waitMs = nextPollDelay(polled, Math.min(intervalMs, MAX_INTERVAL_MS), deadline);
    if (waitMs <= 0) return notConfirmed(last, deadline);
    await clock.sleep(waitMs, deadline.signal).catch(() => undefined);
  }
}

/** Undefined where it makes sense to look again. */
function resolutionOf(polled: ScanStatus | RequestError): Resolution | undefined {
  if (polled instanceof RequestError) {
    return isFinal(polled) ? { outcome: 'stop-requested', statusError: polled } : undefined;
  }
  if (polled.state === 'stopped') return { outcome: 'stopped' };
  const ended = polled.state !== 'checking' && polled.state !== 'unknown';
  return ended ? { outcome: 'not-running' } : undefined;
}

/** Milliseconds until the next look; 0 or less where the deadline leaves no time for one. */
function nextPollDelay(
  polled: ScanStatus | RequestError,
  intervalMs: number,
  deadline: Deadline,
): number {
  const remainingMs = deadline.remainingMs();
  const waitMs = Math.min(intervalMs, remainingMs - LAST_POLL_MS);
  if (!(polled instanceof RequestError)) return waitMs;
  const retryAfterMs = polled.retryAfterMs ?? 0;
  return polled instanceof SkippedError || retryAfterMs >= remainingMs
    ? 0
    : Math.max(waitMs, retryAfterMs);
}

function isDeadline(polled: ScanStatus | RequestError): boolean {
  return polled instanceof RequestError && polled.kind === 'deadline';
}

async function look(
  taskId: string,
  api: PollDeps['api'],
  log: TaskLog,
): Promise<ScanStatus | RequestError> {
  try {
    return await api.status(
      taskId,
      (attempt) => {
        if (attempt.failure !== undefined) log.attempt(attempt);
      },
      0,
    );
  } catch (error) {
    if (error instanceof RequestError) return error;
    throw error;
  }
}

// A refusal to tell does not change by asking again; no answer, or a busy API, may.
function isFinal(failure: RequestError): boolean {
  if (failure instanceof SkippedError) return failure.refusedCredential;
  return failure instanceof ApiError && !failure.transient;
}

function notConfirmed(last: ScanStatus | RequestError, deadline: Deadline): Resolution {
  const after = `after ${deadline.seconds} s (timeout-seconds)`;
  const taken = 'The API took the stop request, but';
  let message: string;
  if (last instanceof RequestError) {
    message = `${taken} the status of the scan could not be read before the deadline: ${last.message}`;
  } else if (last.state === 'checking') {
    message = `${taken} the scan was still being checked ${after}`;
  } else {
    message = `${taken} the scan had the unknown status ${last.taskStatus} ${after}`;
  }
  return {
    outcome: 'failed',
    failure: new NetworkError(message, { kind: 'deadline', cause: last }),
  };
}

/** The progress of a scan in the log: a line when it changes, and not too often. */
class ProgressLines {
  readonly #log: TaskLog;
  readonly #clock: Clock;
  #shown = '';
  #shownAtMs = Number.NEGATIVE_INFINITY;

  constructor(log: TaskLog, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  show(status: ScanStatus | RequestError): void {
    if (status instanceof RequestError) return;
    const ratio = status.ratio === undefined ? '' : `, ${status.ratio}`;
    const text =
      status.state === 'checking'
        ? `Still being checked${ratio}`
        : `Unknown status ${status.taskStatus}${ratio}`;
    const now = this.#clock.now();
    if (text === this.#shown || now - this.#shownAtMs < MIN_MS_BETWEEN_LINES) return;
    this.#shown = text;
    this.#shownAtMs = now;
    this.#log.line(text);
  }
}
