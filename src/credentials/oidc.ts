import { requestIdToken } from '../api/github-id-token.ts';
import { assumeAgencyWithOidc } from '../api/sts-api.ts';
import type { Attempt, HttpClient } from '../http/client.ts';
import type { OidcInputs } from '../inputs/credentials.ts';
import { accessKeyCredential } from './access-key.ts';
import type { Credential } from './credential.ts';

export interface OidcDeps {
  readonly client: HttpClient;
  readonly retries: number;
  /** Called with each secret as soon as it is known. */
  readonly mask: (secret: string) => void;
  readonly onAttempt: (attempt: Attempt) => void;
  /** How long the credential is needed, in seconds. */
  readonly seconds: number;
}

// STS accepts nothing else: HWS/api-iam5/AssumeAgencyWithOIDC.md
const MIN_DURATION_SECONDS = 900;
const MAX_DURATION_SECONDS = 43_200;
const CLOCK_DIFFERENCE_MS = 60_000;

/**
 * Exchanges GitHub's ID token for a temporary access key.
 *
 * @throws RequestError if GitHub gives no ID token, or STS no access key
 */
export async function oidcCredential(inputs: OidcInputs, deps: OidcDeps): Promise<Credential> {
  const { client, retries, mask, onAttempt, seconds } = deps;
  const { idTokenService: service, audience, stsEndpoint, providerUrn, agencyUrn } = inputs;
  const idToken = await requestIdToken({ client, service, audience, retries, onAttempt });
  mask(idToken);
  const key = await assumeAgencyWithOidc({
    client,
    stsEndpoint,
    providerUrn,
    agencyUrn,
    sessionName: inputs.sessionName,
    durationSeconds: Math.min(MAX_DURATION_SECONDS, Math.max(MIN_DURATION_SECONDS, seconds)),
    idToken,
    retries,
    mask,
    onAttempt,
  });
  const { expiration, accessKeyId, secretAccessKey, securityToken } = key;
  const { projectId } = inputs;
  return {
    ...accessKeyCredential({ accessKeyId, secretAccessKey, securityToken, projectId }),
    // The clocks may differ a little.
    hasExpired: (now) => now.getTime() >= expiration.getTime() - CLOCK_DIFFERENCE_MS,
    hint: 'The temporary access key was obtained in this step: check the trust agency and its permissions.',
  };
}
