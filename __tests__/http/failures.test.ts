import { expect, test } from '@jest/globals';
import { ApiRefusal, NoAnswer, NotSent, RequestFailure } from '../../src/http/failures.ts';

test.each([
  ['ApiRefusal', ApiRefusal],
  ['NoAnswer', NoAnswer],
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
  expect(failure).toBeInstanceOf(RequestFailure);
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
  ['ApiRefusal', ApiRefusal],
  ['NoAnswer', NoAnswer],
])('%s of which nothing is known has no status, no code, and is final', (_, Failure) => {
  const failure = new Failure('what happened', { kind: 'other' });
  expect(failure).toMatchObject({ status: null, code: '', requestId: '', transient: false });
  expect(failure.retryAfterMs).toBeUndefined();
  expect(failure.cause).toBeUndefined();
});

test('a request that was not sent says why, and has no status of its own', () => {
  const because = new ApiRefusal('Authentication information expired.', {
    kind: 'api-error',
    status: 401,
    code: 'CC.00000003',
    requestId: 'request-1',
    transient: true,
    retryAfterMs: 5_000,
  });
  const failure = new NotSent('the credential was refused', because);
  expect(failure).toBeInstanceOf(RequestFailure);
  expect(failure).toMatchObject({
    name: 'NotSent',
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
  const because = new ApiRefusal('no', { kind: 'api-error', status });
  expect(new NotSent('of it', because).refusedCredential).toBe(refused);
});
