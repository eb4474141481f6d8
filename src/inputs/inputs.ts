import { getInput } from '@actions/core';
import { getProxyUrl } from '@actions/http-client';
import { checkBypass } from '@actions/http-client/lib/proxy';
import { DEFAULT_REGION, parseEndpoint, regionEndpoint } from './endpoints.ts';
import { InputError } from './input-error.ts';

/** How the step proves who asks. Exactly one kind. */
export type CredentialInputs =
  | { readonly kind: 'token'; readonly token: string }
  | {
      readonly kind: 'access-key';
      readonly accessKeyId: string;
      readonly secretAccessKey: string;
      readonly securityToken: string | undefined;
      readonly projectId: string | undefined;
    }
  | {
      readonly kind: 'oidc';
      readonly providerUrn: string;
      readonly agencyUrn: string;
      /** Undefined: GitHub's own default. */
      readonly audience: string | undefined;
      readonly stsEndpoint: URL;
      readonly projectId: string | undefined;
      /** Names the session in the audit log of the account. */
      readonly sessionName: string;
      /** Whether GitHub lets this job ask for an ID token. */
      readonly idTokenAvailable: boolean;
    };

/** Everything that the step is told, checked. */
export interface Inputs {
  /** 1 to 1000, each once, in the order given. */
  readonly taskIds: readonly string[];
  readonly credential: CredentialInputs;
  readonly endpoint: URL;
  readonly wait: boolean;
  /** Whether a refused stop of a task that does not run is success. */
  readonly notRunningSucceeds: boolean;
  readonly timeoutSeconds: number;
  /** More attempts after a transient failure. */
  readonly retries: number;
  /** Whether there is a job summary to write to. */
  readonly hasSummary: boolean;
}

const MAX_TASKS = 1000;
const SECRET_INPUTS = ['token', 'secret-access-key', 'security-token'] as const;
const SECRET_VARIABLE = 'HUAWEI_CLOUD_SECRET_ACCESS_KEY';
const ID_TOKEN_REQUEST_TOKEN = 'ACTIONS_ID_TOKEN_REQUEST_TOKEN';

/**
 * Reads the inputs, and the variables that stand in for them.
 *
 * @param mask called with each secret, before anything is checked
 * @throws InputError for the first one that is wrong, by name
 */
export function getInputs(mask: (secret: string) => void): Inputs {
  const secrets = [
    ...SECRET_INPUTS.map((name) => getInput(name)),
    ...[SECRET_VARIABLE, ID_TOKEN_REQUEST_TOKEN].map(variable),
  ];
  for (const secret of secrets.filter((value) => value !== '')) mask(secret);

  const taskIds = readTaskIds();
  const region = getInput('region') || variable('HUAWEI_CLOUD_REGION') || DEFAULT_REGION;
  const endpoint = readCheckEndpoint(region);
  const credential = readCredential(region);
  verifyCertificates();
  checkProxy(endpoint);
  if (credential.kind === 'oidc') checkProxy(credential.stsEndpoint);
  return Object.freeze({
    taskIds,
    credential,
    endpoint,
    wait: readChoice('wait', ['true', 'false'], 'false') === 'true',
    notRunningSucceeds: readChoice('if-not-running', ['fail', 'succeed'], 'fail') === 'succeed',
    timeoutSeconds: readInteger('timeout-seconds', { min: 1, max: 3600, fallback: 60 }),
    retries: readInteger('retries', { min: 0, max: 10, fallback: 3 }),
    hasSummary: variable('GITHUB_STEP_SUMMARY') !== '',
  });
}

function readTaskIds(): readonly string[] {
  const takes =
    'takes one or more task IDs, separated by commas or white space, each of 1 to 32 letters, digits, _ and -';
  const value = getInput('task-id');
  const taskIds = [...new Set(value.split(/[\s,]+/).filter((id) => id !== ''))];
  if (taskIds.length === 0) {
    throw new InputError(
      'task-id',
      `${takes}; it is empty. Did the step that starts the scan set its output?`,
    );
  }
  const bad = taskIds.find((id) => !/^[A-Za-z0-9_-]{1,32}$/.test(id));
  if (bad !== undefined) throw new InputError('task-id', takes, bad);
  if (taskIds.length > MAX_TASKS) {
    throw new InputError('task-id', `takes at most ${MAX_TASKS} task IDs, not ${taskIds.length}`);
  }
  return Object.freeze(taskIds);
}

// The variable is one for every step of the job: where this step is told its endpoint, a region that
// has no CodeArts Check is no mistake. It becomes a part of the host of STS, so it has to look like one.
function readCheckEndpoint(region: string): URL {
  const named = readEndpoint('endpoint');
  const inherited = getInput('region') === '';
  if (named !== undefined && inherited && /^[a-z0-9-]+$/.test(region)) return named;
  const regional = regionEndpoint(
    region,
    inherited ? 'region (from $HUAWEI_CLOUD_REGION)' : 'region',
  );
  return named ?? regional;
}

function readEndpoint(input: string): URL | undefined {
  const value = getInput(input);
  return value === '' ? undefined : parseEndpoint(value, input);
}

// The inputs of each kind of credential; project-id serves two of them.
const ACCESS_KEY = ['access-key-id', 'secret-access-key', 'security-token'] as const;
const OIDC = ['oidc-provider-urn', 'agency-urn', 'oidc-audience', 'sts-endpoint'] as const;

function readCredential(region: string): CredentialInputs {
  const given = (names: readonly string[]) => names.filter((name) => getInput(name) !== '');
  const [token, accessKey, oidc] = [given(['token']), given(ACCESS_KEY), given(OIDC)] as const;
  if ([token, accessKey, oidc].filter((names) => names.length > 0).length > 1) {
    throw new InputError(
      list([...token, ...accessKey, ...oidc]),
      'belong to different kinds of credential: give a token, a key pair, or oidc, not two of them',
    );
  }
  if (token.length > 0) return readToken();
  if (accessKey.length > 0) return readAccessKey();
  if (oidc.length > 0) return readOidc(region);
  if (getInput('project-id')) {
    throw new InputError(
      'project-id',
      'goes with access-key-id and secret-access-key, or with oidc-provider-urn and agency-urn',
    );
  }
  return readInheritedAccessKey();
}

function readToken(): CredentialInputs {
  if (getInput('project-id')) {
    throw new InputError('project-id', 'does not go with token, which is of one project already');
  }
  return { kind: 'token', token: readSecret('token', 100_000) };
}

function readAccessKey(): CredentialInputs {
  requireAll(['access-key-id', 'secret-access-key'], getInput);
  return {
    kind: 'access-key',
    accessKeyId: readWord('access-key-id', 128),
    secretAccessKey: readSecret('secret-access-key', 256),
    securityToken: getInput('security-token') ? readSecret('security-token', 100_000) : undefined,
    projectId: getInput('project-id') ? readWord('project-id', 64) : undefined,
  };
}

function readInheritedAccessKey(): CredentialInputs {
  const keys = ['HUAWEI_CLOUD_ACCESS_KEY_ID', SECRET_VARIABLE] as const;
  if (keys.every((name) => variable(name) === '')) {
    throw new InputError(
      'token',
      'is empty, and no other credential is given: it takes an IAM user token. Instead of it: ' +
        'access-key-id and secret-access-key, or oidc-provider-urn and agency-urn. ' +
        'If it comes from a secret, that secret is empty here: is its name right, ' +
        'and may this workflow read it (a run from a fork or of Dependabot may not)?',
    );
  }
  requireAll(keys, variable);
  const project = 'HUAWEI_CLOUD_PROJECT_ID';
  return {
    kind: 'access-key',
    accessKeyId: readWord(keys[0], 128, variable),
    secretAccessKey: readSecret(keys[1], 256, variable),
    securityToken: undefined,
    projectId: variable(project) ? readWord(project, 64, variable) : undefined,
  };
}

function readOidc(region: string): CredentialInputs {
  requireAll(['oidc-provider-urn', 'agency-urn'], getInput);
  const audience = getInput('oidc-audience');
  if (!/^[\x20-\x7e]{0,1024}$/.test(audience)) {
    throw new InputError('oidc-audience', 'takes up to 1024 visible ASCII characters');
  }
  const runId = [variable('GITHUB_RUN_ID'), variable('GITHUB_RUN_ATTEMPT')].join('-');
  return {
    kind: 'oidc',
    providerUrn: readUrn('oidc-provider-urn', 'oidcProvider'),
    agencyUrn: readUrn('agency-urn', 'agency'),
    audience: audience === '' ? undefined : audience,
    stsEndpoint: readEndpoint('sts-endpoint') ?? new URL(`https://sts.${region}.myhuaweicloud.com`),
    projectId: getInput('project-id') ? readWord('project-id', 64) : undefined,
    idTokenAvailable:
      variable('ACTIONS_ID_TOKEN_REQUEST_URL') !== '' && variable(ID_TOKEN_REQUEST_TOKEN) !== '',
    sessionName: `github-${runId.replace(/[^0-9-]/g, '')}`.slice(0, 128),
  };
}

type Reader = (name: string) => string;

function readSecret(name: string, max: number, read: Reader = getInput): string {
  const value = read(name);
  if (value.length <= max && /^[\x21-\x7e]+$/.test(value)) return value;
  // Not the value, nor a part of it.
  throw new InputError(
    name,
    `takes 1 to ${max} visible ASCII characters, without white space; it has ${value.length} characters, ` +
      `${value.replace(/[\x21-\x7e]/g, '').length} of them others`,
  );
}

function readWord(name: string, max: number, read: Reader = getInput): string {
  const value = read(name);
  if (value.length <= max && /^[A-Za-z0-9_-]+$/.test(value)) return value;
  throw new InputError(name, `takes 1 to ${max} letters, digits, _ and -`);
}

function readUrn(name: string, type: string): string {
  const value = getInput(name);
  if (value.length <= 512 && new RegExp(`^iam::[^:\\s]+:${type}:[\\x21-\\x7e]+$`).test(value)) {
    return value;
  }
  throw new InputError(name, `takes a URN like iam::<account ID>:${type}:<name>`, value);
}

function readChoice(name: string, choices: readonly string[], fallback: string): string {
  const value = getInput(name) || fallback;
  if (choices.includes(value)) return value;
  throw new InputError(name, `takes ${choices.join(' or ')}`, value);
}

function readInteger(
  name: string,
  range: { readonly min: number; readonly max: number; readonly fallback: number },
): number {
  const value = getInput(name);
  if (value === '') return range.fallback;
  const number = /^\d{1,4}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= range.min && number <= range.max) return number;
  throw new InputError(name, `takes a whole number from ${range.min} to ${range.max}`, value);
}

function requireAll(names: readonly string[], read: Reader): void {
  const missing = names.filter((name) => read(name) === '');
  if (missing.length === 0) return;
  throw new InputError(
    list(missing),
    `must not be empty: ${list(names)} go together. ` +
      'If it comes from a secret, is its name right, and may this workflow read it?',
  );
}

// Node.js would verify no certificate, and print only a warning: a credential could go anywhere.
function verifyCertificates(): void {
  const name = 'NODE_TLS_REJECT_UNAUTHORIZED';
  if (variable(name) === '0') delete process.env[name];
}

// A proxy that cannot be used would be passed by in silence.
function checkProxy(endpoint: URL): void {
  const names = ['https_proxy', 'HTTPS_PROXY'];
  // A blank one means none, but not to http-client.
  for (const blank of names.filter((one) => variable(one) === '')) delete process.env[blank];
  const name = names.find((one) => variable(one) !== '');
  if (endpoint.protocol !== 'https:' || name === undefined || checkBypass(endpoint)) return;
  let proxy = '';
  try {
    proxy = getProxyUrl(endpoint.href);
  } catch {
    // Not even with http:// before it.
  }
  if (!/^https?:\/\/[^/]/.test(proxy)) {
    // Not the value: it may hold a password.
    throw new InputError(`$${name}`, 'takes http://[user:password@]host[:port]');
  }
}

function variable(name: string): string {
  return process.env[name]?.trim() ?? '';
}

function list(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
