import { endGroup, info, startGroup } from '@actions/core';
import type { Attempt } from '../http/client.ts';
import type { Target } from '../inputs/target.ts';
import type { StopLogger, TaskLogger } from '../tasks/logger.ts';
import { describeTarget, resultLine } from './messages.ts';
import { formatDuration } from './sanitize.ts';
import type { Secrets } from './secrets.ts';

const MAX_LINE = 2_000;

/** The log of the step. */
export class Log implements TaskLogger {
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

  /** The log of the only task: its lines are printed as they come. */
  onlyTask(): StopLogger {
    return {
      line: (text) => this.line(text),
      attempt: (attempt) => this.attempt(attempt),
      accepted: () => undefined,
      // The annotation tells why it failed.
      end: (result) => {
        if (result.outcome !== 'failed') this.line(resultLine(result, this.#secrets));
      },
    };
  }

  /**
   * The log of one of several tasks: its lines are kept until the end and printed as one group, so
   * that they never mix with those of others.
   *
   * @param waits whether the end comes long after the stop request: then that it was accepted is
   *   printed at once
   */
  oneOfSeveral(target: Target, waits: boolean): StopLogger {
    // Cut before they are kept: there may be a thousand tasks, and long responses.
    const lines: string[] = [];
    const keep = (text: string) => lines.push(this.#harmless(text));
    return {
      line: keep,
      attempt: (attempt) => keep(describeAttempt(attempt)),
      accepted: () => {
        if (waits) this.line(`Stop requested for ${describeTarget(target)}`);
      },
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
    return this.#secrets.sanitize(text, MAX_LINE);
  }
}

function describeAttempt(attempt: Attempt): string {
  const { request, number, status, durationMs, error, nextInMs } = attempt;
  const response = status === null ? 'no response' : `HTTP ${status}`;
  const parts = [
    `${request.method} ${request.url.href} → ${response} in ${formatDuration(durationMs)}`,
  ];
  if (error !== undefined) parts.push([error.code, error.message].filter(Boolean).join(' '));
  if (nextInMs !== undefined) {
    parts.push(`attempt ${number + 1} in ${formatDuration(nextInMs)}`);
  }
  return parts.join('; ');
}
