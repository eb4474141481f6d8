import { getInput } from '@actions/core';
import type { CheckApi } from '../api/check-api.ts';
import { ALREADY_RUNNING } from '../api/error-codes.ts';
import type { Credential } from '../credentials/credential.ts';
import { DeadlineError, isCredentialRejected, RequestError } from '../http/errors.ts';
import { getStartInputs, type ReadOptions } from '../inputs/inputs.ts';
import {
  type Ending,
  getSavedState,
  type SavedState,
  STATE,
  toSavedInputs,
} from '../inputs/saved-inputs.ts';
import { describeStart } from '../report/messages.ts';
import { START_OUTPUTS } from '../report/outputs.ts';
import { isUncertain, StartReport } from '../report/start-report.ts';
import { startPolicy } from '../tasks/start-task.ts';
import { type Clock, Deadline } from '../time.ts';
import {
  ENDINGS,
  POST_REASON,
  postOptions,
  saveEnding,
  saveExecutionId,
  saveForPost,
  stopSaved,
} from './post.ts';
import {
  type ActionDeps,
  adviceContext,
  connect,
  createVoice,
  maskInputs,
  openSession,
  readInputs,
  type Session,
  type Voice,
} from './setup.ts';
import { awaitExecutionId, FILE_WAIT_SECONDS, StartFile } from './start-file.ts';

const START_OPTIONS: ReadOptions = {
  read: (name) => getInput(name),
  ifNotRunning: 'succeed',
  maxTasks: 1,
  emptyHint: 'Set it to the ID of the check task.',
  saved: false,
};

const TITLE = 'Start CodeArts Check Scan';

// The runner kills a cancelled step after ten seconds, and the ID of the execution must not be lost.
const GRACE_MS = 9_000;

/**
 * The start: starts a scan, and has `post` stop it if the job does not succeed.
 *
 * @returns whether the scan was started, and the step was not interrupted meanwhile
 */
export async function start(deps: ActionDeps): Promise<boolean> {
  const voice = createVoice({ title: TITLE, emptyOutputs: START_OUTPUTS });
  const inputs = readInputs(voice, START_OPTIONS, getStartInputs);
  const taskId = inputs?.targets[0]?.taskId;
  if (inputs === undefined || taskId === undefined) {
    saveEnding('invalid-input', voice);
    voice.report.finish();
    return false;
  }
  const { log } = voice;
  const deadline = new Deadline(inputs.timeoutSeconds, deps.clock);
  const report = new StartReport(taskId, voice);
  deps.lifecycle.watch(deadline, (error) => report.failUnexpectedly(error));
  const session = openSession(deadline, deps, (attempt) => log.attempt(attempt));
  log.line(describeStart(`Starting a scan of task ${taskId}`, inputs));
  log.line('The scan covers the branch that is set in the task, not the commit of this workflow.');
  let credential: Credential | undefined;
  try {
    saveForPost(STATE.inputs, toSavedInputs(inputs));
    const connection = await connect(inputs, session, voice);
    credential = connection.credential;
    const { requestId } = await requestStart(taskId, connection.api, {
      deps,
      session,
      voice,
      report,
    });
    return report.started(requestId, deadline.interruption);
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    saveEnding(endingOf(error), voice);
    report.failed(error, adviceContext(inputs, credential), deadline.interruption);
    return false;
  }
}

interface StartContext {
  readonly deps: ActionDeps;
  readonly session: Session;
  readonly voice: Voice;
  readonly report: StartReport;
}

function requestStart(
  taskId: string,
  api: CheckApi,
  { deps, session, voice, report }: StartContext,
): ReturnType<CheckApi['start']> {
  const { deadline, onAttempt } = session;
  const file = new StartFile();
  const interruption = new DeferredInterruption(deadline, deps.clock);
  deps.lifecycle.onInterrupt((reason) => interruption.interrupt(reason));
  const once = startPolicy({
    deadline,
    random: deps.random,
    isInterrupted: () => interruption.isRequested,
    onAlreadyRunning: () =>
      voice.log.line(
        `The task is already running (${ALREADY_RUNNING}), perhaps a scan of another run that is being stopped. The start is repeated until the deadline.`,
      ),
  });
  if (deadline.remainingMs() < once.leastMs) throw noTimeLeft(deadline);
  return api.start(taskId, {
    once,
    beforeSend: () => file.announce(),
    onConnected: () => interruption.defer(),
    onAttempt: (attempt) => {
      interruption.resume();
      onAttempt(attempt);
    },
    onStarted: (executionId) => {
      file.write(executionId);
      report.setExecutionId(executionId);
      saveExecutionId(executionId, voice);
    },
  });
}

function noTimeLeft({ interruption, limit }: Deadline): DeadlineError {
  const why = interruption ?? `the OIDC exchange left no time for it within ${limit}`;
  const kind = interruption === undefined ? 'deadline' : 'interrupted';
  return new DeadlineError(`Not sent, because ${why}`, { kind }).within('start', undefined);
}

/** An interruption that waits while the response to a start may still arrive. */
class DeferredInterruption {
  readonly #deadline: Deadline;
  readonly #clock: Clock;
  #reason: string | undefined;
  #unanswered = false;

  constructor(deadline: Deadline, clock: Clock) {
    this.#deadline = deadline;
    this.#clock = clock;
  }

  get isRequested(): boolean {
    return this.#reason !== undefined;
  }

  interrupt(reason: string): void {
    this.#reason = reason;
    if (this.#unanswered) this.#clock.schedule(GRACE_MS, () => this.#deadline.interrupt(reason));
    else this.#deadline.interrupt(reason);
  }

  /** A request may have reached the host. */
  defer(): void {
    this.#unanswered = true;
  }

  /** Its response has arrived, or never will. */
  resume(): void {
    this.#unanswered = false;
    if (this.#reason !== undefined) this.#deadline.interrupt(this.#reason);
  }
}

function endingOf(error: RequestError): Ending {
  if (isCredentialRejected(error)) return 'credential-rejected';
  return isUncertain(error) ? 'uncertain' : 'rejected';
}

/**
 * The start, when the job ends cancelled or failed: stops exactly the execution that was started.
 *
 * @returns whether nothing that was started is left running, as far as that is known
 */
export async function startPost(deps: ActionDeps): Promise<boolean> {
  const voice = createVoice({ title: TITLE, emptyOutputs: {} });
  const state = getSavedState();
  const options = postOptions(START_OPTIONS, state.inputs);
  maskInputs(voice, options);
  voice.log.line(POST_REASON);
  const executionId = state.executionId ?? (await findExecutionId(state, deps, voice));
  if (executionId === undefined) return reportNothingToStop(state, voice);
  return stopSaved(stopOptions(options, executionId), state.inputs, { deps, voice });
}

/** Looks for the ID that `main` writes as soon as the response arrives, if it may still arrive. */
function findExecutionId(
  { startFile, ending }: SavedState,
  { clock, lifecycle }: ActionDeps,
  { log }: Voice,
): Promise<string | undefined> {
  if (startFile === undefined || ending !== undefined) return Promise.resolve(undefined);
  log.line(`The response to the start is awaited for up to ${FILE_WAIT_SECONDS} s.`);
  const interrupted = new AbortController();
  lifecycle.onInterrupt(() => interrupted.abort());
  return awaitExecutionId(startFile, clock, interrupted.signal);
}

function stopOptions(options: ReadOptions, executionId: string): ReadOptions {
  const { ifNotRunning, maxTasks, emptyHint, saved } = options;
  // The start has no inputs for the stop, whatever a workflow gives it.
  const own: Readonly<Record<string, string>> = {
    'execution-id': executionId,
    wait: '',
    'if-not-running': '',
  };
  const read: ReadOptions['read'] = (name) => own[name] ?? options.read(name);
  return { read, ifNotRunning, maxTasks, emptyHint, saved };
}

/** @returns whether that is all right: nothing was started */
function reportNothingToStop({ ending, startFile }: SavedState, { log }: Voice): boolean {
  // After a start was requested, only what `main` has saved rules out that a scan runs.
  const known = ending ?? (startFile === undefined ? 'rejected' : 'uncertain');
  log.line(ENDINGS[known]);
  return known === 'rejected';
}
