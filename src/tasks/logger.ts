import type { Attempt } from '../http/client.ts';
import type { TaskResult } from './task-result.ts';

/** What the work on one task has to say while it goes on. */
export interface TaskLogger {
  /** Prints one line, whatever is in the text. */
  line(text: string): void;
  /** Prints a line for an attempt: method, URL, status, duration, and what comes next. */
  attempt(attempt: Attempt): void;
}

/** The log of one task that is stopped. */
export interface StopLogger extends TaskLogger {
  /** The API accepted the stop request. */
  accepted(): void;
  /** To be called once, when nothing more comes. */
  end(result: TaskResult): void;
}
