import { mkdirSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import nock from 'nock';
import { type ActionDeps, main } from '../../src/actions/stop.ts';
import { Report } from '../../src/report/report.ts';
import { Secrets } from '../../src/report/secrets.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeRunner } from '../support/fake-runner.ts';

const step = FakeRunner.forEachTest();

const API = 'https://codearts-check.cn-north-4.myhuaweicloud.com';
const TOKEN = `MII${'abcdefghijklmnopqrstuvwxyz0123456789+/='.repeat(10)}`;
const INPUTS = { 'task-id': '0a1b', token: TOKEN };

interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** The requests that were sent, and to where those went that no test has announced. */
let seen: Seen[];
let strays: string[];
let clock: FakeClock;

const noteStray = ({ url }: Request) => strays.push(url);

beforeEach(() => {
  seen = [];
  strays = [];
  clock = new FakeClock({ autoUpToMs: 16_000 });
  nock.emitter.on('no match', noteStray);
});

afterEach(() => {
  nock.emitter.off('no match', noteStray);
  expect(strays).toEqual([]);
});

interface Answer {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const json = (status: number, body: unknown, headers: Answer['headers'] = {}): Answer => ({
  status,
  body: JSON.stringify(body),
  headers: { 'content-type': 'application/json', ...headers },
});
const refused = (status: number, code: string, message: string, headers = {}) =>
  json(status, { error_code: code, error_msg: message }, headers);

/** Announces requests to a path, each with its answer. */
function announce(method: 'GET' | 'POST', url: string, ...answers: readonly Answer[]): void {
  const { origin, pathname, search } = new URL(url);
  for (const { status, body = '', headers = {} } of answers) {
    nock(origin)
      .intercept(pathname + search, method)
      .reply(async (request: Request) => {
        const path = request.url.slice(origin.length);
        const sent = await request.text();
        seen.push({ method, path, headers: Object.fromEntries(request.headers), body: sent });
        return [status, body, headers];
      });
  }
}

const stopOf = (taskId: string, ...answers: readonly Answer[]) =>
  announce('POST', `${API}/v2/tasks/${taskId}/stop`, ...answers);
const statusOf = (taskId: string, ...statuses: readonly unknown[]) =>
  announce(
    'GET',
    `${API}/v2/tasks/${taskId}/progress`,
    ...statuses.map((task_status) => json(200, { task_status, progress: { ratio: '50%' } })),
  );

function partsOfStep(): ActionDeps {
  const secrets = new Secrets();
  return { clock, random: () => 0.5, secrets, report: new Report(secrets) };
}

function run(inputs: Readonly<Record<string, string>>, parts = partsOfStep()): Promise<boolean> {
  step.inputs(inputs);
  return main(parts);
}

const errors = () => step.commands('error').map(({ lines }) => lines);
const resultRows = () => JSON.parse(step.outputs()['results'] ?? '');

describe('a stop that the API takes', () => {
  test.each<[string, Answer]>([
    ['200 with null, as documented', { status: 200, body: 'null' }],
    ['200 with nothing, as seen', { status: 200 }],
    ['204', { status: 204 }],
    ['202 with an object', { status: 202, body: '{"task_id":"0a1b"}' }],
  ])('succeeds: %s', async (_, answer) => {
    stopOf('0a1b', { ...answer, headers: { 'x-request-id': 'f00d' } });
    await expect(run(INPUTS)).resolves.toBe(true);
    expect(seen).toHaveLength(1);
    expect(step.outputs()).toMatchObject({
      outcome: 'stop-requested',
      'status-code': String(answer.status),
      'error-code': '',
      'error-message': '',
      'request-id': 'f00d',
    });
    expect(resultRows()).toEqual([
      {
        'task-id': '0a1b',
        outcome: 'stop-requested',
        'status-code': answer.status,
        'error-code': '',
        'error-message': '',
        'request-id': 'f00d',
      },
    ]);
    expect(step.summary()).toContain('<h3>Scan 0a1b asked to stop</h3>');
    expect(errors()).toEqual([]);
    expect(step.commands('warning')).toEqual([]);
  });

  test('is requested as the API wants it', async () => {
    stopOf('0a1b', { status: 200 });
    await run(INPUTS);
    expect(seen).toMatchObject([{ method: 'POST', path: '/v2/tasks/0a1b/stop', body: '{}' }]);
    expect(seen[0]?.headers).toMatchObject({
      'content-type': 'application/json',
      'user-agent': expect.stringMatching(/^stop-codearts-check-task\/\d+\.\d+\.\d+$/),
      'x-auth-token': TOKEN,
    });
    expect(seen[0]?.headers).not.toHaveProperty('authorization');
  });

  test('leaves lines in the log, behind the mask of the secret', async () => {
    stopOf('0a1b', { status: 200 });
    await run(INPUTS);
    expect(step.lines).toEqual([
      `::add-mask::${TOKEN}`,
      'Stopping scan 0a1b at codearts-check.cn-north-4.myhuaweicloud.com, within 60 s',
      `POST ${API}/v2/tasks/0a1b/stop → HTTP 200 in 0 ms`,
      'Scan 0a1b asked to stop, after 0 ms',
    ]);
  });

  test('goes to the region, or to the endpoint that is named', async () => {
    announce('POST', 'https://check.eu-west-101.myhuaweicloud.eu/v2/tasks/a/stop', { status: 200 });
    announce('POST', 'http://127.0.0.1:8080/check/v2/tasks/b/stop', { status: 200 });
    const inputs = { ...INPUTS, region: 'eu-west-101' };
    await expect(run({ ...inputs, 'task-id': 'a' })).resolves.toBe(true);
    const endpoint = 'http://127.0.0.1:8080/check/';
    await expect(run({ ...inputs, 'task-id': 'b', endpoint })).resolves.toBe(true);
    expect(seen).toHaveLength(2);
  });

  test('needs no job summary', async () => {
    step.variable('GITHUB_STEP_SUMMARY', undefined);
    stopOf('0a1b', { status: 200 });
    await expect(run(INPUTS)).resolves.toBe(true);
    expect(step.summary()).toBe('');
    expect(step.commands('warning')).toEqual([]);
  });

  test('is a success also where the job summary cannot be written', async () => {
    rmSync(step.summaryFile);
    mkdirSync(step.summaryFile);
    stopOf('0a1b', { status: 200 });
    await expect(run(INPUTS)).resolves.toBe(true);
    expect(step.commands('warning')).toHaveLength(1);
  });
});

describe('a stop that the API refuses', () => {
  test.each([
    [
      400,
      'CC.00000001.400',
      'Verify request parameter failed. Check whether the request parameters are correct.',
      'Check task-id',
    ],
    [401, 'CC.00000003', 'Authentication information expired.', 'A token lives 24 hours'],
    [403, 'APIGW.0302', 'The request is blocked by a policy.', 'Check the permissions'],
    [404, 'APIGW.0101', 'The API does not exist', 'check region and endpoint'],
    [200, 'CC.00050010', 'No permission', 'codeartscheck:task:execute'],
    [400, 'CC.00000001.400', '参数校验失败，请检查请求参数是否正确 🛑', 'Check task-id'],
    [401, 'CC.00000003', '认证信息已过期', 'A token lives 24 hours'],
  ])(
    'fails after one request, with what the API says: HTTP %d %s %s',
    async (status, code, message, advice) => {
      stopOf('0a1b', refused(status, code, message, { 'x-request-id': 'f00d' }));
      await expect(run(INPUTS)).resolves.toBe(false);
      expect(seen).toHaveLength(1);
      expect(errors()).toEqual([
        [
          `Scan 0a1b was not stopped: ${message} (${code}, HTTP ${status}, request ID f00d)`,
          expect.stringContaining(advice),
        ],
      ]);
      expect(step.outputs()).toMatchObject({
        outcome: 'failed',
        'status-code': String(status),
        'error-code': code,
        'error-message': message,
        'request-id': 'f00d',
      });
      expect(step.summary()).toContain(message);
      expect(step.log.join('\n')).toContain(`HTTP ${status} in 0 ms; ${code} ${message}`);
    },
  );

  test.each<[string, Answer, { code?: string; message: string | RegExp; id?: string }]>([
    [
      'an error of IAM, one level down',
      json(403, { error: { code: 403, message: 'Forbidden', title: 'Forbidden' } }),
      { code: '403', message: 'Forbidden' },
    ],
    [
      'a request ID in the body',
      json(400, { error_code: 'X.1', error_msg: 'No.', request_id: 'b0d7' }),
      { code: 'X.1', message: 'No.', id: 'b0d7' },
    ],
    ['a code alone', json(200, { error_code: 'X.1' }), { code: 'X.1', message: /./ }],
    ['plain text', { status: 400, body: 'Bad Request' }, { message: 'Bad Request' }],
    ['nothing', { status: 418 }, { message: 'The API gave no reason' }],
    [
      'a login page',
      { status: 200, body: '<html>Log in</html>', headers: { 'content-type': 'text/html' } },
      { message: /a web page where the API answers with JSON/ },
    ],
    [
      'a redirect, which is not followed',
      { status: 302, headers: { location: 'https://login.example.com/?token=x' } },
      { message: /redirect to https:\/\/login\.example\.com\/, which is not followed/ },
    ],
    [
      'more than anyone would read',
      { status: 200, body: 'x'.repeat(64 * 1024 + 1) },
      { message: 'The answer is longer than 64 KiB' },
    ],
  ])('fails after one request: %s', async (_, answer, { code = '', message, id = '' }) => {
    stopOf('0a1b', answer);
    await expect(run(INPUTS)).resolves.toBe(false);
    expect(seen).toHaveLength(1);
    expect(errors()).toHaveLength(1);
    expect(step.outputs()).toMatchObject({
      outcome: 'failed',
      'status-code': String(answer.status),
      'error-code': code,
      'error-message': typeof message === 'string' ? message : expect.stringMatching(message),
      'request-id': id,
    });
  });

  test('fails with a sentence of our own where there was no answer', async () => {
    nock(API)
      .post('/v2/tasks/0a1b/stop')
      .replyWithError(Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }));
    await expect(run(INPUTS)).resolves.toBe(false);
    expect(step.outputs()).toMatchObject({
      'status-code': '',
      'error-code': '',
      'error-message': expect.stringMatching(/^The host codearts-check\.cn-north-4\S+ /),
    });
  });
});

describe('a bad input is refused by name, and nothing is sent', () => {
  test.each<[string, Readonly<Record<string, string>>, RegExp]>([
    ['no task', { token: TOKEN }, /^task-id takes .*; it is empty/],
    ['an empty task', { ...INPUTS, 'task-id': ' , ' }, /^task-id takes .*; it is empty/],
    ['a task that is a path', { ...INPUTS, 'task-id': '../x' }, /^task-id takes .*'\.\.\/x'$/],
    ['no credential', { 'task-id': '0a1b' }, /^token is empty, and no other credential/],
    ['an empty token', { 'task-id': '0a1b', token: ' ' }, /^token is empty/],
    ['a token of two lines', { ...INPUTS, token: 'MII\nabc' }, /^token takes 1 to 100000 visible/],
    ['two credentials', { ...INPUTS, 'access-key-id': 'AK' }, /^token and access-key-id belong/],
    ['half a key pair', { 'task-id': 'a', 'access-key-id': 'AK' }, /^secret-access-key must not/],
    ['an unknown region', { ...INPUTS, region: 'mars-1' }, /^region takes one of .*'mars-1'$/],
    ['plain http', { ...INPUTS, endpoint: 'http://example.com' }, /^endpoint takes a host name/],
    [
      'a user in the endpoint',
      { ...INPUTS, endpoint: 'https://a@b.example.com' },
      /^endpoint takes/,
    ],
    ['wait', { ...INPUTS, wait: 'yes' }, /^wait takes true or false, not 'yes'$/],
    ['if-not-running', { ...INPUTS, 'if-not-running': 'no' }, /^if-not-running takes .*'no'$/],
    ['timeout-seconds', { ...INPUTS, 'timeout-seconds': '0' }, /^timeout-seconds takes .*'0'$/],
    ['retries', { ...INPUTS, retries: '99' }, /^retries takes .*'99'$/],
  ])('%s', async (_, inputs, message) => {
    await expect(run(inputs)).resolves.toBe(false);
    expect(seen).toEqual([]);
    expect(errors()).toEqual([[expect.stringMatching(message)]]);
    expect(step.outputs()).toMatchObject({
      outcome: 'failed',
      'status-code': '',
      'error-message': expect.stringMatching(message),
    });
    expect(step.visible()).not.toContain(TOKEN);
  });
});

describe('several tasks', () => {
  test('are each stopped, and reported in the order of the input', async () => {
    for (const taskId of ['a', 'b', 'c']) {
      stopOf(taskId, { status: 200, headers: { 'x-request-id': `of-${taskId}` } });
    }
    await expect(run({ ...INPUTS, 'task-id': 'c, a\nb,a' })).resolves.toBe(true);
    expect(seen.map(({ path }) => path)[0]).toBe('/v2/tasks/c/stop');
    expect(seen).toHaveLength(3);
    expect(step.outputs()).toMatchObject({ outcome: 'stop-requested', 'request-id': 'of-c' });
    expect(resultRows()).toMatchObject([
      { 'task-id': 'c', 'request-id': 'of-c' },
      { 'task-id': 'a', 'request-id': 'of-a' },
      { 'task-id': 'b', 'request-id': 'of-b' },
    ]);
    expect(step.log[0]).toMatch(/^Stopping 3 scans at /);
    expect(step.commands('group')).toHaveLength(3);
    expect(step.summary()).toContain('<h3>3 of 3 scans asked to stop</h3>');
  });

  test('fail together with one error that lists those that failed', async () => {
    stopOf('a', { status: 200 });
    stopOf('b', refused(404, 'APIGW.0101', 'The API does not exist'));
    stopOf('c', { status: 200 });
    await expect(run({ ...INPUTS, 'task-id': 'a,b,c' })).resolves.toBe(false);
    expect(errors()).toEqual([
      [
        '2 of 3 scans asked to stop, 1 failed',
        'b: The API does not exist (APIGW.0101, HTTP 404)',
        'No such API at this host: check region and endpoint.',
      ],
    ]);
    expect(step.outputs()).toMatchObject({ outcome: 'failed', 'error-code': 'APIGW.0101' });
  });

  test('end after one request where the credential is refused', async () => {
    stopOf('a', refused(401, 'CC.00000003', 'Authentication information expired.'));
    await expect(run({ ...INPUTS, 'task-id': 'a,b,c' })).resolves.toBe(false);
    expect(seen).toHaveLength(1);
    expect(resultRows()).toMatchObject([
      { 'task-id': 'a', 'status-code': 401, 'error-code': 'CC.00000003' },
      { 'task-id': 'b', 'status-code': null, outcome: 'failed' },
      { 'task-id': 'c', 'status-code': null, outcome: 'failed' },
    ]);
    expect(errors()).toHaveLength(1);
  });
});

describe('with wait', () => {
  const waiting = { ...INPUTS, wait: 'true' };

  test.each([
    [3, 'stopped'],
    [1, 'not-running'],
    [2, 'not-running'],
    [null, 'not-running'],
  ])('the step ends when the status is %s, with %s', async (status, outcome) => {
    stopOf('0a1b', { status: 200 });
    statusOf('0a1b', 0, 0, status);
    await expect(run(waiting)).resolves.toBe(true);
    expect(seen.map(({ method }) => method)).toEqual(['POST', 'GET', 'GET', 'GET']);
    expect(seen[1]).toMatchObject({ path: '/v2/tasks/0a1b/progress', body: '' });
    expect(seen[1]?.headers).toMatchObject({ 'x-auth-token': TOKEN });
    expect(step.outputs()).toMatchObject({ outcome, 'status-code': '200', 'error-message': '' });
    expect(step.log).toContain('Still being checked, 50%');
  });

  test('a scan that is still being checked at the deadline fails the step', async () => {
    stopOf('0a1b', { status: 200 });
    statusOf('0a1b', ...Array(20).fill(0));
    await expect(run({ ...waiting, 'timeout-seconds': '30' })).resolves.toBe(false);
    expect(clock.nowMs).toBeLessThanOrEqual(30_000);
    expect(step.outputs()).toMatchObject({
      outcome: 'failed',
      'error-message': expect.stringContaining('still being checked after 30 s'),
    });
    expect(errors()).toHaveLength(1);
  });

  test.each([403, 404])('a status that may not be read (HTTP %d) is a warning', async (status) => {
    stopOf('0a1b', { status: 200 });
    announce('GET', `${API}/v2/tasks/0a1b/progress`, refused(status, 'PAP5.0001', 'Denied.'));
    await expect(run(waiting)).resolves.toBe(true);
    expect(step.outputs()).toMatchObject({ outcome: 'stop-requested' });
    expect(errors()).toEqual([]);
    const warnings = step.commands('warning').map(({ lines }) => lines.join('\n'));
    expect(warnings).toEqual([expect.stringContaining('codeartscheck:task:get')]);
    expect(warnings[0]).toContain('Denied.');
  });
});

describe('with if-not-running: succeed', () => {
  const inputs = { ...INPUTS, 'if-not-running': 'succeed' };
  const overAlready = refused(400, 'CC.1', 'The task is not being checked.');

  test('a refused stop of a scan that has ended is a success', async () => {
    stopOf('0a1b', overAlready);
    statusOf('0a1b', 2);
    await expect(run(inputs)).resolves.toBe(true);
    expect(step.outputs()).toMatchObject({ outcome: 'not-running', 'status-code': '400' });
    expect(errors()).toEqual([]);
  });

  test('a refused stop of a scan that runs is a failure', async () => {
    stopOf('0a1b', overAlready);
    statusOf('0a1b', 0);
    await expect(run(inputs)).resolves.toBe(false);
    expect(errors()[0]?.[0]).toContain('The task is not being checked. (CC.1, HTTP 400)');
    // What is set already is not advised.
    expect(errors()).toEqual([[expect.any(String), 'Check task-id, region and endpoint.']]);
  });

  test('left as it is, a refused stop is a failure, and the error names the input', async () => {
    stopOf('0a1b', overAlready);
    await expect(run(INPUTS)).resolves.toBe(false);
    expect(errors()).toEqual([
      [
        expect.any(String),
        'Check task-id, region and endpoint. If the scan may be over already: ' +
          'if-not-running: succeed asks for its status, and makes that no failure.',
      ],
    ]);
  });

  test('a refused credential is a failure, after one request', async () => {
    stopOf('0a1b', refused(401, 'CC.00000003', 'Expired.'));
    await expect(run(inputs)).resolves.toBe(false);
    expect(seen).toHaveLength(1);
  });
});

describe('a busy API', () => {
  const busy = refused(503, 'APIGW.0701', 'Busy.');

  test.each<[string, Answer]>([
    ['HTTP 503', busy],
    ['HTTP 429', refused(429, 'APIGW.0308', 'Throttled.')],
    ['HTTP 500', { status: 500 }],
    ['HTTP 502', { status: 502, body: '<html>' }],
    ['HTTP 504', { status: 504 }],
    ['its own code under HTTP 400', refused(400, 'CC.00000000', 'Network busy. Try again later.')],
    ['its own code under HTTP 200', refused(200, 'CC.00050012', 'Busy.')],
  ])('is asked again: %s', async (_, answer) => {
    stopOf('0a1b', answer, { status: 200 });
    await expect(run(INPUTS)).resolves.toBe(true);
    expect(seen).toHaveLength(2);
    expect(clock.nowMs).toBe(500);
    expect(step.log.join('\n')).toMatch(/; attempt 2 in 500 ms$/m);
    expect(step.outputs()).toMatchObject({ outcome: 'stop-requested', 'error-code': '' });
  });

  test('is asked as often as retries says, and the last answer counts', async () => {
    stopOf('0a1b', busy, busy, refused(500, 'X.1', 'Worse.'));
    await expect(run({ ...INPUTS, retries: '2' })).resolves.toBe(false);
    expect(seen).toHaveLength(3);
    expect(step.outputs()).toMatchObject({ 'status-code': '500', 'error-code': 'X.1' });
  });

  test('is asked once with retries: 0', async () => {
    stopOf('0a1b', busy);
    await expect(run({ ...INPUTS, retries: '0' })).resolves.toBe(false);
    expect(seen).toHaveLength(1);
  });

  test('is asked when it says so', async () => {
    stopOf('0a1b', { ...busy, headers: { 'retry-after': '7' } }, { status: 200 });
    await expect(run(INPUTS)).resolves.toBe(true);
    expect(clock.nowMs).toBe(7_000);
  });

  test('that asks to wait past the deadline ends the task at once, with its message', async () => {
    stopOf('0a1b', { ...busy, headers: { 'retry-after': '61' } });
    await expect(run(INPUTS)).resolves.toBe(false);
    expect(clock.nowMs).toBe(0);
    expect(step.outputs()).toMatchObject({ 'error-message': 'Busy.', 'status-code': '503' });
  });
});

describe('a key pair', () => {
  const KEYS = { 'access-key-id': 'AKIDOFTHETESTS', 'secret-access-key': 'secretKeyOfTheTests/+=' };

  test('signs the request, and is not sent', async () => {
    stopOf('0a1b', { status: 200 });
    await expect(
      run({ 'task-id': '0a1b', ...KEYS, 'security-token': 'temporaryToken', 'project-id': 'p1' }),
    ).resolves.toBe(true);
    expect(seen[0]?.headers).toMatchObject({
      authorization: expect.stringMatching(
        /^SDK-HMAC-SHA256 Access=AKIDOFTHETESTS, SignedHeaders=content-type;host;x-project-id;x-sdk-date;x-security-token, Signature=[0-9a-f]{64}$/,
      ),
      'x-sdk-date': '20261124T120000Z',
      'x-security-token': 'temporaryToken',
      'x-project-id': 'p1',
    });
    expect(seen[0]?.headers).not.toHaveProperty('x-auth-token');
    expect(JSON.stringify(seen)).not.toContain(KEYS['secret-access-key']);
  });

  test('of the job is used where no input names a credential', async () => {
    step.variable('HUAWEI_CLOUD_ACCESS_KEY_ID', 'AKIDOFTHEJOB');
    step.variable('HUAWEI_CLOUD_SECRET_ACCESS_KEY', 'secretKeyOfTheJob');
    stopOf('0a1b', { status: 200 });
    await expect(run({ 'task-id': '0a1b' })).resolves.toBe(true);
    expect(seen[0]?.headers['authorization']).toContain('Access=AKIDOFTHEJOB,');
    expect(step.commands('add-mask').flatMap(({ lines }) => lines)).toEqual(['secretKeyOfTheJob']);
  });
});

const ID_TOKEN = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl';
const TEMPORARY = {
  access_key_id: 'HSTTEMPORARYKEYPAIR1',
  secret_access_key: 'temporarySecretKey/0123456789+abcd',
  security_token: 'temporary-security-token-0123456789',
};

describe('oidc', () => {
  const OIDC = {
    'task-id': '0a1b',
    'oidc-provider-urn': 'iam::0123:oidcProvider:github',
    'agency-urn': 'iam::0123:agency:stop-scans',
  };
  const STS = 'https://sts.cn-north-4.myhuaweicloud.com/v5/agencies/assume-with-oidc';

  function giveIdToken(): void {
    step.variable('ACTIONS_ID_TOKEN_REQUEST_URL', 'https://token.example.com/id?v=1');
    step.variable('ACTIONS_ID_TOKEN_REQUEST_TOKEN', 'request-token-of-the-job');
    announce('GET', 'https://token.example.com/id?v=1', json(200, { value: ID_TOKEN }));
  }

  test('exchanges the ID token of the job for a temporary key pair', async () => {
    giveIdToken();
    announce('POST', STS, json(200, { credentials: TEMPORARY }));
    stopOf('0a1b', { status: 200 });
    await expect(run(OIDC)).resolves.toBe(true);
    expect(seen.map(({ path }) => path)).toEqual([
      '/id?v=1',
      '/v5/agencies/assume-with-oidc',
      '/v2/tasks/0a1b/stop',
    ]);
    expect(JSON.parse(seen[1]?.body ?? '')).toMatchObject({
      provider_urn: OIDC['oidc-provider-urn'],
      agency_urn: OIDC['agency-urn'],
      id_token: ID_TOKEN,
    });
    expect(seen[2]?.headers).toMatchObject({
      authorization: expect.stringContaining(`Access=${TEMPORARY.access_key_id},`),
      'x-security-token': TEMPORARY.security_token,
    });
  });

  test('fails every task with one error where GitHub gives no ID token', async () => {
    await expect(run({ ...OIDC, 'task-id': 'a,b' })).resolves.toBe(false);
    expect(seen).toEqual([]);
    expect(errors()).toHaveLength(1);
    expect(errors()[0]?.join('\n')).toContain('id-token: write');
    expect(resultRows()).toMatchObject([
      { 'task-id': 'a', outcome: 'failed', 'status-code': null },
      { 'task-id': 'b', outcome: 'failed', 'status-code': null },
    ]);
    expect(step.summary()).toContain('2 of 2 scans failed');
  });

  test('fails where the trust policy does not match, and nothing is sent to the API', async () => {
    giveIdToken();
    announce('POST', STS, refused(403, 'STS5.1001', 'Not trusted.'));
    await expect(run(OIDC)).resolves.toBe(false);
    expect(seen).toHaveLength(2);
    expect(errors()[0]?.[0]).toContain('Not trusted. (STS5.1001, HTTP 403)');
    expect(errors()[0]?.[1]).toContain('trust policy of the agency');
    expect(step.outputs()).toMatchObject({ 'error-code': 'STS5.1001', 'status-code': '' });
  });

  test('shows none of its secrets, whatever the API says of them', async () => {
    step.variable('RUNNER_DEBUG', '1');
    giveIdToken();
    announce('POST', STS, json(200, { credentials: TEMPORARY }));
    const all = [ID_TOKEN, ...Object.values(TEMPORARY)];
    stopOf('0a1b', refused(400, all.join(), all.join(' '), { 'x-request-id': all.join() }));
    await run(OIDC);
    for (const secret of all) {
      expect(step.visible()).not.toContain(secret);
      expect(step.visible()).not.toContain(encodeURIComponent(secret));
      expect(step.lines).toContain(`::add-mask::${secret}`);
    }
  });
});

describe('secrets are nowhere to be seen, but where the runner is told of them', () => {
  const KEY = 'secretKeyOfTheTests/0123456789+=';
  const SECURITY = 'temporary-security-token/+=';
  const credentials: [string, Readonly<Record<string, string>>, string[]][] = [
    ['a token', { token: TOKEN.slice(0, 100) }, [TOKEN.slice(0, 100)]],
    [
      'a key pair',
      { 'access-key-id': 'AKID', 'secret-access-key': KEY, 'security-token': SECURITY },
      [KEY, SECURITY],
    ],
  ];

  test.each(credentials.flatMap((row) => [[...row, '0'] as const, [...row, '1'] as const]))(
    '%s %j, told to the API which tells it everyone',
    async (_, credential, secrets, debug) => {
      step.variable('RUNNER_DEBUG', debug);
      const told = secrets.flatMap((secret) => [secret, encodeURIComponent(secret)]);
      const message = told.join(' ');
      stopOf('a', refused(503, message, message, { 'x-request-id': told.join() }), { status: 200 });
      stopOf('b', refused(400, message, message, { 'x-request-id': told.join() }));
      stopOf('c', {
        status: 302,
        headers: { location: `https://x.example.com/${told.join('/')}` },
      });
      stopOf('d', { status: 400, body: message });
      await expect(run({ 'task-id': 'a,b,c,d', ...credential })).resolves.toBe(false);
      expect(seen).toHaveLength(5);
      for (const secret of told) expect(step.visible()).not.toContain(secret);
      expect(step.lines.slice(0, secrets.length)).toEqual(
        secrets.map((secret) => `::add-mask::${secret}`),
      );
    },
  );

  test('also in a bad input', async () => {
    await run({ ...INPUTS, 'task-id': 'a/b', wait: TOKEN });
    await run({ 'task-id': '0a1b', token: 'two words', region: 'two words' });
    expect(step.visible()).not.toMatch(/two words/);
  });

  test.each(['wait', 'region', 'endpoint', 'task-id'])(
    'not even a part of one in a bad %s that is too long to be shown',
    async (name) => {
      for (const length of [880, 940, 990]) {
        step.clear();
        await run({ ...INPUTS, [name]: `${'x'.repeat(length)}${TOKEN}` });
        expect(errors()).toHaveLength(1);
        expect(errors()[0]?.join('').length).toBeLessThanOrEqual(1_000);
        expect(step.outputs()['error-message']?.length).toBeLessThanOrEqual(1_000);
        expect(step.visible()).toContain('x'.repeat(500));
        expect(step.visible()).not.toContain(TOKEN.slice(0, 5));
      }
    },
  );

  test('not even a part of one that was given for a task ID too', async () => {
    await run({ 'task-id': TOKEN, token: TOKEN });
    expect(step.visible()).not.toContain(TOKEN.slice(0, 20));
  });

  test('not even a part of one in a message that is too long for the log', async () => {
    stopOf('0a1b', refused(401, 'APIGW.0301', `decrypt token fail: ${TOKEN}`));
    await run(INPUTS);
    expect(step.visible()).not.toContain(TOKEN.slice(0, 20));
  });
});

test('text from the API starts no command, brings no markup, and no control character', async () => {
  const nasty = '::error::a\r\n::set-output name=x::y\u001b[31m\n##[error]b</table><script>\u202e';
  stopOf('a', refused(503, nasty, nasty), refused(400, nasty, nasty));
  stopOf('b', { status: 400, body: nasty });
  await expect(run({ ...INPUTS, 'task-id': 'a,b', retries: '1' })).resolves.toBe(false);
  const commands = step.lines.filter((line) => line.trim().startsWith('::'));
  expect(commands.map((line) => line.split(/[: ]+/)[1])).toEqual([
    'add-mask',
    'group',
    'endgroup',
    'group',
    'endgroup',
    'error',
  ]);
  for (const line of step.lines) expect(line).not.toMatch(/\p{Cc}|##\[/u);
  expect(step.summary()).not.toMatch(/<script|<\/table>.*<\/table>/s);
  expect(step.outputs()).toMatchObject({ outcome: 'failed', 'status-code': '400' });
});

describe('an error that nobody expected', () => {
  test('while the inputs are read is left to the caller', async () => {
    class BrokenSecrets extends Secrets {
      override add(): void {
        throw new TypeError('broken');
      }
    }
    const parts = { ...partsOfStep(), secrets: new BrokenSecrets() };
    await expect(run(INPUTS, parts)).rejects.toThrow(new TypeError('broken'));
  });

  test('while tasks are stopped is left to the caller', async () => {
    class BrokenReport extends Report {
      override add(): void {
        throw new TypeError('broken');
      }
    }
    stopOf('0a1b', { status: 200 });
    const parts = { ...partsOfStep(), report: new BrokenReport(new Secrets()) };
    await expect(run(INPUTS, parts)).rejects.toThrow(new TypeError('broken'));
  });

  test('while the outputs are set is left to the caller', async () => {
    step.variable('GITHUB_OUTPUT', `${step.outputFile}-missing`);
    stopOf('0a1b', { status: 200 });
    await expect(run(INPUTS)).rejects.toThrow('Missing file');
  });
});

test('a proxy variable of white space is as good as none', async () => {
  step.variable('https_proxy', ' ');
  stopOf('0a1b', { status: 200 });
  await expect(run(INPUTS)).resolves.toBe(true);
});
