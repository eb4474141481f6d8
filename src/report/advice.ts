import { type CodeTopic, codeFacts, UNKNOWN_CALL } from '../api/error-codes.ts';
import { type ErrorKind, type Operation, type RequestError, SkippedError } from '../http/errors.ts';
import type { StopInputs } from '../inputs/inputs.ts';

/** The entries of docs/troubleshooting.md, by their anchors. */
export type Topic = CodeTopic | keyof typeof TEXTS;

/** What is known of the step, for what to do about an error. */
export interface AdviceContext {
  /** What to do if the API no longer accepts the credential; undefined before there is one. */
  readonly credentialHint: string | undefined;
  /** Undefined if no stop is meant: what to make of one that is rejected since nothing runs. */
  readonly ifNotRunning: StopInputs['ifNotRunning'] | undefined;
  /** The newest host of the region; undefined if it has none, or is in use. */
  readonly newestHost: string | undefined;
}

/** What to do about an error. */
export interface Advice {
  readonly topic: Topic;
  readonly text: string;
}

type Text = string | ((error: RequestError | undefined, context: AdviceContext) => string);

const MAY_HAVE_HAPPENED = 'The stop may have happened: check the task in CodeArts Check.';
const TRY_LATER = 'Run the step again later, or increase timeout-seconds and retries.';
const PERMISSIONS: Partial<Record<Operation, string>> = {
  status: 'codeartscheck:task:get',
  result: 'codeartscheck:task:getReport',
};
const renew: Text = (_error, { credentialHint }) => credentialHint ?? 'Check the credential.';
const endpointInput = (error: RequestError | undefined) =>
  error?.operation === 'sts' ? 'sts-endpoint' : 'endpoint';

// For the codes of the API: HWS/intl/en-us/api-codecheck/ErrorCode.html and
// HWS/devg-apisign/api-sign-errorcode.html
const TEXTS = {
  account: 'Check the permissions of the user and the state of the account and its project.',
  'access-key-locked':
    'The access key is locked for 5 minutes after more than five rejections: wait, then check access-key-id and secret-access-key.',
  'access-key-wrong':
    'Check access-key-id and secret-access-key: one of them is wrong, or the access key was deleted.',
  'already-running':
    'Another run has started a scan of this task: let concurrency allow one run at a time, or increase timeout-seconds.',
  busy: (error) => (error?.status === null ? TRY_LATER : `The API is busy. ${TRY_LATER}`),
  'certificate-expired':
    "Check the runner's clock. If it is right, the operator of the host has to renew the certificate.",
  'certificate-intermediate':
    'The host has to send its intermediate certificate. Until then, or if the network has its own CA, set NODE_EXTRA_CA_CERTS to a file with the missing certificate. Verification cannot be turned off.',
  'certificate-name': (error) =>
    `Set ${endpointInput(error)} to a name that the certificate is for.`,
  'certificate-unknown-ca':
    'If the network has its own CA, set NODE_EXTRA_CA_CERTS to a file with its certificate. Verification cannot be turned off.',
  cancelled: 'Look at the task in CodeArts Check, or run the step again.',
  'clock-off': "Set the runner's clock: it is off by more than 15 minutes.",
  'content-type':
    'The action sends application/json: check whether a proxy changes headers, or report a bug.',
  'credential-expired': renew,
  'credential-rejected': renew,
  deadline: 'Increase timeout-seconds.',
  'id-token-permission':
    'Give the job the permission to request an ID token: permissions: id-token: write.',
  'id-token-service':
    "GitHub's ID-token service did not give an ID token: run the job again, and check that the runner may reach the service.",
  'may-have-happened': TRY_LATER,
  'not-confirmed':
    'Look at the task in CodeArts Check. If scans take longer to stop, increase timeout-seconds.',
  'not-json': (error) =>
    `The response comes from something other than the API, such as a login page, or ${endpointInput(error)} is wrong: check region, ${endpointInput(error)} and the proxy of the network.`,
  'old-host': (_error, { newestHost }) => `This host is an old one: set endpoint: ${newestHost}.`,
  permission: (error) =>
    `Grant the user ${PERMISSIONS[error?.operation ?? 'stop'] ?? 'codeartscheck:task:execute'} (an identity policy, or a CodeArts project role that includes it). A wrong region or endpoint causes the same error.`,
  'project-member': 'Add the user to the CodeArts project of the task.',
  'project-role':
    'Give the user a CodeArts project role that may execute tasks, such as developer or project manager.',
  proxy: 'Check the variables https_proxy and no_proxy of this runner.',
  'proxy-password-missing':
    'Set them in https_proxy: http://user:password@host:port, with special characters percent-encoded.',
  'proxy-password-rejected':
    'Check the user and the password in https_proxy; special characters must be percent-encoded.',
  redirect: (error) =>
    `The response comes from something other than the API: check region, ${endpointInput(error)}, and the proxy or login page of the network.`,
  'task-id': (error, { ifNotRunning }) => {
    if (error?.operation === 'start') return 'Check task-id and region.';
    return error?.operation === 'stop' && ifNotRunning === 'fail'
      ? 'Check task-id, execution-id and region. If the scan may have ended already, set if-not-running: succeed, which reads its status and does not fail.'
      : 'Check task-id, execution-id and region.';
  },
  throttled: 'The API throttles requests. Run the step again later, or increase timeout-seconds.',
  tls: (error) =>
    `Check the scheme and port of ${endpointInput(error)}, and the proxy of the network.`,
  'token-malformed': 'The token is malformed, truncated or from another region: check token.',
  'too-large': (error) =>
    error?.operation === 'sts'
      ? 'The request is too large for the gateway: check sts-endpoint.'
      : 'The request is too large for the gateway: check token and endpoint.',
  'trust-policy':
    'Compare the trust policy of the agency with this run: identity provider, audience (oidc-audience, and the client ID of the provider) and subject (repository, branch or environment). The subject of repositories created since 2026-07-15 has the form repo:OWNER@OWNER_ID/REPO@REPO_ID:….',
  'wrong-host': (error) =>
    `Check ${error?.operation === 'sts' ? 'sts-endpoint and region' : 'region and endpoint'}, and whether this runner may reach the host.`,
  'no-status':
    'The task has never been checked, or execution-id does not belong to task-id: compare both with the outputs of the step that starts the scan.',
  'scan-failed': 'Open the scan in CodeArts Check: the check itself failed.',
  'scan-stopped':
    'Somebody stopped the scan: another run, a person, or a step with execution-id: current.',
  'start-uncertain':
    'Look at the task in CodeArts Check, and stop the scan there if it is running. The request is not repeated: that could start a second scan.',
  'too-many-critical': 'Fix the critical issues, or increase max-critical.',
  'secret-missing':
    'Use the step form instead, in the job itself: the action without /guard or /start, with if: cancelled() || failure().',
  'invalid-input': 'Correct the input. Nothing was sent.',
} satisfies Record<string, Text>;

/** The anchors that docs/troubleshooting.md has an entry for. */
export const TOPICS = Object.keys(TEXTS) as Topic[];

const KIND_TOPICS: Partial<Record<ErrorKind, Topic>> = {
  redirect: 'redirect',
  upgrade: 'not-json',
  'not-json': 'not-json',
  'invalid-response': 'not-json',
  'host-not-found': 'wrong-host',
  'connection-refused': 'wrong-host',
  unreachable: 'wrong-host',
  'not-http': 'wrong-host',
  'connection-reset': 'may-have-happened',
  timeout: 'may-have-happened',
  'cut-short': 'may-have-happened',
  'too-long': 'may-have-happened',
  'headers-too-long': 'may-have-happened',
  tls: 'tls',
  certificate: 'certificate-unknown-ca',
  'certificate-expired': 'certificate-expired',
  'certificate-name': 'certificate-name',
  'certificate-unknown-ca': 'certificate-unknown-ca',
  'certificate-intermediate': 'certificate-intermediate',
  proxy: 'proxy',
  'proxy-password-missing': 'proxy-password-missing',
  'proxy-password-rejected': 'proxy-password-rejected',
  deadline: 'deadline',
  interrupted: 'cancelled',
  'not-confirmed': 'not-confirmed',
  'id-token-permission': 'id-token-permission',
};

const STATUS_TOPICS: ReadonlyMap<number | null, Topic> = new Map([
  [400, 'task-id'],
  [401, 'credential-rejected'],
  [403, 'permission'],
  [404, 'task-id'],
  [413, 'too-large'],
  [414, 'too-large'],
  [429, 'throttled'],
  [431, 'too-large'],
  [494, 'too-large'],
  [500, 'busy'],
  [502, 'may-have-happened'],
  [503, 'busy'],
  [504, 'may-have-happened'],
]);

// The gateway has one code for every way to reject a credential, and tells them apart by its text.
const CREDENTIAL_TEXTS: readonly (readonly [RegExp, Topic])[] = [
  [/signature expired/i, 'clock-off'],
  [/reach the limit/i, 'access-key-locked'],
  [/verify aksk signature fail|ak .* not exist/i, 'access-key-wrong'],
  [/decrypt token fail/i, 'token-malformed'],
  [/token expires/i, 'credential-expired'],
];

// GitHub's service is not the API: of its errors, only those of the way to it have causes of their own.
const ID_TOKEN_KINDS: ReadonlySet<ErrorKind> = new Set([
  'id-token-permission',
  'certificate',
  'certificate-expired',
  'certificate-unknown-ca',
  'certificate-intermediate',
  'proxy',
  'proxy-password-missing',
  'proxy-password-rejected',
  'deadline',
  'interrupted',
]);

/**
 * What to do about an error. It belongs to the request that failed.
 *
 * @param execution whether the request named an execution
 * @returns undefined if no cause is known
 */
export function adviceFor(
  error: RequestError,
  execution: boolean,
  context: AdviceContext,
): Advice | undefined {
  const cause = error instanceof SkippedError ? error.cause : error;
  const topic = topicOf(cause, execution, context);
  return topic && adviceOn(topic, cause, context);
}

const NO_CONTEXT: AdviceContext = {
  credentialHint: undefined,
  ifNotRunning: undefined,
  newestHost: undefined,
};

/** What to do about a problem that is no error of a request, or whose cause is known. */
export function adviceOn(topic: Topic, error?: RequestError, context = NO_CONTEXT): Advice {
  const text: Text = TEXTS[topic];
  return { topic, text: typeof text === 'string' ? text : text(error, context) };
}

/** Whether the stop may have happened, in a sentence; empty if it cannot have. */
export function mayHaveHappened(error: RequestError): string {
  return error.operation === 'stop' && error.mayHaveHappened ? MAY_HAVE_HAPPENED : '';
}

function topicOf(
  error: RequestError,
  execution: boolean,
  { newestHost }: AdviceContext,
): Topic | undefined {
  const { code, message, kind, operation } = error;
  if (operation === 'id-token' && !ID_TOKEN_KINDS.has(kind)) return 'id-token-service';
  if (code === UNKNOWN_CALL && execution && operation === 'stop') {
    return newestHost?.startsWith('codearts-check.') ? 'old-host' : 'wrong-host';
  }
  if (code === 'APIGW.0301') {
    const byText = CREDENTIAL_TEXTS.find(([text]) => text.test(message));
    if (byText !== undefined) return byText[1];
  }
  const topic = codeFacts(code, message)?.topic ?? KIND_TOPICS[kind] ?? topicOfStatus(error);
  return topic === 'may-have-happened' ? topicIfLost(error) : topic;
}

function topicOfStatus({ status, operation, transient }: RequestError): Topic | undefined {
  // INTERNAL_SERVER_ERROR under HTTP 200.
  if (status === 200 && transient) return 'busy';
  const topic = STATUS_TOPICS.get(status);
  const isRejection = status !== null && status < 500;
  const isOfGateway = topic === 'throttled' || topic === 'too-large';
  return operation === 'sts' && isRejection && !isOfGateway ? 'trust-policy' : topic;
}

// What may have happened is a stop: a start has advice of its own, and a reading changes nothing.
function topicIfLost({ operation }: RequestError): Topic | undefined {
  if (operation === 'sts') return 'busy';
  return operation === undefined || operation === 'stop' ? 'may-have-happened' : undefined;
}
