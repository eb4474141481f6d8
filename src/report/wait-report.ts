import type { IssueCounts } from '../api/check-api.ts';
import { RequestError } from '../http/errors.ts';
import type { Target } from '../inputs/target.ts';
import type { WaitFailure } from '../tasks/await-scan.ts';
import { lacksPermission } from '../tasks/poll-status.ts';
import { type Advice, type AdviceContext, adviceFor, adviceOn } from './advice.ts';
import type { Log } from './log.ts';
import { capitalize, describeTarget, formatError } from './messages.ts';
import { outputText } from './outputs.ts';
import type { Problem } from './problem.ts';
import type { Report } from './report.ts';
import { formatDuration } from './sanitize.ts';

/** How the wait for a scan ended. */
export type WaitResult =
  | { readonly failure: WaitFailure }
  /** The scan succeeded; its issues, or why they could not be read. */
  | { readonly failure: undefined; readonly issues: IssueCounts | RequestError };

/** What goes into outputs, annotation and summary. */
interface Story {
  readonly issues: IssueCounts | undefined;
  /** Undefined if the step succeeds. */
  readonly problem:
    | {
        readonly message: string;
        readonly error: RequestError | undefined;
        readonly advice: readonly Advice[];
      }
    | undefined;
}

/** How a person and the next step get to know how the wait for a scan ended. */
export class WaitReport {
  readonly #report: Report;
  readonly #log: Log;
  readonly #target: Target;
  readonly #maxCritical: number | undefined;

  /** @param maxCritical undefined for no limit */
  constructor(
    { target, maxCritical }: { readonly target: Target; readonly maxCritical: number | undefined },
    { report, log }: { readonly report: Report; readonly log: Log },
  ) {
    this.#report = report;
    this.#log = log;
    this.#target = target;
    this.#maxCritical = maxCritical;
  }

  /**
   * Sets the outputs, prints the annotation and writes the job summary.
   *
   * @param durationMs how long the wait was
   * @returns whether the scan succeeded, with no more critical issues than allowed
   */
  publish(result: WaitResult, context: AdviceContext, durationMs: number): boolean {
    const story =
      result.failure === undefined
        ? this.#storyOfEnd(result.issues, context)
        : this.#storyOfFailure(result.failure, context);
    this.#setOutputs(story);
    this.#tell(story, this.#details(story, durationMs));
    return this.#report.finish() && story.problem === undefined;
  }

  #storyOfFailure({ message, reason, error }: WaitFailure, context: AdviceContext): Story {
    const advice = [
      ...(error === undefined ? [] : this.#adviceOn(error, context)),
      ...(reason === 'request' ? [] : [adviceOn(reason)]),
    ];
    return { issues: undefined, problem: { message, error, advice } };
  }

  #storyOfEnd(issues: IssueCounts | RequestError, context: AdviceContext): Story {
    if (issues instanceof RequestError) return this.#storyOfUnreadable(issues, context);
    const limit = this.#maxCritical;
    if (limit === undefined || issues.critical <= limit) return { issues, problem: undefined };
    const message = `The scan found ${issues.critical} critical issues; at most ${limit} are allowed (max-critical)`;
    const advice = [adviceOn('too-many-critical')];
    return { issues, problem: { message, error: undefined, advice } };
  }

  #storyOfUnreadable(error: RequestError, context: AdviceContext): Story {
    const missing = lacksPermission(error) ? ' (requires codeartscheck:task:getReport)' : '';
    const message = `The scan succeeded, but its result could not be read${missing}`;
    const advice = this.#adviceOn(error, context);
    if (this.#maxCritical !== undefined) {
      const text = `${message}, and max-critical is set`;
      return { issues: undefined, problem: { message: text, error, advice } };
    }
    this.#report.warn(`${message}: ${formatError(error, this.#report.secrets)}`, advice);
    return { issues: undefined, problem: undefined };
  }

  #setOutputs({ issues, problem }: Story): void {
    const { secrets } = this.#report;
    const error = problem?.error?.lastResponse ?? problem?.error;
    this.#report.setOutputs({
      outcome: problem === undefined ? 'succeeded' : 'failed',
      issues: JSON.stringify(issues ?? {}),
      'error-code': outputText(error?.code ?? '', secrets),
      'error-message': outputText(error?.message ?? problem?.message ?? '', secrets),
      'request-id': outputText(error?.requestId ?? '', secrets),
    });
  }

  #tell({ issues, problem }: Story, details: readonly (readonly [string, string])[]): void {
    const target = capitalize(describeTarget(this.#target));
    const found = issues === undefined ? '' : `: ${describeIssues(issues)}`;
    if (problem === undefined) {
      this.#log.line(`${target} succeeded${found}`);
      this.#report.summarize({ headline: `${target} succeeded` }, details);
      return;
    }
    if (issues !== undefined) this.#log.line(`${target} ended${found}`);
    const { message, error, advice } = problem;
    const why = error === undefined ? '' : `: ${formatError(error, this.#report.secrets)}`;
    const failed: Problem = {
      headline: `${target} did not succeed`,
      causes: [`${message}${why}`],
      advice,
      notes: [],
    };
    this.#report.fail(failed);
    this.#report.summarize(failed, details);
  }

  #details({ issues }: Story, durationMs: number): (readonly [string, string])[] {
    const { taskId, executionId = '' } = this.#target;
    return [
      ['Task', taskId],
      ['Execution', executionId],
      ['Issues', issues === undefined ? '' : describeIssues(issues)],
      ['Duration', formatDuration(durationMs)],
    ];
  }

  #adviceOn(error: RequestError, context: AdviceContext): Advice[] {
    const advice = adviceFor(error, this.#target.executionId !== undefined, context);
    return advice === undefined ? [] : [advice];
  }
}

function describeIssues({ total, critical, major, minor, suggestion }: IssueCounts): string {
  const what = total === 1 ? 'issue' : 'issues';
  return `${total} ${what} (${critical} critical, ${major} major, ${minor} minor, ${suggestion} suggestion)`;
}
