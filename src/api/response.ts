import { ApiError, TRANSIENT_STATUSES } from '../http/errors.ts';
import { parseRetryAfter } from '../http/retry-after.ts';
import { type HttpResponse, requestIdOf } from '../http/transport.ts';
import { type ApiErrorBody, findError, requestIdIn } from './api-error-body.ts';
import { codeFacts } from './error-codes.ts';
import { asRecord, parseJson } from './json.ts';

/** A response of success. */
export interface Success {
  readonly status: number;
  /** The parsed body; undefined if it is empty. */
  readonly json: unknown;
  /** Empty without one. */
  readonly requestId: string;
}

/**
 * Accepts a response as success only if it is 2xx with a body that is empty or JSON without an error.
 * A login page, a redirect and an error under HTTP 200 are errors.
 *
 * @param now the wall clock, for `Retry-After`
 * @param options `innerStatus`: whether the body has an HTTP status of its own, `httpStatus`
 * @throws ApiError for everything else
 */
export function parseResponse(
  response: HttpResponse,
  now: Date,
  { innerStatus = false }: { readonly innerStatus?: boolean } = {},
): Success {
  const { status, headers } = response;
  const text = response.body.trim();
  const json = parseJson(text);
  const success = status >= 200 && status < 300;
  const error = findError(json, { errorStatus: !success, innerStatus });
  const requestId = requestIdOf(headers) || requestIdIn(json);

  if (status >= 300 && status < 400) {
    const target = headers.location === undefined ? '' : ` to ${withoutSecrets(headers.location)}`;
    throw new ApiError(
      `The host responded with a redirect${target}, which is not followed because it would carry the credential away`,
      { kind: 'redirect', status, requestId },
    );
  }
  if (success && error === undefined) {
    if (text === '' || json !== undefined) return { status, json, requestId };
    throw new ApiError(`The host responded with ${describeBody(text)} instead of JSON`, {
      kind: 'not-json',
      status,
      requestId,
      mayHaveHappened: true,
    });
  }
  throw rejection(response, error ?? { code: '', message: fallbackMessage(text, json) }, {
    requestId,
    retryAfterMs: parseRetryAfter(headers['retry-after'], now),
    innerError: innerStatus && asRecord(json)['httpStatus'] === 'INTERNAL_SERVER_ERROR',
  });
}

function rejection(
  { status }: HttpResponse,
  { code, message }: ApiErrorBody,
  details: {
    readonly requestId: string;
    readonly retryAfterMs: number | undefined;
    /** Whether the status in the body counts like a 500. */
    readonly innerError: boolean;
  },
): ApiError {
  const { requestId, retryAfterMs, innerError } = details;
  const transient =
    TRANSIENT_STATUSES.has(status) || innerError || codeFacts(code, message)?.transient === true;
  return new ApiError(message.trim() || 'The API gave no reason', {
    kind: 'rejected',
    status,
    code,
    requestId,
    // A rejected credential ends the step, even if its code would be retried.
    transient: transient && status !== 401,
    retryAfterMs,
    // A gateway that lost the service cannot tell what the service has done.
    mayHaveHappened: status === 502 || status === 504,
  });
}

/** The error of a response of success that lacks what the documentation promises. */
export function invalidResponse(what: string, { status, requestId }: Success): ApiError {
  return new ApiError(`Invalid response: ${what}`, {
    kind: 'invalid-response',
    status,
    requestId,
    mayHaveHappened: true,
  });
}

function fallbackMessage(text: string, json: unknown): string {
  if (text === '' || json !== undefined) return '';
  return isMarkup(text) ? `The host responded with ${describeBody(text)}` : text;
}

function describeBody(text: string): string {
  if (!isMarkup(text)) return 'text';
  // Without the second '<', a page of unclosed tags would take seconds to search.
  const [, title = ''] = /<title[^<>]*>(.*?)(?:<\/title|$)/is.exec(text) ?? [];
  const words = title.trim().replace(/\s+/g, ' ');
  return words === '' ? 'a web page' : `the web page '${words}'`;
}

function isMarkup(text: string): boolean {
  return text.startsWith('<');
}

// A user before the host, and what follows the path, may be secret. Backslashes count as slashes:
// https://url.spec.whatwg.org/#authority-state
function withoutSecrets(location: string): string {
  return location
    .replace(/[?#].*$/s, '')
    .replace(/^((?:[a-z][a-z0-9+.-]*:[\\/]*|[\\/]{2,}))[^\\/]*@/i, '$1');
}
