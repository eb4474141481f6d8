import { type RequestError, SkippedError } from '../http/errors.ts';
import type { Target } from '../inputs/target.ts';
import { lacksPermission } from '../tasks/poll-status.ts';
import { type Advice, type AdviceContext, adviceFor } from './advice.ts';
import { capitalize, describeTarget, describeTargets, formatError } from './messages.ts';
import type { Problem } from './problem.ts';
import type { Report } from './report.ts';

const MAX_LISTED = 10;

/** A task whose status could not be read. */
interface Unreadable {
  readonly target: Target;
  readonly error: RequestError;
}

/** What went wrong when the guard checked its tasks, and how a person gets to know it. */
export class GuardReport {
  readonly #report: Report;
  readonly #targets: readonly Target[];
  readonly #errors: (RequestError | undefined)[] = [];

  /** @param targets the tasks to report, in this order */
  constructor(report: Report, targets: readonly Target[]) {
    this.#report = report;
    this.#targets = targets;
  }

  /** Adds why the status of the task at a place in the list could not be read. */
  add(index: number, error: RequestError): void {
    this.#errors[index] = error instanceof SkippedError ? error.cause : error;
  }

  /** Gives every task the same error. */
  addToAll(error: RequestError): void {
    for (const index of this.#targets.keys()) this.add(index, error);
  }

  /**
   * Prints one warning for what cannot be known, and for what is certainly wrong one error and a job
   * summary.
   *
   * @returns whether nothing is certainly wrong
   */
  publish(context: AdviceContext): boolean {
    // What an interruption has ended tells nothing of the task.
    const unreadable = this.#unreadable().filter(({ error }) => error.kind !== 'interrupted');
    const certain = unreadable.filter(({ error }) => isCertain(error));
    const uncertain = unreadable.filter(({ error }) => !isCertain(error));
    this.#warn(uncertain, context);
    if (certain.length === 0) return true;
    const problem = this.#problem(certain, context);
    this.#report.fail(problem);
    this.#report.summarize(problem, []);
    return false;
  }

  #unreadable(): Unreadable[] {
    return this.#targets.flatMap((target, index) => {
      const error = this.#errors[index];
      return error === undefined ? [] : [{ target, error }];
    });
  }

  #warn(uncertain: readonly Unreadable[], context: AdviceContext): void {
    const [first] = uncertain;
    if (first === undefined) return;
    const which = describeTargets(uncertain.map(({ target }) => target));
    const why = formatError(first.error, this.#report.secrets);
    this.#report.warn(
      `The status of ${which} could not be read: ${why}. A stop is still requested if the job is cancelled or fails.`,
      // A service that is down may be up again by then, without anything to be done about it.
      lacksPermission(first.error) ? adviceOn(first, context) : [],
    );
  }

  #problem(certain: readonly Unreadable[], context: AdviceContext): Problem {
    const which = describeTargets(certain.map(({ target }) => target));
    const verb = certain.length === 1 ? 'is' : 'are';
    const firstOfEach = withoutRepetition(certain);
    const listed = firstOfEach.slice(0, MAX_LISTED).map(({ target, error }) => {
      const message = formatError(error, this.#report.secrets);
      return firstOfEach.length === 1
        ? message
        : `${capitalize(describeTarget(target))}: ${message}`;
    });
    const more = firstOfEach.length - listed.length;
    return {
      headline: `Could not check ${which}`,
      causes: more > 0 ? [...listed, `and ${more} more`] : listed,
      advice: firstOfEach.flatMap((unreadable) => adviceOn(unreadable, context)),
      notes: [],
      end: `${capitalize(which)} may still be running and ${verb} not guarded.`,
    };
  }
}

/** One task for each error: a rejected credential is that of all tasks. */
function withoutRepetition(all: readonly Unreadable[]): Unreadable[] {
  return all.filter(({ error }, index) => all.findIndex((one) => one.error === error) === index);
}

/**
 * Whether something is wrong that will be wrong at the end of the job as well: not a service that is
 * down, and not a missing permission, which may be missing for the status alone.
 */
function isCertain(error: RequestError): boolean {
  if (error.transient || error.status === 429 || error.kind === 'deadline') return false;
  return error.operation !== 'status' || !lacksPermission(error);
}

function adviceOn({ target, error }: Unreadable, context: AdviceContext): Advice[] {
  return [adviceFor(error, target.executionId !== undefined, context)].filter(
    (advice) => advice !== undefined,
  );
}
