import type { HttpRequest } from '../http/transport.ts';

/** Proves to the API who sends a request. */
export interface Credential {
  /** What to do if the API no longer accepts it. */
  readonly hint: string;

  /** Whether it was valid for a time that is over, and can be requested again. */
  hasExpired(now: Date): boolean;

  /**
   * Adds the proof to a request.
   *
   * @param now the wall clock: a signature is valid for a few minutes only
   */
  authorize(request: HttpRequest, now: Date): HttpRequest;
}
