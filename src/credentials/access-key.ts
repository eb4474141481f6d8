import type { Credential } from './credential.ts';
import { sign } from './sdk-hmac-sha256.ts';

export interface AccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** With a temporary key pair. */
  readonly securityToken?: string | undefined;
  /** The IAM project, where it is not the one that the API takes by default. */
  readonly projectId?: string | undefined;
}

/** A key pair, permanent or temporary: each request is signed, the secret key is never sent. */
export function accessKeyCredential(keys: AccessKey): Credential {
  return {
    name: 'a key pair',
    hint: 'Check access-key-id and secret-access-key; a temporary key pair expires.',
    authorize: (request, now) => {
      const headers = {
        ...request.headers,
        ...(keys.projectId === undefined ? {} : { 'x-project-id': keys.projectId }),
        ...(keys.securityToken === undefined ? {} : { 'x-security-token': keys.securityToken }),
      };
      return { ...request, headers: sign({ ...request, headers }, keys, now) };
    },
  };
}
