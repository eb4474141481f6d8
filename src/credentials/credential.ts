import type { HttpRequest } from '../http/transport.ts';

/** What proves to the API who asks. */
export interface Credential {
  /** What it is, for the log. */
  readonly name: string;
  /** What to do when the API says that it is no longer good. */
  readonly hint: string;

  /**
   * Adds the proof to a request.
   *
   * @param now the wall clock: a proof may be good for a few minutes only
   */
  authorize(request: HttpRequest, now: Date): HttpRequest;
}
