import { getIDToken } from '@actions/core';
import type { Deadline } from '../deadline.ts';
import { errorText } from '../http/connection-error.ts';
import { NoAnswer } from '../http/failures.ts';
import { deadlineFailure } from '../http/transport.ts';
import { untilAborted } from '../until-aborted.ts';

/**
 * Asks GitHub for the ID token of this job:
 * https://docs.github.com/actions/concepts/security/openid-connect
 *
 * @param audience undefined: GitHub's own default
 * @param available whether the job may ask for one
 * @throws NoAnswer when there is none, or not before the deadline
 */
export async function githubIdToken(
  audience: string | undefined,
  available: boolean,
  deadline: Deadline,
): Promise<string> {
  if (!available) {
    throw new NoAnswer('GitHub gives this job no ID token', { kind: 'id-token' });
  }
  try {
    const idToken: unknown = await untilAborted(getIDToken(audience), deadline.signal);
    if (typeof idToken === 'string') return idToken;
    throw new Error('its answer holds none');
  } catch (error) {
    if (deadline.signal.aborted) throw deadlineFailure(deadline, error);
    throw new NoAnswer(`GitHub gave no ID token: ${errorText(error)}`, {
      kind: 'other',
      cause: error,
    });
  }
}
