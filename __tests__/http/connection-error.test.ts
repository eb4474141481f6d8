import { describe, expect, test } from '@jest/globals';
import { type ConnectionFacts, connectionError } from '../../src/http/connection-error.ts';
import { NetworkError } from '../../src/http/errors.ts';
import { TunnelError } from '../../src/http/tunnel-agent.ts';

const HOST = 'codearts-check.example.com';
const PROXY = 'proxy.example.com:3128';
const DIRECT: ConnectionFacts = {
  route: { host: HOST, proxy: undefined },
  mayHaveHappened: false,
  staleConnection: false,
  respondedBefore: false,
};
const PROXIED: ConnectionFacts = { ...DIRECT, route: { host: HOST, proxy: PROXY } };

function nodeError(code: string, message = `what Node.js says of ${code}`): Error {
  return Object.assign(new Error(message), { code });
}

describe('an error of a connection', () => {
  const UNKNOWN_CA = 'presented a certificate from an unknown CA';
  const UNVERIFIED = 'presented a certificate that cannot be verified';

  test.each([
    ['ENOTFOUND', 'host-not-found', false, 'was not found'],
    ['EAI_AGAIN', 'host-not-found', true, 'could not be looked up: the name server is unavailable'],
    ['ECONNREFUSED', 'connection-refused', false, 'refused the connection'],
    ['ECONNRESET', 'connection-reset', true, 'reset the connection'],
    ['EPIPE', 'connection-reset', true, 'reset the connection'],
    ['ETIMEDOUT', 'timeout', true, 'did not respond in time'],
    ['EHOSTUNREACH', 'unreachable', false, 'cannot be reached'],
    ['ENETUNREACH', 'unreachable', false, 'cannot be reached'],
    ['EADDRNOTAVAIL', 'unreachable', false, 'cannot be reached'],
    ['HPE_HEADER_OVERFLOW', 'headers-too-long', false, 'sent response headers longer than 16 KiB'],
    ['HPE_INVALID_CONSTANT', 'not-http', false, 'did not respond in HTTP'],
    ['CERT_HAS_EXPIRED', 'certificate-expired', false, 'presented an expired certificate'],
    [
      'CERT_NOT_YET_VALID',
      'certificate-expired',
      false,
      'presented a certificate that is not valid yet',
    ],
    [
      'ERR_TLS_CERT_ALTNAME_INVALID',
      'certificate-name',
      false,
      'presented a certificate for another name',
    ],
    [
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'certificate-intermediate',
      false,
      'presented a certificate without its intermediate, or from an unknown CA',
    ],
    [
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'certificate-unknown-ca',
      false,
      'presented a self-signed certificate',
    ],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'certificate-unknown-ca', false, UNKNOWN_CA],
    ['UNABLE_TO_GET_ISSUER_CERT', 'certificate-unknown-ca', false, UNKNOWN_CA],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'certificate-unknown-ca', false, UNKNOWN_CA],
    ['CERT_REVOKED', 'certificate', false, UNVERIFIED],
    ['CRL_HAS_EXPIRED', 'certificate', false, UNVERIFIED],
    ['UNABLE_TO_GET_CRL', 'certificate', false, UNVERIFIED],
    ['INVALID_CA', 'certificate', false, UNVERIFIED],
    ['HOSTNAME_MISMATCH', 'certificate', false, UNVERIFIED],
    ['EPROTO', 'tls', false, 'could not agree on TLS'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls', false, 'could not agree on TLS'],
    ['ERR_TLS_PROTOCOL_VERSION_CONFLICT', 'tls', false, 'could not agree on TLS'],
  ])('with the code %s is of kind %s, transient: %s', (code, kind, transient, sentence) => {
    const cause = nodeError(code);
    const error = connectionError(cause, DIRECT);
    expect(error).toBeInstanceOf(NetworkError);
    expect(error).toMatchObject({
      kind,
      transient,
      message: `The host ${HOST} ${sentence} (${code})`,
      status: null,
      code: '',
      requestId: '',
      mayHaveHappened: false,
      staleConnection: false,
      cause,
    });
  });

  test.each([
    ['an unknown code', nodeError('EWHATEVER', 'whatever'), 'whatever (EWHATEVER)'],
    [
      'a known code in the middle of another',
      nodeError('X_HPE_EPROTO', 'whatever'),
      'whatever (X_HPE_EPROTO)',
    ],
    ['no code', new Error('whatever'), 'whatever'],
    ['a code that is not a string', Object.assign(new Error('whatever'), { code: 5 }), 'whatever'],
    ['no message', new RangeError(''), 'RangeError'],
    ['a string instead of an error', 'whatever', 'whatever'],
    ['nothing at all', undefined, 'undefined'],
    ['a code but no error', { code: 'ECONNRESET' }, "{ code: 'ECONNRESET' }"],
    ['no errors in it', new AggregateError([], 'none of them'), 'none of them'],
  ])('with %s is final, and is quoted', (_, cause, words) => {
    expect(connectionError(cause, DIRECT)).toMatchObject({
      kind: 'unexpected',
      transient: false,
      message: `The host ${HOST} gave no response: ${words}`,
      cause,
    });
  });

  test.each([true, false])('says whether the request may have reached the host: %s', (expected) => {
    const facts = { ...DIRECT, mayHaveHappened: expected };
    expect(connectionError(nodeError('ECONNRESET'), facts).mayHaveHappened).toBe(expected);
  });
});

describe('a stale connection', () => {
  test.each([
    ['ECONNRESET', true],
    ['EPIPE', true],
    ['ETIMEDOUT', false],
    ['HPE_INVALID_CONSTANT', false],
    ['EWHATEVER', false],
  ])('was reset, as %s says: %s', (code, expected) => {
    const facts = { ...DIRECT, staleConnection: true };
    expect(connectionError(nodeError(code), facts).staleConnection).toBe(expected);
  });
});

describe('a host that has responded before', () => {
  const facts = { ...DIRECT, respondedBefore: true };

  test.each([
    ['ECONNREFUSED', true],
    ['ENOTFOUND', false],
    ['EHOSTUNREACH', false],
    ['CERT_HAS_EXPIRED', false],
    ['EWHATEVER', false],
  ])('is being restarted, as %s says: %s', (code, transient) => {
    expect(connectionError(nodeError(code), facts).transient).toBe(transient);
  });

  test('is being restarted if one of its addresses refuses', () => {
    const cause = new AggregateError([nodeError('ENETUNREACH'), nodeError('ECONNREFUSED')]);
    expect(connectionError(cause, facts)).toMatchObject({
      kind: 'connection-refused',
      transient: true,
    });
  });
});

describe('a host with several addresses', () => {
  test.each([
    [
      ['ECONNREFUSED', 'ECONNREFUSED'],
      'connection-refused',
      false,
      'refused the connection (ECONNREFUSED)',
    ],
    [['ETIMEDOUT', 'ETIMEDOUT'], 'timeout', true, 'did not respond in time (ETIMEDOUT)'],
    [
      ['ETIMEDOUT', 'ECONNRESET'],
      'timeout',
      true,
      'did not respond in time (ETIMEDOUT, ECONNRESET)',
    ],
    [
      ['ETIMEDOUT', 'ECONNREFUSED'],
      'connection-refused',
      false,
      'refused the connection (ETIMEDOUT, ECONNREFUSED)',
    ],
    [
      ['ENETUNREACH', 'ECONNRESET', 'ECONNREFUSED'],
      'connection-refused',
      false,
      'refused the connection (ENETUNREACH, ECONNRESET, ECONNREFUSED)',
    ],
    [
      ['ENETUNREACH', 'EADDRNOTAVAIL'],
      'unreachable',
      false,
      'cannot be reached (ENETUNREACH, EADDRNOTAVAIL)',
    ],
    [
      ['CERT_HAS_EXPIRED', 'ENETUNREACH'],
      'certificate-expired',
      false,
      'presented an expired certificate (CERT_HAS_EXPIRED, ENETUNREACH)',
    ],
    [['EWHATEVER', 'EPIPE'], 'connection-reset', true, 'reset the connection (EWHATEVER, EPIPE)'],
    // A machine without IPv6 has no route to half of the addresses of many hosts.
    [
      ['ENETUNREACH', 'ETIMEDOUT'],
      'timeout',
      true,
      'did not respond in time (ENETUNREACH, ETIMEDOUT)',
    ],
    [
      ['ETIMEDOUT', 'EADDRNOTAVAIL'],
      'timeout',
      true,
      'did not respond in time (ETIMEDOUT, EADDRNOTAVAIL)',
    ],
    [
      ['EHOSTUNREACH', 'ECONNRESET'],
      'connection-reset',
      true,
      'reset the connection (EHOSTUNREACH, ECONNRESET)',
    ],
  ])('all of which fail, with %j, has one sentence', (codes, kind, transient, words) => {
    const cause = new AggregateError(codes.map((code) => nodeError(code)));
    expect(connectionError(cause, DIRECT)).toMatchObject({
      kind,
      transient,
      message: `The host ${HOST} ${words}`,
      cause,
    });
  });

  test('is judged by the errors that have a code', () => {
    const cause = new AggregateError([new Error('no code'), 'no error', nodeError('ECONNRESET')]);
    expect(connectionError(cause, DIRECT)).toMatchObject({
      kind: 'connection-reset',
      transient: true,
    });
  });
});

describe('a proxy', () => {
  const rejects = (status: number, hadPassword = false) => new TunnelError({ status, hadPassword });
  const fails = (cause: unknown) => new TunnelError({ status: null, hadPassword: false, cause });

  test.each([
    [false, 'proxy-password-missing', 'requires a user and a password (HTTP 407)'],
    [true, 'proxy-password-rejected', 'rejected the user or the password (HTTP 407)'],
  ])('that responds with HTTP 407, given a password: %s', (hadPassword, kind, words) => {
    const cause = rejects(407, hadPassword);
    expect(connectionError(cause, PROXIED)).toMatchObject({
      kind,
      transient: false,
      status: null,
      message: `The proxy ${PROXY} ${words}`,
      cause,
    });
  });

  test.each([
    [400, false],
    [403, false],
    [404, false],
    [429, true],
    [500, true],
    [502, true],
    [503, true],
    [504, true],
  ])('that denies the connection with HTTP %i is final or transient: %s', (status, transient) => {
    const cause = rejects(status, true);
    expect(connectionError(cause, PROXIED)).toMatchObject({
      kind: 'proxy',
      transient,
      status: null,
      message: `The proxy ${PROXY} denied the connection to ${HOST} (HTTP ${status})`,
      cause,
    });
  });

  test.each([
    ['ECONNREFUSED', false, 'refused the connection (ECONNREFUSED)'],
    ['ENOTFOUND', false, 'was not found (ENOTFOUND)'],
    ['EAI_AGAIN', true, 'could not be looked up: the name server is unavailable (EAI_AGAIN)'],
    ['ECONNRESET', true, 'reset the connection (ECONNRESET)'],
    ['EPIPE', true, 'reset the connection (EPIPE)'],
    ['ETIMEDOUT', true, 'did not respond in time (ETIMEDOUT)'],
    ['CERT_HAS_EXPIRED', false, 'presented an expired certificate (CERT_HAS_EXPIRED)'],
    ['HPE_INVALID_CONSTANT', false, 'did not respond in HTTP (HPE_INVALID_CONSTANT)'],
    ['EWHATEVER', false, 'gave no response: what Node.js says of EWHATEVER (EWHATEVER)'],
  ])('that fails with the code %s is transient: %s', (code, transient, words) => {
    const cause = fails(nodeError(code));
    expect(connectionError(cause, PROXIED)).toMatchObject({
      kind: 'proxy',
      transient,
      status: null,
      message: `The proxy ${PROXY} ${words}`,
      cause,
    });
  });

  test('that fails without a code is quoted', () => {
    expect(connectionError(fails(new Error('whatever')), PROXIED)).toMatchObject({
      kind: 'proxy',
      transient: false,
      message: `The proxy ${PROXY} gave no response: whatever`,
    });
  });

  test('that refuses the connection is being restarted if the host has responded before', () => {
    const facts = { ...PROXIED, respondedBefore: true };
    expect(connectionError(fails(nodeError('ECONNREFUSED')), facts).transient).toBe(true);
    expect(connectionError(fails(nodeError('ENOTFOUND')), facts).transient).toBe(false);
  });

  test.each([rejects(502), rejects(407), fails(nodeError('ECONNRESET'))])(
    'has passed nothing on, and has no stale connection: %p',
    (cause) => {
      const facts = { ...PROXIED, mayHaveHappened: true, staleConnection: true };
      expect(connectionError(cause, facts)).toMatchObject({
        mayHaveHappened: false,
        staleConnection: false,
      });
    },
  );

  test('is not blamed for what the host does', () => {
    expect(connectionError(nodeError('ECONNRESET'), PROXIED)).toMatchObject({
      kind: 'connection-reset',
      message: `The host ${HOST} reset the connection (ECONNRESET)`,
    });
  });
});
