import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ALREADY_RUNNING, codeFacts, UNKNOWN_CALL } from '../../src/api/error-codes.ts';

describe('a code', () => {
  test.each([
    ['CC.00000000', { transient: true, topic: 'busy' }],
    ['CC.00000003', { credential: true, topic: 'credential-expired' }],
    ['CC.00050006', { topic: 'task-id' }],
    ['CC.00050007', { credential: true, topic: 'credential-rejected' }],
    ['CC.00050010', { denied: true, topic: 'permission' }],
    ['CC.00050011', { denied: true, topic: 'project-member' }],
    ['CC.00050012', { transient: true, topic: 'busy' }],
    ['CC.00050013', { topic: 'task-id' }],
    ['CC.00050014', { transient: true, topic: 'busy' }],
    ['CC.00050015', { topic: 'already-running' }],
    ['APIGW.0101', { topic: 'wrong-host' }],
    ['APIGW.0103', { topic: 'wrong-host' }],
    ['APIGW.0106', { topic: 'content-type' }],
    ['APIGW.0301', { credential: true, topic: 'credential-rejected' }],
    ['APIGW.0302', { topic: 'account' }],
    ['APIGW.0304', { topic: 'account' }],
    ['APIGW.0306', { topic: 'account' }],
    ['APIGW.0307', { credential: true, topic: 'credential-expired' }],
    ['APIGW.0308', { topic: 'throttled' }],
    ['APIGW.0310', { topic: 'account' }],
    ['PAP5.0001', { denied: true, topic: 'permission' }],
    ['STS5.1001', { topic: 'trust-policy' }],
    ['CC.00000001.400', { topic: 'task-id' }],
    ['CC.00050021.400', { topic: 'task-id' }],
    ['CC.00070403.403', { denied: true, topic: 'project-role' }],
  ])('%s is known by its meaning', (code, facts) => {
    expect(codeFacts(code, 'a message')).toEqual(facts);
  });

  // Their HTTP status tells what they mean.
  test.each([
    '',
    'APIGW.0201',
    'APIGW.0601',
    'APIGW.0705',
    'X.1',
    'CC.',
    'CC.400',
    'CC..400x',
    '400',
  ])('%j is not known', (code) => {
    expect(codeFacts(code, 'a message')).toBeUndefined();
  });

  test('is known only as a whole', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('CC.00000000', 'APIGW.0301'),
        fc.string({ minLength: 1 }),
        (code, more) => {
          fc.pre(!/\.40[03]\b/.test(more));
          expect(codeFacts(`${code}${more}`, '')).toBeUndefined();
          expect(codeFacts(`${more}${code}`, '')).toBeUndefined();
        },
      ),
    );
  });
});

describe('a 403 of another service', () => {
  const PROJECT_ROLE = { denied: true, topic: 'project-role' };

  test.each([
    ['CC.00050006', 'service_error_code is: CC.00070403.403'],
    ['CC.00050006', 'Failed: service_error_code is: CC.00070403.403, see the log.'],
    ['CC.00000001.400', 'service_error_code is: CC.00070403.403'],
    ['CC.00050006.403', ''],
  ])('in %s %j means that the project role is missing', (code, message) => {
    expect(codeFacts(code, message)).toEqual(PROJECT_ROLE);
  });

  test.each([
    ['CC.00050006', 'service_error_code is: CC.00070403.4031'],
    ['CC.00050006', 'service_error_code is: CC.403'],
    ['CC.00050006', 'service_error_code is: XCC.00070403.403'],
    ['CC.00050006', 'HTTP 403'],
    ['CC.00050006', 'service_error_code is: CC.00070403.500'],
  ])('is not in %s %j', (code, message) => {
    expect(codeFacts(code, message)).toEqual({ topic: 'task-id' });
  });

  test.each(['APIGW.0301', 'X.1', ''])(
    'counts only beside a code of the service: not %j',
    (code) => {
      expect(codeFacts(code, 'CC.00070403.403')).not.toEqual(PROJECT_ROLE);
    },
  );
});

test('the codes that the actions look for are those of a second scan and of an old host', () => {
  expect([ALREADY_RUNNING, UNKNOWN_CALL]).toEqual(['CC.00050015', 'APIGW.0101']);
});
