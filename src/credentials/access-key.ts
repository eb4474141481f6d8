import type { Credential } from './credential.ts';
import { type SigningKey, sign } from './sdk-hmac-sha256.ts';

export interface AccessKey extends SigningKey {
  /** Of a temporary access key. */
  readonly securityToken: string | undefined;
  /** The IAM project; undefined for the default of the API. */
  readonly projectId: string | undefined;
}

/** An access key, permanent or temporary: each request is signed, the secret key is never sent. */
export function accessKeyCredential(key: AccessKey): Credential {
  return {
    hint: 'Check access-key-id and secret-access-key; a temporary access key expires.',
    hasExpired: () => false,
    authorize: (request, now) => {
      const headers = {
        ...request.headers,
        ...(key.projectId === undefined ? {} : { 'x-project-id': key.projectId }),
        ...(key.securityToken === undefined ? {} : { 'x-security-token': key.securityToken }),
      };
      return { ...request, headers: sign({ ...request, headers }, key, now) };
    },
  };
}
