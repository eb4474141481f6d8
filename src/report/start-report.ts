import { StartedWithError } from '../api/check-api.ts';
import type { RequestError } from '../http/errors.ts';
import { mayHaveStarted } from '../tasks/start-task.ts';
import { type Advice, type AdviceContext, adviceFor, adviceOn } from './advice.ts';
import type { Log } from './log.ts';
import { formatError } from './messages.ts';
import { outputText, START_OUTPUTS } from './outputs.ts';
import type { Problem } from './problem.ts';
import type { Report } from './report.ts';

/** What became known of a start, and how a person and the next step get to know it. */
export class StartReport {
  readonly #report: Report;
  readonly #log: Log;
  readonly #taskId: string;
  #executionId = '';

  constructor(taskId: string, { report, log }: { readonly report: Report; readonly log: Log }) {
    this.#report = report;
    this.#log = log;
    this.#taskId = taskId;
  }

  /** Sets the output that must not be lost, before anything else is known. */
  setExecutionId(executionId: string): void {
    this.#executionId = executionId;
    this.#report.setOutputs({ 'execution-id': executionId });
  }

  /**
   * Reports a scan that was started.
   *
   * @param interruption why the step ended before its time, if it did
   * @returns whether the step succeeds
   */
  started(requestId: string, interruption: string | undefined): boolean {
    this.#setOutputs({
      outcome: 'started',
      'request-id': outputText(requestId, this.#report.secrets),
    });
    this.#log.line(
      `Started a scan of task ${this.#taskId}: execution ${this.#executionId}. It will be stopped if the job is cancelled or fails.`,
    );
    const complete = this.#report.finish();
    if (interruption === undefined) return complete;
    this.#log.line(`The step ended early: ${interruption}.`);
    return false;
  }

  /**
   * Reports a start that did not succeed, as far as it is known.
   *
   * @param interruption why the step ended before its time, if it did
   */
  failed(error: RequestError, context: AdviceContext, interruption: string | undefined): void {
    const { secrets } = this.#report;
    const shown = error.lastResponse ?? error;
    this.#setOutputs({
      'error-code': outputText(shown.code, secrets),
      'error-message': outputText(shown.message, secrets),
      'request-id': outputText(shown.requestId, secrets),
    });
    const problem: Problem = {
      headline: isUncertain(error)
        ? `A scan may have been started (task ${this.#taskId})`
        : `Could not start a scan of task ${this.#taskId}`,
      causes: [formatError(error, secrets)],
      advice: adviceOnStart(error, context),
      notes: notesOn(error, interruption),
    };
    this.#report.fail(problem);
    this.#report.summarize(problem, [
      ['Task', this.#taskId],
      ['Execution', this.#executionId],
    ]);
    this.#report.finish();
  }

  /** Reports an end that nobody expected, as far as that is still possible. Never throws. */
  failUnexpectedly(error: RequestError): void {
    this.#report.failUnexpectedly(error.message, { 'execution-id': this.#executionId });
  }

  #setOutputs(known: Partial<typeof START_OUTPUTS>): void {
    this.#report.setOutputs({ ...START_OUTPUTS, 'execution-id': this.#executionId, ...known });
  }
}

/** Whether a scan may run that nobody knows the ID of. */
export function isUncertain(error: RequestError): boolean {
  return !(error instanceof StartedWithError) && mayHaveStarted(error);
}

function adviceOnStart(error: RequestError, context: AdviceContext): Advice[] {
  const known = adviceFor(error, false, context);
  const own = known === undefined ? [] : [known];
  if (!isUncertain(error)) return own;
  // Any other advice is to run the step again, which could start a second scan.
  return [adviceOn('start-uncertain'), ...own.filter(({ topic }) => topic === 'not-json')];
}

function notesOn(error: RequestError, interruption: string | undefined): string[] {
  const notes = interruption === undefined ? [] : [`The step ended early: ${interruption}.`];
  if (!(error instanceof StartedWithError)) return notes;
  return [
    ...notes,
    `The response contains execution ID ${error.executionId}. This execution is stopped at the end of the job.`,
  ];
}
