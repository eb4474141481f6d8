import { promisify } from 'node:util';

/** Time is handed in wherever it is needed, so that no test has to wait. */
export interface Clock {
  /** Milliseconds since an arbitrary start; never runs backwards. */
  now(): number;
  /** The wall clock, for comparison with the clocks of other machines. */
  date(): Date;
  /** Resolves after `ms` milliseconds; rejects as soon as `signal` aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /**
   * Calls back once after `ms` milliseconds.
   *
   * @returns a function that cancels the call
   */
  schedule(ms: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  // performance.now() costs some milliseconds to load.
  now: () => Number(process.hrtime.bigint()) / 1e6,
  date: () => new Date(),
  // Loads node:timers/promises, which most steps have no use for.
  sleep: (ms, signal) => promisify(setTimeout)(ms, undefined, { signal }),
  schedule: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

/** The one deadline over the whole step: every task, attempt and wait. */
export class Deadline {
  readonly seconds: number;
  /** How long that is, and what sets it, as in '60 s (timeout-seconds)'. */
  readonly limit: string;
  readonly #clock: Clock;
  readonly #end: number;
  readonly #controller = new AbortController();
  #interruption: string | undefined;

  /**
   * @param seconds the value of `timeout-seconds`, or of what else sets it
   * @param clock the clock it runs by, from now on
   * @param limit for messages, if it is not `timeout-seconds` that sets it
   */
  constructor(seconds: number, clock: Clock, limit = `${seconds} s (timeout-seconds)`) {
    this.seconds = seconds;
    this.limit = limit;
    this.#clock = clock;
    this.#end = clock.now() + seconds * 1000;
    clock.schedule(seconds * 1000, () => this.#controller.abort());
  }

  /** Aborts when the time is up or the step is interrupted. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Why the step ends before its time, as in 'the step was cancelled (SIGTERM)'. */
  get interruption(): string | undefined {
    return this.#interruption;
  }

  /** Ends the step now: everything that waits for {@link signal} comes to its end. */
  interrupt(reason: string): void {
    if (this.signal.aborted) return;
    this.#interruption = reason;
    this.#controller.abort();
  }

  /** Milliseconds left; 0 when the time is up. */
  remainingMs(): number {
    return this.signal.aborted ? 0 : Math.max(0, this.#end - this.#clock.now());
  }
}
