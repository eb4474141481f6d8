import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ACT = fileURLToPath(new URL('act.sh', import.meta.url));
const LIMIT_MS = 180_000;
const TASK_INPUT = 'INPUT_TASK-ID=';

/** The exit status of `prepare` if this machine lacks something. */
export const LEFT_OUT = 3;

/**
 * Builds act, and clones HEAD.
 *
 * @returns the exit status
 */
export function prepare(repository: string): Promise<number | null> {
  return new Promise((resolve) => {
    spawn(ACT, ['prepare', repository], { stdio: 'inherit' }).on('close', resolve);
  });
}

/** A run of a workflow. */
export class Act {
  log = '';
  /** Resolves when it has ended. */
  readonly ended: Promise<unknown>;
  isRunning = true;
  readonly #process: ChildProcess;

  constructor(repository: string, options: readonly string[]) {
    this.#process = spawn(ACT, ['run', repository, ...options], {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.log += text;
      });
    }
    this.ended = new Promise((resolve) => {
      this.#process.on('close', resolve);
    }).then(() => {
      this.isRunning = false;
    });
  }

  /** Waits until the condition holds or the run has ended. */
  async until(condition: () => boolean): Promise<void> {
    while (this.isRunning && !condition()) await setTimeout(50);
  }

  /** Cancels the run, as a person would. */
  cancel(): void {
    this.#process.kill('SIGINT');
  }

  /** Signals the running step of a task. */
  signalStep(taskId: string): void {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      const step = readProcess(pid);
      const isStep = step.parent === this.#process.pid && step.taskId === taskId;
      if (isStep) process.kill(Number(pid), 'SIGINT');
    }
  }
}

/** What /proc has of a process; nothing if the process has ended meanwhile. */
function readProcess(pid: string): { readonly parent?: number; readonly taskId?: string } {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is a name in parentheses, which may contain anything.
    const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    const input = environment.find((variable) => variable.startsWith(TASK_INPUT)) ?? TASK_INPUT;
    return { parent: Number(parent), taskId: input.slice(TASK_INPUT.length) };
  } catch {
    return {};
  }
}
