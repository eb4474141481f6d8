import '../support/real-sockets.ts';
import { rmSync } from 'node:fs';
import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Fault } from '../../mock-api/faults.ts';
import type { MockApi, MockApiOptions } from '../../mock-api/mock-api.ts';
import { guard, guardPost } from '../../src/actions/guard.ts';
import { ActionRunner } from '../support/action-runner.ts';
import { FakeRunner } from '../support/fake-runner.ts';
import { EXPIRED_TOKEN, idTokenEnv, startMockApi, TOKEN } from '../support/with-mock-api.ts';

const step = FakeRunner.forEachTest();

const EXECUTION = 'e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1';
const OIDC = {
  token: '',
  'oidc-provider-urn': 'iam::account:oidcProvider:github',
  'agency-urn': 'iam::account:agency:stop-scans',
};

let mockApi: MockApi;
let runner: ActionRunner;

beforeEach(() => {
  runner = new ActionRunner(step);
});

async function start(options: MockApiOptions = {}): Promise<void> {
  mockApi = await startMockApi(options);
}

const inputs = (different: Readonly<Record<string, string>> = {}) => ({
  'task-id': 'scan-1',
  'execution-id': 'current',
  token: TOKEN,
  endpoint: mockApi.endpoint,
  ...different,
});

/** Runs `main` of the guard. */
const runGuard = (different: Readonly<Record<string, string>> = {}) =>
  runner.run(guard, inputs(different));

/** The lines of the one annotation of a kind. */
function onlyAnnotation(kind: 'error' | 'warning'): string[] {
  const [annotation, ...others] = step.commands(kind);
  expect(others).toEqual([]);
  expect(annotation?.title).toBe('Guard CodeArts Check Scan');
  return [...(annotation?.lines ?? [])];
}

const respond = (status: number, code = '', message = 'No.', more: object = {}): Fault => ({
  kind: 'response',
  status,
  body: JSON.stringify({ error_code: code, error_msg: message }),
  ...more,
});

const taskIds = (count: number) => Array.from({ length: count }, (_, index) => `scan-${index + 1}`);
const running = (count: number) =>
  Object.fromEntries(taskIds(count).map((id) => [id, {}] as const));

describe('what the guard logs', () => {
  test('is what it is about to do, and the status of each task', async () => {
    await start({
      scans: {
        running: { executions: { e1: {} } },
        ended: { status: 2 },
        failed: { status: 1 },
        stopped: { status: 3 },
        never: { status: null },
        odd: { status: 7 },
      },
    });
    mockApi.inject(
      { kind: 'response', status: 200, body: '{"task_status":0}' },
      { path: '/bare/' },
    );
    const ids = 'running,ended,failed,stopped,never,odd,bare';
    await expect(runGuard({ 'task-id': ids })).resolves.toBe(true);
    const stop = 'It will be stopped if the job is cancelled or fails.';
    const current = 'This stops whichever scan the task is running at that time.';
    const status = (text: string) => `${text}. ${stop} ${current}`;
    expect(step.log.filter((line) => line.startsWith('GET '))).toHaveLength(7);
    const lines = step.log.filter((line) => !line.startsWith('GET '));
    expect(lines[0]).toBe(
      `Guarding 7 scans (running, ended, failed, stopped, never, odd, bare) at 127.0.0.1:${mockApi.port} (region cn-north-4), with a token from the input token; time limit 20 s`,
    );
    expect(lines.slice(1).toSorted()).toEqual(
      [
        status('Scan running is running (0%)'),
        status('Scan ended has ended (succeeded)'),
        status('Scan failed has ended (failed)'),
        status('Scan stopped has ended (stopped)'),
        status('Scan never has no status yet'),
        status('Scan odd has the unknown status 7'),
        status('Scan bare is running'),
      ].toSorted(),
    );
    expect(step.commands('warning')).toEqual([]);
    expect(step.commands('error')).toEqual([]);
    expect(step.summary()).toBe('');
  });

  test('does not speak of whichever scan is running if an execution is named', async () => {
    await start({ scans: { 'scan-1': { executions: { [EXECUTION]: {} } } } });
    await expect(runGuard({ 'execution-id': EXECUTION })).resolves.toBe(true);
    expect(step.log.at(-1)).toBe(
      `Scan scan-1 (execution ${EXECUTION}) is running (0%). It will be stopped if the job is cancelled or fails.`,
    );
  });

  test.each([
    ['5', 'time limit 5 s'],
    ['20', 'time limit 20 s'],
    ['21', 'time limit 20 s'],
  ])('has the time limit of the check: with timeout-seconds %s, %s', async (seconds, text) => {
    await start();
    await runGuard({ 'timeout-seconds': seconds });
    expect(step.log[0]).toContain(text);
  });

  test.each([
    ['285', false],
    ['286', true],
  ])('says what a cancel cuts off: with timeout-seconds %s, %s', async (seconds, said) => {
    await start();
    await runGuard({ 'timeout-seconds': seconds });
    const line = `After a cancel, all steps that still run share 4 min 45 s. A stop that lasts longer is cut off without a report, although timeout-seconds is ${seconds}.`;
    expect(step.log.includes(line)).toBe(said);
  });
});

describe('what the guard saves', () => {
  test('is saved before the first request is sent, with nothing secret in it', async () => {
    await start({ scans: { 'scan-1': { executions: { [EXECUTION]: {} } } } });
    mockApi.inject({ kind: 'silence' });
    const requested = mockApi.nextRequest('/progress');
    const end = runGuard({
      'task-id': ' scan-1 ',
      'execution-id': `\n${EXECUTION}`,
      'timeout-seconds': '90',
      wait: 'true',
      retries: '2',
    });
    await requested;
    const state = step.state();
    expect(Object.keys(state)).toEqual(['inputs']);
    expect(JSON.parse(state['inputs'] ?? '')).toEqual({
      values: {
        'access-key-id': '',
        'project-id': '',
        'oidc-provider-urn': '',
        'agency-urn': '',
        'oidc-audience': '',
        'sts-endpoint': '',
        wait: 'true',
        'if-not-running': '',
        'timeout-seconds': '90',
        retries: '2',
        'task-id': 'scan-1',
        'execution-id': EXECUTION,
        region: 'cn-north-4',
        endpoint: expect.stringContaining(mockApi.endpoint),
      },
      secrets: ['token'],
    });
    expect(state['inputs']).not.toContain(TOKEN);
    runner.interrupt();
    await end;
  });

  test('fails the step if it cannot be saved, before anything is sent', async () => {
    await start();
    rmSync(step.stateFile);
    await expect(runGuard()).resolves.toBe(false);
    const lines = onlyAnnotation('error').join('\n');
    expect(lines).toContain('The state for the end of the job could not be saved: Missing file');
    expect(lines).toMatch(/may still be running and is not guarded\.$/);
    expect(mockApi.requests).toEqual([]);
  });

  test('is kept if the step does not come to its own end, which is one error', async () => {
    await start();
    mockApi.inject({ kind: 'silence' });
    const requested = mockApi.nextRequest('/progress');
    const end = runGuard();
    await requested;
    runner.crash('x is not a function');
    expect(onlyAnnotation('error')).toEqual(['Unexpected error: x is not a function']);
    expect(step.state()).toHaveProperty('inputs');
    runner.interrupt();
    await end;
  });

  test('is no second error after an invalid input', async () => {
    await start();
    rmSync(step.stateFile);
    await expect(runGuard({ wait: 'maybe' })).resolves.toBe(false);
    expect(onlyAnnotation('error')[0]).toContain('Invalid input: wait must be');
    expect(onlyAnnotation('warning')[0]).toContain('could not be saved');
  });
});

describe('an invalid input', () => {
  test.each([
    [{ 'task-id': ' ' }, 'task-id must be one or more task IDs'],
    [{ 'execution-id': '' }, 'execution-id must be current, or one execution ID'],
  ])('that is empty fails, and says where the guard belongs: %j', async (empty, message) => {
    await start();
    await expect(runGuard(empty)).resolves.toBe(false);
    const lines = onlyAnnotation('error').join('\n');
    expect(lines).toContain(message);
    expect(lines).toContain('Place the guard after the step that starts the scan');
    expect(mockApi.requests).toEqual([]);
    expect(step.state()).toEqual({ ending: 'invalid-input' });
    expect(step.summary()).toContain('Invalid input');
  });

  test('is a region that is unknown, although the endpoint is given', async () => {
    await start();
    await expect(runGuard({ region: 'cn-north-9' })).resolves.toBe(false);
    expect(onlyAnnotation('error')[0]).toContain('region must be one of these regions');
  });

  test('is a list of more than 100 tasks', async () => {
    await start({ scans: running(101) });
    await expect(runGuard({ 'task-id': taskIds(101).join() })).resolves.toBe(false);
    expect(onlyAnnotation('error')[0]).toContain('must be at most 100 task IDs, not 101');
    await expect(runGuard({ 'task-id': taskIds(100).join() })).resolves.toBe(true);
  });
});

describe('what is certainly wrong fails the step', () => {
  test.each<[string, Fault, string, string]>([
    [
      'a wrong task ID',
      respond(400, 'CC.00000001.400', 'Verify request parameter failed.'),
      'Verify request parameter failed. (CC.00000001.400, HTTP 400)',
      'Check task-id, execution-id and region.',
    ],
    [
      'a task of another project',
      respond(200, 'CC.00050013', 'The project does not exist.'),
      'The project does not exist. (CC.00050013, HTTP 200)',
      'Check task-id, execution-id and region.',
    ],
    [
      'a host without the API',
      respond(404, 'APIGW.0101', 'The API does not exist.'),
      'The API does not exist. (APIGW.0101, HTTP 404)',
      'Check region and endpoint, and whether this runner may reach the host.',
    ],
    [
      'a web page',
      { kind: 'response', status: 200, body: '<title>Log in</title>' },
      "The host responded with the web page 'Log in' instead of JSON (HTTP 200)",
      'The response comes from something other than the API, such as a login page, or endpoint is wrong: check region, endpoint and the proxy of the network.',
    ],
    [
      'a redirect',
      { kind: 'redirect', location: 'https://login.example.com/' },
      'The host responded with a redirect to https://login.example.com/, which is not followed because it would carry the credential away (HTTP 302)',
      'The response comes from something other than the API: check region, endpoint, and the proxy or login page of the network.',
    ],
    [
      'something that is not HTTP',
      { kind: 'garbage' },
      'did not respond in HTTP (HPE_INVALID_CONSTANT)',
      'Check region and endpoint, and whether this runner may reach the host.',
    ],
  ])('%s', async (_, fault, message, advice) => {
    await start();
    mockApi.inject(fault);
    await expect(runGuard()).resolves.toBe(false);
    expect(mockApi.requests).toHaveLength(1);
    const [first, ...others] = onlyAnnotation('error');
    expect(first).toContain('Could not check scan scan-1: ');
    expect(first).toContain(message);
    expect(others).toEqual([advice, 'Scan scan-1 may still be running and is not guarded.']);
    expect(step.commands('warning')).toEqual([]);
    expect(step.summary()).toContain('Could not check scan scan-1');
    expect(step.summary()).toContain('Scan scan-1 may still be running and is not guarded.');
    expect(step.visible()).not.toMatch(/stop may have happened|could not stop|if-not-running/i);
    expect(Object.keys(step.state())).toEqual(['inputs']);
  });

  test('a host that refuses the connection', async () => {
    await start();
    const { endpoint } = mockApi;
    await mockApi.close();
    await expect(runGuard({ endpoint })).resolves.toBe(false);
    expect(onlyAnnotation('error')).toEqual([
      expect.stringContaining('refused the connection (ECONNREFUSED)'),
      'Check region and endpoint, and whether this runner may reach the host.',
      'Scan scan-1 may still be running and is not guarded.',
    ]);
  });

  test('a rejected credential, saved and reported once for many tasks, after one request', async () => {
    await start({ scans: running(40) });
    const end = runGuard({ 'task-id': taskIds(40).join(), token: EXPIRED_TOKEN });
    await expect(end).resolves.toBe(false);
    expect(mockApi.requests).toHaveLength(1);
    expect(step.state()).toMatchObject({ ending: 'credential-rejected' });
    const lines = onlyAnnotation('error');
    expect(lines).toHaveLength(3);
    const which =
      '40 scans (scan-1, scan-2, scan-3, scan-4, scan-5, scan-6, scan-7, scan-8, scan-9, scan-10, and 30 more)';
    expect(lines[0]).toContain(
      `Could not check ${which}: Authentication information expired. (CC.00000003, HTTP 401`,
    );
    expect(lines[1]).toContain('24 hours');
    expect(lines[2]).toBe(`${which} may still be running and are not guarded.`);
  });

  test.each([
    ['the ID token', {}, 'GitHub gives this job no ID token', 'id-token: write'],
    ['STS', { idTokens: { '': 'an-id-token' } }, 'STS5.1001, HTTP 403', 'trust policy'],
  ])('OIDC: %s', async (name, options, message, advice) => {
    await start(options);
    if (name === 'STS') {
      for (const [key, value] of Object.entries(idTokenEnv(mockApi))) step.variable(key, value);
      mockApi.inject(respond(403, 'STS5.1001', 'No trust.'), { path: '/v5/' });
    }
    const more = { 'task-id': 'scan-1,scan-2', 'sts-endpoint': mockApi.endpoint };
    await expect(runGuard({ ...OIDC, ...more })).resolves.toBe(false);
    const lines = onlyAnnotation('error').join('\n');
    expect(lines).toContain(message);
    expect(lines).toContain(advice);
    expect(lines).toContain('2 scans (scan-1, scan-2) may still be running and are not guarded.');
    expect(mockApi.requestsTo('/progress')).toEqual([]);
  });

  test('for several tasks: each with its own error, more than ten counted', async () => {
    await start();
    const ids = taskIds(11).map((id) => `x${id}`);
    await expect(runGuard({ 'task-id': ['scan-1', ...ids].join() })).resolves.toBe(false);
    const lines = onlyAnnotation('error');
    expect(lines[0]).toMatch(/^Could not check 11 scans \(xscan-1, .*, and 1 more\)$/);
    expect(lines.filter((line) => line.startsWith('Scan xscan-'))).toHaveLength(10);
    expect(lines[1]).toMatch(
      /^Scan xscan-\d+: Verify request parameter failed\..*\(CC\.00000001\.400, HTTP 400, request ID \w+\)$/i,
    );
    expect(lines.slice(11)).toEqual([
      'and 1 more',
      'Check task-id, execution-id and region.',
      expect.stringMatching(/^11 scans \(.*\) may still be running and are not guarded\.$/),
    ]);
    // The scan whose status could be read.
    expect(step.log).toContainEqual(expect.stringContaining('Scan scan-1 is running'));
  });
});

describe('what cannot be known is one warning, and the job goes on', () => {
  const PERMISSION =
    'Grant the user codeartscheck:task:get (an identity policy, or a CodeArts project role that includes it). A wrong region or endpoint causes the same error.';

  test.each<[string, Fault, string, readonly string[]]>([
    ['403', respond(403), 'No. (HTTP 403)', [PERMISSION]],
    [
      'an identity policy',
      respond(403, 'PAP5.0001', 'Access denied.'),
      'Access denied. (PAP5.0001, HTTP 403)',
      [PERMISSION],
    ],
    [
      'a missing permission under HTTP 200',
      respond(200, 'CC.00050010', 'No permission.'),
      'No permission. (CC.00050010, HTTP 200)',
      [PERMISSION],
    ],
    [
      'a user without a project',
      respond(200, 'CC.00050011', 'In no project.'),
      'In no project. (CC.00050011, HTTP 200)',
      ['Add the user to the CodeArts project of the task.'],
    ],
    [
      'a missing project role',
      respond(400, 'CC.00050006', 'service_error_code is: CC.00070403.403'),
      'service_error_code is: CC.00070403.403 (CC.00050006, HTTP 400)',
      [
        'Give the user a CodeArts project role that may execute tasks, such as developer or project manager.',
      ],
    ],
    ['503', respond(503, 'APIGW.0701', 'Busy.'), 'Busy. (APIGW.0701, HTTP 503)', []],
    ['502', respond(502, '', 'Bad.'), 'Bad. (HTTP 502)', []],
    ['a busy API under 400', respond(400, 'CC.00000000', 'Busy.'), 'Busy. (CC.00000000', []],
    ['a reset', { kind: 'reset-before-headers' }, 'reset the connection (ECONNRESET)', []],
    ['half a response', { kind: 'cut-short' }, 'The response was cut short (HTTP 200)', []],
    [
      'throttling',
      respond(429, 'APIGW.0308', 'Throttled.', { headers: { 'retry-after': '21' } }),
      'Throttled. (APIGW.0308, HTTP 429)',
      [],
    ],
  ])('%s', async (_, fault, message, advice) => {
    await start({ scans: running(3) });
    mockApi.inject(fault, { path: '/progress' });
    const end = runGuard({ 'task-id': 'scan-1,scan-2,scan-3', retries: '1' });
    await expect(end).resolves.toBe(true);
    const [first, ...others] = onlyAnnotation('warning');
    expect(first).toContain('The status of 3 scans (scan-1, scan-2, scan-3) could not be read: ');
    expect(first).toContain(message);
    expect(first).toMatch(/ A stop is still requested if the job is cancelled or fails\.$/);
    expect(others).toEqual(advice);
    expect(step.commands('error')).toEqual([]);
    expect(step.summary()).toBe('');
    expect(Object.keys(step.state())).toEqual(['inputs']);
  });

  test.each([
    ['60', 20, 'No response within 20 s.'],
    ['20', 20, 'No response within 20 s (timeout-seconds).'],
    ['12', 12, 'No response within 12 s (timeout-seconds).'],
  ])('no response, with timeout-seconds %s for %d s', async (timeout, seconds, message) => {
    await start();
    mockApi.inject({ kind: 'silence' });
    const requested = mockApi.nextRequest('/progress');
    const end = runGuard({ 'timeout-seconds': timeout });
    await requested;
    await runner.clock.advance(seconds * 1000 - 1);
    expect(step.commands('warning')).toEqual([]);
    await runner.clock.advance(1);
    await expect(end).resolves.toBe(true);
    expect(onlyAnnotation('warning')).toEqual([
      `The status of scan scan-1 could not be read: ${message} A stop is still requested if the job is cancelled or fails.`,
    ]);
  });

  test('holds back no other task while it is retried', async () => {
    await start({ scans: running(2) });
    mockApi.inject(respond(503), { path: '/scan-1/', times: 1 });
    await expect(runGuard({ 'task-id': 'scan-1,scan-2' })).resolves.toBe(true);
    const order = mockApi.requests.map(({ path }) => path.split('/')[3]);
    expect(order).toEqual(['scan-1', 'scan-2', 'scan-1']);
    expect(step.commands('warning')).toEqual([]);
  });

  test('beside an error of another task, of which each is reported', async () => {
    await start();
    mockApi.inject(respond(403), { path: '/scan-1/' });
    await expect(runGuard({ 'task-id': 'scan-1,scan-2' })).resolves.toBe(false);
    expect(onlyAnnotation('warning')[0]).toContain('The status of scan scan-1 could not be read');
    expect(onlyAnnotation('error').at(-1)).toBe(
      'Scan scan-2 may still be running and is not guarded.',
    );
  });
});

test('a fault of ours is no error of the API', async () => {
  await start();
  mockApi.inject(respond(503));
  runner.random = () => {
    throw new TypeError('x is not a function');
  };
  await expect(runGuard()).rejects.toThrow('x is not a function');
});

describe('a reading that names an execution', () => {
  const job = `/progress?job_id=${EXECUTION}`;
  const isFallback = () => mockApi.requests.map(({ path }) => path.split('/progress')[1]);

  test('is made once more without it after half a 404', async () => {
    await start();
    mockApi.inject({ kind: 'reset-unframed', status: 404, body: '{"error' }, { path: job });
    await expect(runGuard({ 'execution-id': EXECUTION, retries: '0' })).resolves.toBe(true);
    expect(isFallback()).toEqual([`?job_id=${EXECUTION}`, '']);
  });

  test.each([400, 403, 404, 409])('is made once more without it after a %d', async (status) => {
    await start();
    mockApi.inject(respond(status), { path: job });
    await expect(runGuard({ 'execution-id': EXECUTION })).resolves.toBe(true);
    expect(isFallback()).toEqual([`?job_id=${EXECUTION}`, '']);
    expect(step.log.at(-1)).toContain(`Scan scan-1 (execution ${EXECUTION}) is running`);
    expect(step.commands('warning')).toEqual([]);
  });

  test.each<[string, Fault, boolean]>([
    ['a wrong task ID', respond(404, 'CC.00050013'), false],
    ['a missing permission', respond(403), true],
  ])('is decided by the one without it: %s', async (_, fault, success) => {
    await start();
    mockApi.inject(respond(400, 'X', 'With job_id.'), { path: job });
    mockApi.inject(fault, { path: '/progress' });
    await expect(runGuard({ 'execution-id': EXECUTION })).resolves.toBe(success);
    expect(isFallback()).toHaveLength(2);
    const [first] = onlyAnnotation(success ? 'warning' : 'error');
    expect(first).toContain(`scan scan-1 (execution ${EXECUTION})`);
    expect(first).not.toContain('With job_id.');
  });

  test.each<[string, Fault]>([
    ['401', respond(401)],
    ['500', respond(500)],
    ['200 with an error', respond(200, 'CC.00050010')],
    ['a redirect', { kind: 'redirect', location: '/' }],
    ['a web page', { kind: 'response', status: 200, body: '<html>' }],
    ['a reset', { kind: 'reset-before-headers' }],
    ['half a response', { kind: 'cut-short' }],
  ])('is not made without it after anything else: %s', async (_, fault) => {
    await start();
    mockApi.inject(fault, { path: '/progress' });
    await runGuard({ 'execution-id': EXECUTION, retries: '0' });
    expect(isFallback()).toEqual([`?job_id=${EXECUTION}`]);
  });
});

describe('an interruption', () => {
  test('ends the check with a line in the log, and fails the step', async () => {
    await start();
    mockApi.inject({ kind: 'silence' });
    const requested = mockApi.nextRequest('/progress');
    const end = runGuard();
    await requested;
    runner.interrupt();
    await expect(end).resolves.toBe(false);
    expect(step.log.at(-1)).toBe(
      'The step ended early: the step was cancelled (SIGTERM). The stop is requested at the end of the job.',
    );
    expect(step.commands('warning')).toEqual([]);
    expect(step.commands('error')).toEqual([]);
    expect(Object.keys(step.state())).toEqual(['inputs']);
  });

  test('does not hide what is certainly wrong', async () => {
    await start({ scans: {} });
    mockApi.inject({ kind: 'silence' }, { path: '/scan-2/' });
    const requested = mockApi.nextRequest('/scan-2/');
    const end = runGuard({ 'task-id': 'scan-1,scan-2' });
    await requested;
    runner.interrupt();
    await expect(end).resolves.toBe(false);
    expect(onlyAnnotation('error').at(-1)).toBe(
      'Scan scan-1 may still be running and is not guarded.',
    );
  });
});

describe('at the end of a job that was cancelled or failed', () => {
  const POST = 'This job was cancelled or failed.';

  test('what was checked is stopped, whatever inputs and variables say by then', async () => {
    await start({ scans: { 'scan-1': { executions: { [EXECUTION]: {} } }, other: {} } });
    await runGuard({ 'execution-id': EXECUTION, region: 'cn-north-1' });
    const state = step.state();
    step.clear();
    step.variable('HUAWEI_CLOUD_REGION', 'mars-1');
    const changed = inputs({ 'task-id': 'other', endpoint: 'elsewhere.example.com', retries: 'x' });
    await expect(runner.run(guardPost, changed, state)).resolves.toBe(true);
    expect(mockApi.stopRequests).toEqual([{ taskId: 'scan-1', executionId: EXECUTION }]);
    expect(step.log[0]).toBe(POST);
    expect(step.log[1]).toContain(`Stopping scan scan-1 (execution ${EXECUTION})`);
    expect(step.log[1]).toContain('(region cn-north-1)');
    expect(step.summary()).toContain('Stop requested for scan scan-1');
    expect(step.outputs()).toEqual({});
  });

  test('the region is not checked again, which a given endpoint may make unnecessary', async () => {
    await start();
    step.variable('HUAWEI_CLOUD_REGION', 'mars-1');
    await expect(runGuard()).resolves.toBe(true);
    const state = step.state();
    step.clear();
    await expect(runner.run(guardPost, inputs(), state)).resolves.toBe(true);
    expect(step.log[1]).toContain('(region mars-1)');
  });

  test('the inputs are used if nothing was saved', async () => {
    await start();
    await expect(runner.run(guardPost, inputs())).resolves.toBe(true);
    expect(mockApi.stopRequests).toEqual([{ taskId: 'scan-1', executionId: undefined }]);
  });

  test('a scan that has ended is not running, which does not fail', async () => {
    await start({ scans: { 'scan-1': { status: 2 } } });
    await expect(runner.run(guardPost, inputs())).resolves.toBe(true);
    expect(step.log.at(-1)).toContain('Scan scan-1 was not running; nothing to stop');
    await expect(runner.run(guardPost, inputs({ 'if-not-running': 'fail' }))).resolves.toBe(false);
  });

  test.each([
    [
      'invalid-input',
      'Nothing is stopped, because an input was invalid when the job reached this step.',
    ],
    [
      'credential-rejected',
      'Nothing is stopped, because the credential was rejected (401) when the job reached this step. An access key is locked after more than five rejections.',
    ],
  ])('nothing is sent after %s', async (ending, line) => {
    await start();
    await expect(runner.run(guardPost, inputs(), { ending })).resolves.toBe(false);
    expect(step.log).toEqual([POST, line]);
    expect(step.commands('error')).toEqual([]);
    expect(mockApi.requests).toEqual([]);
  });

  test.each([
    [{ token: '' }, 'token had'],
    [{ token: '', 'access-key-id': 'AK', 'secret-access-key': 'SK' }, 'token had'],
  ])('a secret that is empty by then is an error: %j', async (empty, message) => {
    await start();
    await runGuard();
    const state = step.state();
    step.clear();
    await expect(runner.run(guardPost, inputs(empty), state)).resolves.toBe(false);
    const lines = onlyAnnotation('error');
    expect(lines[0]).toBe(
      `Could not stop the scan: ${message} a value when the job reached this step, but is empty now. GitHub evaluates inputs again at the end of a job; in a nested composite action, they may be empty then.`,
    );
    expect(lines.slice(1)).toEqual([
      'The scan may still be running.',
      'Use the step form instead, in the job itself: the action without /guard or /start, with if: cancelled() || failure().',
    ]);
    expect(mockApi.stopRequests).toEqual([]);
    expect(step.summary()).toContain('Could not stop the scan');
  });

  test('all secrets that are empty by then are named', async () => {
    await start();
    await runGuard({
      token: '',
      'access-key-id': 'AK',
      'secret-access-key': 'SK',
      'security-token': 'ST',
    });
    const state = { inputs: step.state()['inputs'] ?? '' };
    step.clear();
    await runner.run(guardPost, inputs({ token: '' }), state);
    expect(onlyAnnotation('error')[0]).toContain(
      'secret-access-key and security-token had a value',
    );
  });

  test('a secret that is invalid by then is an invalid input', async () => {
    await start();
    await runGuard();
    const state = step.state();
    step.clear();
    await expect(runner.run(guardPost, inputs({ token: 'a b' }), state)).resolves.toBe(false);
    expect(onlyAnnotation('error')[0]).toContain('token must be');
    expect(mockApi.stopRequests).toEqual([]);
  });

  test('the secrets are masked before the first line', async () => {
    await start();
    await runGuard();
    const state = step.state();
    step.clear();
    await runner.run(guardPost, inputs(), state);
    expect(step.lines[0]).toBe(`::add-mask::${TOKEN}`);
    expect(step.visible()).not.toContain(TOKEN);
  });
});
