import { getInput } from '@actions/core';
import { parseEndpoint } from './endpoints.ts';
import { InputError } from './input-error.ts';
import { list, type Reader, readSecret, readWord, variable } from './validators.ts';

interface Token {
  readonly kind: 'token';
  readonly token: string;
}

interface AccessKey {
  readonly kind: 'access-key';
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly securityToken: string | undefined;
  readonly projectId: string | undefined;
}

export interface OidcInputs {
  readonly kind: 'oidc';
  readonly providerUrn: string;
  readonly agencyUrn: string;
  /** Undefined for GitHub's own default. */
  readonly audience: string | undefined;
  readonly stsEndpoint: URL;
  readonly projectId: string | undefined;
  /** Names the session in the audit log of the account. */
  readonly sessionName: string;
  /** Where GitHub lets this job request an ID token; undefined if it does not. */
  readonly idTokenService: { readonly url: URL; readonly requestToken: string } | undefined;
}

/** How the step proves who it is. Exactly one kind. */
export type CredentialInputs = (Token | AccessKey | OidcInputs) & {
  /** The inputs or variables it comes from, for the log. */
  readonly source: string;
};

/** The inputs that hold a secret. */
export const SECRET_INPUTS = ['token', 'secret-access-key', 'security-token'] as const;

const SECRET_VARIABLES = ['HUAWEI_CLOUD_SECRET_ACCESS_KEY', 'ACTIONS_ID_TOKEN_REQUEST_TOKEN'];

// The inputs of each kind; project-id goes with two of them.
const ACCESS_KEY = ['access-key-id', 'secret-access-key', 'security-token'] as const;
const OIDC = ['oidc-provider-urn', 'agency-urn', 'oidc-audience', 'sts-endpoint'] as const;

const SECRET_HINT =
  'If the value comes from a secret, check the name of the secret; ' +
  'runs triggered by a fork or by Dependabot cannot read repository secrets.';

/**
 * Every secret that the inputs and variables hold, valid or not, used or not: to be masked first.
 */
export function readSecrets(read: Reader): string[] {
  const now = (name: string) => getInput(name);
  const inputs = SECRET_INPUTS.flatMap((name) => [read(name), now(name)]);
  const secrets = [...inputs, ...SECRET_VARIABLES.map(variable)];
  return [...new Set(secrets)].filter((secret) => secret !== '');
}

/**
 * @param region where STS is, unless `sts-endpoint` says otherwise
 * @throws InputError if two kinds are mixed, half of one is missing, or there is none
 */
export function readCredential(read: Reader, region: string): CredentialInputs {
  const given = (names: readonly string[]) => names.filter((name) => read(name) !== '');
  const [token, accessKey, oidc] = [given(['token']), given(ACCESS_KEY), given(OIDC)] as const;
  if ([token, accessKey, oidc].filter((names) => names.length > 0).length > 1) {
    throw new InputError(
      list([...token, ...accessKey, ...oidc]),
      'cannot be combined; use only one of token, access key (access-key-id and secret-access-key) or OIDC (oidc-provider-urn and agency-urn)',
    );
  }
  if (token.length > 0) return readToken(read);
  if (accessKey.length > 0) return readAccessKey(read);
  if (oidc.length > 0) return readOidc(read, region);
  if (read('project-id') !== '') {
    throw new InputError(
      'project-id',
      'goes with an access key: access-key-id and secret-access-key, or oidc-provider-urn and agency-urn, must be set too',
    );
  }
  return readInheritedAccessKey();
}

function readToken(read: Reader): CredentialInputs {
  if (read('project-id') !== '') {
    throw new InputError('project-id', 'must be empty with token, which belongs to one project');
  }
  return { kind: 'token', token: readSecret(read, 'token', 100_000), source: 'the input token' };
}

function readAccessKey(read: Reader): CredentialInputs {
  const names = ['access-key-id', 'secret-access-key'] as const;
  requireAll(names, read);
  return {
    kind: 'access-key',
    accessKeyId: readWord(read, 'access-key-id', 128),
    secretAccessKey: readSecret(read, 'secret-access-key', 256),
    securityToken: read('security-token') ? readSecret(read, 'security-token', 100_000) : undefined,
    projectId: readProjectId(read),
    source: `the inputs ${list(names)}`,
  };
}

// huaweicloud/auth-action sets them.
function readInheritedAccessKey(): CredentialInputs {
  const [id, secret, project] = [
    'HUAWEI_CLOUD_ACCESS_KEY_ID',
    'HUAWEI_CLOUD_SECRET_ACCESS_KEY',
    'HUAWEI_CLOUD_PROJECT_ID',
  ] as const;
  if (variable(id) === '' && variable(secret) === '') {
    throw new InputError(
      list(['token', 'access-key-id', 'secret-access-key', 'oidc-provider-urn', 'agency-urn']),
      'are all empty: set token, or access-key-id and secret-access-key, ' +
        `or oidc-provider-urn and agency-urn. ${SECRET_HINT}`,
    );
  }
  requireAll([id, secret], variable);
  return {
    kind: 'access-key',
    accessKeyId: readWord(variable, id, 128),
    secretAccessKey: readSecret(variable, secret, 256),
    securityToken: undefined,
    projectId: variable(project) ? readWord(variable, project, 64) : undefined,
    source: `$${id} and $${secret}`,
  };
}

function readOidc(read: Reader, region: string): CredentialInputs {
  requireAll(['oidc-provider-urn', 'agency-urn'], read);
  const audience = read('oidc-audience');
  if (!/^[\x20-\x7e]{0,1024}$/.test(audience)) {
    throw new InputError('oidc-audience', 'must be up to 1024 visible ASCII characters');
  }
  const stsEndpoint = read('sts-endpoint') || `https://sts.${region}.myhuaweicloud.com`;
  const runId = [variable('GITHUB_RUN_ID'), variable('GITHUB_RUN_ATTEMPT')].join('-');
  return {
    kind: 'oidc',
    providerUrn: readUrn(read, 'oidc-provider-urn', 'oidcProvider'),
    agencyUrn: readUrn(read, 'agency-urn', 'agency'),
    audience: audience === '' ? undefined : audience,
    stsEndpoint: parseEndpoint(stsEndpoint, 'sts-endpoint'),
    projectId: readProjectId(read),
    sessionName: `github-${runId.replace(/[^0-9-]/g, '')}`.slice(0, 128),
    idTokenService: readIdTokenService(),
    source: 'the inputs oidc-provider-urn and agency-urn',
  };
}

// https://docs.github.com/actions/reference/security/oidc#methods-for-requesting-the-oidc-token
function readIdTokenService(): OidcInputs['idTokenService'] {
  const url = variable('ACTIONS_ID_TOKEN_REQUEST_URL');
  const requestToken = variable('ACTIONS_ID_TOKEN_REQUEST_TOKEN');
  return URL.canParse(url) && requestToken !== '' ? { url: new URL(url), requestToken } : undefined;
}

function readProjectId(read: Reader): string | undefined {
  return read('project-id') ? readWord(read, 'project-id', 64) : undefined;
}

function readUrn(read: Reader, name: string, type: string): string {
  const value = read(name);
  if (value.length <= 512 && new RegExp(`^iam::[^:\\s]+:${type}:[\\x21-\\x7e]+$`).test(value)) {
    return value;
  }
  throw new InputError(name, `must be a URN like iam::<account ID>:${type}:<name>`, value);
}

function requireAll(names: readonly string[], read: Reader): void {
  const missing = names.filter((name) => read(name) === '');
  if (missing.length === 0) return;
  throw new InputError(
    list(missing),
    `must not be empty: ${list(names)} belong together. ${SECRET_HINT}`,
  );
}
