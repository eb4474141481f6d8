/** How a scan of the mock API behaves. */
export interface ScanPlan {
  /** `task_status` at the start: 0 (being checked) where it is left out. */
  readonly status?: unknown;
  /** Milliseconds from the stop request until the scan has stopped. */
  readonly stopsAfterMs?: number;
  /** Milliseconds from the start until the scan ends by itself, with `task_status` 2. */
  readonly endsAfterMs?: number;
}

/** A scan of the mock API: it runs, finishes and stops. */
export class Scan {
  readonly #plan: ScanPlan;
  readonly #startedMs = performance.now();
  #stopRequestedMs: number | undefined;

  constructor(plan: ScanPlan) {
    this.#plan = plan;
  }

  /** `task_status` now. */
  get status(): unknown {
    const now = performance.now();
    const { status = 0, stopsAfterMs = 0, endsAfterMs = Number.POSITIVE_INFINITY } = this.#plan;
    if (status !== 0) return status;
    const endedMs = this.#startedMs + endsAfterMs;
    const stoppedMs = (this.#stopRequestedMs ?? Number.POSITIVE_INFINITY) + stopsAfterMs;
    if (now < Math.min(endedMs, stoppedMs)) return 0;
    return stoppedMs <= endedMs ? 3 : 2;
  }

  /** `progress` now: a hundredth of it for every 100 ms. */
  get progress(): { readonly ratio: string | null; readonly info: string | null } {
    if (this.status !== 0) return { ratio: null, info: null };
    const percent = Math.min(99, Math.floor((performance.now() - this.#startedMs) / 100));
    return { ratio: `${percent}%`, info: 'running' };
  }

  /** @returns whether there was something to stop */
  stop(): boolean {
    if (this.status !== 0) return false;
    this.#stopRequestedMs ??= performance.now();
    return true;
  }
}
