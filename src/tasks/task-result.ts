import type { RequestError } from '../http/errors.ts';

/** What became of a task, in the words of the output `outcome`. */
export type Outcome = 'stop-requested' | 'stopped' | 'not-running' | 'failed';

export interface TaskResult {
  readonly taskId: string;
  readonly outcome: Outcome;
  /** HTTP status of the last answer to the stop request; null where there was none. */
  readonly statusCode: number | null;
  readonly requestId: string;
  /** Requests sent for the stop, status requests left out. */
  readonly attempts: number;
  readonly durationMs: number;
  /** Why it failed, or what the API said when nothing was running. */
  readonly failure: RequestError | undefined;
  /** Why the status could not be read, where it was asked for in vain. */
  readonly statusError: RequestError | undefined;
}
