import { describe, expect, test } from '@jest/globals';
import { type ErrorKind, type Operation, SkippedError } from '../../src/http/errors.ts';
import {
  type AdviceContext,
  adviceFor,
  adviceOn,
  mayHaveHappened,
  TOPICS,
  type Topic,
} from '../../src/report/advice.ts';
import { apiError, networkError } from '../support/fake-runner.ts';

const RENEWAL = 'Obtain a new one.';
const context: AdviceContext = {
  credentialHint: RENEWAL,
  ifNotRunning: 'fail',
  newestHost: 'codearts-check.cn-north-4.myhuaweicloud.com',
};
const LATER = 'Run the step again later, or increase timeout-seconds and retries.';

test('every topic has an entry in docs/troubleshooting.md, and each entry a topic', () => {
  const anchors =
    'credential-expired credential-rejected token-malformed access-key-wrong access-key-locked ' +
    'clock-off permission project-role project-member account task-id already-running old-host ' +
    'wrong-host content-type busy throttled too-large may-have-happened not-json redirect tls ' +
    'certificate-unknown-ca certificate-expired certificate-name certificate-intermediate proxy ' +
    'proxy-password-missing proxy-password-rejected id-token-permission id-token-service ' +
    'trust-policy deadline not-confirmed cancelled invalid-input secret-missing start-uncertain ' +
    'scan-failed scan-stopped no-status too-many-critical';
  expect(TOPICS.toSorted()).toEqual(anchors.split(' ').sort());
});

test.each(TOPICS)('what to do about %s is said in sentences', (topic) => {
  const { text } = adviceOn(topic, undefined, context);
  expect(text).toMatch(/^[A-Z].*[.…]$/);
  expect(text).not.toMatch(/undefined|\n/);
  expect(text.length).toBeLessThan(400);
});

describe('what the API rejected by a code', () => {
  test.each<[string, number, Topic, string]>([
    ['CC.00000003', 401, 'credential-expired', RENEWAL],
    ['CC.00000000', 400, 'busy', `The API is busy. ${LATER}`],
    ['CC.00050012', 200, 'busy', 'The API is busy.'],
    ['CC.00050014', 200, 'busy', 'The API is busy.'],
    ['CC.00000001.400', 400, 'task-id', 'Check task-id, execution-id and region.'],
    ['CC.00050006', 400, 'task-id', 'Check task-id'],
    ['CC.00050007', 200, 'credential-rejected', RENEWAL],
    ['CC.00050010', 200, 'permission', 'Grant the user codeartscheck:task:execute'],
    ['CC.00050011', 200, 'project-member', 'Add the user to the CodeArts project'],
    ['CC.00050013', 200, 'task-id', 'Check task-id, execution-id and region'],
    ['CC.00050015', 200, 'already-running', 'Another run has started a scan of this task'],
    ['APIGW.0101', 404, 'wrong-host', 'Check region and endpoint'],
    ['APIGW.0103', 404, 'wrong-host', 'Check region and endpoint'],
    ['APIGW.0106', 400, 'content-type', 'check whether a proxy changes headers'],
    ['APIGW.0201', 413, 'too-large', 'too large for the gateway: check token and endpoint'],
    ['APIGW.0201', 414, 'too-large', 'too large'],
    ['APIGW.0201', 494, 'too-large', 'too large'],
    ['APIGW.0201', 502, 'may-have-happened', LATER],
    ['APIGW.0201', 504, 'may-have-happened', LATER],
    ['APIGW.0302', 403, 'account', 'Check the permissions of the user'],
    ['APIGW.0304', 403, 'account', 'Check the permissions of the user'],
    ['APIGW.0306', 403, 'account', 'Check the permissions of the user'],
    ['APIGW.0310', 403, 'account', 'Check the permissions of the user'],
    ['APIGW.0307', 401, 'credential-expired', RENEWAL],
    ['APIGW.0308', 429, 'throttled', 'The API throttles requests.'],
    ['APIGW.0602', 500, 'busy', 'The API is busy.'],
    ['APIGW.0701', 503, 'busy', 'The API is busy.'],
    ['PAP5.0001', 403, 'permission', 'Grant the user codeartscheck:task:execute'],
    ['STS5.1001', 403, 'trust-policy', 'Compare the trust policy of the agency with this run'],
  ])('%s (HTTP %d): %s', (code, status, topic, text) => {
    expect(adviceFor(apiError('Rejected.', { code, status }), false, context)).toEqual({
      topic,
      text: expect.stringContaining(text),
    });
  });

  test('a missing project role is nested in the text of another code', () => {
    const nested = apiError('… service_error_code is: CC.00070403.403', { code: 'CC.00050006' });
    expect(adviceFor(nested, false, context)).toEqual({
      topic: 'project-role',
      text: expect.stringContaining('CodeArts project role that may execute tasks'),
    });
  });
});

describe('a credential that the gateway rejects for a reason', () => {
  const rejection = (reason: string, code = 'APIGW.0301') =>
    apiError(`Incorrect IAM authentication information: ${reason}`, { code, status: 401 });

  test.each<[string, Topic, string]>([
    ['decrypt token fail', 'token-malformed', 'The token is malformed, truncated or from another'],
    ['token expires', 'credential-expired', RENEWAL],
    ['x-auth-token not found', 'credential-rejected', RENEWAL],
    ['verify aksk signature fail', 'access-key-wrong', 'Check access-key-id and secret-access-key'],
    ['ak QTWAOYTT not exist', 'access-key-wrong', 'Check access-key-id and secret-access-key'],
    ['AK access failed to reach the limit, forbidden', 'access-key-locked', 'locked for 5 minutes'],
    ['signature expired', 'clock-off', "Set the runner's clock"],
  ])('%s: %s', (reason, topic, text) => {
    for (const spelling of [reason, reason.toUpperCase(), reason.toLowerCase()]) {
      expect(adviceFor(rejection(spelling), false, context)).toEqual({
        topic,
        text: expect.stringContaining(text),
      });
    }
  });

  test('is not told apart by the same words under another code', () => {
    const error = rejection('signature expired', 'CC.00050013');
    expect(adviceFor(error, false, context)?.topic).toBe('task-id');
  });

  test('is to be checked if nothing is known of it', () => {
    const unknown = { ...context, credentialHint: undefined };
    expect(adviceFor(apiError('No.', { status: 401 }), false, unknown)).toEqual({
      topic: 'credential-rejected',
      text: 'Check the credential.',
    });
  });
});

describe('what has no code', () => {
  test.each<[number, Topic]>([
    [400, 'task-id'],
    [401, 'credential-rejected'],
    [403, 'permission'],
    [404, 'task-id'],
    [413, 'too-large'],
    [414, 'too-large'],
    [429, 'throttled'],
    [431, 'too-large'],
    [494, 'too-large'],
    [500, 'busy'],
    [502, 'may-have-happened'],
    [503, 'busy'],
    [504, 'may-have-happened'],
  ])('HTTP %d: %s', (status, topic) => {
    expect(adviceFor(apiError('Rejected.', { status }), false, context)).toEqual(
      adviceOn(topic, apiError('Rejected.', { status }), context),
    );
  });

  test('a transient error without a code under HTTP 200: busy', () => {
    const error = apiError('Failed.', { status: 200, transient: true });
    expect(adviceFor(error, true, context)?.topic).toBe('busy');
  });

  test.each<[ErrorKind, Topic, string]>([
    ['redirect', 'redirect', 'check region, endpoint, and the proxy or login page'],
    ['upgrade', 'not-json', 'something other than the API'],
    ['not-json', 'not-json', 'check region, endpoint and the proxy'],
    ['invalid-response', 'not-json', 'something other than the API'],
    ['host-not-found', 'wrong-host', 'Check region and endpoint'],
    ['connection-refused', 'wrong-host', 'Check region and endpoint'],
    ['unreachable', 'wrong-host', 'Check region and endpoint'],
    ['not-http', 'wrong-host', 'Check region and endpoint'],
    ['connection-reset', 'may-have-happened', LATER],
    ['timeout', 'may-have-happened', LATER],
    ['cut-short', 'may-have-happened', LATER],
    ['too-long', 'may-have-happened', LATER],
    ['headers-too-long', 'may-have-happened', LATER],
    ['tls', 'tls', 'Check the scheme and port of endpoint'],
    ['certificate', 'certificate-unknown-ca', 'set NODE_EXTRA_CA_CERTS'],
    ['certificate-unknown-ca', 'certificate-unknown-ca', 'set NODE_EXTRA_CA_CERTS'],
    ['certificate-expired', 'certificate-expired', "Check the runner's clock"],
    ['certificate-name', 'certificate-name', 'Set endpoint to a name'],
    ['certificate-intermediate', 'certificate-intermediate', 'its intermediate certificate'],
    ['proxy', 'proxy', 'https_proxy and no_proxy'],
    ['proxy-password-missing', 'proxy-password-missing', 'http://user:password@host:port'],
    ['proxy-password-rejected', 'proxy-password-rejected', 'Check the user and the password'],
    ['deadline', 'deadline', 'Increase timeout-seconds.'],
    ['interrupted', 'cancelled', 'Look at the task in CodeArts Check'],
    ['not-confirmed', 'not-confirmed', 'Look at the task in CodeArts Check'],
  ])('%s: %s', (kind, topic, text) => {
    expect(adviceFor(networkError('No response.', { kind }), false, context)).toEqual({
      topic,
      text: expect.stringContaining(text),
    });
  });

  test.each([
    ['an error of our own', networkError('Unexpected error: x', { kind: 'unexpected' })],
    ['a code that nobody knows', apiError('No.', { code: 'CC.12345678', status: 418 })],
  ])('there is no advice for %s', (_, error) => {
    expect(adviceFor(error, false, context)).toBeUndefined();
  });
});

describe('advice belongs to the request that failed', () => {
  test.each<[Operation, string]>([
    ['stop', 'codeartscheck:task:execute'],
    ['start', 'codeartscheck:task:execute'],
    ['status', 'codeartscheck:task:get'],
    ['result', 'codeartscheck:task:getReport'],
  ])('the %s needs the permission %s', (operation, permission) => {
    for (const details of [{ status: 403 }, { status: 403, code: 'PAP5.0001' }]) {
      const { text } = adviceFor(apiError('No.', { ...details, operation }), false, context) ?? {};
      expect(text).toMatch(new RegExp(`^Grant the user ${permission} \\(`));
    }
  });

  test.each<[ErrorKind, string]>([
    ['redirect', 'check region, sts-endpoint, and'],
    ['not-json', 'or sts-endpoint is wrong: check region, sts-endpoint and'],
    ['host-not-found', 'Check sts-endpoint and region, and'],
    ['tls', 'Check the scheme and port of sts-endpoint, and'],
    ['certificate-name', 'Set sts-endpoint to a name'],
    ['timeout', LATER],
    ['proxy-password-rejected', 'Check the user and the password in https_proxy'],
  ])('STS has an endpoint of its own: %s', (kind, text) => {
    const error = networkError('No response.', { kind, operation: 'sts' });
    expect(adviceFor(error, false, context)?.text).toContain(text);
  });

  test.each<[number, Topic, string]>([
    [200, 'trust-policy', 'Compare the trust policy'],
    [400, 'trust-policy', 'Compare the trust policy'],
    [401, 'trust-policy', 'Compare the trust policy'],
    [403, 'trust-policy', 'Compare the trust policy'],
    [404, 'trust-policy', 'Compare the trust policy'],
    [413, 'too-large', 'The request is too large for the gateway: check sts-endpoint.'],
    [429, 'throttled', 'The API throttles requests.'],
    [500, 'busy', `The API is busy. ${LATER}`],
    [502, 'busy', `The API is busy. ${LATER}`],
    [503, 'busy', `The API is busy. ${LATER}`],
    [504, 'busy', `The API is busy. ${LATER}`],
  ])('STS rejects with HTTP %d: %s', (status, topic, text) => {
    const error = apiError('No.', { status, operation: 'sts' });
    expect(adviceFor(error, false, context)).toEqual({
      topic,
      text: expect.stringContaining(text),
    });
    expect(adviceFor(error, false, context)?.text).not.toMatch(/task-id|if-not-running/);
  });

  test.each<[ErrorKind, Topic]>([
    ['rejected', 'id-token-service'],
    ['redirect', 'id-token-service'],
    ['not-json', 'id-token-service'],
    ['invalid-response', 'id-token-service'],
    ['host-not-found', 'id-token-service'],
    ['connection-refused', 'id-token-service'],
    ['connection-reset', 'id-token-service'],
    ['timeout', 'id-token-service'],
    ['tls', 'id-token-service'],
    ['certificate-name', 'id-token-service'],
    ['unexpected', 'id-token-service'],
    ['id-token-permission', 'id-token-permission'],
    ['certificate', 'certificate-unknown-ca'],
    ['certificate-expired', 'certificate-expired'],
    ['certificate-unknown-ca', 'certificate-unknown-ca'],
    ['certificate-intermediate', 'certificate-intermediate'],
    ['proxy', 'proxy'],
    ['proxy-password-missing', 'proxy-password-missing'],
    ['proxy-password-rejected', 'proxy-password-rejected'],
    ['deadline', 'deadline'],
    ['interrupted', 'cancelled'],
  ])("GitHub's ID-token service has no endpoint to check: %s", (kind, topic) => {
    const error = apiError('No.', { kind, status: 401, operation: 'id-token' });
    const advice = adviceFor(error, true, context);
    expect(advice?.topic).toBe(topic);
    expect(advice?.text).not.toMatch(/endpoint|task-id|credential/);
  });

  test('a code of the API means nothing to the ID-token service', () => {
    const error = apiError('No.', { code: 'CC.00000003', operation: 'id-token' });
    expect(adviceFor(error, false, context)?.topic).toBe('id-token-service');
  });

  test.each<Operation>(['status', 'result', 'start'])(
    'there is no stop that may have happened after a lost response to the %s',
    (operation) => {
      for (const error of [
        networkError('Reset.', { operation, mayHaveHappened: true }),
        apiError('Bad gateway.', { status: 502, operation, mayHaveHappened: true }),
      ]) {
        expect(adviceFor(error, false, context)).toBeUndefined();
        expect(mayHaveHappened(error)).toBe('');
      }
    },
  );

  test('a request that was skipped has the advice of the one that it was skipped for', () => {
    for (const cause of [
      apiError('Expired.', { code: 'CC.00000003', status: 401 }),
      apiError('Slow down.', { code: 'APIGW.0308', status: 429 }),
      apiError('No.', { status: 403, operation: 'status' }),
      networkError('No ID token.', { kind: 'id-token-permission', operation: 'id-token' }),
    ]) {
      const skipped = new SkippedError('the credential was rejected', cause);
      expect(adviceFor(skipped, false, context)).toEqual(adviceFor(cause, false, context));
      expect(adviceFor(cause, false, context)).toBeDefined();
      expect(mayHaveHappened(skipped)).toBe('');
    }
  });
});

describe('a host that does not know the call', () => {
  const unknown = (operation: Operation) =>
    apiError('No such API.', { code: 'APIGW.0101', status: 404, operation });

  test.each([
    'codearts-check.cn-north-4.myhuaweicloud.com',
    'codearts-check.ap-southeast-3.myhuaweicloud.com',
  ])('is an old one if an execution is to be stopped: %s', (newestHost) => {
    expect(adviceFor(unknown('stop'), true, { ...context, newestHost })).toEqual({
      topic: 'old-host',
      text: `This host is an old one: set endpoint: ${newestHost}.`,
    });
  });

  test.each([
    ['nothing but the task is named', false, 'stop', context.newestHost],
    ['the status is read', true, 'status', context.newestHost],
    ['the region has no such host', true, 'stop', 'check.eu-west-101.myhuaweicloud.eu'],
    ['the region is not known', true, 'stop', undefined],
  ] as const)('is the wrong one if %s', (_, execution, operation, newestHost) => {
    const advice = adviceFor(unknown(operation), execution, { ...context, newestHost });
    expect(advice?.topic).toBe('wrong-host');
  });
});

describe('a stop that may have come too late', () => {
  const SUGGESTION =
    ' If the scan may have ended already, set if-not-running: succeed, which reads its status and does not fail.';

  test.each([
    ['CC.00000001.400', 400],
    ['CC.12345678', 400],
    ['CC.00050013', 200],
    ['', 404],
  ])('can be made a success: %j (HTTP %d)', (code, status) => {
    const error = apiError('Rejected.', { code, status });
    const text = 'Check task-id, execution-id and region.';
    expect(adviceFor(error, false, context)?.text).toBe(text + SUGGESTION);
    // If it is one already, there is nothing to suggest, nor if no stop is meant.
    for (const ifNotRunning of ['succeed', undefined] as const) {
      expect(adviceFor(error, false, { ...context, ifNotRunning })?.text).toBe(text);
    }
  });

  test.each<[Operation, string]>([
    ['status', 'Check task-id, execution-id and region.'],
    ['result', 'Check task-id, execution-id and region.'],
    ['start', 'Check task-id and region.'],
  ])('is not suggested for the %s', (operation, text) => {
    const error = apiError('Rejected.', { status: 404, operation });
    expect(adviceFor(error, false, context)?.text).toBe(text);
  });

  test('changes no other advice', () => {
    for (const error of [
      ...['CC.00000003', 'CC.00050010', 'APIGW.0101'].map((code) => apiError('No.', { code })),
      ...[401, 403, 503].map((status) => apiError('No.', { status })),
      networkError('No response.', { kind: 'deadline' }),
    ]) {
      const advice = adviceFor(error, false, context);
      expect(advice?.text).not.toContain('if-not-running');
      expect(adviceFor(error, false, { ...context, ifNotRunning: 'succeed' })).toEqual(advice);
    }
  });
});

test.each([
  [networkError('Reset.', { mayHaveHappened: true }), true],
  [apiError('Bad gateway.', { status: 502, mayHaveHappened: true }), true],
  [networkError('Not found.', { kind: 'host-not-found' }), false],
  [apiError('No.'), false],
  [networkError('Reset.', { operation: 'sts', mayHaveHappened: true }), false],
])('the stop may have happened only if it was sent and lost: %#', (error, may) => {
  expect(mayHaveHappened(error)).toBe(
    may ? 'The stop may have happened: check the task in CodeArts Check.' : '',
  );
});
