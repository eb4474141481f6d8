import type { Lifecycle } from '../../src/actions/process.ts';
import type { ActionDeps } from '../../src/actions/setup.ts';
import { UnexpectedError } from '../../src/http/errors.ts';
import { FakeClock } from './fake-clock.ts';
import type { FakeRunner } from './fake-runner.ts';

// Pauses move by themselves; the limits of attempts and of the step only by `clock.advance`.
const AUTO_UP_TO_MS = 8_000;

/** Runs the stages of an action in this process, on a clock of their own. */
export class ActionRunner {
  readonly clock = new FakeClock({ startsAt: new Date(), autoUpToMs: AUTO_UP_TO_MS });
  random: () => number = () => 0.5;
  readonly #step: FakeRunner;
  #interrupt: ((reason: string) => void) | undefined;
  #lastResort: ((error: UnexpectedError) => void) | undefined;

  constructor(step: FakeRunner) {
    this.#step = step;
  }

  /** Runs a stage with inputs, and for a post stage with what was saved. */
  run(
    stage: (deps: ActionDeps) => Promise<boolean>,
    inputs: Readonly<Record<string, string>>,
    state: Readonly<Record<string, string>> = {},
  ): Promise<boolean> {
    this.#step.inputs(inputs);
    for (const name of Object.keys(process.env)) {
      if (name.startsWith('STATE_')) this.#step.variable(name, undefined);
    }
    for (const [name, value] of Object.entries(state)) this.#step.variable(`STATE_${name}`, value);
    const lifecycle: Lifecycle = {
      watch: (deadline, lastResort) => {
        this.#interrupt = (reason) => deadline.interrupt(reason);
        this.#lastResort = lastResort;
      },
      onInterrupt: (listener) => {
        this.#interrupt = listener;
      },
    };
    return stage({ clock: this.clock, random: this.random, lifecycle });
  }

  /** Asks the step to end, as a signal does. */
  interrupt(reason = 'the step was cancelled (SIGTERM)'): void {
    this.#interrupt?.(reason);
  }

  /** Has the step report what it knows, as after an error that nobody expected. */
  crash(message: string): void {
    this.#lastResort?.(new UnexpectedError(new Error(message)));
  }
}
