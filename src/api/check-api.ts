import type { Attempt, HttpClient, OncePolicy, RequestOptions } from '../http/client.ts';
import { ApiError } from '../http/errors.ts';
import type { HttpRequest, HttpResponse } from '../http/transport.ts';
import type { Target } from '../inputs/target.ts';
import { ALREADY_RUNNING } from './error-codes.ts';
import { asRecord, isRecord, parseJson } from './json.ts';
import { invalidResponse, parseResponse, type Success } from './response.ts';
import { callUrl } from './url.ts';

/** What the API reports of a scan. */
export interface ScanStatus {
  readonly state: 'checking' | 'failed' | 'succeeded' | 'stopped' | 'never-checked' | 'unknown';
  /** `task_status` as JSON; 'object' for an object or a list, 'none' if it is missing. */
  readonly taskStatus: string;
  /** How much of the scan is done, as in '50%'; undefined if the API does not tell. */
  readonly ratio: string | undefined;
}

/** Counts of the issues that a scan found. */
export interface IssueCounts {
  readonly total: number;
  readonly critical: number;
  readonly major: number;
  readonly minor: number;
  readonly suggestion: number;
}

/** The start of a scan was rejected, but the response contains the ID of an execution. */
export class StartedWithError extends ApiError {
  readonly executionId: string;

  constructor(executionId: string, error: ApiError) {
    super(error.message, error);
    this.executionId = executionId;
  }
}

type OnAttempt = (attempt: Attempt) => void;

/** How a scan is started. */
export interface StartOptions {
  /** Never two scans: what may be repeated. */
  readonly once: OncePolicy;
  /** Called right before each attempt. */
  readonly beforeSend: () => void;
  /** Called in each attempt once the request may have reached the host. */
  readonly onConnected?: () => void;
  readonly onAttempt: OnAttempt;
  /** Called with the ID of the execution before anything else is done with the response. */
  readonly onStarted: (executionId: string) => void;
}

export interface CheckApiDeps {
  readonly client: HttpClient;
  readonly endpoint: URL;
  /** Adds the credential to a request. */
  readonly authorize: (request: HttpRequest, now: Date) => HttpRequest;
  /** How often a request is retried after a transient error. */
  readonly retries: number;
}

/** The calls of CodeArts Check that the actions make. */
export class CheckApi {
  readonly #deps: CheckApiDeps;

  constructor(deps: CheckApiDeps) {
    this.#deps = deps;
  }

  /** Aborts when no further call is made: at the deadline, or after a rejected credential. */
  get ended(): AbortSignal {
    return this.#deps.client.ended;
  }

  /**
   * Stops the scan that a task is executing, `POST /v2/tasks/{task_id}/stop`
   * (HWS/intl/en-us/api-codecheck/StopTaskByIdV2.html), or one execution,
   * `PUT /v1/tasks/{task_id}/stop?job_id=…` (HWS/api-codecheck/CancelPortalServiceJob.html). That the
   * `exec_id` of a start is this `job_id` is inferred, and the second call has never been made to the
   * live service. The live service was seen to require the body `{}`.
   *
   * @returns the request ID of the response that accepted it
   * @throws RequestError
   */
  stop({ taskId, executionId }: Target, onAttempt: OnAttempt): Promise<string> {
    const { client, endpoint, authorize, retries } = this.#deps;
    const current = executionId === undefined;
    const request = current
      ? jsonRequest('POST', callUrl(endpoint, `/v2/tasks/${taskId}/stop`))
      : jsonRequest('PUT', callUrl(endpoint, `/v1/tasks/${taskId}/stop`, { job_id: executionId }));
    return client.send({
      operation: 'stop',
      request,
      authorize,
      parse: (response, now) => parseResponse(response, now, { innerStatus: !current }).requestId,
      retries,
      onAttempt,
    });
  }

  /**
   * `GET /v2/tasks/{task_id}/progress[?job_id=…]`:
   * HWS/intl/en-us/api-codecheck/ShowProgressDetailV2.html
   *
   * @param retries 0 if the caller reads again by itself
   * @throws RequestError
   */
  status(target: Target, onAttempt: OnAttempt, retries = this.#deps.retries): Promise<ScanStatus> {
    return this.#get(target, 'progress', {
      operation: 'status',
      parse: (response, now) => parseStatus(parseResponse(response, now)),
      retries,
      onAttempt,
    });
  }

  /**
   * `GET /v2/tasks/{task_id}/defects-summary[?job_id=…]`. The SDKs declare the counts as numbers or as
   * strings, depending on the language.
   *
   * @throws RequestError
   */
  issues(target: Target, onAttempt: OnAttempt): Promise<IssueCounts> {
    return this.#get(target, 'defects-summary', {
      operation: 'result',
      parse: (response, now) => parseIssues(parseResponse(response, now)),
      retries: this.#deps.retries,
      onAttempt,
    });
  }

  /**
   * `POST /v2/tasks/{task_id}/run`: HWS/intl/en-us/api-codecheck/codecheck_api_1005.html. It scans
   * the branch that is set in the task.
   *
   * @returns the ID of the execution, and of the request
   * @throws RequestError, {@link StartedWithError} if an execution may run in spite of it
   */
  start(
    taskId: string,
    { once, beforeSend, onConnected, onAttempt, onStarted }: StartOptions,
  ): Promise<{ readonly executionId: string; readonly requestId: string }> {
    const { client, endpoint, authorize } = this.#deps;
    return client.send({
      operation: 'start',
      request: jsonRequest('POST', callUrl(endpoint, `/v2/tasks/${taskId}/run`)),
      authorize: (request, now) => {
        beforeSend();
        return authorize(request, now);
      },
      parse: (response, now) => parseStart(response, now, onStarted),
      retries: 0,
      onAttempt,
      onConnected,
      once,
    });
  }

  #get<T>(
    { taskId, executionId }: Target,
    call: 'progress' | 'defects-summary',
    options: Pick<RequestOptions<T>, 'operation' | 'parse' | 'retries' | 'onAttempt'>,
  ): Promise<T> {
    const { client, endpoint, authorize } = this.#deps;
    const query = executionId === undefined ? {} : { job_id: executionId };
    const url = callUrl(endpoint, `/v2/tasks/${taskId}/${call}`, query);
    return client.send({
      ...options,
      authorize,
      request: { method: 'GET', url, headers: {}, body: '' },
    });
  }
}

/** A request whose body is `{}`. */
function jsonRequest(method: 'POST' | 'PUT', url: URL): HttpRequest {
  // The gateway was seen to reject a charset beside it: APIGW.0106.
  return { method, url, headers: { 'content-type': 'application/json' }, body: '{}' };
}

const STATES: ReadonlyMap<unknown, ScanStatus['state']> = new Map([
  [0, 'checking'],
  [1, 'failed'],
  [2, 'succeeded'],
  [3, 'stopped'],
  [null, 'never-checked'],
]);

function parseStatus({ json }: Success): ScanStatus {
  const body = asRecord(json);
  const taskStatus = body['task_status'];
  const ratio = asRecord(body['progress'])['ratio'];
  return {
    state: STATES.get(taskStatus) ?? 'unknown',
    taskStatus: describeValue(taskStatus),
    ratio: typeof ratio === 'string' ? ratio : undefined,
  };
}

function describeValue(value: unknown): string {
  if (value === undefined) return 'none';
  if (isRecord(value)) return 'object';
  // JSON would escape the quotes in a text, and a secret with one would no longer be recognized.
  return typeof value === 'string' ? `"${value}"` : String(value);
}

function parseIssues(success: Success): IssueCounts {
  const body = asRecord(success.json);
  const count = (name: string): number => {
    const value = body[name];
    const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
    if (typeof number === 'number' && Number.isSafeInteger(number) && number >= 0) return number;
    throw invalidResponse(`'${name}' is not a count`, success);
  };
  return {
    total: count('issue_count'),
    critical: count('critical_count'),
    major: count('major_count'),
    minor: count('minor_count'),
    suggestion: count('suggestion_count'),
  };
}

function parseStart(
  response: HttpResponse,
  now: Date,
  onStarted: (executionId: string) => void,
): { readonly executionId: string; readonly requestId: string } {
  const executionId = executionIdIn(response.body);
  let success: Success;
  try {
    success = parseResponse(response, now);
  } catch (error) {
    // An ID beside 'already running' is that of the other scan.
    const ours = error instanceof ApiError && error.code !== ALREADY_RUNNING;
    if (executionId === undefined || !ours) throw error;
    onStarted(executionId);
    throw new StartedWithError(executionId, error);
  }
  if (executionId === undefined) {
    throw invalidResponse("'exec_id' is missing or malformed", success);
  }
  onStarted(executionId);
  return { executionId, requestId: success.requestId };
}

function executionIdIn(body: string): string | undefined {
  const id = asRecord(parseJson(body))['exec_id'];
  // As an input, 'current' would stand for whichever scan the task is running.
  if (typeof id !== 'string' || id === 'current') return undefined;
  return /^[A-Za-z0-9_-]{1,64}$/.test(id) ? id : undefined;
}
