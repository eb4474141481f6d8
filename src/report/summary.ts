import { summary } from '@actions/core';
import type { TaskResult } from '../tasks/task-result.ts';
import { headline, OUTCOME_SYMBOLS, OUTCOME_WORDS } from './messages.ts';
import { duration, escapeHtml } from './sanitize.ts';
import type { Secrets } from './secrets.ts';

// The runner takes 1 MiB for each step, and drops a longer one as a whole.
// https://docs.github.com/actions/reference/workflow-commands-for-github-actions#step-isolation-and-limits
const MAX_BYTES = 1_000_000;
const MAX_MESSAGE = 200;
const MAX_OPEN_ROWS = 50;
const COLUMNS = [
  'Task',
  'Outcome',
  'HTTP status',
  'What the API said',
  'Request ID',
  'Attempts',
  'Duration',
];

/**
 * Writes the job summary: a headline, and a table of the tasks. The failed ones come first; where
 * there are many tasks, the others are folded away.
 *
 * @param results at least one
 */
export async function writeSummary(
  results: readonly TaskResult[],
  secrets: Secrets,
): Promise<void> {
  const failed = results.filter(({ outcome }) => outcome === 'failed');
  const others = results.filter(({ outcome }) => outcome !== 'failed');
  summary.emptyBuffer().addHeading(escapeHtml(secrets.redact(headline(results))), 3);
  if (results.length <= MAX_OPEN_ROWS) {
    addTable([...failed, ...others], secrets);
  } else {
    if (failed.length > 0) addTable(failed, secrets);
    if (others.length > 0) {
      summary.addRaw(`<details><summary>${others.length} others</summary>`);
      addTable(others, secrets);
      summary.addRaw('</details>').addEOL();
    }
  }
  await summary.write();
}

function addTable(results: readonly TaskResult[], secrets: Secrets): void {
  let bytes = Buffer.byteLength(summary.stringify());
  const rows = results
    .map((result) => cells(result, secrets))
    .filter((row) => {
      bytes += Buffer.byteLength(row.join('<td></td>')) + '<tr></tr>'.length;
      return bytes < MAX_BYTES;
    });
  summary.addTable([COLUMNS.map((data) => ({ data, header: true })), ...rows]);
  if (rows.length < results.length) {
    summary.addRaw(`<p>and ${results.length - rows.length} more</p>`).addEOL();
  }
}

function cells(result: TaskResult, secrets: Secrets): string[] {
  const { outcome, failure, statusError } = result;
  const reason = failure ?? statusError;
  const said = reason === undefined ? '' : [reason.code, reason.message].filter(Boolean).join(' ');
  // Within code, GitHub makes no mention of a name and no link of a number.
  const code = (text: string) =>
    text === '' ? ' ' : `<code>${escapeHtml(secrets.clean(text, MAX_MESSAGE))}</code>`;
  return [
    code(result.taskId),
    `${OUTCOME_SYMBOLS[outcome]} ${OUTCOME_WORDS[outcome]}`,
    String(result.statusCode ?? '–'),
    code(said),
    code(result.requestId),
    String(result.attempts),
    duration(result.durationMs),
  ];
}
