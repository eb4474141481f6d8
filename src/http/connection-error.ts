import { type ErrorKind, errorMessage, NetworkError, TRANSIENT_STATUSES } from './errors.ts';
import { TunnelError } from './tunnel-agent.ts';

/** Where a request went. */
export interface Route {
  /** Host and, unless it is the default, port. */
  readonly host: string;
  /** Host and port of the proxy on the way, without its user and password. */
  readonly proxy: string | undefined;
}

/** What the transport knows of a request that got no response. */
export interface ConnectionFacts {
  readonly route: Route;
  /** Whether the request may have reached the host. */
  readonly mayHaveHappened: boolean;
  /** Whether a reused connection broke before the first byte of a response. */
  readonly staleConnection: boolean;
  /** Whether the host has responded earlier in this step. */
  readonly respondedBefore: boolean;
}

interface Cause {
  readonly kind: ErrorKind;
  readonly transient?: boolean;
  /** Completes 'The host h …'. */
  readonly sentence: string;
}

const RESET: Cause = {
  kind: 'connection-reset',
  transient: true,
  sentence: 'reset the connection',
};
const UNREACHABLE: Cause = { kind: 'unreachable', sentence: 'cannot be reached' };
const UNKNOWN_CA: Cause = {
  kind: 'certificate-unknown-ca',
  sentence: 'presented a certificate from an unknown CA',
};

// Codes of Node.js and OpenSSL: https://nodejs.org/api/errors.html#common-system-errors and
// https://nodejs.org/api/tls.html#x509-certificate-error-codes
const CAUSES: ReadonlyMap<string, Cause> = new Map([
  ['ENOTFOUND', { kind: 'host-not-found', sentence: 'was not found' }],
  [
    'EAI_AGAIN',
    {
      kind: 'host-not-found',
      transient: true,
      sentence: 'could not be looked up: the name server is unavailable',
    },
  ],
  ['ECONNREFUSED', { kind: 'connection-refused', sentence: 'refused the connection' }],
  ['ECONNRESET', RESET],
  ['EPIPE', RESET],
  ['ETIMEDOUT', { kind: 'timeout', transient: true, sentence: 'did not respond in time' }],
  ['EHOSTUNREACH', UNREACHABLE],
  ['ENETUNREACH', UNREACHABLE],
  ['EADDRNOTAVAIL', UNREACHABLE],
  [
    'HPE_HEADER_OVERFLOW',
    { kind: 'headers-too-long', sentence: 'sent response headers longer than 16 KiB' },
  ],
  [
    'CERT_HAS_EXPIRED',
    { kind: 'certificate-expired', sentence: 'presented an expired certificate' },
  ],
  [
    'CERT_NOT_YET_VALID',
    { kind: 'certificate-expired', sentence: 'presented a certificate that is not valid yet' },
  ],
  [
    'ERR_TLS_CERT_ALTNAME_INVALID',
    { kind: 'certificate-name', sentence: 'presented a certificate for another name' },
  ],
  [
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    {
      kind: 'certificate-intermediate',
      sentence: 'presented a certificate without its intermediate, or from an unknown CA',
    },
  ],
  [
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    { ...UNKNOWN_CA, sentence: 'presented a self-signed certificate' },
  ],
  ['SELF_SIGNED_CERT_IN_CHAIN', UNKNOWN_CA],
  ['UNABLE_TO_GET_ISSUER_CERT', UNKNOWN_CA],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', UNKNOWN_CA],
]);

// Families of codes that need one sentence only.
const FAMILIES: readonly (readonly [RegExp, Cause])[] = [
  [/^HPE_/, { kind: 'not-http', sentence: 'did not respond in HTTP' }],
  [/^(EPROTO|ERR_SSL_|ERR_TLS_)/, { kind: 'tls', sentence: 'could not agree on TLS' }],
  [
    /^(CERT_|CRL_|UNABLE_TO_|INVALID_|HOSTNAME_MISMATCH)/,
    { kind: 'certificate', sentence: 'presented a certificate that cannot be verified' },
  ],
];

/**
 * Says in a sentence why a request got no response.
 *
 * @param error what http-client, Node.js or the tunnel threw
 */
export function connectionError(error: unknown, facts: ConnectionFacts): NetworkError {
  return error instanceof TunnelError ? proxyError(error, facts) : hostError(error, facts);
}

function hostError(error: unknown, facts: ConnectionFacts): NetworkError {
  const codes = errorCodes(error);
  const { code, cause } = explain(codes, error);
  const suffix = code === '' ? '' : ` (${codes.join(', ')})`;
  return new NetworkError(`The host ${facts.route.host} ${cause.sentence}${suffix}`, {
    kind: cause.kind,
    transient: isTransient(cause, facts),
    staleConnection: facts.staleConnection && cause === RESET,
    mayHaveHappened: facts.mayHaveHappened,
    cause: error,
  });
}

// A host that has responded before is being restarted, or the proxy on the way to it.
function isTransient({ kind, transient }: Cause, { respondedBefore }: ConnectionFacts): boolean {
  return transient === true || (kind === 'connection-refused' && respondedBefore);
}

function proxyError(error: TunnelError, facts: ConnectionFacts): NetworkError {
  const { route } = facts;
  const { status, hadPassword } = error;
  if (status === 407) {
    return hadPassword
      ? new NetworkError(`The proxy ${route.proxy} rejected the user or the password (HTTP 407)`, {
          kind: 'proxy-password-rejected',
          cause: error,
        })
      : new NetworkError(`The proxy ${route.proxy} requires a user and a password (HTTP 407)`, {
          kind: 'proxy-password-missing',
          cause: error,
        });
  }
  if (status !== null) {
    return new NetworkError(
      `The proxy ${route.proxy} denied the connection to ${route.host} (HTTP ${status})`,
      { kind: 'proxy', transient: status === 429 || TRANSIENT_STATUSES.has(status), cause: error },
    );
  }
  const codes = errorCodes(error.cause);
  const { code, cause } = explain(codes, error.cause);
  const suffix = code === '' ? '' : ` (${codes.join(', ')})`;
  return new NetworkError(`The proxy ${route.proxy} ${cause.sentence}${suffix}`, {
    kind: 'proxy',
    transient: isTransient(cause, facts),
    cause: error,
  });
}

function explain(codes: readonly string[], error: unknown): { code: string; cause: Cause } {
  // A host with several addresses fails with one error for each. One that refuses has been reached;
  // one that there is no way to tells nothing of the others.
  const code =
    codes.find((one) => causeOf(one)?.kind === 'connection-refused') ??
    codes.find((one) => causeOf(one)?.transient) ??
    codes[0] ??
    '';
  const cause = causeOf(code) ?? {
    kind: 'unexpected',
    sentence: `gave no response: ${errorMessage(error)}`,
  };
  return { code, cause };
}

function causeOf(code: string): Cause | undefined {
  return CAUSES.get(code) ?? FAMILIES.find(([family]) => family.test(code))?.[1];
}

function errorCodes(error: unknown): string[] {
  const errors: unknown[] = error instanceof AggregateError ? error.errors : [error];
  const codes = errors.flatMap((one) =>
    one instanceof Error && 'code' in one && typeof one.code === 'string' ? [one.code] : [],
  );
  return [...new Set(codes)];
}
