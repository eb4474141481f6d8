import type { RequestError } from '../http/errors.ts';
import type { Target } from '../inputs/target.ts';
import { NotConfirmedError } from '../tasks/poll-status.ts';
import { notAttempted, type TaskResult } from '../tasks/task-result.ts';
import { type Advice, type AdviceContext, adviceFor, mayHaveHappened } from './advice.ts';
import {
  describeTarget,
  formatError,
  headline,
  OUTCOME_SYMBOLS,
  OUTCOME_WORDS,
} from './messages.ts';
import { stopOutputs } from './outputs.ts';
import type { Problem } from './problem.ts';
import type { Report } from './report.ts';
import { formatDuration } from './sanitize.ts';
import type { Story } from './summary.ts';

const MAX_LISTED = 10;
const MAX_OPEN_ROWS = 50;

/** What became known of each task that was to be stopped, and how a person gets to know it. */
export class StopReport {
  readonly #report: Report;
  readonly #targets: readonly Target[];
  readonly #results: (TaskResult | undefined)[];

  /** @param targets the tasks to report, in this order: one may occur with several executions */
  constructor(report: Report, targets: readonly Target[]) {
    this.#report = report;
    this.#targets = targets;
    this.#results = targets.map(() => undefined);
  }

  /** Adds the result of the task at a place in the list. */
  add(index: number, result: TaskResult): void {
    this.#results[index] = result;
  }

  /** Gives every task without a result the same error. */
  failRemaining(error: RequestError): void {
    for (const [index, target] of this.#targets.entries()) {
      this.#results[index] ??= notAttempted(target, error);
    }
  }

  /**
   * Sets the outputs, prints the annotations (one error if a task failed, one warning if a status
   * could not be read) and writes the job summary.
   *
   * @param interruption why the step ended before its time, if it did
   * @returns whether no task failed
   */
  publish(context: AdviceContext, interruption: string | undefined): boolean {
    const results = this.#known();
    const failed = results.filter(({ outcome }) => outcome === 'failed');
    this.#report.setOutputs(stopOutputs(results, this.#report.secrets));
    this.#warnOfUnreadable(results, context);
    if (failed.length === 0) {
      this.#summarize({ headline: headline(results) });
    } else {
      const problem = this.#problem(failed, context, interruption);
      this.#report.fail(problem);
      this.#summarize(problem);
    }
    const complete = this.#report.finish();
    return failed.length === 0 && complete;
  }

  /** Reports an end that nobody expected, as far as that is still possible. Never throws. */
  failUnexpectedly(error: RequestError): void {
    this.failRemaining(error);
    const outputs = stopOutputs(this.#known(), this.#report.secrets);
    this.#report.failUnexpectedly(error.message, outputs);
  }

  #known(): TaskResult[] {
    return this.#results.filter((result) => result !== undefined);
  }

  #problem(
    failed: readonly TaskResult[],
    context: AdviceContext,
    interruption: string | undefined,
  ): Problem {
    const { secrets } = this.#report;
    const results = this.#known();
    const errors = failed.flatMap(({ target, error }) => (error ? [{ target, error }] : []));
    const alone = results.length === 1;
    const listed = errors
      .slice(0, MAX_LISTED)
      .map(({ target, error }) =>
        alone ? formatError(error, secrets) : `${nameOf(target)}: ${formatError(error, secrets)}`,
      );
    const more = errors.length - listed.length;
    return {
      headline: headline(results),
      causes: more > 0 ? [...listed, `and ${more} more`] : listed,
      advice: errors.flatMap(({ target, error }) => adviceOnResult(target, error, context)),
      notes: [
        ...(interruption === undefined ? [] : [`The step ended early: ${interruption}.`]),
        ...new Set(errors.map(({ error }) => mayHaveHappened(error)).filter(Boolean)),
      ],
    };
  }

  #warnOfUnreadable(results: readonly TaskResult[], context: AdviceContext): void {
    const unreadable = results.filter(
      ({ outcome, statusError }) => outcome === 'stop-requested' && statusError !== undefined,
    );
    const [first] = unreadable;
    if (first?.statusError === undefined) return;
    const which =
      unreadable.length === 1
        ? describeTarget(first.target)
        : `${unreadable.length} scans (${first.target.taskId}, …)`;
    const why = formatError(first.statusError, this.#report.secrets);
    this.#report.warn(
      `The API accepted the stop request, but the status of ${which} could not be read: ${why}`,
      asList(adviceFor(first.statusError, hasExecution(first.target), context)),
    );
  }

  #summarize(story: Story): void {
    const results = this.#known();
    const [only] = results;
    if (only !== undefined && results.length === 1) {
      this.#report.summarize(story, detailsOf(only));
      return;
    }
    const { secrets } = this.#report;
    const head = ['Task', 'Result', 'Message', 'Duration'];
    const row = (result: TaskResult) => {
      const reason = result.error ?? result.statusError;
      return [
        { code: nameOf(result.target) },
        `${OUTCOME_SYMBOLS[result.outcome]} ${OUTCOME_WORDS[result.outcome]}`,
        { code: reason === undefined ? '' : formatError(reason, secrets) },
        formatDuration(result.durationMs),
      ];
    };
    const failed = results.filter(({ outcome }) => outcome === 'failed').map(row);
    const others = results.filter(({ outcome }) => outcome !== 'failed').map(row);
    const folds = results.length > MAX_OPEN_ROWS && others.length > 0;
    const open = folds ? failed : [...failed, ...others];
    this.#report.summarizeAll(story, [
      ...(open.length > 0 ? [{ folded: undefined, head, rows: open }] : []),
      ...(folds ? [{ folded: `${others.length} others`, head, rows: others }] : []),
    ]);
  }
}

function detailsOf({ target, statusCode, requestId, attempts, durationMs, error }: TaskResult) {
  return [
    ['Task', target.taskId],
    ['Execution', target.executionId ?? ''],
    ['HTTP status', String(statusCode ?? '')],
    ['Error code', (error?.lastResponse ?? error)?.code ?? ''],
    ['Request ID', requestId],
    ['Attempts', String(attempts)],
    ['Duration', formatDuration(durationMs)],
  ] as const;
}

function adviceOnResult(target: Target, error: RequestError, context: AdviceContext): Advice[] {
  // Why the status could not be read has advice of its own, before that on the missing confirmation.
  const cause = error instanceof NotConfirmedError ? error.statusError : undefined;
  return [cause, error].flatMap((one) =>
    one === undefined ? [] : asList(adviceFor(one, hasExecution(target), context)),
  );
}

function asList(advice: Advice | undefined): Advice[] {
  return advice === undefined ? [] : [advice];
}

function hasExecution({ executionId }: Target): boolean {
  return executionId !== undefined;
}

function nameOf({ taskId, executionId }: Target): string {
  return executionId === undefined ? taskId : `${taskId} (${executionId})`;
}
