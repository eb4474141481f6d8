import { describe, expect, test } from '@jest/globals';
import {
  ApiError,
  DeadlineError,
  errorMessage,
  isCredentialRejected,
  NetworkError,
  RequestError,
  SkippedError,
  UnexpectedError,
} from '../../src/http/errors.ts';

const TYPES = [
  ['ApiError', ApiError],
  ['NetworkError', NetworkError],
  ['DeadlineError', DeadlineError],
] as const;

describe.each(TYPES)('%s', (name, Type) => {
  test('has all that is known of a request', () => {
    const cause = new Error('why');
    const error = new Type('what happened', {
      kind: 'rejected',
      status: 429,
      code: 'APIGW.0308',
      requestId: 'request-1',
      transient: true,
      retryAfterMs: 5_000,
      mayHaveHappened: true,
      staleConnection: true,
      cause,
    });
    expect(error).toBeInstanceOf(RequestError);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name,
      message: 'what happened',
      kind: 'rejected',
      status: 429,
      code: 'APIGW.0308',
      requestId: 'request-1',
      transient: true,
      retryAfterMs: 5_000,
      mayHaveHappened: true,
      staleConnection: true,
      cause,
    });
  });

  test('of which nothing is known had no response, is final and did nothing', () => {
    const error = new Type('what happened', { kind: 'unexpected' });
    expect(error).toMatchObject({
      status: null,
      code: '',
      requestId: '',
      transient: false,
      retryAfterMs: undefined,
      mayHaveHappened: false,
      staleConnection: false,
      operation: undefined,
      lastResponse: undefined,
      cause: undefined,
    });
  });
});

describe('the error of a later attempt', () => {
  const withStatus = (status: number | null, mayHaveHappened = false) =>
    new NetworkError('what happened', { kind: 'rejected', status, mayHaveHappened });

  test('has the operation of its request', () => {
    expect(withStatus(null).within('sts', undefined).operation).toBe('sts');
  });

  test.each([
    [false, false, false],
    [true, false, true],
    [false, true, true],
    [true, true, true],
  ])('may have happened if an earlier attempt may (%s) or this one (%s): %s', (a, b, expected) => {
    const earlier = withStatus(null, a).within('stop', undefined);
    expect(withStatus(null, b).within('stop', earlier).mayHaveHappened).toBe(expected);
  });

  test('is the last response if it had one', () => {
    const earlier = withStatus(503);
    const error = withStatus(400).within('stop', earlier);
    expect(error.lastResponse).toBe(error);
  });

  test('keeps the last response of the attempts before it, however many had none', () => {
    const response = withStatus(503, true).within('stop', undefined);
    const second = withStatus(null).within('stop', response);
    const third = withStatus(null).within('stop', second);
    expect(third.lastResponse).toBe(response);
    expect(third.mayHaveHappened).toBe(true);
  });

  test('has no last response if no attempt had one', () => {
    const first = withStatus(null).within('stop', undefined);
    expect(withStatus(null).within('stop', first).lastResponse).toBeUndefined();
  });
});

describe('a request that was not sent', () => {
  const cause = new ApiError('Authentication information expired.', {
    kind: 'rejected',
    status: 401,
    code: 'CC.00000003',
    requestId: 'request-1',
    transient: true,
    retryAfterMs: 5_000,
    mayHaveHappened: true,
  }).within('status', undefined);

  test('says why, and has no response of its own', () => {
    const error = new SkippedError('the credential was rejected', cause);
    expect(error).toBeInstanceOf(RequestError);
    expect(error).toMatchObject({
      name: 'SkippedError',
      message: 'Not sent, because the credential was rejected: Authentication information expired.',
      kind: 'rejected',
      status: null,
      code: 'CC.00000003',
      // That request is not this one.
      requestId: '',
      transient: false,
      retryAfterMs: undefined,
      mayHaveHappened: false,
      lastResponse: undefined,
      cause,
    });
  });

  test('gets its advice from the request that failed', () => {
    const error = new SkippedError('the credential was rejected', cause);
    expect(error.within('stop', undefined).operation).toBe('status');
  });
});

test.each([
  [401, true],
  [403, false],
  [429, false],
  [null, false],
])('HTTP %s means a rejected credential: %s', (status, expected) => {
  const error = new ApiError('no', { kind: 'rejected', status });
  expect(isCredentialRejected(error)).toBe(expected);
  expect(isCredentialRejected(new SkippedError('of it', error))).toBe(expected);
});

test('a fault of the action says so, and keeps its cause', () => {
  const cause = new TypeError('x is not a function');
  expect(new UnexpectedError(cause)).toMatchObject({
    name: 'UnexpectedError',
    message: 'Unexpected error: x is not a function',
    kind: 'unexpected',
    status: null,
    transient: false,
    mayHaveHappened: false,
    cause,
  });
});

test.each([
  ['an error', new Error('whatever'), 'whatever'],
  ['an error without a message', new TypeError(), 'TypeError'],
  ['a string', 'whatever', 'whatever'],
  ['null', null, 'null'],
  ['a number', 5, '5'],
  ['undefined', undefined, 'undefined'],
  ['an empty string', '', ''],
  ['a string with quotes', `it's "x"`, `it's "x"`],
  ['a symbol', Symbol('x'), 'Symbol(x)'],
  ['an object', { a: { b: [1] } }, '{ a: { b: [ 1 ] } }'],
  ['an object without a prototype', Object.create(null), '[Object: null prototype] {}'],
  ['an object that cannot become a string', { toString: null }, '{ toString: null }'],
])('%s that is thrown has a text', (_, thrown, text) => {
  expect(errorMessage(thrown)).toBe(text);
});
