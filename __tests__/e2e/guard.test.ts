import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import type { Fault } from '../../mock-api/faults.ts';
import type { MockApi } from '../../mock-api/mock-api.ts';
import { type GuardedJob, runBundle, runGuardedJob } from '../support/run-bundle.ts';
import {
  ACCESS_KEY,
  EXPIRED_TOKEN,
  idTokenEnv,
  startMockApi,
  TOKEN,
} from '../support/with-mock-api.ts';

const POST = 'This job was cancelled or failed.';
const E1 = 'e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1';
const E2 = 'e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2';

const inputsOf = ({ endpoint }: MockApi, different: Readonly<Record<string, string>> = {}) => ({
  'task-id': 'scan-1',
  token: TOKEN,
  endpoint,
  ...different,
});

/** Runs a job with one guard. */
const runJob = (
  mockApi: MockApi,
  job: Partial<GuardedJob> & Pick<GuardedJob, 'end'>,
  different: Readonly<Record<string, string>> = {},
) => runGuardedJob({ action: 'guard', inputs: inputsOf(mockApi, different), ...job });

const statusOf = (mockApi: MockApi, taskId = 'scan-1') => mockApi.scans.get(taskId)?.status;

/** All ways in which a secret could be written down. */
const encodingsOf = (secret: string) => {
  const bytes = Buffer.from(secret);
  return [
    secret,
    encodeURIComponent(secret),
    encodeURIComponent(encodeURIComponent(secret)),
    JSON.stringify(secret).slice(1, -1),
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('base64url'),
    bytes.toString('hex'),
  ];
};

describe('a job with a guard', () => {
  test('that succeeds sends nothing after the check', async () => {
    const mockApi = await startMockApi();
    const { main, post } = await runJob(mockApi, { end: 'success' });
    expect(main).toMatchObject({ exitCode: 0, stderr: '', summary: '', outputs: {} });
    expect(main.lines).toEqual([
      `::add-mask::${TOKEN}`,
      `Guarding scan scan-1 at 127.0.0.1:${mockApi.port} (region cn-north-4), with a token from the input token; time limit 20 s`,
      expect.stringMatching(/^GET \S+\/v2\/tasks\/scan-1\/progress → HTTP 200 in \d+ ms$/),
      expect.stringMatching(
        /^Scan scan-1 is running \(\d+%\)\. It will be stopped if the job is cancelled or fails\. This stops whichever scan the task is running at that time\.$/,
      ),
    ]);
    expect(post).toBeUndefined();
    expect(mockApi.requests.map(({ method }) => method)).toEqual(['GET']);
  });

  test.each(['failure', 'cancelled'] as const)(
    'that ends with %s has its scan stopped',
    async (end) => {
      const mockApi = await startMockApi({ scans: { 'scan-1': {}, other: {} } });
      const { main, post } = await runJob(mockApi, { end });
      expect(main.exitCode).toBe(0);
      expect(post).toMatchObject({ exitCode: 0, stderr: '', outputs: {} });
      expect(statusOf(mockApi)).toBe(3);
      expect(statusOf(mockApi, 'other')).toBe(0);
      expect(post?.lines[0]).toBe(`::add-mask::${TOKEN}`);
      expect(post?.lines.filter((line) => !line.startsWith('::add-mask::'))).toEqual([
        POST,
        `Stopping scan scan-1 at 127.0.0.1:${mockApi.port} (region cn-north-4), with a token from the input token; time limit 60 s`,
        expect.stringMatching(/^POST \S+\/v2\/tasks\/scan-1\/stop → HTTP 200 in \d+ ms$/),
        expect.stringMatching(/^Stop requested for scan scan-1, after \d+ ms$/),
      ]);
      expect(post?.summary).toContain('Stop requested for scan scan-1');
    },
  );

  test('reports a stop that fails as the step does', async () => {
    const mockApi = await startMockApi();
    const { post } = await runJob(mockApi, {
      end: 'failure',
      afterMain: () => {
        const body = '{"error_code":"PAP5.0001","error_msg":"Access denied."}';
        mockApi.inject({ kind: 'response', status: 403, body });
      },
    });
    expect(post?.exitCode).toBe(1);
    expect(post?.commands('error')).toEqual([
      expect.stringMatching(
        /^Could not stop scan scan-1: Access denied\. \(PAP5\.0001, HTTP 403\)\nGrant the user codeartscheck:task:execute/,
      ),
    ]);
    expect(post?.summary).toContain('What to do');
  });

  test('waits for the end of the scan if it is told so', async () => {
    const mockApi = await startMockApi({ scans: { 'scan-1': { stopsAfterMs: 300 } } });
    const { post } = await runJob(mockApi, { end: 'failure' }, { wait: 'true' });
    expect(post?.exitCode).toBe(0);
    expect(post?.summary).toContain('Scan scan-1 stopped');
    expect(statusOf(mockApi)).toBe(3);
  });

  test('does not fail because its scan has ended', async () => {
    const mockApi = await startMockApi({ scans: { 'scan-1': { status: 2 } } });
    const ended = await runJob(mockApi, { end: 'failure' });
    expect(ended.post).toMatchObject({ exitCode: 0 });
    expect(ended.post?.lines.at(-1)).toContain('Scan scan-1 was not running; nothing to stop');
    const strict = await runJob(mockApi, { end: 'failure' }, { 'if-not-running': 'fail' });
    expect(strict.post?.exitCode).toBe(1);
  });

  test('stops exactly the executions that are named, several of one task as well', async () => {
    const executions = { [E1]: {}, [E2]: {}, other: {} };
    const mockApi = await startMockApi({ scans: { 'scan-1': { executions } } });
    const ids = { 'task-id': 'scan-1 scan-1', 'execution-id': `${E1},\n ${E2}` };
    const { main, post } = await runJob(mockApi, { end: 'failure' }, ids);
    expect(main.exitCode).toBe(0);
    for (const id of [E1, E2]) {
      expect(main.lines).toContainEqual(expect.stringContaining(`Scan scan-1 (execution ${id})`));
    }
    expect(post?.exitCode).toBe(0);
    expect(mockApi.executionsOf('scan-1').map(({ id, status }) => [id, status])).toEqual([
      [E1, 3],
      [E2, 3],
      ['other', 0],
    ]);
    for (const id of [E1, E2]) expect(post?.summary).toContain(id);
  });

  test('never stops the whole task because a host does not know executions', async () => {
    const mockApi = await startMockApi({
      oldHost: true,
      scans: { 'scan-1': { executions: { [E1]: {} } } },
    });
    const { main, post } = await runJob(mockApi, { end: 'failure' }, { 'execution-id': E1 });
    expect(main.exitCode).toBe(0);
    expect(post?.exitCode).toBe(1);
    expect(post?.commands('error')[0]).toContain(
      'set endpoint: codearts-check.cn-north-4.myhuaweicloud.com',
    );
    expect(mockApi.stopRequests).toEqual([{ taskId: 'scan-1', executionId: E1 }]);
    expect(statusOf(mockApi)).toBe(0);
  });

  test('may have several, of which each stops its own scans', async () => {
    const mockApi = await startMockApi({ scans: { 'scan-1': {}, 'scan-2': {}, other: {} } });
    const inner: GuardedJob = {
      action: 'guard',
      inputs: inputsOf(mockApi, { 'task-id': 'scan-2' }),
      end: 'failure',
    };
    let second: Awaited<ReturnType<typeof runGuardedJob>> | undefined;
    // Post steps run in reverse order.
    const first = await runJob(mockApi, {
      end: 'failure',
      afterMain: async () => {
        second = await runGuardedJob(inner);
        expect(statusOf(mockApi, 'scan-2')).toBe(3);
        expect(statusOf(mockApi)).toBe(0);
      },
    });
    expect([first.post?.exitCode, second?.post?.exitCode]).toEqual([0, 0]);
    expect(mockApi.stopRequests.map(({ taskId }) => taskId)).toEqual(['scan-2', 'scan-1']);
  });

  test('may guard 100 tasks, of which what is saved fits into a variable of Windows', async () => {
    const ids = Array.from({ length: 100 }, (_, index) => `task-${index}`.padEnd(32, 'x'));
    const scans = Object.fromEntries(
      ids.map((id) => [id, { executions: { [id.repeat(2)]: {} } }] as const),
    );
    const mockApi = await startMockApi({ scans });
    const { main, post } = await runJob(
      mockApi,
      { end: 'failure' },
      { 'task-id': ids.join(' \n'), 'execution-id': ids.map((id) => id.repeat(2)).join(' ,\n ') },
    );
    expect(main.exitCode).toBe(0);
    expect(main.state['inputs']?.length).toBeLessThan(32_766);
    expect(post?.exitCode).toBe(0);
    expect(ids.every((id) => statusOf(mockApi, id) === 3)).toBe(true);
  });
});

// Its first part is longer than 63 characters, which is known to be wrong without a name server.
const NO_NAME = `${'check'.repeat(13)}.invalid`;

describe('what is certainly wrong turns the job red when the guard is reached', () => {
  test.each<[string, Readonly<Record<string, string>>, string, string, number]>([
    ['a wrong region', { region: 'cn-north-9' }, 'region must be one of these regions', '', 0],
    [
      'a wrong endpoint',
      { endpoint: 'http://127.0.0.1:1' },
      'refused the connection',
      'region and endpoint',
      0,
    ],
    [
      'an unknown host',
      { endpoint: `https://${NO_NAME}` },
      `The host ${NO_NAME} was not found`,
      'region and endpoint',
      0,
    ],
    [
      'a malformed token',
      { token: `${TOKEN}x` },
      'decrypt token fail',
      'The token is malformed',
      1,
    ],
    [
      'a misspelled task ID',
      { 'task-id': 'scan-l' },
      'Verify request parameter failed',
      'Check task-id',
      1,
    ],
    ['an empty task ID', { 'task-id': '' }, 'it is empty. Place the guard after the step', '', 0],
    [
      'an empty execution ID',
      { 'execution-id': '' },
      'it is empty. Place the guard after the step',
      '',
      0,
    ],
    ['no credential', { token: '' }, 'set token, or access-key-id and secret-access-key', '', 0],
  ])('%s', async (_, different, message, advice, requests) => {
    const mockApi = await startMockApi();
    let sent = 0;
    const afterMain = () => {
      sent = mockApi.requests.length;
    };
    const { main, post } = await runJob(mockApi, { end: 'success', afterMain }, different);
    expect(main.exitCode).toBe(1);
    const [annotation = '', ...others] = main.commands('error');
    expect(others).toEqual([]);
    expect(annotation).toContain(message);
    expect(annotation).toContain(advice);
    if (advice !== '')
      expect(annotation).toMatch(
        /^Could not check scan .*may still be running and is not guarded\.$/s,
      );
    expect(main.summary).not.toBe('');
    expect(sent).toBe(requests);
    // The job has failed, so that `post` runs.
    expect(post?.lines).toContain(POST);
  });

  test('a rejected credential, after one request for 40 tasks, and post sends nothing', async () => {
    const ids = Array.from({ length: 40 }, (_, index) => `scan-${index + 1}`);
    const scans = Object.fromEntries(ids.map((id) => [id, {}] as const));
    const mockApi = await startMockApi({ scans });
    const { main, post } = await runJob(
      mockApi,
      { end: 'success' },
      { 'task-id': ids.join(), token: EXPIRED_TOKEN },
    );
    expect(main.exitCode).toBe(1);
    expect(main.commands('error')[0]).toMatch(
      /Authentication information expired\. \(CC\.00000003, HTTP 401.*24 hours.*are not guarded\.$/s,
    );
    expect(post).toMatchObject({ exitCode: 1, summary: '' });
    expect(post?.lines).toEqual([
      `::add-mask::${EXPIRED_TOKEN}`,
      POST,
      expect.stringMatching(/^Nothing is stopped, because the credential was rejected \(401\)/),
    ]);
    expect(mockApi.requests).toHaveLength(1);
  });

  test('a 401 is saved as soon as it arrives', async () => {
    const mockApi = await startMockApi();
    const { main, post } = await runJob(
      mockApi,
      {
        end: 'cancelled',
        main: { onLine: (line, child) => /HTTP 401/.test(line) && child.kill('SIGKILL') },
      },
      { token: EXPIRED_TOKEN },
    );
    expect(main.state['ending']).toBe('credential-rejected');
    expect(post?.exitCode).toBe(1);
    expect(mockApi.requests).toHaveLength(1);
  });
});

describe('what cannot be known is one warning, and the job goes on', () => {
  const denied = '{"error_code":"PAP5.0001","error_msg":"Access denied."}';

  test.each<[string, Fault, string]>([
    ['403', { kind: 'response', status: 403, body: denied }, 'codeartscheck:task:get '],
    ['503', { kind: 'response', status: 503 }, 'HTTP 503'],
    ['429', { kind: 'response', status: 429 }, 'HTTP 429'],
    ['a reset', { kind: 'reset-before-headers' }, 'reset the connection'],
    ['no response', { kind: 'silence' }, 'No response within 2 s (timeout-seconds)'],
  ])('%s', async (_, fault, message) => {
    const mockApi = await startMockApi({ scans: { 'scan-1': {}, 'scan-2': {}, 'scan-3': {} } });
    mockApi.inject(fault, { path: '/progress' });
    const { main, post } = await runJob(
      mockApi,
      { end: 'failure', afterMain: () => mockApi.clearFaults() },
      { 'task-id': 'scan-1,scan-2,scan-3', 'timeout-seconds': '2', retries: '1' },
    );
    expect(main.exitCode).toBe(0);
    expect(main.commands('warning')).toEqual([expect.stringContaining(message)]);
    expect(main.commands('error')).toEqual([]);
    expect(main.summary).toBe('');
    expect(post?.exitCode).toBe(0);
    expect(mockApi.stopRequests).toHaveLength(3);
  });
});

describe('what is saved', () => {
  const SECRETS = {
    token: TOKEN,
    'secret-access-key': ACCESS_KEY.secretAccessKey,
    'security-token': 'a security/token+with=signs%',
  };

  test.each<[string, Readonly<Record<string, string>>]>([
    ['a token', { token: SECRETS.token }],
    [
      'an access key',
      {
        token: '',
        'access-key-id': ACCESS_KEY.accessKeyId,
        'secret-access-key': SECRETS['secret-access-key'],
        'security-token': SECRETS['security-token'].replace(' ', ''),
      },
    ],
  ])('holds nothing secret, in any encoding: %s', async (_, credential) => {
    const mockApi = await startMockApi();
    const { main } = await runJob(mockApi, { end: 'success' }, credential);
    const saved = JSON.stringify(main.state);
    for (const [name, value] of Object.entries(credential)) {
      if (name === 'access-key-id' || value === '') continue;
      for (const encoding of encodingsOf(value)) expect(saved).not.toContain(encoding);
    }
  });

  test('is what post uses, although inputs and variables have changed', async () => {
    const mockApi = await startMockApi({ scans: { 'scan-1': {}, other: {} } });
    const elsewhere = await startMockApi({ scans: { other: {} } });
    const { post } = await runJob(mockApi, {
      end: 'failure',
      inputsAtPost: {
        'task-id': 'other',
        'execution-id': 'other',
        endpoint: elsewhere.endpoint,
        region: 'no-region',
        'timeout-seconds': 'never',
        retries: '-1',
        wait: 'perhaps',
        'project-id': '?',
      },
      post: { env: { HUAWEI_CLOUD_REGION: 'mars-1', HUAWEI_CLOUD_ACCESS_KEY_ID: 'x' } },
    });
    expect(post?.exitCode).toBe(0);
    expect(mockApi.stopRequests).toEqual([{ taskId: 'scan-1', executionId: undefined }]);
    expect(elsewhere.requests).toEqual([]);
  });

  test('does not hold a secret, which GitHub evaluates again', async () => {
    const mockApi = await startMockApi({ tokens: [TOKEN, `${TOKEN}2`] });
    const { post } = await runJob(mockApi, {
      end: 'failure',
      inputsAtPost: { token: `${TOKEN}2` },
    });
    expect(post?.exitCode).toBe(0);
    expect(mockApi.requestsTo('/stop')[0]?.headers['x-auth-token']).toBe(`${TOKEN}2`);
  });

  test('tells that a secret is empty by then, and names the step form', async () => {
    const mockApi = await startMockApi();
    const { post } = await runJob(mockApi, { end: 'failure', inputsAtPost: { token: '' } });
    expect(post?.exitCode).toBe(1);
    expect(post?.commands('error')).toEqual([
      expect.stringMatching(/^Could not stop the scan: token had a value .*Use the step form/s),
    ]);
    expect(mockApi.stopRequests).toEqual([]);
  });

  test('is nothing if main was ended before that: the inputs are used', async () => {
    const mockApi = await startMockApi();
    const { post } = await runJob(mockApi, { end: 'cancelled', post: { state: {} } });
    expect(post?.exitCode).toBe(0);
    expect(statusOf(mockApi)).toBe(3);
  });

  test('OIDC is exchanged again by post', async () => {
    const mockApi = await startMockApi({
      idTokens: { '': 'id-token-of-the-job' },
      temporaryKeysExpireAfterMs: 3_600_000,
    });
    const env = idTokenEnv(mockApi);
    const { main, post } = await runJob(
      mockApi,
      { end: 'failure', main: { env }, post: { env } },
      {
        token: '',
        'oidc-provider-urn': 'iam::account:oidcProvider:github',
        'agency-urn': 'iam::account:agency:stop-scans',
        'sts-endpoint': mockApi.endpoint,
      },
    );
    expect([main.exitCode, post?.exitCode]).toEqual([0, 0]);
    expect(mockApi.issuedKeys).toHaveLength(2);
    expect(statusOf(mockApi)).toBe(3);
    for (const key of mockApi.issuedKeys) {
      for (const secret of [key.secret_access_key, key.security_token]) {
        expect(main.visible + post?.visible + JSON.stringify(main.state)).not.toContain(secret);
      }
    }
  });
});

describe('a guard that is ended while it reads the status', () => {
  test.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)(
    'by %s has saved all that post needs',
    async (name) => {
      const mockApi = await startMockApi({
        scans: { 'scan-1': { executions: { [E1]: {}, e2: {} } } },
      });
      mockApi.inject({ kind: 'silence' }, { path: '/progress' });
      const { main, post } = await runJob(
        mockApi,
        {
          end: 'cancelled',
          main: { signal: { name, onRequest: mockApi.nextRequest('/progress') } },
        },
        { 'execution-id': E1 },
      );
      if (name === 'SIGKILL') expect(main.endedBy).toBe('SIGKILL');
      else {
        expect(main.exitCode).toBe(1);
        expect(main.endedAfterMs).toBeLessThan(5_000);
        expect(main.lines.at(-1)).toBe(
          `The step ended early: the step was cancelled (${name}). The stop is requested at the end of the job.`,
        );
      }
      expect(main.commands('error')).toEqual([]);
      expect(post?.exitCode).toBe(0);
      expect(mockApi.stopRequests).toEqual([{ taskId: 'scan-1', executionId: E1 }]);
    },
  );

  test('by a closed log has saved all that post needs', async () => {
    const mockApi = await startMockApi();
    mockApi.inject({ kind: 'slow', beforeHeadersMs: 300 }, { path: '/progress' });
    const { main, post } = await runJob(mockApi, {
      end: 'cancelled',
      main: { closeStdout: { onRequest: mockApi.nextRequest('/progress') } },
    });
    expect(main.endedBy).toBeNull();
    expect(post?.exitCode).toBe(0);
    expect(statusOf(mockApi)).toBe(3);
  });
});

test('each stage has an entry of its own, whatever was saved', async () => {
  const mockApi = await startMockApi();
  const inputs = inputsOf(mockApi);
  const state = { isPost: 'true', inputs: '' };
  const main = await runBundle(inputs, { entry: 'guard', state });
  expect(main.exitCode).toBe(0);
  expect(mockApi.stopRequests).toEqual([]);
  for (const [entry, call] of [
    ['guard', 'guard'],
    ['guard-post', 'guardPost'],
  ] as const) {
    const url = new URL(`../../dist/${entry}.js`, import.meta.url);
    expect(readFileSync(url, 'utf8')).toBe(`require('./job.js').${call}();\n`);
  }
});
