import type { Attempt, HttpClient } from '../http/client.ts';
import { asRecord, parseJson } from './json.ts';
import { invalidResponse, parseResponse, type Success } from './response.ts';
import { callUrl } from './url.ts';

/** A temporary access key. */
export interface TemporaryAccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly securityToken: string;
  /** When it expires; the end of time if STS does not tell. */
  readonly expiration: Date;
}

export interface AssumeAgencyOptions {
  readonly client: HttpClient;
  readonly stsEndpoint: URL;
  readonly providerUrn: string;
  readonly agencyUrn: string;
  /** Names the session in the audit log of the account. */
  readonly sessionName: string;
  /** How long the key is valid, in seconds, 900 to 43200. */
  readonly durationSeconds: number;
  readonly idToken: string;
  readonly retries: number;
  /** Called with each part of the key, also if the response has an error as well. */
  readonly mask: (secret: string) => void;
  readonly onAttempt: (attempt: Attempt) => void;
}

/**
 * STS AssumeAgencyWithOIDC, HWS/api-iam5/AssumeAgencyWithOIDC.md: exchanges an ID token for a
 * temporary access key. The request carries no other credential.
 *
 * @throws RequestError
 */
export function assumeAgencyWithOidc(options: AssumeAgencyOptions): Promise<TemporaryAccessKey> {
  const { mask } = options;
  const body = JSON.stringify({
    provider_urn: options.providerUrn,
    agency_urn: options.agencyUrn,
    agency_session_name: options.sessionName,
    id_token: options.idToken,
    duration_seconds: options.durationSeconds,
  });
  return options.client.send({
    operation: 'sts',
    request: {
      method: 'POST',
      url: callUrl(options.stsEndpoint, '/v5/agencies/assume-with-oidc'),
      // The connection is not needed again: the limit on connections counts idle ones, too.
      headers: { 'content-type': 'application/json', connection: 'close' },
      body,
    },
    authorize: (request) => request,
    parse: (response, now) => {
      for (const secret of keyPartsIn(parseJson(response.body))) mask(secret);
      return parseKey(parseResponse(response, now));
    },
    retries: options.retries,
    onAttempt: options.onAttempt,
  });
}

// https://tc39.es/ecma262/#sec-time-values-and-time-range
const MAX_TIME_MS = 8.64e15;

// What a header can carry. Only the secret key is never sent, but STS issues none with other
// characters either.
const HEADER_VALUE = /^[\x21-\x7e]+$/;

function keyPartsIn(json: unknown): string[] {
  const credentials = asRecord(asRecord(json)['credentials']);
  return ['access_key_id', 'secret_access_key', 'security_token']
    .map((name) => credentials[name])
    .filter((part) => typeof part === 'string');
}

function parseKey(success: Success): TemporaryAccessKey {
  const credentials = asRecord(asRecord(success.json)['credentials']);
  const text = (name: string): string => {
    const value = credentials[name];
    if (typeof value !== 'string' || value === '') {
      throw invalidResponse(`'credentials.${name}' is missing`, success);
    }
    if (!HEADER_VALUE.test(value)) {
      throw invalidResponse(
        `'credentials.${name}' has characters that no header can carry`,
        success,
      );
    }
    return value;
  };
  return {
    accessKeyId: text('access_key_id'),
    secretAccessKey: text('secret_access_key'),
    securityToken: text('security_token'),
    expiration: parseExpiration(credentials['expiration']),
  };
}

function parseExpiration(value: unknown): Date {
  const time = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return new Date(Number.isNaN(time) ? MAX_TIME_MS : time);
}
