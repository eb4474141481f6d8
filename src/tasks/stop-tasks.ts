import type { CheckApi } from '../api/check-api.ts';
import type { Clock } from '../clock.ts';
import type { Deadline } from '../deadline.ts';
import { errorMessage } from '../http/connection-error.ts';
import { ApiError, NetworkError, RequestError } from '../http/errors.ts';
import type { Log, TaskLog } from '../report/log.ts';
import { type Resolution, waitForEnd } from './poll-status.ts';
import type { TaskResult } from './task-result.ts';

/** The parts that stopping a task works with. */
export interface StopDeps {
  readonly api: CheckApi;
  readonly clock: Clock;
  readonly deadline: Deadline;
  readonly log: Log;
  /** Whether to wait until the scan has ended. */
  readonly wait: boolean;
  /** Whether a refused stop of a task that does not run is success. */
  readonly notRunningSucceeds: boolean;
}

/**
 * Stops tasks: the first alone, the rest side by side once its first attempt is over, so that a
 * refused credential is refused once. Every task is tried, whatever becomes of the others.
 *
 * @param taskIds at least one
 * @param onResult called with each result as soon as it is known
 * @returns the results in the order of `taskIds`
 */
export async function stopTasks(
  taskIds: readonly string[],
  parts: StopDeps,
  onResult: (result: TaskResult) => void,
): Promise<TaskResult[]> {
  const alone = taskIds.length === 1;
  const tried = Promise.withResolvers<void>();
  const stop = async (taskId: string) => {
    const request = await requestStop(taskId, parts, parts.log.task(alone), tried.resolve);
    // Also where nothing was sent.
    tried.resolve();
    const result = await finish(request, parts);
    onResult(result);
    return result;
  };
  const stopped = taskIds.slice(0, 1).map(stop);
  if (taskIds.length > 1) await tried.promise;
  return Promise.all([...stopped, ...taskIds.slice(1).map(stop)]);
}

/** What became of a stop request. */
interface StopRequest {
  readonly taskId: string;
  readonly log: TaskLog;
  /** By the clock. */
  readonly startedMs: number;
  readonly attempts: number;
  readonly statusCode: number | null;
  readonly requestId: string;
  /** Undefined where the API took it. */
  readonly failure: RequestError | undefined;
}

async function requestStop(
  taskId: string,
  parts: StopDeps,
  log: TaskLog,
  onTried: () => void,
): Promise<StopRequest> {
  const startedMs = parts.clock.now();
  let attempts = 0;
  let statusCode: number | null = null;
  const outcome = await parts.api
    .stop(taskId, (attempt) => {
      attempts += 1;
      statusCode = attempt.status ?? statusCode;
      log.attempt(attempt);
      onTried();
    })
    .then(
      (requestId) => ({ requestId, failure: undefined }),
      (error: unknown) => {
        const failure = asFailure(error);
        return { requestId: failure.requestId, failure };
      },
    );
  return { taskId, log, startedMs, attempts, statusCode, ...outcome };
}

async function finish(request: StopRequest, parts: StopDeps): Promise<TaskResult> {
  const { log, startedMs, ...facts } = request;
  const resolution = await reach(request, parts);
  const durationMs = parts.clock.now() - startedMs;
  const result = {
    ...facts,
    failure: undefined,
    statusError: undefined,
    ...resolution,
    durationMs,
  };
  log.end(result);
  return result;
}

async function reach(request: StopRequest, parts: StopDeps): Promise<Resolution> {
  const { taskId, log, failure } = request;
  if (failure === undefined) {
    return parts.wait ? waitForEnd(taskId, parts, log) : { outcome: 'stop-requested' };
  }
  const over = parts.notRunningSucceeds && maySayNotRunning(failure);
  return over && (await isFinished(taskId, parts.api, log))
    ? { outcome: 'not-running', failure }
    : { outcome: 'failed', failure };
}

// Codes that refuse whoever asks, under whatever HTTP status:
// HWS/intl/en-us/api-codecheck/ErrorCode.html
const CREDENTIAL_CODES: ReadonlySet<string> = new Set([
  'CC.00000003',
  'CC.00050007',
  'CC.00050010',
  'CC.00050011',
]);

// What the API says to the stop of a task that does not run is not documented, so that every final
// refusal may be it, but those that are about the credential.
function maySayNotRunning(failure: RequestError): boolean {
  return (
    failure instanceof ApiError &&
    failure.kind === 'api-error' &&
    !failure.transient &&
    failure.status !== 401 &&
    failure.status !== 403 &&
    !CREDENTIAL_CODES.has(failure.code)
  );
}

async function isFinished(taskId: string, api: CheckApi, log: TaskLog): Promise<boolean> {
  try {
    const { state } = await api.status(taskId, (attempt) => log.attempt(attempt));
    return state !== 'checking' && state !== 'unknown';
  } catch (error) {
    log.line(`Its status could not be read, so the refusal stands: ${errorMessage(error)}`);
    return false;
  }
}

function asFailure(error: unknown): RequestError {
  if (error instanceof RequestError) return error;
  return new NetworkError(`Unexpected error: ${errorMessage(error)}`, {
    kind: 'other',
    cause: error,
  });
}
