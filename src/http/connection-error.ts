import { inspect } from 'node:util';
import { type ErrorKind, NetworkError, TRANSIENT_STATUSES } from './errors.ts';

/** Where a request went, for the sentence about why it did not get there. */
export interface Route {
  /** Host and, where it is not the default, port. */
  readonly host: string;
  /** Host and port of the proxy on the way, without its user and password. */
  readonly proxy: string | undefined;
}

interface Cause {
  readonly kind: ErrorKind;
  readonly transient?: boolean;
  /** Completes 'The host h …'. */
  readonly sentence: string;
}

const RESET: Cause = { kind: 'reset', transient: true, sentence: 'reset the connection' };
const UNREACHABLE: Cause = { kind: 'unreachable', sentence: 'cannot be reached' };
const NOT_FOUND: Cause = { kind: 'host-not-found', sentence: 'was not found' };
const UNKNOWN_ISSUER: Cause = {
  kind: 'certificate',
  sentence: 'shows a certificate of an unknown authority',
};

// Codes of Node.js and OpenSSL: https://nodejs.org/api/errors.html#common-system-errors and
// https://nodejs.org/api/tls.html#x509-certificate-error-codes
const CAUSES: ReadonlyMap<string, Cause> = new Map([
  ['ENOTFOUND', NOT_FOUND],
  ['EAI_AGAIN', { ...NOT_FOUND, sentence: 'was not found: name resolution failed' }],
  ['ECONNREFUSED', { kind: 'refused', sentence: 'refused the connection' }],
  ['ECONNRESET', RESET],
  ['EPIPE', RESET],
  ['ETIMEDOUT', { kind: 'timeout', transient: true, sentence: 'did not answer in time' }],
  ['EHOSTUNREACH', UNREACHABLE],
  ['ENETUNREACH', UNREACHABLE],
  ['EADDRNOTAVAIL', UNREACHABLE],
  ['CERT_HAS_EXPIRED', { kind: 'certificate', sentence: 'shows an expired certificate' }],
  ['CERT_NOT_YET_VALID', { kind: 'certificate', sentence: 'shows a certificate of the future' }],
  [
    'ERR_TLS_CERT_ALTNAME_INVALID',
    { kind: 'certificate', sentence: 'shows the certificate of another name' },
  ],
  [
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    { kind: 'certificate', sentence: 'shows a self-signed certificate' },
  ],
  ['SELF_SIGNED_CERT_IN_CHAIN', UNKNOWN_ISSUER],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', UNKNOWN_ISSUER],
  ['UNABLE_TO_GET_ISSUER_CERT', UNKNOWN_ISSUER],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', UNKNOWN_ISSUER],
]);

// Families of codes that need one sentence only.
const FAMILIES: readonly (readonly [RegExp, Cause])[] = [
  [/^HPE_/, { kind: 'not-http', sentence: 'did not answer in HTTP' }],
  [/^(EPROTO|ERR_SSL_|ERR_TLS_)/, { kind: 'tls', sentence: 'could not agree on TLS' }],
  [
    /^(CERT_|CRL_|UNABLE_TO_|INVALID_|HOSTNAME_MISMATCH)/,
    { kind: 'certificate', sentence: 'shows a certificate that cannot be verified' },
  ],
];

/**
 * Says in a sentence why a request got no answer.
 *
 * @param error what http-client or Node.js threw
 * @param route where the request went
 */
export function connectionError(error: unknown, route: Route): NetworkError {
  return proxyError(error, route) ?? hostError(error, route);
}

function hostError(error: unknown, route: Route): NetworkError {
  const codes = errorCodes(error);
  // A host with several addresses fails with one error for each, and with no message. One that
  // refuses has been reached; one that there is no way to says nothing of the others.
  const code =
    codes.find((one) => causeOf(one)?.kind === 'refused') ??
    codes.find((one) => causeOf(one)?.transient) ??
    codes[0] ??
    '';
  const cause = causeOf(code) ?? {
    kind: 'other',
    sentence: `gave no answer: ${errorMessage(error)}`,
  };
  const suffix = code === '' ? '' : ` (${[...new Set(codes)].join(', ')})`;
  return new NetworkError(`The host ${route.host} ${cause.sentence}${suffix}`, {
    ...cause,
    cause: error,
  });
}

function causeOf(code: string): Cause | undefined {
  return CAUSES.get(code) ?? FAMILIES.find(([family]) => family.test(code))?.[1];
}

function errorCodes(error: unknown): string[] {
  const errors: unknown[] = error instanceof AggregateError ? error.errors : [error];
  return errors.flatMap((one) =>
    one instanceof Error && 'code' in one && typeof one.code === 'string' ? [one.code] : [],
  );
}

/** The text of anything that can be thrown. */
export function errorMessage(error: unknown): string {
  if (error instanceof Error) return error.message || error.name;
  return typeof error === 'string' ? error : inspect(error);
}

// http-client's tunnel gives every failure of a proxy the code ECONNRESET, and the status only in
// its text, so this is the one place where a text has to be read.
const TUNNEL = /^tunneling socket could not be established, (?:statusCode=(\d+)|cause=(.*))$/s;

function proxyError(error: unknown, route: Route): NetworkError | undefined {
  const match = route.proxy === undefined ? null : TUNNEL.exec(errorMessage(error));
  if (match === null) return undefined;
  const [, status, cause] = match;
  if (status === '407') {
    return new NetworkError(`The proxy ${route.proxy} asks for a user and a password (HTTP 407)`, {
      kind: 'proxy-password',
      cause: error,
    });
  }
  const why =
    status === undefined
      ? `cannot be used: ${cause}`
      : `refused to connect to ${route.host} (HTTP ${status})`;
  return new NetworkError(`The proxy ${route.proxy} ${why}`, {
    kind: 'proxy',
    // Nothing has been sent to the host.
    transient: TRANSIENT_STATUSES.has(Number(status)) || isTransientCause(cause),
    cause: error,
  });
}

function isTransientCause(cause = ''): boolean {
  // What Node.js calls an end of the connection before the answer, and gives the code ECONNRESET.
  if (cause === 'socket hang up') return true;
  const [, code = ''] = /\b(E[A-Z]+)\b/.exec(cause) ?? [];
  return causeOf(code)?.transient === true;
}
