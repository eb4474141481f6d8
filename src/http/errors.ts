import { inspect } from 'node:util';

/** What went wrong with a request. */
export type ErrorKind =
  // A response arrived, and it is no success.
  | 'rejected'
  | 'redirect'
  | 'upgrade'
  | 'not-json'
  | 'invalid-response'
  // No response arrived, or not all of one.
  | 'host-not-found'
  | 'connection-refused'
  | 'unreachable'
  | 'connection-reset'
  | 'timeout'
  | 'cut-short'
  | 'too-long'
  | 'headers-too-long'
  | 'not-http'
  | 'tls'
  | 'certificate'
  | 'certificate-expired'
  | 'certificate-name'
  | 'certificate-unknown-ca'
  | 'certificate-intermediate'
  | 'proxy'
  | 'proxy-password-missing'
  | 'proxy-password-rejected'
  | 'deadline'
  | 'interrupted'
  | 'not-confirmed'
  // No request was sent.
  | 'id-token-permission'
  | 'unexpected';

/** The request that an error belongs to: advice differs between them. */
export type Operation = 'stop' | 'status' | 'start' | 'result' | 'id-token' | 'sts';

/** A later attempt makes sense after one of these HTTP statuses. 429 has rules of its own. */
export const TRANSIENT_STATUSES: ReadonlySet<number> = new Set([500, 502, 503, 504]);

interface ErrorDetails {
  readonly kind: ErrorKind;
  /** HTTP status of the response, or of the part of it that arrived; null without one. */
  readonly status?: number | null;
  /** The API's code as it was sent; empty without one. */
  readonly code?: string;
  /** `X-Request-Id`, or `request_id` in the body; empty without one. */
  readonly requestId?: string;
  /** Whether another attempt makes sense. */
  readonly transient?: boolean;
  /** What `Retry-After` asks for, in milliseconds from when it arrived. */
  readonly retryAfterMs?: number | undefined;
  /** Whether the host may have done what was asked, although no response says so. */
  readonly mayHaveHappened?: boolean;
  /** Whether a reused connection broke before the first byte of a response. */
  readonly staleConnection?: boolean;
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
  readonly staleConnection: boolean;
  #mayHaveHappened: boolean;
  #operation: Operation | undefined;
  #lastResponse: RequestError | undefined;

  constructor(message: string, details: ErrorDetails) {
    super(message, { cause: details.cause });
    this.kind = details.kind;
    this.status = details.status ?? null;
    this.code = details.code ?? '';
    this.requestId = details.requestId ?? '';
    this.transient = details.transient ?? false;
    this.retryAfterMs = details.retryAfterMs;
    this.staleConnection = details.staleConnection ?? false;
    this.#mayHaveHappened = details.mayHaveHappened ?? false;
  }

  /** Whether the host may have done what was asked, in this attempt or an earlier one. */
  get mayHaveHappened(): boolean {
    return this.#mayHaveHappened;
  }

  /** The request that this error belongs to; undefined before the client knows. */
  get operation(): Operation | undefined {
    return this.#operation;
  }

  /**
   * The error of the last attempt whose response arrived: this one, or an earlier one if this one
   * had none. Undefined if there was no response at all.
   */
  get lastResponse(): RequestError | undefined {
    return this.#lastResponse ?? (this.status === null ? undefined : this);
  }

  /**
   * Adds what is known of the whole request.
   *
   * @param earlier the error of the attempt before this one
   */
  within(operation: Operation, earlier: RequestError | undefined): this {
    this.#operation = operation;
    this.#mayHaveHappened ||= earlier?.mayHaveHappened ?? false;
    if (this.status === null) this.#lastResponse = earlier?.lastResponse;
    return this;
  }
}

/** A response arrived, and it is no success. */
export class ApiError extends RequestError {
  override readonly name = 'ApiError';
}

/** No response arrived, or not all of one. */
export class NetworkError extends RequestError {
  override readonly name = 'NetworkError';
}

/** The step ended before the request did: its time was up, or it was interrupted. */
export class DeadlineError extends RequestError {
  override readonly name = 'DeadlineError';
}

/** A fault of the action itself. */
export class UnexpectedError extends RequestError {
  override readonly name = 'UnexpectedError';

  constructor(cause: unknown) {
    super(`Unexpected error: ${errorMessage(cause)}`, { kind: 'unexpected', cause });
  }
}

/** The request was not sent, because of the error of another one. */
export class SkippedError extends RequestError {
  override readonly name = 'SkippedError';
  declare readonly cause: RequestError;

  /**
   * @param reason completes 'Not sent, because …'
   * @param cause the error of the other request
   */
  constructor(reason: string, cause: RequestError) {
    super(`Not sent, because ${reason}: ${cause.message}`, {
      kind: cause.kind,
      code: cause.code,
      cause,
    });
  }

  // Advice belongs to the request that failed.
  override get operation(): Operation | undefined {
    return this.cause.operation;
  }
}

/** Whether the API rejected the credential, to this request or to the one that it was skipped for. */
export function isCredentialRejected(error: RequestError): boolean {
  return (error instanceof SkippedError ? error.cause : error).status === 401;
}

/** The text of anything that can be thrown. */
export function errorMessage(error: unknown): string {
  if (error instanceof Error) return error.message || error.name;
  return typeof error === 'string' ? error : inspect(error);
}
