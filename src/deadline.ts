import type { Clock } from './clock.ts';

/** The one deadline over the whole step: every task, attempt and wait. */
export class Deadline {
  /** The value of `timeout-seconds`. */
  readonly seconds: number;
  /** Aborts when the time is up. */
  readonly signal: AbortSignal;
  readonly #clock: Clock;
  readonly #end: number;

  /**
   * @param seconds the value of `timeout-seconds`
   * @param clock the clock that it runs by, from now on
   */
  constructor(seconds: number, clock: Clock) {
    const expired = new AbortController();
    this.seconds = seconds;
    this.signal = expired.signal;
    this.#clock = clock;
    this.#end = clock.now() + seconds * 1000;
    clock.after(seconds * 1000, () => expired.abort());
  }

  /** Milliseconds left; 0 when the time is up. */
  remainingMs(): number {
    return this.signal.aborted ? 0 : Math.max(0, this.#end - this.#clock.now());
  }
}
