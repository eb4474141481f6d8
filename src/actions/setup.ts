import { CheckApi } from '../api/check-api.ts';
import { createCredential } from '../credentials/create-credential.ts';
import type { Credential } from '../credentials/credential.ts';
import { type Attempt, HttpClient } from '../http/client.ts';
import { Transport } from '../http/transport.ts';
import { newestHost } from '../inputs/endpoints.ts';
import { InputError } from '../inputs/input-error.ts';
import { type CommonInputs, maskSecrets, type ReadOptions } from '../inputs/inputs.ts';
import { getRunnerFacts } from '../inputs/runner.ts';
import { type AdviceContext, adviceOn } from '../report/advice.ts';
import { Log } from '../report/log.ts';
import { Report, type ReportDeps } from '../report/report.ts';
import { Secrets } from '../report/secrets.ts';
import type { Clock, Deadline } from '../time.ts';
import type { Lifecycle } from './process.ts';

/** What every action is given by its entry. */
export interface ActionDeps {
  readonly clock: Clock;
  /** 0 to 1, without 1. */
  readonly random: () => number;
  readonly lifecycle: Lifecycle;
}

/** How an action speaks. */
export interface Voice {
  readonly report: Report;
  readonly log: Log;
}

/** @param about the title of its annotations, and its outputs */
export function createVoice(about: Pick<ReportDeps, 'title' | 'emptyOutputs'>): Voice {
  const { summaryFile, docsUrl } = getRunnerFacts();
  const { title, emptyOutputs } = about;
  const secrets = new Secrets();
  const report = new Report({ secrets, title, emptyOutputs, summaryFile, docsUrl });
  return { report, log: new Log(secrets) };
}

/** Masks the secrets among the inputs and variables. */
export function maskInputs({ report }: Voice, { read }: ReadOptions): void {
  maskSecrets(read, (secret) => report.secrets.add(secret));
}

/**
 * Masks the secrets, then reads the inputs.
 *
 * @returns undefined after an invalid input, which has been reported
 */
export function readInputs<T>(
  voice: Voice,
  options: ReadOptions,
  getInputs: (options: ReadOptions) => T,
): T | undefined {
  maskInputs(voice, options);
  try {
    return getInputs(options);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    voice.report.failEarly({
      headline: 'Invalid input',
      causes: [error.message],
      advice: [adviceOn('invalid-input')],
      notes: [],
    });
    return undefined;
  }
}

/** What sends the requests of one step. */
export interface Session {
  readonly deadline: Deadline;
  readonly client: HttpClient;
  readonly clock: Clock;
  /** Called with each attempt of the credential exchange. */
  readonly onAttempt: (attempt: Attempt) => void;
}

/**
 * @param onAttempt called with each attempt of the credential exchange
 */
export function openSession(
  deadline: Deadline,
  { clock, random }: ActionDeps,
  onAttempt: Session['onAttempt'],
): Session {
  const client = new HttpClient({ transport: new Transport(), clock, deadline, random });
  return { deadline, client, clock, onAttempt };
}

/**
 * Makes the credential and, with it, the API.
 *
 * @throws RequestError if the credential has to be requested, and is denied
 */
export async function connect(
  inputs: CommonInputs,
  { client, onAttempt }: Session,
  { report, log }: Voice,
): Promise<{ readonly api: CheckApi; readonly credential: Credential }> {
  const { retries, endpoint, timeoutSeconds: seconds } = inputs;
  if (inputs.credential.kind === 'oidc') {
    log.line(`Exchanging GitHub's ID token at ${inputs.credential.stsEndpoint.host}`);
  }
  const credential = await createCredential(inputs.credential, {
    client,
    retries,
    seconds,
    mask: (secret) => report.secrets.add(secret),
    onAttempt,
  });
  const authorize: Credential['authorize'] = (request, now) => credential.authorize(request, now);
  return { api: new CheckApi({ client, endpoint, authorize, retries }), credential };
}

/** What advice depends on. @param credential undefined before there is one */
export function adviceContext(
  { region, endpoint }: CommonInputs,
  credential: Credential | undefined,
): AdviceContext {
  const credentialHint = credential?.hint;
  const host = newestHost(region);
  // It is no advice to use the host that is in use.
  const newer = host === endpoint.host ? undefined : host;
  return { newestHost: newer, credentialHint, ifNotRunning: undefined };
}
