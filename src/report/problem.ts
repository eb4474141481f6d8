import type { Advice } from './advice.ts';

/** An error as a person needs it. Texts are sanitized by the report. */
export interface Problem {
  /** What went wrong, in one line: the heading of the summary. */
  readonly headline: string;
  /** Why: one line for each error. */
  readonly causes: readonly string[];
  /** What to do, most important first. */
  readonly advice: readonly Advice[];
  /** What else is true, as in 'The stop may have happened'. */
  readonly notes: readonly string[];
  /** What remains to be said at the end. */
  readonly end?: string;
}
