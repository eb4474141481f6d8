import type { RequestError } from '../http/errors.ts';
import type { CommonInputs } from '../inputs/inputs.ts';
import type { Target } from '../inputs/target.ts';
import type { Outcome, TaskResult } from '../tasks/task-result.ts';
import { formatDuration } from './sanitize.ts';
import type { Secrets } from './secrets.ts';

/** The outcomes in words, and as a symbol. */
export const OUTCOME_WORDS: Readonly<Record<Outcome, string>> = {
  stopped: 'stopped',
  'stop-requested': 'stop requested',
  'not-running': 'not running',
  failed: 'failed',
};
export const OUTCOME_SYMBOLS: Readonly<Record<Outcome, string>> = {
  stopped: '✅',
  'stop-requested': '☑️',
  'not-running': '⚪',
  failed: '❌',
};

const MAX_MESSAGE = 300;
const MAX_LISTED = 10;

/** 'scan X', or 'scan X (execution E)'. */
export function describeTarget({ taskId, executionId }: Target): string {
  return executionId === undefined ? `scan ${taskId}` : `scan ${taskId} (execution ${executionId})`;
}

/** 'scan X', or '3 scans (X, Y, Z)'. */
export function describeTargets(targets: readonly Target[]): string {
  const [only] = targets;
  if (only !== undefined && targets.length === 1) return describeTarget(only);
  const names = targets.slice(0, MAX_LISTED).map(({ taskId }) => taskId);
  const more = targets.length > MAX_LISTED ? `, and ${targets.length - MAX_LISTED} more` : '';
  return `${targets.length} scans (${names.join(', ')}${more})`;
}

/**
 * The first line of the log: what is about to happen, where, and with which credential.
 *
 * @param seconds the time limit, if it is not `timeout-seconds`
 */
export function describeStart(
  what: string,
  { endpoint, region, credential, timeoutSeconds }: CommonInputs,
  seconds = timeoutSeconds,
): string {
  const kinds = { token: 'a token', 'access-key': 'an access key', oidc: 'OIDC' } as const;
  return (
    `${what} at ${endpoint.host} (region ${region}), with ${kinds[credential.kind]} ` +
    `from ${credential.source}; time limit ${seconds} s`
  );
}

type Kind = Outcome | 'not-confirmed';

// Worst first: a headline begins with what needs attention.
const KINDS: readonly Kind[] = [
  'failed',
  'not-confirmed',
  'stopped',
  'stop-requested',
  'not-running',
];

/** Tells a stop that failed from one that may have happened. */
function kindOf({ outcome, accepted, error }: TaskResult): Kind {
  const mayBeStopped = error?.operation === 'stop' && error.mayHaveHappened;
  return outcome === 'failed' && (accepted || mayBeStopped) ? 'not-confirmed' : outcome;
}

/**
 * One sentence for the whole step: 'Could not stop 1 of 3 scans; 2 stopped'.
 *
 * @param results at least one
 */
export function headline(results: readonly TaskResult[]): string {
  const [only] = results;
  if (only !== undefined && results.length === 1) return headlineOfOne(only);
  const kinds = results.map(kindOf);
  return KINDS.map((kind) => ({ kind, number: kinds.filter((one) => one === kind).length }))
    .filter(({ number }) => number > 0)
    .map(({ kind, number }, index) =>
      index === 0 ? lead(kind, number, results.length) : `${number} ${kind.replace('-', ' ')}`,
    )
    .join('; ');
}

function lead(kind: Kind, number: number, total: number): string {
  const scans = number === total ? `all ${total} scans` : `${number} of ${total} scans`;
  switch (kind) {
    case 'failed':
      return `Could not stop ${number === total ? `any of the ${total} scans` : scans}`;
    case 'not-confirmed':
      return `Stop of ${scans} not confirmed`;
    case 'stopped':
      return capitalize(`${scans} stopped`);
    case 'stop-requested':
      return `Stop requested for ${scans}`;
    case 'not-running':
      return `None of the ${total} scans was running; nothing to stop`;
  }
}

function headlineOfOne(result: TaskResult): string {
  const target = describeTarget(result.target);
  switch (kindOf(result)) {
    case 'failed':
      return `Could not stop ${target}`;
    case 'not-confirmed':
      return `Stop of ${target} not confirmed`;
    case 'stopped':
      return capitalize(`${target} stopped`);
    case 'stop-requested':
      return `Stop requested for ${target}`;
    case 'not-running':
      return capitalize(`${target} was not running; nothing to stop`);
  }
}

/** How one task ended: 'Scan X stopped, after 1.2 s'. */
export function resultLine(result: TaskResult, secrets: Secrets): string {
  const { error, durationMs } = result;
  const what = headline([result]);
  return error === undefined
    ? `${what}, after ${formatDuration(durationMs)}`
    : `${what}: ${formatError(error, secrets)}`;
}

/**
 * The message of an error, with its code, HTTP status and request ID. If the last attempt had no
 * response, what an earlier one returned comes first.
 */
export function formatError(error: RequestError, secrets: Secrets): string {
  const { lastResponse } = error;
  const own = formatOne(error, secrets);
  return lastResponse === undefined || lastResponse === error
    ? own
    : `${formatOne(lastResponse, secrets)}; then: ${own}`;
}

function formatOne(error: RequestError, secrets: Secrets): string {
  const facts = [
    error.code,
    error.status === null ? '' : `HTTP ${error.status}`,
    error.requestId === '' ? '' : `request ID ${error.requestId}`,
  ].filter((fact) => fact !== '');
  const message = secrets.sanitize(error.message, MAX_MESSAGE);
  return facts.length === 0
    ? message
    : `${message} (${secrets.sanitize(facts.join(', '), MAX_MESSAGE)})`;
}

/** Text with a capital at its start. */
export function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
