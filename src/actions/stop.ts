import type { Credential } from '../credentials/credential.ts';
import { RequestError } from '../http/errors.ts';
import { getStopInputs, STEP_OPTIONS, type StopInputs } from '../inputs/inputs.ts';
import { describeStart, describeTargets } from '../report/messages.ts';
import { STOP_OUTPUTS } from '../report/outputs.ts';
import { StopReport } from '../report/stop-report.ts';
import { stopTasks } from '../tasks/stop-tasks.ts';
import { Deadline } from '../time.ts';
import {
  type ActionDeps,
  adviceContext,
  connect,
  createVoice,
  openSession,
  readInputs,
  type Voice,
} from './setup.ts';

/**
 * The step: stops scans now.
 *
 * @returns whether every scan is stopped, as far as the inputs ask for it
 */
export async function stop(deps: ActionDeps): Promise<boolean> {
  const voice = createVoice({ title: 'Stop CodeArts Check Task', emptyOutputs: STOP_OUTPUTS });
  const inputs = readInputs(voice, STEP_OPTIONS, getStopInputs);
  return inputs !== undefined && stopScans(inputs, deps, voice);
}

/**
 * Stops scans: credential, stop requests, report.
 *
 * @returns whether every scan is stopped, as far as the inputs ask for it
 */
export async function stopScans(
  inputs: StopInputs,
  deps: ActionDeps,
  voice: Voice,
): Promise<boolean> {
  const { targets, wait, ifNotRunning, timeoutSeconds } = inputs;
  const { log } = voice;
  const report = new StopReport(voice.report, targets);
  const { clock } = deps;
  const deadline = new Deadline(timeoutSeconds, clock);
  const session = openSession(deadline, deps, (attempt) => log.attempt(attempt));
  deps.lifecycle.watch(deadline, (error) => report.failUnexpectedly(error));
  log.line(describeStart(`Stopping ${describeTargets(targets)}`, inputs));

  let credential: Credential | undefined;
  try {
    const connection = await connect(inputs, session, voice);
    credential = connection.credential;
    await stopTasks(targets, {
      api: connection.api,
      clock,
      deadline,
      wait,
      ifNotRunning,
      logger: (target) => (targets.length === 1 ? log.onlyTask() : log.oneOfSeveral(target, wait)),
      onResult: (index, result) => report.add(index, result),
    });
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    report.failRemaining(error);
  }
  const context = { ...adviceContext(inputs, credential), ifNotRunning };
  return report.publish(context, deadline.interruption);
}
