import type { CheckApi } from '../api/check-api.ts';
import { codeFacts } from '../api/error-codes.ts';
import { ApiError, errorMessage, RequestError, UnexpectedError } from '../http/errors.ts';
import type { StopInputs } from '../inputs/inputs.ts';
import type { Target } from '../inputs/target.ts';
import type { Clock, Deadline } from '../time.ts';
import type { StopLogger, TaskLogger } from './logger.ts';
import { pollStatus, type Resolution, unconfirmed } from './poll-status.ts';
import type { TaskResult } from './task-result.ts';

export interface StopDeps {
  readonly api: CheckApi;
  readonly clock: Clock;
  readonly deadline: Deadline;
  /** The log of one task. */
  readonly logger: (target: Target) => StopLogger;
  /**
   * Called with each result as soon as it is known, and the place of its task in the list; earlier
   * with what a result would be if nothing more became known.
   */
  readonly onResult: (index: number, result: TaskResult) => void;
  readonly wait: StopInputs['wait'];
  readonly ifNotRunning: StopInputs['ifNotRunning'];
}

/**
 * Stops tasks: the first alone, the rest side by side once its first attempt is over, so that a
 * rejected credential is rejected once. Every task is attempted, however the others end.
 *
 * @param targets at least one
 */
export async function stopTasks(targets: readonly Target[], deps: StopDeps): Promise<void> {
  await firstAlone(targets, async (target, index, onAttempt) => {
    const onResult = (result: TaskResult) => deps.onResult(index, result);
    onResult(await stopTask(target, deps, { onAttempt, onAccepted: onResult }));
  });
}

/**
 * Runs work for each target: for the first alone until it calls back, then for all others side by
 * side.
 */
export async function firstAlone(
  targets: readonly Target[],
  work: (target: Target, index: number, onAttempt: () => void) => Promise<void>,
): Promise<void> {
  const attempted = Promise.withResolvers<void>();
  const run = (target: Target, index: number) => work(target, index, attempted.resolve);
  const [first, ...others] = targets;
  if (first === undefined) return;
  const running = run(first, 0);
  // Its work may end without an attempt.
  await Promise.race([attempted.promise, running]);
  await Promise.all([running, ...others.map((target, index) => run(target, index + 1))]);
}

interface Accepted {
  readonly requestId: string;
  readonly error: undefined;
}
interface Rejected {
  readonly requestId: string;
  readonly error: RequestError;
}

interface Progress {
  /** Called after each attempt at the stop. */
  readonly onAttempt: () => void;
  /** Called with what is known so far when the API has accepted the stop. */
  readonly onAccepted: (result: TaskResult) => void;
}

async function stopTask(
  target: Target,
  deps: StopDeps,
  { onAttempt, onAccepted }: Progress,
): Promise<TaskResult> {
  const { api, clock } = deps;
  const startedMs = clock.now();
  const log = deps.logger(target);
  let attempts = 0;
  let statusCode: number | null = null;
  const stop = api.stop(target, (attempt) => {
    attempts += 1;
    statusCode = attempt.status ?? statusCode;
    log.attempt(attempt);
    onAttempt();
  });
  const response = await stop.then(
    (requestId): Accepted => ({ requestId, error: undefined }),
    (thrown: unknown): Rejected => {
      const error = asRequestError(thrown);
      return { requestId: error.lastResponse?.requestId ?? '', error };
    },
  );
  const resultOf = ({ outcome, error, statusError }: Resolution): TaskResult => ({
    target,
    statusCode,
    requestId: response.requestId,
    attempts,
    accepted: response.error === undefined,
    durationMs: clock.now() - startedMs,
    outcome,
    error,
    statusError,
  });
  let resolving: Promise<Resolution>;
  if (response.error === undefined) {
    log.accepted();
    onAccepted(resultOf(unconfirmed()));
    resolving = confirm(target, deps, log);
  } else {
    const { ifNotRunning } = deps;
    resolving = explain(target, response.error, { api, ifNotRunning, log });
  }
  // A fault of ours erases nothing of what the API returned, and ends no other task.
  const resolution = await resolving.catch(
    (thrown: unknown): Resolution => ({ outcome: 'failed', error: asRequestError(thrown) }),
  );
  const result = resultOf(resolution);
  log.end(result);
  return result;
}

function asRequestError(thrown: unknown): RequestError {
  return thrown instanceof RequestError ? thrown : new UnexpectedError(thrown);
}

/** What the API accepting the stop comes to. */
async function confirm(
  target: Target,
  { api, clock, deadline, wait }: StopDeps,
  log: TaskLogger,
): Promise<Resolution> {
  return wait ? pollStatus(target, { api, clock, deadline }, log) : { outcome: 'stop-requested' };
}

/** What the API rejecting the stop comes to. */
async function explain(
  target: Target,
  error: RequestError,
  { api, ifNotRunning, log }: Pick<StopDeps, 'api' | 'ifNotRunning'> & { readonly log: TaskLogger },
): Promise<Resolution> {
  const over = ifNotRunning === 'succeed' && mayMeanNotRunning(error);
  return over && (await isFinished(target, api, log))
    ? { outcome: 'not-running', error }
    : { outcome: 'failed', error };
}

// What the API returns for the stop of a task that is not running is not documented, so that every
// final rejection may mean it, except those of the caller.
function mayMeanNotRunning(error: RequestError): boolean {
  const { denied, credential } = codeFacts(error.code, error.message) ?? {};
  return (
    error instanceof ApiError &&
    error.kind === 'rejected' &&
    !error.transient &&
    ![401, 403, 429, null].includes(error.status) &&
    !denied &&
    !credential
  );
}

async function isFinished(
  target: Target,
  api: Pick<CheckApi, 'status'>,
  log: TaskLogger,
): Promise<boolean> {
  try {
    const { state } = await api.status(target, (attempt) => log.attempt(attempt));
    if (state === 'never-checked') return target.executionId === undefined;
    return state !== 'checking' && state !== 'unknown';
  } catch (error) {
    log.line(`The status could not be read, so the rejection stands: ${errorMessage(error)}`);
    return false;
  }
}
