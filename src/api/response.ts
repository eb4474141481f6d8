import { ApiError, TRANSIENT_STATUSES } from '../http/errors.ts';
import { parseRetryAfter } from '../http/retry-after.ts';
import { type HttpResponse, requestIdOf } from '../http/transport.ts';
import { findError, requestIdIn } from './api-error-body.ts';

// 'Busy, try again': HWS/intl/en-us/api-codecheck/ErrorCode.html lists the last two under HTTP 200.
const TRANSIENT_CODES: ReadonlySet<string> = new Set(['CC.00000000', 'CC.00050012', 'CC.00050014']);

/** What an answer of success says. */
export interface Success {
  /** The parsed body; undefined where it is empty. */
  readonly json: unknown;
  /** Empty where there is none. */
  readonly requestId: string;
}

/**
 * Takes an answer for success only where it is one: 2xx, and a body that is empty or JSON without
 * an error. A login page, a redirect or an error in the guise of HTTP 200 is none.
 *
 * @param now the wall clock, for `Retry-After`
 * @throws ApiError for everything else
 */
export function parseResponse(answer: HttpResponse, now: Date): Success {
  const { status, headers } = answer;
  const text = answer.body.trim();
  const json = parseJson(text);
  const success = status >= 200 && status < 300;
  const error = findError(json, !success);
  const requestId = requestIdOf(headers) || requestIdIn(json);

  if (status >= 300 && status < 400) {
    const target = headers.location === undefined ? '' : ` to ${withoutSecrets(headers.location)}`;
    throw new ApiError(
      `The host answered with a redirect${target}, which is not followed: it would carry the credential away`,
      { kind: 'redirect', status, requestId },
    );
  }
  if (success && error === undefined) {
    if (text === '' || json !== undefined) return { json, requestId };
    throw new ApiError(
      `The host answered with ${describeBody(text)} where the API answers with JSON`,
      {
        kind: 'not-json',
        status,
        requestId,
      },
    );
  }
  const code = error?.code ?? '';
  throw new ApiError(error?.message || fallbackMessage(text, json), {
    kind: 'api-error',
    status,
    code,
    requestId,
    // A refused credential ends the step, whatever code comes with it.
    transient: status !== 401 && (TRANSIENT_STATUSES.has(status) || TRANSIENT_CODES.has(code)),
    retryAfterMs: parseRetryAfter(headers['retry-after'], now),
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function fallbackMessage(text: string, json: unknown): string {
  if (text === '' || json !== undefined) return 'The API gave no reason';
  return isMarkup(text) ? 'The host answered with a web page, which gives no reason' : text;
}

function describeBody(text: string): string {
  return isMarkup(text) ? 'a web page' : 'text';
}

function isMarkup(text: string): boolean {
  return text.startsWith('<');
}

// A user before the host, and what follows the path, may be secret.
function withoutSecrets(location: string): string {
  return location.replace(/[?#].*$/s, '').replace(/^([a-z]*:?\/\/)[^/]*@/i, '$1');
}
