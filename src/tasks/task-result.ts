import type { RequestError } from '../http/errors.ts';
import type { Target } from '../inputs/target.ts';

/** How stopping a task ended, as the output `outcome` has it. */
export type Outcome = 'stop-requested' | 'stopped' | 'not-running' | 'failed';

/** What is known of a task that was to be stopped. */
export interface TaskResult {
  readonly target: Target;
  readonly outcome: Outcome;
  /** HTTP status of the last response to the stop request; null without one. */
  readonly statusCode: number | null;
  readonly requestId: string;
  /** Stop requests that were sent, status requests not counted. */
  readonly attempts: number;
  readonly durationMs: number;
  /** Whether the API accepted the stop request. */
  readonly accepted: boolean;
  /** Why it failed, or what the API returned when nothing was running. */
  readonly error: RequestError | undefined;
  /** Why the status could not be read, if it was needed. */
  readonly statusError: RequestError | undefined;
}

/** The result of a task that nothing was sent for. */
export function notAttempted(target: Target, error: RequestError): TaskResult {
  return {
    target,
    outcome: 'failed',
    statusCode: null,
    requestId: '',
    attempts: 0,
    durationMs: 0,
    accepted: false,
    error,
    statusError: undefined,
  };
}
