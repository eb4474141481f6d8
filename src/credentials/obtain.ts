import type { Deadline } from '../deadline.ts';
import type { Sender } from '../http/sender.ts';
import type { CredentialSettings } from '../inputs.ts';
import type { Log } from '../report/log.ts';
import type { Secrets } from '../report/secrets.ts';
import type { Credential } from './credential.ts';
import { githubIdToken } from './github-id-token.ts';
import { keyPairCredential } from './key-pair.ts';
import { keylessCredential } from './keyless.ts';
import { tokenCredential } from './token.ts';

/** The parts that obtaining a credential works with. */
export interface ObtainParts {
  readonly sender: Sender;
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
 * @throws RequestFailure when it has to be asked for, and is refused
 */
export async function obtainCredential(
  settings: CredentialSettings,
  parts: ObtainParts,
): Promise<Credential> {
  switch (settings.kind) {
    case 'token':
      return tokenCredential(settings.token);
    case 'key-pair':
      return keyPairCredential(settings);
    case 'keyless': {
      const { audience, idTokenAvailable } = settings;
      const { deadline, secrets, log } = parts;
      log.line(`Exchanging GitHub's ID token at ${settings.stsEndpoint.host}`);
      return keylessCredential(
        { ...settings, durationSeconds: Math.max(MIN_DURATION_SECONDS, deadline.seconds) },
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
