import { describe, expect, test } from '@jest/globals';
import type { Fault } from '../../mock-api/faults.ts';
import type { MockApi, MockApiOptions } from '../../mock-api/mock-api.ts';
import type { ScanPlan } from '../../mock-api/tasks.ts';
import { runBundle, type StepOptions, type StepRun } from '../support/run-bundle.ts';
import { EXPIRED_TOKEN, idTokenEnv, startMockApi, TOKEN } from '../support/with-mock-api.ts';

const ISSUES = { critical: 2, major: 3, minor: 4, suggestion: 5 };
const COUNTS = { total: 14, critical: 2, major: 3, minor: 4, suggestion: 5 };

const running: Fault = {
  kind: 'response',
  status: 200,
  body: '{"task_status":0,"progress":{"ratio":"40%"}}',
};

/** A mock API whose scan has ended by the second reading of its status. */
async function startApi(plan: ScanPlan = {}, options: MockApiOptions = {}): Promise<MockApi> {
  const scans = { 'scan-1': { endsAfterMs: 0, issues: ISSUES, ...plan } };
  return (await startMockApi({ scans, ...options })).inject(running, {
    path: '/progress',
    times: 1,
  });
}

/** A mock API whose scan goes on for as long as a test needs it. */
const startApiWithLongScan = (options: MockApiOptions = {}) =>
  startMockApi({ scans: { 'scan-1': {} }, ...options });

const runWait = (
  { endpoint }: MockApi,
  different: Readonly<Record<string, string>> = {},
  options: StepOptions = {},
): Promise<StepRun> =>
  runBundle(
    { 'task-id': 'scan-1', token: TOKEN, endpoint, ...different },
    { ...options, entry: 'wait' },
  );

/** Expects a step that failed with one error. @returns the text of it */
function expectFailure(run: StepRun): string {
  expect(run.exitCode).toBe(1);
  expect(run.outputs['outcome']).toBe('failed');
  const [annotation = '', ...others] = run.commands('error');
  expect(others).toEqual([]);
  return annotation;
}

describe('a scan that ends while it is waited for', () => {
  test.concurrent('succeeds, with the number of its issues', async () => {
    const mockApi = await startApi();
    const [execution] = mockApi.executionsOf('scan-1');
    const run = await runWait(mockApi, { 'execution-id': execution?.id ?? '' });
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    expect(run.outputs).toEqual({
      outcome: 'succeeded',
      issues: JSON.stringify(COUNTS),
      'error-code': '',
      'error-message': '',
      'request-id': '',
    });
    const target = `scan scan-1 (execution ${execution?.id})`;
    expect(run.lines.filter((line) => !line.startsWith('::'))).toEqual([
      `Waiting for ${target} at 127.0.0.1:${mockApi.port} (region cn-north-4), with a token from the input token; time limit 3600 s`,
      'Still running, 40%',
      expect.stringMatching(/^GET \S+\/defects-summary\?job_id=\w+ → HTTP 200 in \d+ ms$/),
      `S${target.slice(1)} succeeded: 14 issues (2 critical, 3 major, 4 minor, 5 suggestion)`,
    ]);
    for (const text of ['scan-1', execution?.id ?? '?', '14 issues', '2 critical', 'Duration']) {
      expect(run.summary).toContain(text);
    }
    expect(run.visible).not.toContain(TOKEN);
  });

  test.concurrent.each([
    [1, 'The scan failed', 'the check itself failed'],
    [3, 'The scan was stopped', 'Somebody stopped the scan'],
  ])('fails with status %d', async (status, message, advice) => {
    const run = await runWait(await startApi({ status }));
    expect(expectFailure(run)).toContain(`${message}\n`);
    expect(run.commands('error')[0]).toContain(advice);
    expect(run.outputs).toMatchObject({ issues: '{}', 'error-message': message });
    expect(run.summary).toContain('did not succeed');
    expect(run.summary).toContain(advice);
  });

  test.concurrent('is read again while the status is null, or something odd comes back', async () => {
    const mockApi = await startMockApi({ scans: { 'scan-1': { endsAfterMs: 0 } } });
    const odd: Fault[] = [
      { kind: 'response', status: 200, body: '{"task_status":null}' },
      { kind: 'response', status: 503 },
      running,
    ];
    for (const fault of odd) mockApi.inject(fault, { path: '/progress', times: 1 });
    const run = await runWait(mockApi, { retries: '0' });
    expect(run.exitCode).toBe(0);
    expect(run.lines.join('\n')).toMatch(/\/progress → HTTP 503/);
  });
});

describe('right after a start', () => {
  test.concurrent.each([
    ['succeeded', 2],
    ['failed', 1],
  ])('the end of the scan before it does not count, which %s', async (_, status) => {
    const plan = { staleStatusMs: 2_500, nullStatusMs: 500, endsAfterMs: 6_000 };
    const mockApi = await startMockApi({
      scans: { 'scan-1': { ...plan, executions: { before: { status } } } },
    });
    const started = await runBundle(
      { 'task-id': 'scan-1', token: TOKEN, endpoint: mockApi.endpoint },
      { entry: 'start' },
    );
    const id = started.outputs['execution-id'] ?? '';
    const run = await runWait(mockApi, { 'execution-id': id });
    expect(run.exitCode).toBe(0);
    expect(run.outputs['outcome']).toBe('succeeded');
    expect(run.lines).toContainEqual(expect.stringContaining('Not seen running yet'));
    expect(mockApi.executionsOf('scan-1').at(-1)?.status).toBe(2);
  });

  test.concurrent('an end that was not seen coming is no success at the deadline', async () => {
    const mockApi = await startMockApi({ scans: { 'scan-1': { status: 2 } } });
    const run = await runWait(mockApi, { 'timeout-seconds': '3' });
    expect(expectFailure(run)).toContain('The scan was not seen running within 3 s');
  });
});

describe('critical issues', () => {
  test.concurrent('more than max-critical fail the step with both numbers', async () => {
    const mockApi = await startApi();
    const run = await runWait(mockApi, { 'max-critical': '1' });
    const message = 'The scan found 2 critical issues; at most 1 are allowed (max-critical)';
    expect(expectFailure(run)).toContain(message);
    expect(run.outputs).toMatchObject({
      issues: JSON.stringify(COUNTS),
      'error-code': '',
      'error-message': message,
    });
    expect(run.summary).toContain('Fix the critical issues');
  });

  test.concurrent('no more than max-critical do not', async () => {
    const mockApi = await startApi();
    const run = await runWait(mockApi, { 'max-critical': '2' });
    expect(run.exitCode).toBe(0);
  });

  test.concurrent('that may not be read are a warning, and with max-critical an error', async () => {
    const mockApi = await startApi({}, { denied: ['codeartscheck:task:getReport'] });
    const run = await runWait(mockApi);
    expect(run.exitCode).toBe(0);
    expect(run.outputs).toMatchObject({ outcome: 'succeeded', issues: '{}' });
    expect(run.commands('warning')).toEqual([
      expect.stringContaining('codeartscheck:task:getReport'),
    ]);

    const limited = await startApi({}, { denied: ['codeartscheck:task:getReport'] });
    const strict = await runWait(limited, { 'max-critical': '1000' });
    expect(expectFailure(strict)).toContain('codeartscheck:task:getReport');
    expect(strict.outputs).toMatchObject({ issues: '{}', 'error-code': 'PAP5.0001' });
  });
});

describe('a status that cannot be read', () => {
  test.concurrent('without the permission is one error, immediately', async () => {
    const mockApi = await startApiWithLongScan({ denied: ['codeartscheck:task:get'] });
    const run = await runWait(mockApi);
    expect(expectFailure(run)).toContain('codeartscheck:task:get ');
    expect(run.outputs['error-code']).toBe('PAP5.0001');
    expect(mockApi.requests).toHaveLength(1);
  });

  test.concurrent('because of a rejected credential is an error after one request', async () => {
    const mockApi = await startApiWithLongScan();
    const run = await runWait(mockApi, { token: EXPIRED_TOKEN });
    expect(expectFailure(run)).toContain('Authentication information expired.');
    expect(mockApi.requests).toHaveLength(1);
  });

  test.concurrent.each<[string, Fault]>([
    ['a web page', { kind: 'response', status: 200, body: '<title>Log in</title>' }],
    ['a redirect', { kind: 'redirect', location: 'https://login.example.com' }],
    ['404', { kind: 'response', status: 404 }],
    ['no response', { kind: 'silence' }],
  ])('until the deadline is no success: %s', async (_, fault) => {
    const mockApi = await startApiWithLongScan();
    mockApi.inject(fault, { path: '/progress' });
    const run = await runWait(mockApi, { 'timeout-seconds': '2' });
    expect(expectFailure(run)).toMatch(/The status could not be read.*2 s \(timeout-seconds\)/);
  });
});

test.concurrent('a scan that is still running at the deadline fails the step, after one last reading', async () => {
  const mockApi = await startApiWithLongScan();
  const run = await runWait(mockApi, { 'timeout-seconds': '4' });
  expect(expectFailure(run)).toContain('The scan was still running after 4 s (timeout-seconds)');
  // At 0, 2 and 3 s.
  expect(mockApi.requestsTo('/progress')).toHaveLength(3);
});

test.concurrent('a temporary access key that expires during the wait is exchanged again', async () => {
  const mockApi = await startMockApi({
    scans: { 'scan-1': { endsAfterMs: 4_000 } },
    idTokens: { '': 'id-token-of-the-job' },
    temporaryKeysExpireAfterMs: 1_500,
  });
  const oidc = {
    token: '',
    'oidc-provider-urn': 'iam::account:oidcProvider:github',
    'agency-urn': 'iam::account:agency:wait-for-scans',
    'sts-endpoint': mockApi.endpoint,
  };
  const run = await runWait(mockApi, oidc, { env: idTokenEnv(mockApi) });
  expect(run.exitCode).toBe(0);
  expect(mockApi.issuedKeys.length).toBeGreaterThan(1);
  for (const { secret_access_key: secret, security_token: token } of mockApi.issuedKeys) {
    expect(run.visible).not.toContain(secret);
    expect(run.visible).not.toContain(token);
  }
});

test.concurrent.each(['SIGINT', 'SIGTERM'] as const)(
  '%s ends the wait with what is known',
  async (name) => {
    const mockApi = await startApiWithLongScan();
    const run = await runWait(
      mockApi,
      {},
      { signal: { name, onLine: 'Still running', afterMs: 200 } },
    );
    expect(expectFailure(run)).toContain(
      `The scan was still running when the step was cancelled (${name})`,
    );
    expect(run.endedAfterMs).toBeLessThan(5_000);
  },
);

test.concurrent.each([
  [{ 'execution-id': '' }, 'execution-id must be current'],
  [{ 'task-id': 'a,b' }, 'task-id must be exactly one task ID'],
  [{ 'max-critical': 'many' }, 'max-critical must be a whole number'],
  [{ 'timeout-seconds': '50000' }, 'timeout-seconds must be a whole number from 1 to 43200'],
])('an invalid input fails before any request: %j', async (different, message) => {
  const mockApi = await startApiWithLongScan();
  const run = await runWait(mockApi, different);
  expect(expectFailure(run)).toContain(message);
  expect(run.outputs['issues']).toBe('{}');
  expect(mockApi.requests).toEqual([]);
});
