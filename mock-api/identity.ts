import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { json, type MockResponse, rejection } from './response.ts';
import { findSignatureError } from './signature-verifier.ts';

export interface IdentityOptions {
  /** Tokens that are good. */
  readonly tokens?: readonly string[];
  readonly expiredTokens?: readonly string[];
  /** The secret key of each access key ID. */
  readonly accessKeys?: Readonly<Record<string, string>>;
  /** The security token that goes with an access key ID. */
  readonly securityTokens?: Readonly<Record<string, string>>;
  /** The password of each IAM user, who gets the first of `tokens` for it. */
  readonly passwords?: Readonly<Record<string, string>>;
  /** ID tokens that GitHub issues and STS accepts, by their audience. */
  readonly idTokens?: Readonly<Record<string, string>>;
  /**
   * Milliseconds for which the temporary access key of an exchange is valid; each exchange then
   * issues a key of its own. Default: every exchange issues {@link TEMPORARY_KEYS}, which are valid
   * for good.
   */
  readonly temporaryKeysExpireAfterMs?: number;
}

/** The request token that GitHub's ID-token service wants. */
export const ID_TOKEN_REQUEST_TOKEN = 'request-token-of-the-job';
/** The temporary access key that STS issues. */
export const TEMPORARY_KEYS = {
  access_key_id: 'HSTTEMPORARYKEY00001',
  secret_access_key: 'temporarySecretAccessKey/0123456789+abcd',
  security_token: 'temporary-security-token-0123456789-abcdefghij',
  expiration: '2030-01-01T00:00:00.000Z',
};

/** A temporary access key, as STS responds with it. */
export type TemporaryKeys = typeof TEMPORARY_KEYS;

interface AccessKey {
  readonly secretKey: string;
  readonly securityToken: string | undefined;
  /** As of `performance.now()`. */
  readonly expiresMs: number;
}

/**
 * Who may call: the parts of the gateway that check a credential, of STS, and of GitHub's ID-token
 * service. That an expired temporary key gets the text 'token expires' is made up.
 */
export class Identity {
  /** The temporary access keys that STS has issued, in order. */
  readonly issuedKeys: TemporaryKeys[] = [];
  readonly #options: IdentityOptions;
  readonly #accessKeys = new Map<string, AccessKey>();

  constructor(options: IdentityOptions) {
    this.#options = options;
    const { accessKeys = {}, securityTokens = {}, temporaryKeysExpireAfterMs } = options;
    for (const [id, secretKey] of Object.entries(accessKeys)) {
      const securityToken = securityTokens[id];
      this.#accessKeys.set(id, { secretKey, securityToken, expiresMs: Number.POSITIVE_INFINITY });
    }
    if (temporaryKeysExpireAfterMs === undefined) {
      this.#add(TEMPORARY_KEYS, Number.POSITIVE_INFINITY);
    }
  }

  /** @returns the gateway's rejection of a credential; undefined if it is good */
  rejectCredential(request: IncomingMessage, body: string): MockResponse | undefined {
    const { headers } = request;
    if (headers.authorization !== undefined) return this.#rejectSignature(request, body);
    const { tokens = [], expiredTokens = [] } = this.#options;
    const token = headers['x-auth-token'];
    if (typeof token !== 'string') return rejectedBecause('x-auth-token not found');
    if (tokens.includes(token)) return undefined;
    return expiredTokens.includes(token)
      ? rejection(401, 'CC.00000003', 'Authentication information expired.')
      : rejectedBecause('decrypt token fail');
  }

  #rejectSignature(request: IncomingMessage, body: string): MockResponse | undefined {
    const secretKeys = new Map(
      Array.from(this.#accessKeys, ([id, { secretKey }]) => [id, secretKey] as const),
    );
    const wrong = findSignatureError(request, body, secretKeys);
    if (wrong !== undefined) return rejection(401, 'APIGW.0301', wrong);
    const accessKeyId = /Access=(\w+)/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    const key = this.#accessKeys.get(accessKeyId);
    if (request.headers['x-security-token'] !== key?.securityToken) {
      return rejectedBecause('verify aksk signature fail');
    }
    return key !== undefined && performance.now() < key.expiresMs
      ? undefined
      : rejectedBecause('token expires');
  }

  /** What IAM responds to a request for a token by password: HWS/api-iam/iam_30_0001.html */
  tokenByPassword(body: string): MockResponse {
    const given = JSON.parse(body) as {
      auth?: { identity?: { password?: { user?: { name?: string; password?: string } } } };
    };
    const { name = '', password } = given.auth?.identity?.password?.user ?? {};
    const [token] = this.#options.tokens ?? [];
    if (
      token === undefined ||
      password === undefined ||
      this.#options.passwords?.[name] !== password
    ) {
      const message = 'The username or password is wrong.';
      return json({ error: { code: 401, message, title: 'Unauthorized' } }, 401);
    }
    return { ...json({ token: {} }, 201), headers: { 'x-subject-token': token } };
  }

  /** What GitHub's ID-token service responds. */
  idToken(request: IncomingMessage): MockResponse {
    const { searchParams } = new URL(request.url ?? '', 'http://mock-api');
    const idToken = this.#options.idTokens?.[searchParams.get('audience') ?? ''];
    return request.headers.authorization === `Bearer ${ID_TOKEN_REQUEST_TOKEN}` && idToken
      ? json({ value: idToken })
      : json({ message: 'no ID token for this job' }, 401);
  }

  /** What STS responds to AssumeAgencyWithOIDC. */
  assumeAgency(body: string): MockResponse {
    const wanted = ['provider_urn', 'agency_urn', 'agency_session_name', 'id_token'];
    const given = JSON.parse(body) as Record<string, string>;
    if (wanted.some((name) => !given[name])) {
      return rejection(400, 'STS5.0400', 'A parameter is missing.');
    }
    return Object.values(this.#options.idTokens ?? {}).includes(given['id_token'] ?? '')
      ? json({ credentials: this.#issue() })
      : rejection(403, 'STS5.1001', 'The trust policy of the agency does not allow it.');
  }

  #issue(): TemporaryKeys {
    const { temporaryKeysExpireAfterMs } = this.#options;
    let keys = TEMPORARY_KEYS;
    if (temporaryKeysExpireAfterMs !== undefined) {
      keys = {
        access_key_id: `HST${randomBytes(9).toString('hex').slice(0, 17).toUpperCase()}`,
        secret_access_key: randomBytes(30).toString('base64'),
        security_token: randomBytes(60).toString('base64'),
        expiration: new Date(Date.now() + temporaryKeysExpireAfterMs).toISOString(),
      };
      this.#add(keys, performance.now() + temporaryKeysExpireAfterMs);
    }
    this.issuedKeys.push(keys);
    return keys;
  }

  #add(keys: TemporaryKeys, expiresMs: number): void {
    const { secret_access_key: secretKey, security_token: securityToken } = keys;
    this.#accessKeys.set(keys.access_key_id, { secretKey, securityToken, expiresMs });
  }
}

function rejectedBecause(reason: string): MockResponse {
  return rejection(401, 'APIGW.0301', `Incorrect IAM authentication information: ${reason}`);
}
