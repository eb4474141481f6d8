import type { Outcome, TaskResult } from '../tasks/task-result.ts';
import { truncate } from './sanitize.ts';
import type { Secrets } from './secrets.ts';

/** The outputs of the step, as they are if nothing is known. */
export const STOP_OUTPUTS = {
  outcome: 'failed',
  'status-code': '',
  'error-code': '',
  'error-message': '',
  'request-id': '',
  results: '[]',
};
/** The outputs of the start, as they are if nothing is known. */
export const START_OUTPUTS = {
  'execution-id': '',
  outcome: 'failed',
  'error-code': '',
  'error-message': '',
  'request-id': '',
};
/** The outputs of the wait, as they are if nothing is known. */
export const WAIT_OUTPUTS = {
  outcome: 'failed',
  issues: '{}',
  'error-code': '',
  'error-message': '',
  'request-id': '',
};

export type StopOutputs = Readonly<Record<keyof typeof STOP_OUTPUTS, string>>;

const MAX_TEXT = 1_000;
// The controls that no reader of an output expects; line breaks and tabs are the API's own.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it is about
const INVISIBLE = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g;

/** The outputs of a step that came to its tasks. @param results at least one */
export function stopOutputs(results: readonly TaskResult[], secrets: Secrets): StopOutputs {
  const rows = results.map((result) => row(result, secrets));
  const shown = rows.find(({ outcome }) => outcome === 'failed') ?? rows[0];
  return {
    outcome: shown?.outcome ?? 'failed',
    'status-code': String(shown?.['status-code'] ?? ''),
    'error-code': shown?.['error-code'] ?? '',
    'error-message': shown?.['error-message'] ?? '',
    'request-id': shown?.['request-id'] ?? '',
    results: JSON.stringify(rows),
  };
}

/** An element of the output `results`. */
interface Row {
  readonly 'task-id': string;
  readonly 'execution-id': string;
  readonly outcome: Outcome;
  readonly 'status-code': number | null;
  readonly 'error-code': string;
  readonly 'error-message': string;
  readonly 'request-id': string;
}

function row({ target, outcome, statusCode, error, requestId }: TaskResult, secrets: Secrets): Row {
  // A later attempt without a response does not erase what an earlier one returned.
  const shown = error?.lastResponse ?? error;
  return {
    'task-id': outputText(target.taskId, secrets),
    'execution-id': outputText(target.executionId ?? '', secrets),
    outcome,
    'status-code': statusCode,
    'error-code': outputText(shown?.code ?? '', secrets),
    'error-message': outputText(shown?.message ?? '', secrets),
    'request-id': outputText(requestId, secrets),
  };
}

/**
 * Text from outside for an output: without secrets and invisible characters, and not too long. An
 * invisible character may be part of a secret, or take the place of a space in it.
 */
export function outputText(text: string, secrets: Secrets): string {
  const redacted = secrets.redact(text.toWellFormed());
  const visible = redacted.replace(INVISIBLE, ' ');
  return truncate(visible === redacted ? visible : secrets.redact(visible), MAX_TEXT);
}
