import type { Clock } from '../../src/time.ts';

interface Sleeper {
  readonly ms: number;
  readonly dueMs: number;
  readonly wake: () => void;
}

/** How the time of a {@link FakeClock} moves. */
export interface FakeClockOptions {
  /** What `date()` returns at the start. */
  readonly startsAt?: Date;
  /**
   * Time moves by itself for sleeps up to this long; by default, for all. With 0 it moves only by
   * {@link FakeClock.advance}, as tests with real sockets need it: no sleep may end before a response.
   */
  readonly autoUpToMs?: number;
}

// An exchange with nock takes a few turns of the event loop, in which nothing may time out.
const IDLE_TURNS = 25;

/**
 * A clock whose time moves only when something sleeps, or by {@link advance}. Nothing waits: when the
 * event loop is idle, time jumps to the end of the earliest sleep, so that sleeps end in the order in
 * which they would with a real clock.
 */
export class FakeClock implements Clock {
  /** Milliseconds since the start. */
  nowMs = 0;
  /** The length of every sleep that has ended, in the order of their ends. */
  readonly sleeps: number[] = [];
  readonly #startsAtMs: number;
  readonly #autoUpToMs: number;
  #sleepers: Sleeper[] = [];
  #moving = false;
  // During an advance, time does not move by itself as well.
  #advancing = 0;

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

  schedule(ms: number, callback: () => void): () => void {
    const cancelled = new AbortController();
    this.sleep(ms, cancelled.signal).then(callback, () => undefined);
    return () => cancelled.abort();
  }

  /** Waits until the event loop is idle, then lets time pass: sleeps end in their order. */
  async advance(ms: number): Promise<void> {
    this.#advancing += 1;
    await idle();
    const untilMs = this.nowMs + ms;
    while (this.#wakeNext(untilMs)) await idle();
    this.nowMs = untilMs;
    this.#advancing -= 1;
    this.#moveWhenIdle();
  }

  /** How many sleeps have not ended. */
  get sleeping(): number {
    return this.#sleepers.length;
  }

  async #moveWhenIdle(): Promise<void> {
    if (this.#moving) return;
    this.#moving = true;
    do {
      await idle();
    } while (
      this.#advancing === 0 &&
      this.#sleepers.some(({ ms }) => ms <= this.#autoUpToMs) &&
      this.#wakeNext(Number.POSITIVE_INFINITY)
    );
    this.#moving = false;
  }

  /** @returns whether a sleep was due */
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
