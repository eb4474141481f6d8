import type { Credential } from '../credentials/credential.ts';
import type { ErrorKind, RequestError } from '../http/errors.ts';

/** What is known of the step, for what to do about a failure. */
export interface AdviceContext {
  /** Undefined before there is one. */
  readonly credential: Pick<Credential, 'hint'> | undefined;
  /** The input `if-not-running`: whether a stop that is refused since nothing runs is success. */
  readonly notRunningSucceeds: boolean;
}

interface Rule {
  readonly when: (failure: RequestError) => boolean;
  readonly advice: string | ((context: AdviceContext) => string);
}

const codeIs =
  (...codes: readonly string[]) =>
  (failure: RequestError) =>
    codes.includes(failure.code);
const kindIs =
  (...kinds: readonly ErrorKind[]) =>
  (failure: RequestError) =>
    kinds.includes(failure.kind);
const statusIs =
  (...statuses: readonly number[]) =>
  ({ status }: RequestError) =>
    status !== null && statuses.includes(status);
// The gateway has one code for every way to refuse a credential, and tells them apart by its text.
const refusedBecause = (text: RegExp) => (failure: RequestError) =>
  failure.code === 'APIGW.0301' && text.test(failure.message);

const renew = ({ credential }: AdviceContext): string =>
  credential?.hint ?? 'Check the credential.';
const maybeOver =
  (advice: string) =>
  ({ notRunningSucceeds }: AdviceContext): string =>
    notRunningSucceeds
      ? advice
      : `${advice} If the scan may be over already: if-not-running: succeed asks for its status, and makes that no failure.`;
const TRY_LATER =
  'The API is busy: run the step again later, or give it more time (timeout-seconds) and attempts (retries).';
const PERMISSION =
  'Grant the user codeartscheck:task:execute (an IAM policy, or a CodeArts project role that may execute tasks). A wrong region or endpoint shows in the same way.';
const WRONG_HOST = 'No such API at this host: check region and endpoint.';
const STATUS_UNKNOWN =
  'The stop may have happened all the same: look at the task in CodeArts Check, or run the step again.';

// The first rule that fits wins. Codes: HWS/intl/en-us/api-codecheck/ErrorCode.html and
// HWS/devg-apisign/api-sign-errorcode.html
const RULES: readonly Rule[] = [
  { when: codeIs('CC.00000003', 'APIGW.0307'), advice: renew },
  { when: codeIs('CC.00000000', 'CC.00050012', 'CC.00050014'), advice: TRY_LATER },
  { when: codeIs('CC.00050007'), advice: renew },
  { when: codeIs('CC.00050010'), advice: PERMISSION },
  {
    when: codeIs('CC.00050011'),
    advice: 'Add the user to the CodeArts project of the task.',
  },
  {
    when: codeIs('CC.00050013'),
    advice: 'Check task-id and region: mostly one of them is wrong.',
  },
  {
    when: (failure) => /^CC\..+\.400$/.test(failure.code),
    advice: maybeOver(
      'Check task-id: it is the ID of a check task; each of its branch tasks and incremental tasks has its own.',
    ),
  },
  { when: codeIs('APIGW.0101', 'APIGW.0103'), advice: WRONG_HOST },
  {
    when: refusedBecause(/signature expired/i),
    advice: 'Set the clock of the runner: it is off by more than 15 minutes.',
  },
  {
    when: refusedBecause(/reach the limit/i),
    advice:
      'The key pair is locked for 5 minutes, after more than five refusals: wait, then check access-key-id and secret-access-key.',
  },
  {
    when: refusedBecause(/verify aksk signature fail|ak .* not exist/i),
    advice:
      'Check access-key-id and secret-access-key: one of them is wrong, or the pair was deleted.',
  },
  {
    when: refusedBecause(/decrypt token fail/i),
    advice: 'Check token: it is not a token, not all of one, or one of another region.',
  },
  { when: codeIs('APIGW.0301'), advice: renew },
  {
    when: codeIs('APIGW.0302', 'APIGW.0304', 'APIGW.0306', 'APIGW.0310'),
    advice: 'Check the permissions of the user and the state of the account and its project.',
  },
  {
    when: codeIs('APIGW.0308'),
    advice: 'The API throttles: run the step again later, or give it more time (timeout-seconds).',
  },
  {
    when: codeIs('PAP5.0001'),
    advice: 'An identity policy denies it: grant the action that the message names.',
  },
  {
    when: codeIs('STS5.1001'),
    advice:
      'The trust policy of the agency does not match the ID token: compare its provider, audience (oidc-audience, and the client ID of the provider) and subject (repository, branch or environment) with this workflow run.',
  },
  {
    when: kindIs('id-token'),
    advice: 'Give the job the permission to ask for an ID token: permissions: id-token: write.',
  },
  {
    when: kindIs('redirect', 'not-json'),
    advice:
      'Something other than the API answered: check region, endpoint, and the proxy or login page of the network.',
  },
  {
    when: kindIs('host-not-found', 'refused', 'unreachable', 'not-http'),
    advice:
      'Check region and endpoint (for oidc also sts-endpoint), and whether this runner may reach the host.',
  },
  {
    when: kindIs('certificate'),
    advice:
      'If the network has an authority of its own, name the file with its certificate in NODE_EXTRA_CA_CERTS. Verification cannot be turned off.',
  },
  {
    when: kindIs('tls'),
    advice: 'Check the scheme and port of endpoint, and the proxy of the network.',
  },
  {
    when: kindIs('proxy'),
    advice: 'Check the variables https_proxy and no_proxy of this runner.',
  },
  {
    when: kindIs('proxy-password'),
    advice:
      'Name them in https_proxy: http://user:password@host:port, with special characters percent-encoded.',
  },
  { when: kindIs('reset', 'timeout', 'cut-short', 'too-long'), advice: STATUS_UNKNOWN },
  {
    when: kindIs('deadline'),
    advice:
      'Give it more time (timeout-seconds), and look at the task in CodeArts Check: the stop may have happened all the same.',
  },
  { when: statusIs(401), advice: renew },
  { when: statusIs(403), advice: PERMISSION },
  { when: statusIs(400, 404), advice: maybeOver('Check task-id, region and endpoint.') },
  {
    when: statusIs(413, 414, 494),
    advice: 'The request is too large for the gateway: check token and endpoint.',
  },
  { when: statusIs(429), advice: TRY_LATER },
  { when: statusIs(504), advice: STATUS_UNKNOWN },
  { when: statusIs(500, 502, 503), advice: TRY_LATER },
];

/**
 * What to do about a failure.
 *
 * @returns a sentence or more; undefined where no cause is known
 */
export function adviceFor(failure: RequestError, context: AdviceContext): string | undefined {
  const rule = RULES.find(({ when }) => when(failure));
  return typeof rule?.advice === 'function' ? rule.advice(context) : rule?.advice;
}
