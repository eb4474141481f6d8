import { CheckApi } from './check-api.ts';
import type { Clock } from './clock.ts';
import type { Credential } from './credentials/credential.ts';
import { obtainCredential } from './credentials/obtain.ts';
import { Deadline } from './deadline.ts';
import { RequestFailure } from './http/failures.ts';
import { Sender } from './http/sender.ts';
import { Transport } from './http/transport.ts';
import { InputError } from './input-error.ts';
import { readSettings, type Settings } from './inputs.ts';
import { Log } from './report/log.ts';
import type { Report } from './report/report.ts';
import type { Secrets } from './report/secrets.ts';
import { stopTasks } from './stop-task.ts';

/** What the step works with. */
export interface StepParts {
  readonly clock: Clock;
  /** From 0 up to, but without, 1. */
  readonly random: () => number;
  readonly secrets: Secrets;
  readonly report: Report;
}

/**
 * The whole step: inputs, credential, stop requests, report.
 *
 * @returns whether every scan is stopped, as far as the inputs ask for it
 */
export async function main(parts: StepParts): Promise<boolean> {
  const { clock, report, secrets } = parts;
  const settings = settingsOrReport(parts);
  if (settings === undefined) return false;
  const deadline = new Deadline(settings.timeoutSeconds, clock);
  const log = new Log(secrets);
  report.expect(settings.taskIds);
  log.line(intention(settings));

  const sender = new Sender({
    ...parts,
    deadline,
    transport: new Transport(deadline, clock),
    sideBySide: settings.taskIds.length > 1,
  });
  let credential: Credential | undefined;
  try {
    credential = await obtainCredential(settings.credential, {
      ...settings,
      ...parts,
      sender,
      deadline,
      log,
    });
    const api = new CheckApi(sender, settings.endpoint, credential, settings.retries);
    const stop = { ...settings, api, clock, deadline, log };
    await stopTasks(settings.taskIds, stop, (result) => report.add(result));
  } catch (error) {
    if (!(error instanceof RequestFailure)) throw error;
    report.failRest(error);
  }
  const good = report.finish({ ...settings, credential });
  if (settings.hasSummary) await report.summarise();
  return good;
}

function settingsOrReport({ secrets, report }: StepParts): Settings | undefined {
  try {
    return readSettings((secret) => secrets.add(secret));
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    report.abandon(error.message);
    return undefined;
  }
}

function intention({ taskIds, endpoint, timeoutSeconds }: Settings): string {
  const what = taskIds.length === 1 ? `scan ${taskIds[0]}` : `${taskIds.length} scans`;
  return `Stopping ${what} at ${endpoint.host}, within ${timeoutSeconds} s`;
}
