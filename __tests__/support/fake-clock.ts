import type { Clock } from '../../src/clock.ts';

interface Sleeper {
  readonly ms: number;
  readonly dueMs: number;
  readonly wake: () => void;
}

/** How the time of a {@link FakeClock} moves. */
export interface FakeClockOptions {
  /** What `date()` says at the start. */
  readonly startsAt?: Date;
  /**
   * Time moves by itself for sleeps up to this long: for all where it is left out. With 0 it moves
   * only when told, as a test with real sockets needs it: no sleep may end before their answer.
   */
  readonly autoUpToMs?: number;
}

// An exchange with nock takes a few turns of the event loop, in which nothing may time out.
const IDLE_TURNS = 25;

/**
 * A clock whose time moves only when something sleeps, or when it is told to. Nothing waits: when
 * the event loop has nothing else to do, time jumps to the earliest sleep that is due, so that
 * sleeps end in the order in which they would with a real clock.
 */
export class FakeClock implements Clock {
  /** Milliseconds since the start. */
  nowMs = 0;
  /** The length of every sleep that came to its end, in the order of their ends. */
  readonly sleeps: number[] = [];
  readonly #startsAtMs: number;
  readonly #autoUpToMs: number;
  #sleepers: Sleeper[] = [];
  #moving = false;
  // While it is told how far to go, it does not go further by itself.
  #told = 0;

  constructor(options: FakeClockOptions = {}) {
    this.#startsAtMs = (options.startsAt ?? new Date('2026-11-24T12:00:00Z')).getTime();
    this.#autoUpToMs = options.autoUpToMs ?? Number.POSITIVE_INFINITY;
  }

  now(): number {
    return this.nowMs;
  }

  date(): Date {
    return new Date(this.#startsAtMs + this.nowMs);
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#sleepers = this.#sleepers.filter((one) => one !== sleeper);
        reject(new DOMException('The sleep was aborted', { name: 'AbortError' }));
      };
      const sleeper: Sleeper = {
        ms,
        dueMs: this.nowMs + ms,
        wake: () => {
          signal?.removeEventListener('abort', abort);
          resolve();
        },
      };
      if (signal?.aborted) {
        abort();
        return;
      }
      signal?.addEventListener('abort', abort, { once: true });
      this.#sleepers.push(sleeper);
      this.#moveWhenIdle();
    });
  }

  after(ms: number, callback: () => void): () => void {
    const taken = new AbortController();
    this.sleep(ms, taken.signal).then(callback, () => undefined);
    return () => taken.abort();
  }

  /**
   * Lets what is under way come to rest, and then time pass: every sleep that ends within it ends,
   * in order.
   */
  async advance(ms: number): Promise<void> {
    this.#told += 1;
    await idle();
    const untilMs = this.nowMs + ms;
    while (this.#wakeNext(untilMs)) await idle();
    this.nowMs = untilMs;
    this.#told -= 1;
    this.#moveWhenIdle();
  }

  /** How many sleeps have not come to their end. */
  get sleeping(): number {
    return this.#sleepers.length;
  }

  async #moveWhenIdle(): Promise<void> {
    if (this.#moving) return;
    this.#moving = true;
    do {
      await idle();
    } while (
      this.#told === 0 &&
      this.#sleepers.some(({ ms }) => ms <= this.#autoUpToMs) &&
      this.#wakeNext(Number.POSITIVE_INFINITY)
    );
    this.#moving = false;
  }

  /** @returns whether there was one that is due */
  #wakeNext(untilMs: number): boolean {
    const next = this.#sleepers.toSorted((a, b) => a.dueMs - b.dueMs)[0];
    if (next === undefined || next.dueMs > untilMs) return false;
    this.#sleepers = this.#sleepers.filter((one) => one !== next);
    this.nowMs = Math.max(this.nowMs, next.dueMs);
    this.sleeps.push(next.ms);
    next.wake();
    return true;
  }
}

async function idle(): Promise<void> {
  for (let turn = 0; turn < IDLE_TURNS; turn++) {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
