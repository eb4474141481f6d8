import type { CheckApi, ScanStatus } from './check-api.ts';
import type { Clock } from './clock.ts';
import type { Deadline } from './deadline.ts';
import { ApiRefusal, NoAnswer, NotSent, RequestFailure } from './http/failures.ts';
import type { TaskLog } from './report/log.ts';
import type { TaskResult } from './task-result.ts';

/** What became of a task, and why. */
export type Verdict = Pick<TaskResult, 'outcome'> & Partial<Pick<TaskResult, 'failure' | 'unread'>>;

const FIRST_INTERVAL_MS = 500;
const MAX_INTERVAL_MS = 10_000;
const INTERVAL_GROWTH = 1.5;
// The last look before the deadline needs a moment for its answer.
const LAST_LOOK_MS = 500;
const MIN_MS_BETWEEN_LINES = 3_000;

/** The parts that waiting works with. */
export interface WaitParts {
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
  { api, clock, deadline }: WaitParts,
  log: TaskLog,
): Promise<Verdict> {
  const progress = new ProgressLines(log, clock);
  let last: ScanStatus | RequestFailure | undefined;
  for (let intervalMs = FIRST_INTERVAL_MS; ; intervalMs *= INTERVAL_GROWTH) {
    const looked = await look(taskId, api, log);
    const verdict = verdictOf(looked);
    if (verdict !== undefined) return verdict;
    // That the deadline passed says less than what was seen before.
    if (last === undefined || !isDeadline(looked)) last = looked;
    progress.show(looked);
    const waitMs = nextLookMs(looked, Math.min(intervalMs, MAX_INTERVAL_MS), deadline);
    if (waitMs <= 0) return notConfirmed(last, deadline);
    await clock.sleep(waitMs, deadline.signal).catch(() => undefined);
  }
}

/** Undefined where it makes sense to look again. */
function verdictOf(looked: ScanStatus | RequestFailure): Verdict | undefined {
  if (looked instanceof RequestFailure) {
    return isFinal(looked) ? { outcome: 'stop-requested', unread: looked } : undefined;
  }
  if (looked.state === 'stopped') return { outcome: 'stopped' };
  const ended = looked.state !== 'checking' && looked.state !== 'unknown';
  return ended ? { outcome: 'not-running' } : undefined;
}

/** Milliseconds until the next look; 0 or less where the deadline leaves no time for one. */
function nextLookMs(
  looked: ScanStatus | RequestFailure,
  intervalMs: number,
  deadline: Deadline,
): number {
  const remainingMs = deadline.remainingMs();
  const waitMs = Math.min(intervalMs, remainingMs - LAST_LOOK_MS);
  if (!(looked instanceof RequestFailure)) return waitMs;
  const retryAfterMs = looked.retryAfterMs ?? 0;
  return looked instanceof NotSent || retryAfterMs >= remainingMs
    ? 0
    : Math.max(waitMs, retryAfterMs);
}

function isDeadline(looked: ScanStatus | RequestFailure): boolean {
  return looked instanceof RequestFailure && looked.kind === 'deadline';
}

async function look(
  taskId: string,
  api: WaitParts['api'],
  log: TaskLog,
): Promise<ScanStatus | RequestFailure> {
  try {
    return await api.status(
      taskId,
      (attempt) => {
        if (attempt.failure !== undefined) log.attempt(attempt);
      },
      0,
    );
  } catch (error) {
    if (error instanceof RequestFailure) return error;
    throw error;
  }
}

// A refusal to tell does not change by asking again; no answer, or a busy API, may.
function isFinal(failure: RequestFailure): boolean {
  if (failure instanceof NotSent) return failure.refusedCredential;
  return failure instanceof ApiRefusal && !failure.transient;
}

function notConfirmed(last: ScanStatus | RequestFailure, deadline: Deadline): Verdict {
  const after = `after ${deadline.seconds} s (timeout-seconds)`;
  const taken = 'The API took the stop request, but';
  let message: string;
  if (last instanceof RequestFailure) {
    message = `${taken} the status of the scan could not be read before the deadline: ${last.message}`;
  } else if (last.state === 'checking') {
    message = `${taken} the scan was still being checked ${after}`;
  } else {
    message = `${taken} the scan had the unknown status ${last.taskStatus} ${after}`;
  }
  return {
    outcome: 'failed',
    failure: new NoAnswer(message, { kind: 'deadline', cause: last }),
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

  show(status: ScanStatus | RequestFailure): void {
    if (status instanceof RequestFailure) return;
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
