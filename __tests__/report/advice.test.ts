import { describe, expect, test } from '@jest/globals';
import type { ErrorKind } from '../../src/http/errors.ts';
import { adviceFor } from '../../src/report/advice.ts';
import { noAnswer, refusal } from '../support/fake-runner.ts';

const RENEWAL = 'Obtain a new one.';
const context = { credential: { hint: RENEWAL }, notRunningSucceeds: false };

describe('what the API refused by a code', () => {
  test.each([
    ['CC.00000003', 401, RENEWAL],
    ['CC.00000000', 400, 'run the step again later'],
    ['CC.00050012', 200, 'run the step again later'],
    ['CC.00050014', 200, 'run the step again later'],
    ['CC.00000001.400', 400, 'Check task-id'],
    ['CC.00050007', 200, RENEWAL],
    ['CC.00050010', 200, 'codeartscheck:task:execute'],
    ['CC.00050011', 200, 'Add the user to the CodeArts project'],
    ['CC.00050013', 200, 'Check task-id and region'],
    ['APIGW.0101', 404, 'check region and endpoint'],
    ['APIGW.0103', 404, 'check region and endpoint'],
    ['APIGW.0201', 413, 'too large'],
    ['APIGW.0201', 414, 'too large'],
    ['APIGW.0201', 494, 'too large'],
    ['APIGW.0201', 502, 'run the step again later'],
    ['APIGW.0201', 504, 'The stop may have happened all the same'],
    ['APIGW.0302', 403, 'permissions of the user'],
    ['APIGW.0304', 403, 'permissions of the user'],
    ['APIGW.0306', 403, 'permissions of the user'],
    ['APIGW.0310', 403, 'permissions of the user'],
    ['APIGW.0307', 401, RENEWAL],
    ['APIGW.0308', 429, 'throttles'],
    ['APIGW.0602', 500, 'run the step again later'],
    ['APIGW.0701', 503, 'run the step again later'],
    ['PAP5.0001', 403, 'grant the action that the message names'],
    ['STS5.1001', 403, 'trust policy of the agency'],
  ])('%s (HTTP %d): %s', (code, status, advice) => {
    expect(adviceFor(refusal('Refused.', { code, status }), context)).toContain(advice);
  });
});

describe('a credential that the gateway refuses for a reason', () => {
  test.each([
    ['decrypt token fail', 'Check token'],
    ['token expires', RENEWAL],
    ['x-auth-token not found', RENEWAL],
    ['verify aksk signature fail', 'Check access-key-id and secret-access-key'],
    ['ak QTWAOYTT not exist', 'Check access-key-id and secret-access-key'],
    ['AK access failed to reach the limit, forbidden', 'locked for 5 minutes'],
    ['signature expired', 'Set the clock of the runner'],
  ])('%s: %s', (reason, advice) => {
    const failure = refusal(`Incorrect IAM authentication information: ${reason}`, {
      code: 'APIGW.0301',
      status: 401,
    });
    expect(adviceFor(failure, context)).toContain(advice);
  });

  test('is not told by the same words under another code', () => {
    const failure = refusal('signature expired', { code: 'CC.00050013', status: 200 });
    expect(adviceFor(failure, context)).not.toContain('clock');
  });
});

describe('what has no code', () => {
  test.each([
    [401, RENEWAL],
    [403, 'codeartscheck:task:execute'],
    [400, 'Check task-id, region and endpoint'],
    [404, 'Check task-id, region and endpoint'],
    [413, 'too large'],
    [429, 'run the step again later'],
    [500, 'run the step again later'],
    [502, 'run the step again later'],
    [503, 'run the step again later'],
    [504, 'The stop may have happened all the same'],
  ])('HTTP %d: %s', (status, advice) => {
    expect(adviceFor(refusal('Refused.', { status }), context)).toContain(advice);
  });

  test.each<[ErrorKind, string]>([
    ['redirect', 'proxy or login page'],
    ['not-json', 'proxy or login page'],
    ['host-not-found', 'Check region and endpoint'],
    ['refused', 'Check region and endpoint'],
    ['unreachable', 'Check region and endpoint'],
    ['not-http', 'Check region and endpoint'],
    ['certificate', 'NODE_EXTRA_CA_CERTS'],
    ['tls', 'scheme and port of endpoint'],
    ['proxy', 'https_proxy and no_proxy'],
    ['proxy-password', 'http://user:password@host:port'],
    ['reset', 'The stop may have happened all the same'],
    ['timeout', 'The stop may have happened all the same'],
    ['cut-short', 'The stop may have happened all the same'],
    ['too-long', 'The stop may have happened all the same'],
    ['deadline', 'timeout-seconds'],
    ['id-token', 'id-token: write'],
  ])('%s: %s', (kind, advice) => {
    expect(adviceFor(noAnswer('No answer.', { kind }), context)).toContain(advice);
  });
});

test.each([
  ['CC.00000001.400', 400],
  ['CC.12345678', 400],
  ['', 404],
])('a stop that may have come too late can be made a success: %j (HTTP %d)', (code, status) => {
  const failure = refusal('Refused.', { code, status });
  const advice = adviceFor(failure, context) ?? '';
  const suggestion =
    ' If the scan may be over already: if-not-running: succeed asks for its status, and makes that no failure.';
  expect(advice).toMatch(/^Check task-id/);
  expect(advice.endsWith(suggestion)).toBe(true);
  // Where it is one already, there is nothing to suggest; the rest of the advice is the same.
  expect(adviceFor(failure, { ...context, notRunningSucceeds: true })).toBe(
    advice.slice(0, -suggestion.length),
  );
});

test('whether a stop that came too late is a success changes no other advice', () => {
  const failures = [
    ...['CC.00000003', 'CC.00050010', 'APIGW.0101'].map((code) => refusal('No.', { code })),
    ...[401, 403, 503].map((status) => refusal('No.', { status })),
    noAnswer('No answer.', { kind: 'deadline' }),
  ];
  for (const failure of failures) {
    const advice = adviceFor(failure, context);
    expect(advice).not.toContain('if-not-running');
    expect(adviceFor(failure, { ...context, notRunningSucceeds: true })).toBe(advice);
  }
});

test('a refused credential is to be checked where nothing is known of it', () => {
  const unknown = { ...context, credential: undefined };
  expect(adviceFor(refusal('No.', { status: 401 }), unknown)).toBe('Check the credential.');
});

test.each([
  ['an error of our own', noAnswer('Unexpected error: x', { kind: 'other' })],
  ['a code that nobody knows', refusal('No.', { code: 'CC.12345678', status: 418 })],
])('there is no advice for %s', (_, failure) => {
  expect(adviceFor(failure, context)).toBeUndefined();
});
