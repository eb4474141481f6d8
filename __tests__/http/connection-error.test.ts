import { describe, expect, test } from '@jest/globals';
import { connectionError, errorMessage } from '../../src/http/connection-error.ts';
import { NetworkError } from '../../src/http/errors.ts';

const HOST = 'codearts-check.example.com';
const DIRECT = { host: HOST, proxy: undefined };
const PROXIED = { host: HOST, proxy: 'proxy.example.com:3128' };

function nodeError(code: string, message = `what Node.js says of ${code}`): Error {
  return Object.assign(new Error(message), { code });
}

describe('an error of a connection', () => {
  test.each([
    ['ENOTFOUND', 'host-not-found', false, 'was not found'],
    ['EAI_AGAIN', 'host-not-found', false, 'was not found: name resolution failed'],
    ['ECONNREFUSED', 'refused', false, 'refused the connection'],
    ['ECONNRESET', 'reset', true, 'reset the connection'],
    ['EPIPE', 'reset', true, 'reset the connection'],
    ['ETIMEDOUT', 'timeout', true, 'did not answer in time'],
    ['EHOSTUNREACH', 'unreachable', false, 'cannot be reached'],
    ['ENETUNREACH', 'unreachable', false, 'cannot be reached'],
    ['EADDRNOTAVAIL', 'unreachable', false, 'cannot be reached'],
    ['CERT_HAS_EXPIRED', 'certificate', false, 'shows an expired certificate'],
    ['CERT_NOT_YET_VALID', 'certificate', false, 'shows a certificate of the future'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'certificate', false, 'shows the certificate of another name'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'certificate', false, 'shows a self-signed certificate'],
    [
      'SELF_SIGNED_CERT_IN_CHAIN',
      'certificate',
      false,
      'shows a certificate of an unknown authority',
    ],
    [
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'certificate',
      false,
      'shows a certificate of an unknown authority',
    ],
    [
      'UNABLE_TO_GET_ISSUER_CERT',
      'certificate',
      false,
      'shows a certificate of an unknown authority',
    ],
    [
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      'certificate',
      false,
      'shows a certificate of an unknown authority',
    ],
    ['CERT_REVOKED', 'certificate', false, 'shows a certificate that cannot be verified'],
    ['CRL_HAS_EXPIRED', 'certificate', false, 'shows a certificate that cannot be verified'],
    ['UNABLE_TO_GET_CRL', 'certificate', false, 'shows a certificate that cannot be verified'],
    ['INVALID_CA', 'certificate', false, 'shows a certificate that cannot be verified'],
    ['HOSTNAME_MISMATCH', 'certificate', false, 'shows a certificate that cannot be verified'],
    ['EPROTO', 'tls', false, 'could not agree on TLS'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls', false, 'could not agree on TLS'],
    ['ERR_TLS_PROTOCOL_VERSION_CONFLICT', 'tls', false, 'could not agree on TLS'],
    ['HPE_INVALID_CONSTANT', 'not-http', false, 'did not answer in HTTP'],
  ])('%s is told as %s, to be tried again: %s', (code, kind, transient, sentence) => {
    const error = nodeError(code);
    const failure = connectionError(error, DIRECT);
    expect(failure).toBeInstanceOf(NetworkError);
    expect(failure).toMatchObject({
      kind,
      transient,
      message: `The host ${HOST} ${sentence} (${code})`,
      status: null,
      code: '',
      requestId: '',
      cause: error,
    });
  });

  test.each([
    ['an unknown code', nodeError('EWHATEVER', 'whatever'), 'whatever (EWHATEVER)'],
    [
      'a code in the midst of another',
      nodeError('X_HPE_EPROTO', 'whatever'),
      'whatever (X_HPE_EPROTO)',
    ],
    ['no code', new Error('whatever'), 'whatever'],
    ['a code that is no text', Object.assign(new Error('whatever'), { code: 5 }), 'whatever'],
    ['no message', new RangeError(''), 'RangeError'],
    ['a text instead of an error', 'whatever', 'whatever'],
    ['nothing at all', undefined, 'undefined'],
    ['an object with a code that is no error', { code: 'ECONNRESET' }, "{ code: 'ECONNRESET' }"],
    ['no errors under it', new AggregateError([], 'none of them'), 'none of them'],
  ])('with %s is told in its own words, and is final', (_, error, words) => {
    expect(connectionError(error, DIRECT)).toMatchObject({
      kind: 'other',
      transient: false,
      message: `The host ${HOST} gave no answer: ${words}`,
      cause: error,
    });
  });
});

describe('a host with several addresses', () => {
  test.each([
    [['ECONNREFUSED', 'ECONNREFUSED'], 'refused', false, 'refused the connection (ECONNREFUSED)'],
    [['ETIMEDOUT', 'ETIMEDOUT'], 'timeout', true, 'did not answer in time (ETIMEDOUT)'],
    [
      ['ETIMEDOUT', 'ECONNRESET'],
      'timeout',
      true,
      'did not answer in time (ETIMEDOUT, ECONNRESET)',
    ],
    [
      ['ETIMEDOUT', 'ECONNREFUSED'],
      'refused',
      false,
      'refused the connection (ETIMEDOUT, ECONNREFUSED)',
    ],
    [
      ['ENETUNREACH', 'ECONNRESET', 'ECONNREFUSED'],
      'refused',
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
      'certificate',
      false,
      'shows an expired certificate (CERT_HAS_EXPIRED, ENETUNREACH)',
    ],
    [['EWHATEVER', 'EPIPE'], 'reset', true, 'reset the connection (EWHATEVER, EPIPE)'],
  ])('of which each fails, with %j, is told in one sentence', (codes, kind, transient, words) => {
    const error = new AggregateError(codes.map((code) => nodeError(code)));
    expect(connectionError(error, DIRECT)).toMatchObject({
      kind,
      transient,
      message: `The host ${HOST} ${words}`,
      cause: error,
    });
  });

  // A machine without IPv6 has no way to half of the addresses of many a host.
  test.each([
    [
      ['ENETUNREACH', 'ETIMEDOUT'],
      'timeout',
      true,
      'did not answer in time (ENETUNREACH, ETIMEDOUT)',
    ],
    [
      ['ETIMEDOUT', 'EADDRNOTAVAIL'],
      'timeout',
      true,
      'did not answer in time (ETIMEDOUT, EADDRNOTAVAIL)',
    ],
    [
      ['EHOSTUNREACH', 'ECONNRESET'],
      'reset',
      true,
      'reset the connection (EHOSTUNREACH, ECONNRESET)',
    ],
  ])('is judged by the addresses that there is a way to: %j', (codes, kind, transient, words) => {
    const error = new AggregateError(codes.map((code) => nodeError(code)));
    expect(connectionError(error, DIRECT)).toMatchObject({
      kind,
      transient,
      message: `The host ${HOST} ${words}`,
      cause: error,
    });
  });

  test('is judged by the errors that have a code', () => {
    const error = new AggregateError([new Error('no code'), 'no error', nodeError('ECONNRESET')]);
    expect(connectionError(error, DIRECT)).toMatchObject({ kind: 'reset', transient: true });
  });
});

describe('a proxy', () => {
  const tunnel = (rest: string) =>
    nodeError('ECONNRESET', `tunneling socket could not be established, ${rest}`);

  test('that wants a password is told from the host', () => {
    const error = tunnel('statusCode=407');
    expect(connectionError(error, PROXIED)).toMatchObject({
      kind: 'proxy-password',
      transient: false,
      status: null,
      message: 'The proxy proxy.example.com:3128 asks for a user and a password (HTTP 407)',
      cause: error,
    });
  });

  test('that does not let the request through is told with its status', () => {
    const error = tunnel('statusCode=403');
    expect(connectionError(error, PROXIED)).toMatchObject({
      kind: 'proxy',
      transient: false,
      status: null,
      message: `The proxy proxy.example.com:3128 refused to connect to ${HOST} (HTTP 403)`,
      cause: error,
    });
  });

  test.each(['connect ECONNREFUSED 192.0.2.1:3128', 'two\nlines', ''])(
    'that is not there is told with the cause: %j',
    (cause) => {
      expect(connectionError(tunnel(`cause=${cause}`), PROXIED)).toMatchObject({
        kind: 'proxy',
        transient: false,
        message: `The proxy proxy.example.com:3128 cannot be used: ${cause}`,
      });
    },
  );

  test.each([429, 500, 502, 503, 504])(
    'that cannot connect just now may be asked again: %d',
    (s) => {
      expect(connectionError(tunnel(`statusCode=${s}`), PROXIED)).toMatchObject({
        kind: 'proxy',
        transient: true,
        status: null,
        message: `The proxy proxy.example.com:3128 refused to connect to ${HOST} (HTTP ${s})`,
      });
    },
  );

  test.each([
    'read ECONNRESET',
    'write EPIPE',
    'socket hang up',
    'connect ETIMEDOUT 192.0.2.1:3128',
  ])('that ends the connection may be asked again: %s', (cause) => {
    expect(connectionError(tunnel(`cause=${cause}`), PROXIED)).toMatchObject({
      kind: 'proxy',
      transient: true,
      message: `The proxy proxy.example.com:3128 cannot be used: ${cause}`,
    });
  });

  test('on the way is not blamed for what the host does', () => {
    expect(connectionError(nodeError('ECONNRESET', 'read ECONNRESET'), PROXIED)).toMatchObject({
      kind: 'reset',
      transient: true,
      message: `The host ${HOST} reset the connection (ECONNRESET)`,
    });
  });

  test('is not blamed where there is none', () => {
    expect(connectionError(tunnel('statusCode=407'), DIRECT)).toMatchObject({ kind: 'reset' });
  });
});

test.each([
  ['an error', new Error('whatever'), 'whatever'],
  ['an error without a message', new TypeError(), 'TypeError'],
  ['a text', 'whatever', 'whatever'],
  ['null', null, 'null'],
  ['a number', 5, '5'],
  ['nothing', undefined, 'undefined'],
  ['an empty text', '', ''],
  ['a text with quotes', `it's "x"`, `it's "x"`],
  ['a symbol', Symbol('x'), 'Symbol(x)'],
  ['an object', { a: { b: [1] } }, '{ a: { b: [ 1 ] } }'],
  ['an object that has no text', Object.create(null), '[Object: null prototype] {}'],
  ['an object that cannot be made text', { toString: null }, '{ toString: null }'],
])('the text of %s that was thrown can be told', (_, thrown, text) => {
  expect(errorMessage(thrown)).toBe(text);
});
