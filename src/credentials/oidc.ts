import { isRecord } from '../api/api-error-body.ts';
import { parseResponse } from '../api/response.ts';
import type { Attempt, HttpClient } from '../http/client.ts';
import { ApiError } from '../http/errors.ts';
import { type AccessKey, accessKeyCredential } from './access-key.ts';
import type { Credential } from './credential.ts';

/** What GitHub's ID token is exchanged with, and where. */
export interface TrustAgency {
  readonly providerUrn: string;
  readonly agencyUrn: string;
  /** Names the session in the audit log of the account. */
  readonly sessionName: string;
  /** How long the temporary key pair lives, in seconds, 900 to 43200. */
  readonly durationSeconds: number;
  readonly stsEndpoint: URL;
  readonly projectId: string | undefined;
}

/** The parts that the exchange works with. */
export interface OidcDeps {
  /** GitHub's ID token for this job. */
  readonly idToken: () => Promise<string>;
  readonly client: HttpClient;
  readonly retries: number;
  /** Called with each secret as soon as it is known. */
  readonly mask: (secret: string) => void;
  readonly onAttempt: (attempt: Attempt) => void;
}

/**
 * Exchanges GitHub's ID token for a temporary key pair: STS AssumeAgencyWithOIDC,
 * HWS/api-iam5/AssumeAgencyWithOIDC.md. The request carries no other credential.
 *
 * @throws RequestError when GitHub gives no ID token, or STS no key pair
 */
export async function oidcCredential(agency: TrustAgency, parts: OidcDeps): Promise<Credential> {
  const idToken = await parts.idToken();
  parts.mask(idToken);
  const url = new URL(agency.stsEndpoint);
  url.pathname = `${url.pathname.replace(/\/$/, '')}/v5/agencies/assume-with-oidc`;
  const keys = await parts.client.send({
    request: {
      method: 'POST',
      url,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        provider_urn: agency.providerUrn,
        agency_urn: agency.agencyUrn,
        agency_session_name: agency.sessionName,
        id_token: idToken,
        duration_seconds: agency.durationSeconds,
      }),
    },
    authorize: (request) => request,
    parse: (answer, now) => readKeys(parseResponse(answer, now).json, answer.status),
    retries: parts.retries,
    onAttempt: parts.onAttempt,
  });
  for (const secret of Object.values(keys)) parts.mask(secret);
  return {
    ...accessKeyCredential({ ...keys, projectId: agency.projectId }),
    name: 'a temporary key pair',
    hint: 'The temporary key pair was obtained in this step: look at the trust agency and its permissions.',
  };
}

function readKeys(
  json: unknown,
  status: number,
): Required<Omit<AccessKey, 'projectId'>> & { securityToken: string } {
  const credentials = isRecord(json) ? json['credentials'] : undefined;
  const text = (name: string): string => {
    const value = isRecord(credentials) ? credentials[name] : undefined;
    if (typeof value === 'string' && value !== '') return value;
    throw new ApiError(`The answer of STS has no credentials.${name}`, {
      kind: 'not-json',
      status,
    });
  };
  return {
    accessKeyId: text('access_key_id'),
    secretAccessKey: text('secret_access_key'),
    securityToken: text('security_token'),
  };
}
