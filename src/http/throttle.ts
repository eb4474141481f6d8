// Found by simulation against token buckets of 1 to 200 requests a second: see throttle.test.ts.
const FIRST_INTERVAL_MS = 50;
const MAX_INTERVAL_MS = 5_000;
const SLOWER = 1.5;
const FASTER = 0.97;

/**
 * Paces all requests of the step after the API has throttled one (HTTP 429), and finds the admitted
 * rate by itself: slower by half after a rejection, a little faster after each admission. Requests
 * that were under way when the pace changed belong to the same burst, so it reacts once to all.
 */
export class Throttle {
  #intervalMs = 0;
  #nextMs = 0;
  #changedMs = Number.NEGATIVE_INFINITY;

  /** The time, by the clock of `nowMs`, before which no request may be sent. */
  get nextMs(): number {
    return this.#nextMs;
  }

  /** Takes the turn of a request that is sent now. */
  take(nowMs: number): void {
    this.#nextMs = Math.max(this.#nextMs, nowMs + this.#intervalMs);
  }

  /** A request was let through. */
  admitted(): void {
    this.#intervalMs *= FASTER;
  }

  /**
   * A request was throttled.
   *
   * @param startedMs when it was sent
   * @param retryAfterMs what its `Retry-After` asks for
   */
  rejected(startedMs: number, nowMs: number, retryAfterMs: number | undefined): void {
    if (startedMs >= this.#changedMs) {
      this.#changedMs = nowMs;
      this.#intervalMs = Math.min(MAX_INTERVAL_MS, this.#intervalMs * SLOWER || FIRST_INTERVAL_MS);
      this.#nextMs = Math.max(this.#nextMs, nowMs + this.#intervalMs);
    }
    this.#nextMs = Math.max(this.#nextMs, nowMs + (retryAfterMs ?? 0));
  }
}
