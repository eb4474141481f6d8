import { StartedWithError } from '../api/check-api.ts';
import { ALREADY_RUNNING } from '../api/error-codes.ts';
import { backoffMs } from '../http/backoff.ts';
import type { OncePolicy } from '../http/client.ts';
import { NetworkError, type RequestError } from '../http/errors.ts';
import type { Deadline } from '../time.ts';

const LEAST_MS = 2_000;
const LEAST_SHARE = 0.1;
const RUNNING_MIN_MS = 2_000;
const RUNNING_SPREAD_MS = 3_000;

export interface StartPolicyDeps {
  readonly deadline: Deadline;
  /** 0 to 1, without 1. */
  readonly random: () => number;
  /** Whether the step has been asked to end: no start is sent after that. */
  readonly isInterrupted: () => boolean;
  /** Called the first time that the task is found running already. */
  readonly onAlreadyRunning: () => void;
}

/**
 * Never two scans: a start is repeated, until the deadline, only if it certainly started nothing and
 * may succeed later.
 */
export function startPolicy(deps: StartPolicyDeps): OncePolicy {
  const { deadline, random, isInterrupted, onAlreadyRunning } = deps;
  let attempts = 0;
  let explained = false;
  const delayAfter = (error: RequestError): number => {
    if (error.code !== ALREADY_RUNNING) return backoffMs(attempts, random());
    if (!explained) onAlreadyRunning();
    explained = true;
    return RUNNING_MIN_MS + random() * RUNNING_SPREAD_MS;
  };
  return {
    leastMs: Math.min(LEAST_MS, deadline.seconds * 1000 * LEAST_SHARE),
    retryInMs: (error) => {
      attempts += 1;
      if (isInterrupted() || mayHaveStarted(error) || !mayStartLater(error)) return undefined;
      // Nothing limits the number of attempts, so that a Retry-After of 0 would be no pause at all.
      return Math.max(error.retryAfterMs ?? 0, delayAfter(error));
    },
  };
}

/**
 * Whether a scan may have been started. What the API itself rejects (a 4xx, a redirect, an error
 * code under 2xx), what its gateway did not pass on, and what never reached it, started nothing.
 */
export function mayHaveStarted(error: RequestError): boolean {
  const { status, code, kind, operation = 'start' } = error;
  // The credential had to be requested first, and was not.
  if (operation !== 'start') return false;
  // The rest of half a response may have the ID of an execution.
  if (error instanceof StartedWithError || kind === 'cut-short') return true;
  if (status === null) return error.mayHaveHappened;
  if (code === ALREADY_RUNNING || isGatewayBusy(error)) return false;
  return status >= 500 || (status < 300 && code === '');
}

/** Whether a start that started nothing may succeed later. The client itself repeats no 401. */
function mayStartLater(error: RequestError): boolean {
  if (error.code === ALREADY_RUNNING || error.status === 429 || isGatewayBusy(error)) return true;
  // No connection came about.
  return (
    error instanceof NetworkError &&
    error.status === null &&
    (error.transient || error.kind === 'connection-refused' || error.kind === 'proxy')
  );
}

/** The gateway's own 503: the service behind it got nothing. */
function isGatewayBusy({ status, code }: RequestError): boolean {
  return status === 503 && code.startsWith('APIGW.');
}
