import type { RequestError } from '../http/errors.ts';
import type { Outcome, TaskResult } from '../tasks/task-result.ts';
import { duration } from './sanitize.ts';
import type { Secrets } from './secrets.ts';

/** The outcomes in the words of a reader, and with a symbol. */
export const OUTCOME_WORDS: Readonly<Record<Outcome, string>> = {
  stopped: 'stopped',
  'stop-requested': 'asked to stop',
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

/** One sentence for the whole step: '2 of 3 scans stopped, 1 failed'. */
export function headline(results: readonly TaskResult[]): string {
  const [only] = results;
  if (only !== undefined && results.length === 1) {
    return `Scan ${only.taskId} ${only.outcome === 'failed' ? 'was not stopped' : OUTCOME_WORDS[only.outcome]}`;
  }
  const counts = (Object.keys(OUTCOME_WORDS) as Outcome[])
    .map((outcome) => ({
      words: OUTCOME_WORDS[outcome],
      count: results.filter((result) => result.outcome === outcome).length,
    }))
    .filter(({ count }) => count > 0);
  return counts
    .map(({ words, count }, index) =>
      index === 0 ? `${count} of ${results.length} scans ${words}` : `${count} ${words}`,
    )
    .join(', ');
}

/** What became of one task: 'Scan 0a1b stopped, after 1.2 s'. */
export function resultLine(result: TaskResult, secrets: Secrets): string {
  const { failure, durationMs } = result;
  const what = headline([result]);
  return failure === undefined
    ? `${what}, after ${duration(durationMs)}`
    : `${what}: ${formatError(failure, secrets)}`;
}

/** The message of a failure, with its code, HTTP status and request ID. */
export function formatError(failure: RequestError, secrets: Secrets): string {
  const facts = [
    failure.code,
    failure.status === null ? '' : `HTTP ${failure.status}`,
    failure.requestId === '' ? '' : `request ID ${failure.requestId}`,
  ].filter((fact) => fact !== '');
  const message = secrets.clean(failure.message, MAX_MESSAGE);
  return facts.length === 0
    ? message
    : `${message} (${secrets.clean(facts.join(', '), MAX_MESSAGE)})`;
}
