import { error, setOutput, warning } from '@actions/core';
import { errorMessage } from '../http/connection-error.ts';
import { NetworkError, type RequestError, SkippedError } from '../http/errors.ts';
import type { TaskResult } from '../tasks/task-result.ts';
import { type AdviceContext, adviceFor } from './advice.ts';
import { annotationText } from './annotation.ts';
import { formatError } from './messages.ts';
import { type Outputs, outputsOf, outputsWithoutTasks } from './outputs.ts';
import type { Secrets } from './secrets.ts';
import { writeSummary } from './summary.ts';

const TITLE = 'Stop CodeArts Check Task';
const MAX_MESSAGE = 1_000;

/** What a person and the next step see of this one: outputs, annotations, job summary. */
export class Report {
  readonly #secrets: Secrets;
  readonly #results = new Map<string, TaskResult | undefined>();
  #hasError = false;

  constructor(secrets: Secrets) {
    this.#secrets = secrets;
  }

  /** Says which tasks there are to report of, and in which order. */
  expect(taskIds: readonly string[]): void {
    for (const taskId of taskIds) this.#results.set(taskId, undefined);
  }

  /** Takes the result of a task. */
  add(result: TaskResult): void {
    this.#results.set(result.taskId, result);
  }

  /** Makes a result of the same failure for every task that has none. */
  failRemaining(failure: RequestError): void {
    for (const [taskId, result] of this.#results) {
      if (result !== undefined) continue;
      this.add({
        taskId,
        outcome: 'failed',
        statusCode: null,
        requestId: '',
        attempts: 0,
        durationMs: 0,
        failure,
        statusError: undefined,
      });
    }
  }

  /**
   * Sets the outputs and prints the annotations: one error where a task failed, one warning where
   * a status could not be read.
   *
   * @returns whether no task failed
   */
  finish(context: AdviceContext): boolean {
    const results = this.#known();
    this.#setOutputs(outputsOf(results, this.#secrets));
    this.#warnOfUnread(results, context);
    const good = results.every(({ outcome }) => outcome !== 'failed');
    if (!good) this.#error(annotationText(results, context, this.#secrets));
    return good;
  }

  /** Writes the job summary. What was done to the scans does not depend on it. */
  async writeSummary(): Promise<void> {
    try {
      await writeSummary(this.#known(), this.#secrets);
    } catch (cause) {
      this.#warning(this.#clean(`The job summary could not be written: ${errorMessage(cause)}`));
    }
  }

  /** Reports that the step came to none of its tasks. */
  failEarly(message: string): void {
    this.#setOutputs(outputsWithoutTasks(message, this.#secrets));
    this.#error(this.#clean(message));
  }

  /**
   * Reports an end that nobody expected, as far as that is still possible: outputs of what is
   * known, and one error annotation. Never throws.
   */
  failUnexpectedly(message: string): void {
    this.failRemaining(new NetworkError(message, { kind: 'other' }));
    const results = this.#known();
    try {
      this.#setOutputs(
        results.length === 0
          ? outputsWithoutTasks(message, this.#secrets)
          : outputsOf(results, this.#secrets),
      );
    } catch {
      // It may be what went wrong: the error that is being reported says so.
    }
    if (!this.#hasError) this.#error(this.#clean(message));
  }

  #known(): TaskResult[] {
    return [...this.#results.values()].filter((result) => result !== undefined);
  }

  #setOutputs(outputs: Outputs): void {
    for (const [name, value] of Object.entries(outputs)) setOutput(name, value);
  }

  #warnOfUnread(results: readonly TaskResult[], context: AdviceContext): void {
    const statusError = results.filter((result) => result.statusError !== undefined);
    const [first] = statusError;
    if (first?.statusError === undefined) return;
    const which =
      statusError.length === 1
        ? `scan ${first.taskId}`
        : `${statusError.length} scans (${first.taskId}, …)`;
    const why = formatError(first.statusError, this.#secrets);
    const root =
      first.statusError instanceof SkippedError ? first.statusError.cause : first.statusError;
    const advice =
      (root.status === 401 ? adviceFor(root, context) : undefined) ??
      'Reading it takes the permission codeartscheck:task:get.';
    this.#warning(
      `The API took the stop request, but the status of ${which} could not be read: ${why}\n${advice}`,
    );
  }

  #error(message: string): void {
    this.#hasError = true;
    error(message, { title: TITLE });
  }

  #warning(message: string): void {
    warning(message, { title: TITLE });
  }

  #clean(message: string): string {
    return this.#secrets.clean(message, MAX_MESSAGE);
  }
}
