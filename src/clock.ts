import { setTimeout as sleep } from 'node:timers/promises';

/** Time, handed in wherever it is needed, so that no test has to wait. */
export interface Clock {
  /** Milliseconds since an arbitrary start; never runs backwards. */
  now(): number;
  /** The wall clock, for what other machines compare with theirs. */
  date(): Date;
  /** Resolves after `ms` milliseconds; rejects at once when `signal` aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /**
   * Calls back once after `ms` milliseconds.
   *
   * @returns what takes that back
   */
  after(ms: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  // Not performance.now(): it costs some milliseconds to load.
  now: () => Number(process.hrtime.bigint()) / 1e6,
  date: () => new Date(),
  sleep: (ms, signal) => sleep(ms, undefined, { signal }),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};
