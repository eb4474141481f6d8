import type { Credential } from './credential.ts';

/** An IAM user token, as it is: HWS/api-iam/iam_30_0001.html. It lives 24 hours. */
export function tokenCredential(token: string): Credential {
  return {
    name: 'a token',
    hint: 'A token lives 24 hours: obtain it in the job that uses it, or use a key pair (access-key-id, secret-access-key).',
    authorize: (request) => ({
      ...request,
      headers: { ...request.headers, 'x-auth-token': token },
    }),
  };
}
