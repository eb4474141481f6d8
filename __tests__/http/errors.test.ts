import { expect, test } from '@jest/globals';
import { ApiError, NetworkError, RequestError, SkippedError } from '../../src/http/errors.ts';

test.each([
  ['ApiError', ApiError],
  ['NetworkError', NetworkError],
])('%s tells all that is known about a request', (name, Failure) => {
  const cause = new Error('why');
  const failure = new Failure('what happened', {
    kind: 'api-error',
    status: 429,
    code: 'APIGW.0308',
    requestId: 'request-1',
    transient: true,
    retryAfterMs: 5_000,
    cause,
  });
  expect(failure).toBeInstanceOf(RequestError);
  expect(failure).toBeInstanceOf(Error);
  expect(failure).toMatchObject({
    name,
    message: 'what happened',
    kind: 'api-error',
    status: 429,
    code: 'APIGW.0308',
    requestId: 'request-1',
    transient: true,
    retryAfterMs: 5_000,
    cause,
  });
});

test.each([
  ['ApiError', ApiError],
  ['NetworkError', NetworkError],
])('%s of which nothing is known has no status, no code, and is final', (_, Failure) => {
  const failure = new Failure('what happened', { kind: 'other' });
  expect(failure).toMatchObject({ status: null, code: '', requestId: '', transient: false });
  expect(failure.retryAfterMs).toBeUndefined();
  expect(failure.cause).toBeUndefined();
});

test('a request that was not sent says why, and has no status of its own', () => {
  const because = new ApiError('Authentication information expired.', {
    kind: 'api-error',
    status: 401,
    code: 'CC.00000003',
    requestId: 'request-1',
    transient: true,
    retryAfterMs: 5_000,
  });
  const failure = new SkippedError('the credential was refused', because);
  expect(failure).toBeInstanceOf(RequestError);
  expect(failure).toMatchObject({
    name: 'SkippedError',
    message: 'Not sent, because the credential was refused: Authentication information expired.',
    kind: 'api-error',
    status: null,
    code: 'CC.00000003',
    // That request is not this one.
    requestId: '',
    transient: false,
    cause: because,
  });
  expect(failure.retryAfterMs).toBeUndefined();
});

test.each([
  [401, true],
  [403, false],
  [429, false],
  [null, false],
])('after HTTP %s, that the credential was refused is %s', (status, refused) => {
  const because = new ApiError('no', { kind: 'api-error', status });
  expect(new SkippedError('of it', because).refusedCredential).toBe(refused);
});
