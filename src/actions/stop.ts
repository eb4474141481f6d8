import { CheckApi } from '../api/check-api.ts';
import type { Clock } from '../clock.ts';
import { createCredential } from '../credentials/create-credential.ts';
import type { Credential } from '../credentials/credential.ts';
import { Deadline } from '../deadline.ts';
import { HttpClient } from '../http/client.ts';
import { RequestError } from '../http/errors.ts';
import { Transport } from '../http/transport.ts';
import { InputError } from '../inputs/input-error.ts';
import { getInputs, type Inputs } from '../inputs/inputs.ts';
import { Log } from '../report/log.ts';
import type { Report } from '../report/report.ts';
import type { Secrets } from '../report/secrets.ts';
import { stopTasks } from '../tasks/stop-tasks.ts';

/** What the step works with. */
export interface ActionDeps {
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
export async function main(parts: ActionDeps): Promise<boolean> {
  const { clock, report, secrets } = parts;
  const inputs = inputsOrReport(parts);
  if (inputs === undefined) return false;
  const deadline = new Deadline(inputs.timeoutSeconds, clock);
  const log = new Log(secrets);
  report.expect(inputs.taskIds);
  log.line(describeStart(inputs));

  const client = new HttpClient({
    ...parts,
    deadline,
    transport: new Transport(deadline, clock),
    sideBySide: inputs.taskIds.length > 1,
  });
  let credential: Credential | undefined;
  try {
    credential = await createCredential(inputs.credential, {
      ...inputs,
      ...parts,
      client,
      deadline,
      log,
    });
    const api = new CheckApi(client, inputs.endpoint, credential, inputs.retries);
    const stop = { ...inputs, api, clock, deadline, log };
    await stopTasks(inputs.taskIds, stop, (result) => report.add(result));
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    report.failRemaining(error);
  }
  const good = report.finish({ ...inputs, credential });
  if (inputs.hasSummary) await report.writeSummary();
  return good;
}

function inputsOrReport({ secrets, report }: ActionDeps): Inputs | undefined {
  try {
    return getInputs((secret) => secrets.add(secret));
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    report.failEarly(error.message);
    return undefined;
  }
}

function describeStart({ taskIds, endpoint, timeoutSeconds }: Inputs): string {
  const what = taskIds.length === 1 ? `scan ${taskIds[0]}` : `${taskIds.length} scans`;
  return `Stopping ${what} at ${endpoint.host}, within ${timeoutSeconds} s`;
}
