import type { Deadline } from '../deadline.ts';
import type { HttpClient } from '../http/client.ts';
import type { CredentialInputs } from '../inputs/inputs.ts';
import type { Log } from '../report/log.ts';
import type { Secrets } from '../report/secrets.ts';
import { accessKeyCredential } from './access-key.ts';
import type { Credential } from './credential.ts';
import { githubIdToken } from './github-id-token.ts';
import { oidcCredential } from './oidc.ts';
import { tokenCredential } from './token.ts';

/** The parts that obtaining a credential works with. */
export interface CreateCredentialDeps {
  readonly client: HttpClient;
  readonly deadline: Deadline;
  readonly retries: number;
  readonly secrets: Secrets;
  readonly log: Log;
}

// STS takes no less: HWS/api-iam5/AssumeAgencyWithOIDC.md
const MIN_DURATION_SECONDS = 900;

/**
 * Makes a credential of what the inputs say.
 *
 * @throws RequestError when it has to be asked for, and is refused
 */
export async function createCredential(
  inputs: CredentialInputs,
  parts: CreateCredentialDeps,
): Promise<Credential> {
  switch (inputs.kind) {
    case 'token':
      return tokenCredential(inputs.token);
    case 'access-key':
      return accessKeyCredential(inputs);
    case 'oidc': {
      const { audience, idTokenAvailable } = inputs;
      const { deadline, secrets, log } = parts;
      log.line(`Exchanging GitHub's ID token at ${inputs.stsEndpoint.host}`);
      return oidcCredential(
        { ...inputs, durationSeconds: Math.max(MIN_DURATION_SECONDS, deadline.seconds) },
        {
          ...parts,
          idToken: () => githubIdToken(audience, idTokenAvailable, deadline),
          mask: (secret) => secrets.add(secret),
          onAttempt: (attempt) => log.attempt(attempt),
        },
      );
    }
  }
}
