import { error, setOutput, warning } from '@actions/core';
import { errorMessage } from '../http/errors.ts';
import type { Advice } from './advice.ts';
import type { Problem } from './problem.ts';
import { truncate } from './sanitize.ts';
import type { Secrets } from './secrets.ts';
import { appendSummary, type Story, type SummaryTable, SummaryWriter } from './summary.ts';

// The runner cuts an annotation at 4096 characters.
const MAX_ANNOTATION = 4_000;
const MAX_LINE = 1_000;

/** What a person and the next step see of a step, besides its log. */
export interface ReportDeps {
  readonly secrets: Secrets;
  /** The title of its annotations. */
  readonly title: string;
  /** The names of its outputs, with their values if nothing is known. */
  readonly emptyOutputs: Readonly<Record<string, string>>;
  /** Where job summaries go; undefined on a runner without them. */
  readonly summaryFile: string | undefined;
  /** Where docs/troubleshooting.md is; undefined if the action runs from a local path. */
  readonly docsUrl: string | undefined;
}

/** Outputs, annotations and job summary. */
export class Report {
  readonly #deps: ReportDeps;
  readonly #summaries: SummaryWriter;
  #outputs: Readonly<Record<string, string>> = {};
  /** What {@link finish} has yet to report. */
  readonly #failures = new Set<string>();
  #isComplete = true;
  #hasError = false;

  constructor(deps: ReportDeps) {
    this.#deps = deps;
    this.#summaries = new SummaryWriter(deps.secrets, deps.docsUrl);
  }

  get secrets(): Secrets {
    return this.#deps.secrets;
  }

  /**
   * Sets those of the outputs that the action has. A failure is reported by {@link finish}: what the
   * API returned comes first.
   */
  setOutputs(outputs: Readonly<Record<string, string>>): void {
    const own = Object.entries(outputs).filter(([name]) => name in this.#deps.emptyOutputs);
    this.#outputs = { ...this.#outputs, ...Object.fromEntries(own) };
    try {
      for (const [name, value] of own) setOutput(name, value);
    } catch (cause) {
      this.addFailure(`The outputs could not be set: ${errorMessage(cause)}`);
    }
  }

  /** Prints the one error annotation. */
  fail({ headline, causes, advice, notes, end }: Problem): void {
    const what = causes.length === 1 ? [`${headline}: ${causes[0]}`] : [headline, ...causes];
    const before = this.#lines(what);
    const last = end === undefined ? [] : [end];
    // The causes keep at least a line; the least important advice is left out for it.
    const room = MAX_ANNOTATION - Math.min(before.length, MAX_LINE);
    let kept = advice.length;
    let after = this.#lines([...notes, ...this.#advice(advice), ...last]);
    while (kept > 0 && after.length >= room) {
      kept -= 1;
      after = this.#lines([...notes, ...this.#advice(advice.slice(0, kept)), ...last]);
    }
    const lines = [truncate(before, MAX_ANNOTATION - after.length - 1), after];
    this.#error(lines.filter(Boolean).join('\n'));
  }

  /** Prints a warning of one line, and what to do about it. */
  warn(message: string, advice: readonly Advice[]): void {
    warning(this.#lines([message, ...this.#advice(advice)]), { title: this.#deps.title });
  }

  /** Reports an error before there is anything to tell of a task: an invalid input for one. */
  failEarly(problem: Problem): void {
    const message = this.#line(problem.causes.join(' '));
    this.setOutputs({ ...this.#deps.emptyOutputs, outcome: 'failed', 'error-message': message });
    this.fail(problem);
    this.summarize(problem, []);
    this.finish();
  }

  /**
   * Reports an end that nobody expected, as far as that is still possible. Never throws.
   *
   * @param outputs what is known; an output that has been set stays as it is otherwise
   */
  failUnexpectedly(message: string, outputs: Readonly<Record<string, string>>): void {
    const text = this.#line(message);
    const unknown = { ...this.#deps.emptyOutputs, outcome: 'failed', 'error-message': text };
    this.setOutputs({ ...unknown, ...this.#outputs, ...outputs });
    if (!this.#hasError) this.#error(text);
    this.finish();
  }

  /**
   * Writes the job summary for one task. What was done to the scan does not depend on it.
   *
   * @param details names and values, in the order of their rows
   */
  summarize(story: Story, details: readonly (readonly [string, string])[]): void {
    this.#append(() => this.#summaries.ofOne(story, details));
  }

  /** Writes the job summary for several tasks. */
  summarizeAll(story: Story, tables: readonly SummaryTable[]): void {
    this.#append(() => this.#summaries.ofSeveral(story, tables));
  }

  /** Adds what could not be written, for {@link finish}: what the API returned comes first. */
  addFailure(message: string): void {
    this.#failures.add(message);
    this.#isComplete = false;
  }

  /**
   * Reports what could not be written.
   *
   * @returns whether all of it is: the next step and `post` rely on that
   */
  finish(): boolean {
    if (this.#failures.size === 0) return this.#isComplete;
    const text = this.#lines([...this.#failures]);
    this.#failures.clear();
    if (this.#hasError) warning(text, { title: this.#deps.title });
    else this.#error(text);
    return false;
  }

  #append(html: () => string): void {
    const { summaryFile } = this.#deps;
    if (summaryFile === undefined) return;
    try {
      appendSummary(summaryFile, html());
    } catch (cause) {
      this.warn(`The job summary could not be written: ${errorMessage(cause)}`, []);
    }
  }

  /** Texts, each once, and below them the entries of the documents that have more. */
  #advice(advice: readonly Advice[]): string[] {
    const { docsUrl } = this.#deps;
    const links = docsUrl === undefined ? [] : advice.map(({ topic }) => `${docsUrl}#${topic}`);
    return [...new Set([...advice.map(({ text }) => text), ...links])];
  }

  #lines(lines: readonly string[]): string {
    return lines.map((line) => this.#line(line)).join('\n');
  }

  #line(text: string): string {
    return this.secrets.sanitize(text, MAX_LINE);
  }

  #error(message: string): void {
    this.#hasError = true;
    error(message, { title: this.#deps.title });
  }
}
