import '../support/real-sockets.ts';
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Fault } from '../../mock-api/faults.ts';
import type { MockApi, MockApiOptions } from '../../mock-api/mock-api.ts';
import { wait } from '../../src/actions/wait.ts';
import { ActionRunner } from '../support/action-runner.ts';
import { FakeRunner } from '../support/fake-runner.ts';
import { EXPIRED_TOKEN, idTokenEnv, startMockApi, TOKEN } from '../support/with-mock-api.ts';

const step = FakeRunner.forEachTest();

const ISSUES = { critical: 2, major: 3, minor: 4, suggestion: 5 };
const COUNTS = '{"total":14,"critical":2,"major":3,"minor":4,"suggestion":5}';
const FOUND = '14 issues (2 critical, 3 major, 4 minor, 5 suggestion)';
const OUTPUTS = {
  outcome: 'failed',
  issues: '{}',
  'error-code': '',
  'error-message': '',
  'request-id': '',
};
const OIDC = {
  token: '',
  'oidc-provider-urn': 'iam::account:oidcProvider:github',
  'agency-urn': 'iam::account:agency:wait-for-scans',
};

let mockApi: MockApi;
let runner: ActionRunner;

beforeEach(() => {
  runner = new ActionRunner(step);
});

async function start(options: MockApiOptions = {}): Promise<void> {
  const scans = { 'scan-1': { executions: { e1: { issues: ISSUES } } } };
  mockApi = await startMockApi({ scans, ...options });
}

const inputs = (different: Readonly<Record<string, string>> = {}) => ({
  'task-id': 'scan-1',
  'execution-id': 'e1',
  token: TOKEN,
  endpoint: mockApi.endpoint,
  ...different,
});

const runWait = (different: Readonly<Record<string, string>> = {}) =>
  runner.run(wait, inputs(different));

/** Has the status be one after the other; the last one stays. */
function reportStatuses(...statuses: readonly unknown[]): void {
  const last = statuses.length - 1;
  for (const [index, task_status] of statuses.entries()) {
    const body = JSON.stringify({
      task_status,
      progress: { ratio: task_status === 0 ? '50%' : null },
    });
    const which = { path: '/progress' };
    mockApi.inject(
      { kind: 'response', status: 200, body },
      index === last ? which : { ...which, times: 1 },
    );
  }
}

const respond = (status: number, code = '', message = 'No.'): Fault => ({
  kind: 'response',
  status,
  body: JSON.stringify({ error_code: code, error_msg: message }),
});

function onlyAnnotation(kind: 'error' | 'warning'): string[] {
  const [annotation, ...others] = step.commands(kind);
  expect(others).toEqual([]);
  expect(annotation?.title).toBe('Wait for CodeArts Check Scan');
  return [...(annotation?.lines ?? [])];
}

const FAILED = 'Scan scan-1 (execution e1) did not succeed: ';

describe('a scan that succeeds', () => {
  test('is reported with its issues', async () => {
    await start();
    reportStatuses(0, 2);
    runner.clock.nowMs = 5_000;
    await expect(runWait()).resolves.toBe(true);
    expect(step.log).toEqual([
      `Waiting for scan scan-1 (execution e1) at 127.0.0.1:${mockApi.port} (region cn-north-4), with a token from the input token; time limit 3600 s`,
      'Still running, 50%',
      expect.stringMatching(/^GET \S+\/defects-summary\?job_id=e1 → HTTP 200 in \d+ ms$/),
      `Scan scan-1 (execution e1) succeeded: ${FOUND}`,
    ]);
    expect(step.outputs()).toEqual({ ...OUTPUTS, outcome: 'succeeded', issues: COUNTS });
    expect(step.commands('error')).toEqual([]);
    expect(step.commands('warning')).toEqual([]);
    const summary = step.summary();
    for (const text of ['execution e1', 'scan-1', 'e1', FOUND, '2.0 s']) {
      expect(summary).toContain(text);
    }
    expect(mockApi.requests.map(({ path }) => path)).toEqual([
      '/v2/tasks/scan-1/progress?job_id=e1',
      '/v2/tasks/scan-1/progress?job_id=e1',
      '/v2/tasks/scan-1/defects-summary?job_id=e1',
    ]);
  });

  test('may be whichever the task is running', async () => {
    await start();
    reportStatuses(0, 2);
    await expect(runWait({ 'execution-id': 'current' })).resolves.toBe(true);
    expect(step.log.at(-1)).toBe(`Scan scan-1 succeeded: ${FOUND}`);
    expect(mockApi.requests.map(({ path }) => path)).toContain('/v2/tasks/scan-1/defects-summary');
  });

  test('has 1 issue, or 0 issues', async () => {
    await start({ scans: { 'scan-1': { executions: { e1: { issues: { minor: 1 } } } } } });
    reportStatuses(0, 2);
    await runWait();
    expect(step.log.at(-1)).toContain('1 issue (0 critical,');
  });

  test.each(['2', '3', '1000000'])(
    'may have as many critical issues as max-critical: %s',
    async (limit) => {
      await start();
      reportStatuses(0, 2);
      await expect(runWait({ 'max-critical': limit })).resolves.toBe(true);
      expect(step.outputs()['outcome']).toBe('succeeded');
    },
  );

  test.each(['0', '1'])('fails with more critical issues than max-critical: %s', async (limit) => {
    await start();
    reportStatuses(0, 2);
    await expect(runWait({ 'max-critical': limit })).resolves.toBe(false);
    const message = `The scan found 2 critical issues; at most ${limit} are allowed (max-critical)`;
    expect(onlyAnnotation('error')).toEqual([
      `${FAILED}${message}`,
      'Fix the critical issues, or increase max-critical.',
    ]);
    expect(step.outputs()).toEqual({ ...OUTPUTS, issues: COUNTS, 'error-message': message });
    expect(step.log.at(-1)).toBe(`Scan scan-1 (execution e1) ended: ${FOUND}`);
    expect(step.summary()).toContain('Fix the critical issues');
    expect(step.summary()).toContain(FOUND);
  });

  test('fails the step if its outputs cannot be set', async () => {
    await start();
    reportStatuses(0, 2);
    step.variable('GITHUB_OUTPUT', '/missing/output');
    await expect(runWait()).resolves.toBe(false);
    expect(onlyAnnotation('error')[0]).toContain('The outputs could not be set');
  });
});

describe('a result that cannot be read', () => {
  test.each<[string, Fault, string, readonly string[]]>([
    [
      'a missing permission',
      respond(403, 'PAP5.0001', 'Access denied.'),
      ' (requires codeartscheck:task:getReport): Access denied. (PAP5.0001, HTTP 403)',
      [
        'Grant the user codeartscheck:task:getReport (an identity policy, or a CodeArts project role that includes it). A wrong region or endpoint causes the same error.',
      ],
    ],
    [
      'a missing project role',
      respond(400, 'CC.00050006', 'service_error_code is: CC.00070403.403'),
      ' (requires codeartscheck:task:getReport): service_error_code is: CC.00070403.403 (CC.00050006, HTTP 400)',
      [expect.stringContaining('project role') as unknown as string],
    ],
    [
      'an error',
      respond(404, '', 'Nothing here.'),
      ': Nothing here. (HTTP 404)',
      ['Check task-id, execution-id and region.'],
    ],
    ['a reset', { kind: 'reset-before-headers' }, ': The host ', []],
    [
      'no counts',
      { kind: 'response', status: 200, body: '{"issue_count":1}' },
      ": Invalid response: 'critical_count' is not a count",
      [expect.stringContaining('something other than the API') as unknown as string],
    ],
  ])('is a warning: %s', async (_, fault, message, advice) => {
    await start();
    reportStatuses(0, 2);
    mockApi.inject(fault, { path: '/defects-summary' });
    await expect(runWait({ retries: '1' })).resolves.toBe(true);
    const [first, ...others] = onlyAnnotation('warning');
    expect(first).toContain(`The scan succeeded, but its result could not be read${message}`);
    expect(others).toEqual(advice);
    expect(step.outputs()).toEqual({ ...OUTPUTS, outcome: 'succeeded' });
    expect(step.log.at(-1)).toBe('Scan scan-1 (execution e1) succeeded');
  });

  test('is retried', async () => {
    await start();
    reportStatuses(0, 2);
    mockApi.inject(respond(503), { path: '/defects-summary', times: 2 });
    await expect(runWait({ retries: '2' })).resolves.toBe(true);
    expect(step.outputs()['issues']).toBe(COUNTS);
  });

  test('fails with max-critical', async () => {
    await start();
    reportStatuses(0, 2);
    mockApi.inject(respond(403, 'PAP5.0001', 'Access denied.'), { path: '/defects-summary' });
    await expect(runWait({ 'max-critical': '1000000' })).resolves.toBe(false);
    expect(onlyAnnotation('error')).toEqual([
      `${FAILED}The scan succeeded, but its result could not be read (requires codeartscheck:task:getReport), and max-critical is set: Access denied. (PAP5.0001, HTTP 403)`,
      expect.stringContaining('Grant the user codeartscheck:task:getReport'),
    ]);
    expect(step.commands('warning')).toEqual([]);
    expect(step.outputs()).toEqual({
      ...OUTPUTS,
      'error-code': 'PAP5.0001',
      'error-message': 'Access denied.',
    });
  });

  test('keeps the last response that arrived', async () => {
    await start();
    reportStatuses(0, 2);
    const path = '/defects-summary';
    mockApi.inject(respond(503, 'APIGW.0701', 'Busy.'), { path, times: 1 });
    mockApi.inject({ kind: 'reset-before-headers' }, { path });
    await expect(runWait({ retries: '1', 'max-critical': '0' })).resolves.toBe(false);
    expect(step.outputs()).toMatchObject({ 'error-code': 'APIGW.0701', 'error-message': 'Busy.' });
    expect(onlyAnnotation('error')[0]).toMatch(/Busy\. .*; then: .*reset the connection/);
  });

  test('ends at the deadline', async () => {
    await start();
    reportStatuses(0, 2);
    mockApi.inject({ kind: 'silence' }, { path: '/defects-summary' });
    const requested = mockApi.nextRequest('/defects-summary');
    const end = runWait({ 'timeout-seconds': '15' });
    await requested;
    await runner.clock.advance(13_000);
    await expect(end).resolves.toBe(true);
    expect(runner.clock.nowMs).toBe(15_000);
    expect(onlyAnnotation('warning')[0]).toContain('No response within 15 s (timeout-seconds)');
  });
});

describe('a scan that does not succeed', () => {
  test.each([
    [1, 'The scan failed', 'Open the scan in CodeArts Check: the check itself failed.'],
    [
      3,
      'The scan was stopped',
      'Somebody stopped the scan: another run, a person, or a step with execution-id: current.',
    ],
  ])('fails: status %d', async (status, message, advice) => {
    await start();
    reportStatuses(0, status);
    await expect(runWait({ 'max-critical': '5' })).resolves.toBe(false);
    expect(onlyAnnotation('error')).toEqual([`${FAILED}${message}`, advice]);
    expect(step.outputs()).toEqual({ ...OUTPUTS, 'error-message': message });
    expect(mockApi.requestsTo('/defects-summary')).toEqual([]);
    const summary = step.summary();
    for (const text of ['did not succeed', message, advice, 'What to do', '2.0 s']) {
      expect(summary).toContain(text);
    }
  });

  test('is still running at the deadline', async () => {
    await start();
    reportStatuses(0);
    await expect(runWait({ 'timeout-seconds': '20' })).resolves.toBe(false);
    expect(onlyAnnotation('error')).toEqual([
      `${FAILED}The scan was still running after 20 s (timeout-seconds)`,
      'Increase timeout-seconds.',
    ]);
  });

  test('was not seen running', async () => {
    await start();
    reportStatuses(2);
    await expect(runWait({ 'timeout-seconds': '20' })).resolves.toBe(false);
    expect(onlyAnnotation('error')[0]).toBe(
      `${FAILED}The scan was not seen running within 20 s (timeout-seconds). The status 'succeeded' may be that of the previous scan`,
    );
    expect(step.outputs()['outcome']).toBe('failed');
  });
});

describe('a status that cannot be read', () => {
  test.each<[string, Fault, string, string]>([
    [
      'a missing permission',
      respond(403, 'PAP5.0001', 'Access denied.'),
      'The status could not be read: Access denied. (PAP5.0001, HTTP 403)',
      'Grant the user codeartscheck:task:get (an identity policy, or a CodeArts project role that includes it). A wrong region or endpoint causes the same error.',
    ],
    [
      'a host without the API',
      respond(404, 'APIGW.0101', 'The API does not exist.'),
      'The status could not be read: The API does not exist. (APIGW.0101, HTTP 404)',
      'Check region and endpoint, and whether this runner may reach the host.',
    ],
  ])('at first is one error, immediately: %s', async (_, fault, message, advice) => {
    await start();
    mockApi.inject(fault);
    await expect(runWait()).resolves.toBe(false);
    expect(mockApi.requests).toHaveLength(1);
    expect(onlyAnnotation('error')).toEqual([`${FAILED}${message}`, advice]);
    expect(step.outputs()['error-code']).not.toBe('');
    expect(step.commands('warning')).toEqual([]);
  });

  test('at the deadline has the advice for both', async () => {
    await start();
    mockApi.inject(respond(503, 'APIGW.0701', 'Busy.'));
    await expect(runWait({ 'timeout-seconds': '20' })).resolves.toBe(false);
    expect(onlyAnnotation('error')).toEqual([
      `${FAILED}The status could not be read after 20 s (timeout-seconds): Busy. (APIGW.0701, HTTP 503)`,
      'The API is busy. Run the step again later, or increase timeout-seconds and retries.',
      'Increase timeout-seconds.',
    ]);
    expect(step.outputs()).toMatchObject({ 'error-code': 'APIGW.0701', 'error-message': 'Busy.' });
  });

  test('because of OIDC is an error before any reading', async () => {
    await start();
    await expect(runWait(OIDC)).resolves.toBe(false);
    expect(onlyAnnotation('error')).toEqual([
      `${FAILED}The status could not be read: GitHub gives this job no ID token`,
      'Give the job the permission to request an ID token: permissions: id-token: write.',
    ]);
    expect(mockApi.requests).toEqual([]);
  });

  test('because of a fault of ours is thrown', async () => {
    await start();
    reportStatuses(0, 2);
    mockApi.inject(respond(503), { path: '/defects-summary' });
    runner.random = () => {
      throw new TypeError('x is not a function');
    };
    await expect(runWait()).rejects.toThrow('x is not a function');
  });
});

describe('a rejected credential', () => {
  test('fails immediately', async () => {
    await start();
    await expect(runWait({ token: EXPIRED_TOKEN })).resolves.toBe(false);
    expect(mockApi.requests).toHaveLength(1);
    expect(onlyAnnotation('error')).toEqual([
      expect.stringContaining('Authentication information expired. (CC.00000003, HTTP 401'),
      expect.stringContaining('24 hours'),
    ]);
  });

  describe('from OIDC', () => {
    const rejection = respond(401, 'APIGW.0301', 'Incorrect IAM authentication: token expires');
    const renewal = 'The temporary access key has expired: exchanging the ID token again';

    /** @param validForMs of each temporary key; one that ends within a minute counts as expired */
    async function startWithOidc(validForMs: number): Promise<void> {
      await start({ idTokens: { '': 'an-id-token' }, temporaryKeysExpireAfterMs: validForMs });
      for (const [name, value] of Object.entries(idTokenEnv(mockApi))) step.variable(name, value);
    }
    const runWithOidc = () => runWait({ ...OIDC, 'sts-endpoint': mockApi.endpoint });

    test('that has expired is exchanged again, with all secrets masked', async () => {
      await startWithOidc(50_000);
      mockApi.inject(rejection, { path: '/progress', after: 1, times: 1 });
      reportStatuses(0, 0, 2);
      await expect(runWithOidc()).resolves.toBe(true);
      expect(mockApi.issuedKeys).toHaveLength(2);
      expect(step.log.filter((line) => line === renewal)).toHaveLength(1);
      expect(step.outputs()['issues']).toBe(COUNTS);
      for (const { secret_access_key: secret, security_token: token } of mockApi.issuedKeys) {
        expect(step.lines).toContain(`::add-mask::${secret}`);
        expect(step.lines).toContain(`::add-mask::${token}`);
      }
    });

    test('that has expired is exchanged once: rejected again, it fails', async () => {
      await startWithOidc(50_000);
      mockApi.inject(rejection, { path: '/progress', after: 1 });
      reportStatuses(0);
      await expect(runWithOidc()).resolves.toBe(false);
      expect(mockApi.issuedKeys).toHaveLength(2);
      expect(mockApi.requestsTo('/progress')).toHaveLength(3);
      expect(onlyAnnotation('error')[0]).toContain('token expires (APIGW.0301, HTTP 401)');
    });

    test('that has not expired fails immediately', async () => {
      await startWithOidc(3_600_000);
      mockApi.inject(rejection, { path: '/progress' });
      await expect(runWithOidc()).resolves.toBe(false);
      expect(mockApi.issuedKeys).toHaveLength(1);
      expect(mockApi.requestsTo('/progress')).toHaveLength(1);
      expect(step.log).not.toContain(renewal);
    });

    test('that cannot be exchanged again fails with the reason for that', async () => {
      await startWithOidc(50_000);
      mockApi.inject(rejection, { path: '/progress' });
      mockApi.inject(respond(403, 'STS5.1001', 'No trust.'), { path: '/v5/', after: 1 });
      await expect(runWithOidc()).resolves.toBe(false);
      expect(onlyAnnotation('error')).toEqual([
        `${FAILED}The status could not be read: No trust. (STS5.1001, HTTP 403)`,
        expect.stringContaining('Compare the trust policy'),
      ]);
    });
  });
});

describe('an invalid input', () => {
  test.each([
    [{ 'task-id': '' }, 'task-id must be exactly one task ID'],
    [{ 'task-id': 'a b' }, 'task-id must be exactly one task ID'],
    [{ 'execution-id': '' }, 'execution-id must be current'],
    [{ 'max-critical': '-1' }, 'max-critical must be a whole number from 0 to 1000000'],
    [{ 'timeout-seconds': '43201' }, 'timeout-seconds must be a whole number from 1 to 43200'],
  ])('fails before any request: %j', async (different, message) => {
    await start();
    await expect(runWait(different)).resolves.toBe(false);
    expect(onlyAnnotation('error')[0]).toContain(message);
    expect(step.outputs()).toMatchObject({ outcome: 'failed', issues: '{}' });
    expect(mockApi.requests).toEqual([]);
  });
});

describe('an end before its time', () => {
  test('by an interruption tells what is known', async () => {
    await start();
    reportStatuses(0);
    runner.clock.schedule(3_000, () => runner.interrupt());
    await expect(runWait()).resolves.toBe(false);
    expect(runner.clock.nowMs).toBe(3_000);
    expect(onlyAnnotation('error')).toEqual([
      `${FAILED}The scan was still running when the step was cancelled (SIGTERM)`,
      'Look at the task in CodeArts Check, or run the step again.',
    ]);
  });

  test('by an interruption while the result is read is no success', async () => {
    await start();
    reportStatuses(0, 2);
    mockApi.inject({ kind: 'silence' }, { path: '/defects-summary' });
    const requested = mockApi.nextRequest('/defects-summary');
    const end = runWait();
    await requested;
    runner.interrupt();
    await expect(end).resolves.toBe(false);
    expect(onlyAnnotation('error')[0]).toBe(
      `${FAILED}The result could not be read: No response before the step was cancelled (SIGTERM)`,
    );
    expect(step.outputs()).toMatchObject({ outcome: 'failed', issues: '{}' });
  });

  test('by a fault of ours sets the outputs', async () => {
    await start();
    mockApi.inject({ kind: 'silence' });
    const requested = mockApi.nextRequest('/progress');
    const end = runWait();
    await requested;
    runner.crash('x is not a function');
    expect(step.outputs()).toMatchObject({ outcome: 'failed', issues: '{}' });
    expect(onlyAnnotation('error')).toEqual(['Unexpected error: x is not a function']);
    runner.interrupt();
    await end;
  });
});
