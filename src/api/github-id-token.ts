import type { Attempt, HttpClient } from '../http/client.ts';
import { NetworkError } from '../http/errors.ts';
import { asRecord } from './json.ts';
import { invalidResponse, parseResponse } from './response.ts';

export interface IdTokenOptions {
  readonly client: HttpClient;
  /** The variables by which GitHub lets a job request one; undefined if it does not. */
  readonly service: { readonly url: URL; readonly requestToken: string } | undefined;
  /** Undefined for GitHub's own default. */
  readonly audience: string | undefined;
  readonly retries: number;
  readonly onAttempt: (attempt: Attempt) => void;
}

/**
 * Requests the ID token of this job from GitHub, over the transport of all other requests, which has
 * one deadline and follows no redirect. https://docs.github.com/actions/reference/security/oidc
 *
 * @throws RequestError
 */
export async function requestIdToken(options: IdTokenOptions): Promise<string> {
  const { client, service, audience, retries, onAttempt } = options;
  if (service === undefined) {
    throw new NetworkError('GitHub gives this job no ID token', {
      kind: 'id-token-permission',
    }).within('id-token', undefined);
  }
  const url = new URL(service.url);
  if (audience !== undefined) url.searchParams.set('audience', audience);
  return client.send({
    operation: 'id-token',
    request: {
      method: 'GET',
      url,
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${service.requestToken}`,
        connection: 'close',
      },
      body: '',
    },
    authorize: (request) => request,
    parse: (response, now) => {
      const success = parseResponse(response, now);
      const idToken = asRecord(success.json)['value'];
      if (typeof idToken === 'string' && idToken !== '') return idToken;
      throw invalidResponse("'value' is missing", success);
    },
    retries,
    onAttempt,
  });
}
