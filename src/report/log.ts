import { endGroup, info, startGroup } from '@actions/core';
import type { Attempt } from '../http/client.ts';
import type { TaskResult } from '../tasks/task-result.ts';
import { resultLine } from './messages.ts';
import { duration } from './sanitize.ts';
import type { Secrets } from './secrets.ts';

const MAX_LINE = 2_000;

/** The lines of one task. */
export interface TaskLog {
  line(text: string): void;
  attempt(attempt: Attempt): void;
  /** To be called once, when nothing more comes. */
  end(result: TaskResult): void;
}

/** The log of the step. */
export class Log {
  readonly #secrets: Secrets;

  constructor(secrets: Secrets) {
    this.#secrets = secrets;
  }

  /** Prints one line, whatever is in the text. */
  line(text: string): void {
    info(this.#harmless(text));
  }

  /** Prints a line for an attempt: method, URL, status, duration, and what comes next. */
  attempt(attempt: Attempt): void {
    this.line(describeAttempt(attempt));
  }

  /**
   * The log of one task.
   *
   * @param alone whether it is the only one: its lines are printed as they come. Those of several
   *   tasks are kept until {@link TaskLog.end}, and printed as one group each, so that they never mix
   */
  task(alone: boolean): TaskLog {
    if (alone) {
      return {
        line: (text) => this.line(text),
        attempt: (attempt) => this.attempt(attempt),
        // Why it failed is said by the annotation.
        end: (result) => {
          if (result.outcome !== 'failed') this.line(resultLine(result, this.#secrets));
        },
      };
    }
    // Cut before they are kept: there may be a thousand tasks, and long answers.
    const lines: string[] = [];
    const keep = (text: string) => lines.push(this.#harmless(text));
    return {
      line: keep,
      attempt: (attempt) => keep(describeAttempt(attempt)),
      end: (result) => {
        const title = resultLine(result, this.#secrets);
        if (lines.length === 0) return this.line(title);
        startGroup(this.#harmless(title));
        for (const line of lines) info(line);
        endGroup();
      },
    };
  }

  #harmless(text: string): string {
    return this.#secrets.clean(text, MAX_LINE);
  }
}

function describeAttempt({
  request,
  number,
  status,
  durationMs,
  failure,
  nextInMs,
}: Attempt): string {
  const parts = [
    `${request.method} ${request.url.href} → ${status === null ? 'no answer' : `HTTP ${status}`} in ${duration(durationMs)}`,
  ];
  if (failure !== undefined) parts.push([failure.code, failure.message].filter(Boolean).join(' '));
  if (nextInMs !== undefined) parts.push(`attempt ${number + 1} in ${duration(nextInMs)}`);
  return parts.join('; ');
}
