import { getIDToken } from '@actions/core';
import type { Deadline } from '../deadline.ts';
import { errorMessage } from '../http/connection-error.ts';
import { NetworkError } from '../http/errors.ts';
import { deadlineError } from '../http/transport.ts';
import { abortable } from '../until-aborted.ts';

/**
 * Asks GitHub for the ID token of this job:
 * https://docs.github.com/actions/concepts/security/openid-connect
 *
 * @param audience undefined: GitHub's own default
 * @param available whether the job may ask for one
 * @throws NetworkError when there is none, or not before the deadline
 */
export async function githubIdToken(
  audience: string | undefined,
  available: boolean,
  deadline: Deadline,
): Promise<string> {
  if (!available) {
    throw new NetworkError('GitHub gives this job no ID token', { kind: 'id-token' });
  }
  try {
    const idToken: unknown = await abortable(getIDToken(audience), deadline.signal);
    if (typeof idToken === 'string') return idToken;
    throw new Error('its answer holds none');
  } catch (error) {
    if (deadline.signal.aborted) throw deadlineError(deadline, error);
    throw new NetworkError(`GitHub gave no ID token: ${errorMessage(error)}`, {
      kind: 'other',
      cause: error,
    });
  }
}
