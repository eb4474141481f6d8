import { randomUUID } from 'node:crypto';

/** How many issues of each severity an execution finds. */
export interface IssueCounts {
  readonly critical?: number;
  readonly major?: number;
  readonly minor?: number;
  readonly suggestion?: number;
}

/** How one execution behaves. */
export interface ExecutionPlan {
  /** `task_status` from the start on. Default: 0 (being checked). */
  readonly status?: unknown;
  /** Milliseconds from the stop request until the execution has stopped. */
  readonly stopsAfterMs?: number;
  /** Milliseconds from the start until the execution ends by itself. Default: never. */
  readonly endsAfterMs?: number;
  /** `task_status` of an execution that ends by itself: 2 (succeeded) by default, 1 is failed. */
  readonly endsWith?: 1 | 2;
  readonly issues?: IssueCounts;
}

/**
 * How a task behaves. What it says of an execution holds for the one that runs at the start and for
 * each that a run starts; `status` is of the first one only.
 */
export interface ScanPlan extends ExecutionPlan {
  /** Executions that exist at the start, by their IDs and oldest first, instead of one. */
  readonly executions?: Readonly<Record<string, ExecutionPlan>>;
  /** Whether a run is accepted while another execution is running. */
  readonly concurrent?: boolean;
  /** Milliseconds after a run starts in which the status of the execution before it is reported. */
  readonly staleStatusMs?: number;
  /** Milliseconds, after `staleStatusMs`, in which null is reported. */
  readonly nullStatusMs?: number;
}

export interface Progress {
  readonly ratio: string | null;
  readonly info: string | null;
}

/** An execution of a task: it runs, ends and is stopped. */
export class Execution {
  readonly id: string;
  readonly issues: IssueCounts;
  readonly #plan: ExecutionPlan;
  readonly #startedMs = performance.now();
  #stopRequestedMs: number | undefined;

  constructor(id: string, plan: ExecutionPlan) {
    this.id = id;
    this.issues = plan.issues ?? {};
    this.#plan = plan;
  }

  /** Milliseconds since its start. */
  get ageMs(): number {
    return performance.now() - this.#startedMs;
  }

  /** `task_status` now. */
  get status(): unknown {
    const { status = 0, stopsAfterMs = 0, endsAfterMs = Number.POSITIVE_INFINITY } = this.#plan;
    if (status !== 0) return status;
    const endedMs = this.#startedMs + endsAfterMs;
    const stoppedMs = (this.#stopRequestedMs ?? Number.POSITIVE_INFINITY) + stopsAfterMs;
    if (performance.now() < Math.min(endedMs, stoppedMs)) return 0;
    return stoppedMs <= endedMs ? 3 : (this.#plan.endsWith ?? 2);
  }

  /** `progress` now: a share of the time that it takes, or 1 % for every 100 ms if it has no end. */
  get progress(): Progress {
    if (this.status !== 0) return { ratio: null, info: null };
    const onePercentMs = (this.#plan.endsAfterMs ?? 10_000) / 100;
    const percent = Math.min(99, Math.floor(this.ageMs / onePercentMs));
    return { ratio: `${percent}%`, info: 'running' };
  }

  /** Whether a stop request was accepted. */
  get stopRequested(): boolean {
    return this.#stopRequestedMs !== undefined;
  }

  /** @returns whether there was something to stop */
  stop(): boolean {
    if (this.status !== 0) return false;
    this.#stopRequestedMs ??= performance.now();
    return true;
  }
}

/** A task and its executions, of which the latest is the one that the task is executing. */
export class Task {
  readonly executions: Execution[];
  readonly #plan: ScanPlan;
  // Only an execution that a run has started can have the status of the one before it.
  readonly #started = new Set<Execution>();

  constructor(plan: ScanPlan) {
    this.#plan = plan;
    const { executions, ...common } = plan;
    // A task whose status is null has never been executed.
    const first = plan.status === null ? {} : { [executionId()]: {} };
    this.executions = Object.entries(executions ?? first).map(
      ([id, own]) => new Execution(id, { ...common, ...own }),
    );
  }

  get latest(): Execution | undefined {
    return this.executions.at(-1);
  }

  /** `task_status` of the latest execution, as it is and not as it may be reported for a moment. */
  get status(): unknown {
    return this.latest?.status ?? null;
  }

  find(id: string): Execution | undefined {
    return this.executions.find((execution) => execution.id === id);
  }

  /** @returns the new execution; undefined if another one is running and rules it out */
  run(): Execution | undefined {
    if (this.status === 0 && this.#plan.concurrent !== true) return undefined;
    const { status: _, ...plan } = this.#plan;
    const execution = new Execution(executionId(), plan);
    this.executions.push(execution);
    this.#started.add(execution);
    return execution;
  }

  /** What the service reports of an execution. */
  report(execution: Execution): { readonly status: unknown; readonly progress: Progress } {
    const { staleStatusMs = 0, nullStatusMs = 0 } = this.#plan;
    if (this.#started.has(execution)) {
      const { ageMs } = execution;
      const before = this.executions[this.executions.indexOf(execution) - 1];
      if (ageMs < staleStatusMs && before !== undefined) return before;
      if (ageMs < staleStatusMs + nullStatusMs) {
        return { status: null, progress: { ratio: null, info: null } };
      }
    }
    return execution;
  }
}

function executionId(): string {
  return randomUUID().replaceAll('-', '');
}
