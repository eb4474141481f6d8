import { getInput } from '@actions/core';
import type { CheckApi, ScanStatus } from '../api/check-api.ts';
import type { Credential } from '../credentials/credential.ts';
import { RequestError } from '../http/errors.ts';
import { getStopInputs, type ReadOptions, type StopInputs } from '../inputs/inputs.ts';
import { getSavedState, STATE, toSavedInputs } from '../inputs/saved-inputs.ts';
import type { Target } from '../inputs/target.ts';
import { GuardReport } from '../report/guard-report.ts';
import type { Log } from '../report/log.ts';
import { capitalize, describeStart, describeTarget, describeTargets } from '../report/messages.ts';
import { firstAlone } from '../tasks/stop-tasks.ts';
import { Deadline } from '../time.ts';
import { ENDINGS, POST_REASON, postOptions, saveEnding, saveForPost, stopSaved } from './post.ts';
import {
  type ActionDeps,
  adviceContext,
  connect,
  createVoice,
  maskInputs,
  openSession,
  readInputs,
  type Voice,
} from './setup.ts';

const GUARD_OPTIONS: ReadOptions = {
  read: (name) => getInput(name),
  ifNotRunning: 'succeed',
  maxTasks: 100,
  emptyHint:
    'Place the guard after the step that starts the scan, and check that this step sets its output.',
  saved: false,
};

const CHECK_SECONDS = 20;
// The runner gives all that still runs after a cancel five minutes, and keeps a quarter of one of
// them for itself: https://docs.github.com/actions/reference/workflow-cancellation-reference
const CANCEL_SECONDS = 285;

function createGuardVoice(): Voice {
  return createVoice({ title: 'Guard CodeArts Check Scan', emptyOutputs: {} });
}

/**
 * The guard, when the job reaches it: checks everything early, while people still watch.
 *
 * @returns whether nothing is certainly wrong
 */
export async function guard(deps: ActionDeps): Promise<boolean> {
  const voice = createGuardVoice();
  const inputs = readInputs(voice, GUARD_OPTIONS, getStopInputs);
  if (inputs === undefined) {
    saveEnding('invalid-input', voice);
    voice.report.finish();
    return false;
  }
  const { log, report } = voice;
  const deadline = checkDeadline(inputs, deps);
  deps.lifecycle.watch(deadline, (error) => report.failUnexpectedly(error.message, {}));
  const problems = new GuardReport(report, inputs.targets);
  const session = openSession(deadline, deps, (attempt) => {
    if (attempt.status === 401) saveEnding('credential-rejected', voice);
    log.attempt(attempt);
  });
  let credential: Credential | undefined;
  try {
    // Before anything is sent: a cancel from now on loses no scan.
    saveForPost(STATE.inputs, toSavedInputs(inputs));
    describeGuard(inputs, deadline, log);
    const connection = await connect(inputs, session, voice);
    credential = connection.credential;
    await firstAlone(inputs.targets, async (target, index, onAttempt) => {
      const reading = await readOnce(target, connection.api, (attempt) => {
        session.onAttempt(attempt);
        onAttempt();
      });
      if (reading instanceof RequestError) problems.add(index, reading);
      else log.line(describeGuarded(target, reading));
    });
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    problems.addToAll(error);
  }
  const nothingWrong = problems.publish(adviceContext(inputs, credential));
  report.finish();
  const { interruption } = deadline;
  if (interruption === undefined || !nothingWrong) return nothingWrong;
  log.line(`The step ended early: ${interruption}. The stop is requested at the end of the job.`);
  return false;
}

/**
 * The guard, when the job ends cancelled or failed: stops the scans that were checked.
 *
 * @returns whether every scan is stopped, as far as the inputs ask for it
 */
export async function guardPost(deps: ActionDeps): Promise<boolean> {
  const voice = createGuardVoice();
  const { inputs, ending } = getSavedState();
  const options = postOptions(GUARD_OPTIONS, inputs);
  maskInputs(voice, options);
  voice.log.line(POST_REASON);
  if (ending === undefined) return stopSaved(options, inputs, { deps, voice });
  voice.log.line(ENDINGS[ending]);
  return false;
}

function checkDeadline({ timeoutSeconds }: StopInputs, { clock }: ActionDeps): Deadline {
  return timeoutSeconds <= CHECK_SECONDS
    ? new Deadline(timeoutSeconds, clock)
    : new Deadline(CHECK_SECONDS, clock, `${CHECK_SECONDS} s`);
}

function describeGuard(inputs: StopInputs, { seconds }: Deadline, log: Log): void {
  const { targets, timeoutSeconds } = inputs;
  log.line(describeStart(`Guarding ${describeTargets(targets)}`, inputs, seconds));
  if (timeoutSeconds <= CANCEL_SECONDS) return;
  log.line(
    `After a cancel, all steps that still run share 4 min 45 s. A stop that lasts longer is cut off without a report, although timeout-seconds is ${timeoutSeconds}.`,
  );
}

/**
 * Reads the status once. Whether `job_id` narrows the status of an ordinary scan is not known, so if
 * the service rejects it, the status is read once more without it.
 */
async function readOnce(
  target: Target,
  api: Pick<CheckApi, 'status'>,
  onAttempt: Parameters<CheckApi['status']>[1],
): Promise<ScanStatus | RequestError> {
  const read = (one: Target) =>
    api.status(one, onAttempt).catch((error: unknown) => {
      if (error instanceof RequestError) return error;
      throw error;
    });
  const reading = await read(target);
  return target.executionId !== undefined && isRejection(reading)
    ? read({ taskId: target.taskId, executionId: undefined })
    : reading;
}

/** Whether it is a 4xx that another request may not get. */
function isRejection(reading: ScanStatus | RequestError): boolean {
  if (!(reading instanceof RequestError)) return false;
  const { status } = reading;
  return status !== null && status >= 400 && status < 500 && status !== 401;
}

function describeGuarded(target: Target, status: ScanStatus): string {
  const current =
    target.executionId === undefined
      ? ' This stops whichever scan the task is running at that time.'
      : '';
  return `${capitalize(describeTarget(target))} ${describeState(status)}. It will be stopped if the job is cancelled or fails.${current}`;
}

function describeState({ state, taskStatus, ratio }: ScanStatus): string {
  switch (state) {
    case 'checking':
      return ratio === undefined ? 'is running' : `is running (${ratio})`;
    case 'never-checked':
      return 'has no status yet';
    case 'unknown':
      return `has the unknown status ${taskStatus}`;
    default:
      return `has ended (${state})`;
  }
}
