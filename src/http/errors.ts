/** What went wrong, for whoever has to say what to do about it. */
export type ErrorKind =
  // answered, and refused
  | 'api-error'
  | 'redirect'
  | 'not-json'
  // not answered, or not to the end
  | 'host-not-found'
  | 'refused'
  | 'unreachable'
  | 'reset'
  | 'timeout'
  | 'certificate'
  | 'tls'
  | 'not-http'
  | 'proxy'
  | 'proxy-password'
  | 'cut-short'
  | 'too-long'
  | 'deadline'
  // never sent
  | 'not-sent'
  | 'id-token'
  | 'other';

/** After an HTTP status of these, of a host or of a proxy, another attempt makes sense. */
export const TRANSIENT_STATUSES: ReadonlySet<number> = new Set([429, 500, 502, 503, 504]);

interface ErrorDetails {
  readonly kind: ErrorKind;
  /** HTTP status of the answer; null where there was none. */
  readonly status?: number | null;
  /** The API's code, as it sent it; empty where it sent none. */
  readonly code?: string;
  /** `X-Request-Id`, or `request_id` in the body; empty where there was none. */
  readonly requestId?: string;
  /** Whether another attempt makes sense. */
  readonly transient?: boolean;
  /** What `Retry-After` asks for, in milliseconds from when it was received. */
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** A request that did not succeed. Its message is the API's own, or a sentence of ours. */
export abstract class RequestError extends Error {
  readonly kind: ErrorKind;
  readonly status: number | null;
  readonly code: string;
  readonly requestId: string;
  readonly transient: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, details: ErrorDetails) {
    super(message, { cause: details.cause });
    this.kind = details.kind;
    this.status = details.status ?? null;
    this.code = details.code ?? '';
    this.requestId = details.requestId ?? '';
    this.transient = details.transient ?? false;
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** The API answered, and what it said is not success. */
export class ApiError extends RequestError {
  override readonly name = 'ApiError';
}

/** There was no answer, or not all of one. */
export class NetworkError extends RequestError {
  override readonly name = 'NetworkError';
}

/** The request was not sent, because of what became of another one. */
export class SkippedError extends RequestError {
  override readonly name = 'SkippedError';
  /** What became of the other one. */
  declare readonly cause: RequestError;

  /**
   * @param reason completes 'Not sent, because …'
   * @param because the failure of the other one
   */
  constructor(reason: string, because: RequestError) {
    super(`Not sent, because ${reason}: ${because.message}`, {
      kind: because.kind,
      code: because.code,
      cause: because,
    });
  }

  /** Whether the other one was refused its credential, which no later request gets around. */
  get refusedCredential(): boolean {
    return this.cause.status === 401;
  }
}
