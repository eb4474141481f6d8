import type { CredentialInputs } from '../inputs/credentials.ts';
import { accessKeyCredential } from './access-key.ts';
import type { Credential } from './credential.ts';
import { type OidcDeps, oidcCredential } from './oidc.ts';
import { tokenCredential } from './token.ts';

/**
 * Makes a credential of what the inputs give.
 *
 * @throws RequestError if it has to be requested, and is denied
 */
export async function createCredential(
  inputs: CredentialInputs,
  deps: OidcDeps,
): Promise<Credential> {
  switch (inputs.kind) {
    case 'token':
      return tokenCredential(inputs.token);
    case 'access-key':
      return accessKeyCredential(inputs);
    case 'oidc':
      return oidcCredential(inputs, deps);
  }
}
