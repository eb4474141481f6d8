import type { Credential } from '../credentials/credential.ts';
import type { Attempt, HttpClient } from '../http/client.ts';
import type { HttpResponse } from '../http/transport.ts';
import { isRecord } from './api-error-body.ts';
import { parseResponse } from './response.ts';

/** What the API says of a task. */
export interface ScanStatus {
  readonly state: 'checking' | 'failed' | 'succeeded' | 'stopped' | 'never-checked' | 'unknown';
  /** `task_status` as the API sent it, as JSON; 'object' for one or a list, 'none' where it is left out. */
  readonly taskStatus: string;
  /** How much of the scan is done, as in '50%'; undefined where the API does not say. */
  readonly ratio: string | undefined;
}

/** The calls of CodeArts Check that the action makes. */
export class CheckApi {
  readonly #client: HttpClient;
  readonly #endpoint: URL;
  readonly #credential: Credential;
  readonly #retries: number;

  /** @param retries how many more attempts a request gets after a transient failure */
  constructor(client: HttpClient, endpoint: URL, credential: Credential, retries: number) {
    this.#client = client;
    this.#endpoint = endpoint;
    this.#credential = credential;
    this.#retries = retries;
  }

  /**
   * `POST /v2/tasks/{task_id}/stop`: HWS/intl/en-us/api-codecheck/StopTaskByIdV2.html. The body
   * `{}` is what the live service was seen to want; the page knows of none.
   *
   * @returns the request ID of the answer that took the request
   * @throws RequestError
   */
  stop(taskId: string, onAttempt: (attempt: Attempt) => void): Promise<string> {
    return this.#call(
      'POST',
      taskId,
      'stop',
      this.#retries,
      onAttempt,
      (answer, now) => parseResponse(answer, now).requestId,
    );
  }

  /**
   * `GET /v2/tasks/{task_id}/progress`: HWS/intl/en-us/api-codecheck/ShowProgressDetailV2.html
   *
   * @param retries where the caller comes back by itself, 0
   * @throws RequestError
   */
  status(
    taskId: string,
    onAttempt: (attempt: Attempt) => void,
    retries = this.#retries,
  ): Promise<ScanStatus> {
    return this.#call('GET', taskId, 'progress', retries, onAttempt, (answer, now) =>
      readStatus(parseResponse(answer, now).json),
    );
  }

  #call<T>(
    method: 'GET' | 'POST',
    taskId: string,
    action: string,
    retries: number,
    onAttempt: (attempt: Attempt) => void,
    parse: (answer: HttpResponse, now: Date) => T,
  ): Promise<T> {
    const url = new URL(this.#endpoint);
    url.pathname = `${url.pathname.replace(/\/$/, '')}/v2/tasks/${taskId}/${action}`;
    const post = method === 'POST';
    return this.#client.send({
      request: {
        method,
        url,
        headers: post ? { 'content-type': 'application/json' } : {},
        body: post ? '{}' : '',
      },
      authorize: (request, now) => this.#credential.authorize(request, now),
      parse,
      retries,
      onAttempt,
    });
  }
}

// What is printed again and again while a step waits must not be long.
const MAX_SHOWN = 20;
const STATES: ReadonlyMap<unknown, ScanStatus['state']> = new Map([
  [0, 'checking'],
  [1, 'failed'],
  [2, 'succeeded'],
  [3, 'stopped'],
  [null, 'never-checked'],
]);

function readStatus(json: unknown): ScanStatus {
  const body = isRecord(json) ? json : {};
  const taskStatus = body['task_status'];
  const progress = body['progress'];
  const ratio = isRecord(progress) ? progress['ratio'] : undefined;
  return {
    state: STATES.get(taskStatus) ?? 'unknown',
    taskStatus: nameOf(taskStatus),
    ratio: typeof ratio === 'string' && ratio.length <= MAX_SHOWN ? ratio : undefined,
  };
}

function nameOf(taskStatus: unknown): string {
  if (isRecord(taskStatus)) return 'object';
  const json = JSON.stringify(taskStatus) ?? 'none';
  return json.length <= MAX_SHOWN ? json : `${json.slice(0, MAX_SHOWN)}…`;
}
