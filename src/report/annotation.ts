import type { RequestError } from '../http/errors.ts';
import type { TaskResult } from '../tasks/task-result.ts';
import { type AdviceContext, adviceFor } from './advice.ts';
import { formatError, headline, resultLine } from './messages.ts';
import { truncate } from './sanitize.ts';
import type { Secrets } from './secrets.ts';

const MAX_LISTED = 10;
// The runner cuts an annotation at 4096 characters.
const MAX_LENGTH = 4_000;

/**
 * The one error annotation of a step: what failed and why, and under it what to do about it.
 *
 * @param results those of all tasks, of which at least one failed
 * @returns harmless lines
 */
export function annotationText(
  results: readonly TaskResult[],
  context: AdviceContext,
  secrets: Secrets,
): string {
  const failed = results.flatMap(({ taskId, outcome, failure }) =>
    outcome === 'failed' && failure !== undefined ? [{ taskId, failure }] : [],
  );
  const advice = [...new Set(failed.flatMap(({ failure }) => adviceFor(failure, context) ?? []))];
  const room = MAX_LENGTH - advice.join('\n').length - 1;
  const lines = secrets.redact(failureLines(results, failed, secrets).join('\n'));
  return [truncate(lines, room), ...advice].join('\n');
}

function failureLines(
  results: readonly TaskResult[],
  failed: readonly { readonly taskId: string; readonly failure: RequestError }[],
  secrets: Secrets,
): string[] {
  const [only] = results;
  if (only !== undefined && results.length === 1) return [resultLine(only, secrets)];
  const listed = failed
    .slice(0, MAX_LISTED)
    .map(({ taskId, failure }) => `${taskId}: ${formatError(failure, secrets)}`);
  const more = failed.length - listed.length;
  return [headline(results), ...listed, ...(more > 0 ? [`and ${more} more`] : [])];
}
