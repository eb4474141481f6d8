import type { Credential } from './credential.ts';

/** An IAM user token, as it is: HWS/api-iam/iam_30_0001.html. It is valid for 24 hours. */
export function tokenCredential(token: string): Credential {
  return {
    hint: 'A token is valid for 24 hours: obtain it in the job that uses it, or use an access key (access-key-id, secret-access-key).',
    hasExpired: () => false,
    authorize: (request) => ({
      ...request,
      headers: { ...request.headers, 'x-auth-token': token },
    }),
  };
}
