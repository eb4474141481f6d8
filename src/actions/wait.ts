import type { CheckApi, IssueCounts } from '../api/check-api.ts';
import type { Credential } from '../credentials/credential.ts';
import { RequestError } from '../http/errors.ts';
import {
  getWaitInputs,
  type ReadOptions,
  STEP_OPTIONS,
  type WaitInputs,
} from '../inputs/inputs.ts';
import type { Target } from '../inputs/target.ts';
import { describeStart, describeTarget } from '../report/messages.ts';
import { WAIT_OUTPUTS } from '../report/outputs.ts';
import { WaitReport, type WaitResult } from '../report/wait-report.ts';
import { awaitScan } from '../tasks/await-scan.ts';
import { Deadline } from '../time.ts';
import {
  type ActionDeps,
  adviceContext,
  connect,
  createVoice,
  openSession,
  readInputs,
  type Session,
  type Voice,
} from './setup.ts';

const { read, ifNotRunning, emptyHint, saved } = STEP_OPTIONS;
const WAIT_OPTIONS: ReadOptions = { read, ifNotRunning, maxTasks: 1, emptyHint, saved };

/**
 * The wait: waits for the result of a scan.
 *
 * @returns whether the scan succeeded, with no more critical issues than allowed
 */
export async function wait(deps: ActionDeps): Promise<boolean> {
  const voice = createVoice({ title: 'Wait for CodeArts Check Scan', emptyOutputs: WAIT_OUTPUTS });
  const inputs = readInputs(voice, WAIT_OPTIONS, getWaitInputs);
  const target = inputs?.targets[0];
  if (inputs === undefined || target === undefined) return false;
  const { clock, lifecycle } = deps;
  const { log, report } = voice;
  const startedMs = clock.now();
  const deadline = new Deadline(inputs.timeoutSeconds, clock);
  lifecycle.watch(deadline, (error) => report.failUnexpectedly(error.message, {}));
  log.line(describeStart(`Waiting for ${describeTarget(target)}`, inputs));
  const session = openSession(deadline, deps, (attempt) => log.attempt(attempt));
  const waiting = new Waiting(inputs, { deps, session, voice });
  const result = await waiting.run(target);
  const { maxCritical } = inputs;
  return new WaitReport({ target, maxCritical }, voice).publish(
    result,
    adviceContext(inputs, waiting.credential),
    clock.now() - startedMs,
  );
}

interface Context {
  readonly deps: ActionDeps;
  readonly session: Session;
  readonly voice: Voice;
}

/** The requests of one wait, with a credential that may have to be renewed. */
class Waiting {
  readonly #inputs: WaitInputs;
  readonly #context: Context;
  #credential: Credential | undefined;

  constructor(inputs: WaitInputs, context: Context) {
    this.#inputs = inputs;
    this.#context = context;
  }

  /** Undefined before there is one. */
  get credential(): Credential | undefined {
    return this.#credential;
  }

  async run(target: Target): Promise<WaitResult> {
    const { session, deps, voice } = this.#context;
    try {
      let api = await this.#connect(session);
      const failure = await awaitScan(target, {
        api,
        clock: deps.clock,
        deadline: session.deadline,
        log: voice.log,
        renew: async () => {
          if (this.#credential?.hasExpired(deps.clock.date()) !== true) return undefined;
          api = await this.#renew();
          return api;
        },
      });
      if (failure !== undefined) return { failure };
      return { failure, issues: await this.#readIssues(target, api) };
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      const what = error.operation === 'result' ? 'result' : 'status';
      return { failure: { message: `The ${what} could not be read`, reason: 'request', error } };
    }
  }

  async #connect(session: Session): Promise<CheckApi> {
    const { api, credential } = await connect(this.#inputs, session, this.#context.voice);
    this.#credential = credential;
    return api;
  }

  #renew(): Promise<CheckApi> {
    const { session, deps, voice } = this.#context;
    voice.log.line('The temporary access key has expired: exchanging the ID token again');
    // The rejected credential has ended all requests of the session.
    return this.#connect(openSession(session.deadline, deps, session.onAttempt));
  }

  async #readIssues(target: Target, api: CheckApi): Promise<IssueCounts | RequestError> {
    try {
      return await api.issues(target, (attempt) => this.#context.voice.log.attempt(attempt));
    } catch (error) {
      // A step that was asked to end has not succeeded.
      if (error instanceof RequestError && error.kind !== 'interrupted') return error;
      throw error;
    }
  }
}
