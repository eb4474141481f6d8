import type { Outcome, TaskResult } from '../tasks/task-result.ts';
import { truncate } from './sanitize.ts';
import type { Secrets } from './secrets.ts';

export const OUTPUT_NAMES = [
  'outcome',
  'status-code',
  'error-code',
  'error-message',
  'request-id',
  'results',
] as const;

export type Outputs = Readonly<Record<(typeof OUTPUT_NAMES)[number], string>>;

const MAX_TEXT = 1_000;
// The controls that no reader of an output expects; line breaks and tabs are the API's own.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it is about
const INVISIBLE = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g;

/** The outputs of a step that came to its tasks. @param results at least one */
export function outputsOf(results: readonly TaskResult[], secrets: Secrets): Outputs {
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

/** The outputs of a step that did not come to its tasks. @param message why */
export function outputsWithoutTasks(message: string, secrets: Secrets): Outputs {
  return {
    outcome: 'failed',
    'status-code': '',
    'error-code': '',
    'error-message': harmless(message, secrets),
    'request-id': '',
    results: '[]',
  };
}

/** An element of the output `results`. */
interface Row {
  readonly 'task-id': string;
  readonly outcome: Outcome;
  readonly 'status-code': number | null;
  readonly 'error-code': string;
  readonly 'error-message': string;
  readonly 'request-id': string;
}

function row(result: TaskResult, secrets: Secrets): Row {
  return {
    'task-id': harmless(result.taskId, secrets),
    outcome: result.outcome,
    'status-code': result.statusCode,
    'error-code': harmless(result.failure?.code ?? '', secrets),
    'error-message': harmless(result.failure?.message ?? '', secrets),
    'request-id': harmless(result.requestId, secrets),
  };
}

function harmless(text: string, secrets: Secrets): string {
  return truncate(secrets.redact(text.toWellFormed().replace(INVISIBLE, ' ')), MAX_TEXT);
}
