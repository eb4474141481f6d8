import { readAnswer } from './api-answer.ts';
import { isRecord } from './api-error.ts';
import type { Credential } from './credentials/credential.ts';
import type { Attempt, Sender } from './http/sender.ts';
import type { HttpAnswer } from './http/transport.ts';

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
  readonly #sender: Sender;
  readonly #endpoint: URL;
  readonly #credential: Credential;
  readonly #retries: number;

  /** @param retries how many more attempts a request gets after a transient failure */
  constructor(sender: Sender, endpoint: URL, credential: Credential, retries: number) {
    this.#sender = sender;
    this.#endpoint = endpoint;
    this.#credential = credential;
    this.#retries = retries;
  }

  /**
   * `POST /v2/tasks/{task_id}/stop`: HWS/intl/en-us/api-codecheck/StopTaskByIdV2.html. The body
   * `{}` is what the live service was seen to want; the page knows of none.
   *
   * @returns the request ID of the answer that took the request
   * @throws RequestFailure
   */
  stop(taskId: string, onAttempt: (attempt: Attempt) => void): Promise<string> {
    return this.#call(
      'POST',
      taskId,
      'stop',
      this.#retries,
      onAttempt,
      (answer, now) => readAnswer(answer, now).requestId,
    );
  }

  /**
   * `GET /v2/tasks/{task_id}/progress`: HWS/intl/en-us/api-codecheck/ShowProgressDetailV2.html
   *
   * @param retries where the caller comes back by itself, 0
   * @throws RequestFailure
   */
  status(
    taskId: string,
    onAttempt: (attempt: Attempt) => void,
    retries = this.#retries,
  ): Promise<ScanStatus> {
    return this.#call('GET', taskId, 'progress', retries, onAttempt, (answer, now) =>
      readStatus(readAnswer(answer, now).json),
    );
  }

  #call<T>(
    method: 'GET' | 'POST',
    taskId: string,
    action: string,
    retries: number,
    onAttempt: (attempt: Attempt) => void,
    judge: (answer: HttpAnswer, now: Date) => T,
  ): Promise<T> {
    const url = new URL(this.#endpoint);
    url.pathname = `${url.pathname.replace(/\/$/, '')}/v2/tasks/${taskId}/${action}`;
    const post = method === 'POST';
    return this.#sender.send({
      request: {
        method,
        url,
        headers: post ? { 'content-type': 'application/json' } : {},
        body: post ? '{}' : '',
      },
      authorise: (request, now) => this.#credential.authorise(request, now),
      judge,
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
