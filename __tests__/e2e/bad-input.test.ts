import { expect, test } from '@jest/globals';
import { runBundle } from '../support/run-bundle.ts';
import { ACCESS_KEY, startMockApi, TOKEN } from '../support/with-mock-api.ts';

const URN = 'iam::0123456789abcdef0123456789abcdef';

test.each<[string, Record<string, string>, string]>([
  ['no task ID', { 'task-id': '' }, 'task-id takes one or more task IDs'],
  ['separators only', { 'task-id': ' ,\n, ' }, 'task-id takes one or more task IDs'],
  [
    'a path for a task ID',
    { 'task-id': '../../v1' },
    "task-id takes one or more task IDs, separated by commas or white space, each of 1 to 32 letters, digits, _ and -, not '../../v1'",
  ],
  ['a task ID that is too long', { 'task-id': 'a'.repeat(33) }, 'task-id takes'],
  ['a task ID of other letters', { 'task-id': 'scan-é' }, 'task-id takes'],
  [
    'too many task IDs',
    { 'task-id': Array.from({ length: 1001 }, (_, i) => `t${i}`).join(',') },
    'task-id takes at most 1000 task IDs, not 1001',
  ],
  ['no credential', { token: '' }, 'token is empty, and no other credential is given'],
  [
    'a token with a line break',
    { token: 'abc\ndef' },
    'token takes 1 to 100000 visible ASCII characters',
  ],
  [
    'a token that is too long',
    { token: 'a'.repeat(100_001) },
    'token takes 1 to 100000 visible ASCII characters',
  ],
  [
    'two kinds of credential',
    { 'access-key-id': 'AK', 'secret-access-key': 'SK' },
    'token, access-key-id and secret-access-key belong to different kinds of credential',
  ],
  ['half a key pair', { token: '', 'access-key-id': 'AK' }, 'secret-access-key must not be empty'],
  [
    'a security token alone',
    { token: '', 'security-token': 'abc' },
    'access-key-id and secret-access-key must not be empty',
  ],
  ['a project with a token', { 'project-id': 'abc' }, 'project-id does not go with token'],
  [
    'half of oidc',
    { token: '', 'agency-urn': `${URN}:agency:a` },
    'oidc-provider-urn must not be empty',
  ],
  [
    'a URN of another kind',
    { token: '', 'oidc-provider-urn': `${URN}:agency:a`, 'agency-urn': `${URN}:agency:a` },
    'oidc-provider-urn takes a URN like iam::<account ID>:oidcProvider:<name>',
  ],
  [
    'an unknown region',
    { region: 'mars-1' },
    "region takes one of these regions: cn-north-4, cn-north-1, cn-south-1, cn-east-2, cn-east-3, cn-southwest-2, ap-southeast-3, la-north-2, sa-brazil-1, eu-west-101, not 'mars-1'",
  ],
  [
    'plain http to another host',
    { endpoint: 'http://check.example.com' },
    'endpoint takes a host name or https://host[:port][/path]',
  ],
  [
    'plain http to a host that looks like loopback',
    { endpoint: 'http://127.0.0.1.example.com' },
    'endpoint takes',
  ],
  [
    'plain http to another host that looks like loopback',
    { endpoint: 'http://localhost.example.com' },
    'endpoint takes',
  ],
  ['an endpoint with a user', { endpoint: 'https://127.0.0.1@example.com' }, 'endpoint takes'],
  ['an endpoint with a query', { endpoint: 'https://example.com/?a=b' }, 'endpoint takes'],
  ['an endpoint with a fragment', { endpoint: 'https://example.com/#a' }, 'endpoint takes'],
  ['an endpoint of another scheme', { endpoint: 'ftp://example.com' }, 'endpoint takes'],
  ['wait: yes', { wait: 'yes' }, "wait takes true or false, not 'yes'"],
  [
    'if-not-running: ignore',
    { 'if-not-running': 'ignore' },
    "if-not-running takes fail or succeed, not 'ignore'",
  ],
  [
    'timeout-seconds: 0',
    { 'timeout-seconds': '0' },
    "timeout-seconds takes a whole number from 1 to 3600, not '0'",
  ],
  ['timeout-seconds: 1e3', { 'timeout-seconds': '1e3' }, 'timeout-seconds takes'],
  ['retries: 11', { retries: '11' }, "retries takes a whole number from 0 to 10, not '11'"],
])('%s is refused by name, and nothing is sent', async (_name, inputs, message) => {
  const mockApi = await startMockApi();
  const run = await runBundle({
    'task-id': 'scan-1',
    token: TOKEN,
    endpoint: mockApi.endpoint,
    ...inputs,
  });
  expect(run.exitCode).toBe(1);
  expect(mockApi.requests).toEqual([]);
  const [annotation = '', ...others] = run.commands('error');
  expect(others).toEqual([]);
  expect(annotation.startsWith(message) ? message : annotation).toBe(message);
  expect(run.outputs).toEqual({
    outcome: 'failed',
    'status-code': '',
    'error-code': '',
    'error-message': annotation,
    'request-id': '',
    results: '[]',
  });
  for (const secret of [inputs['token'], inputs['secret-access-key']]) {
    if (secret !== undefined && secret.length > 3) expect(run.visible).not.toContain(secret);
  }
});

test('half a pair of variables is refused by name', async () => {
  const run = await runBundle(
    { 'task-id': 'scan-1' },
    { env: { HUAWEI_CLOUD_ACCESS_KEY_ID: ACCESS_KEY.accessKeyId } },
  );
  expect(run.exitCode).toBe(1);
  expect(run.commands('error').join()).toContain(
    'HUAWEI_CLOUD_SECRET_ACCESS_KEY must not be empty',
  );
});

test('a region in the variable that has no CodeArts Check is no mistake where the endpoint is given', async () => {
  const mockApi = await startMockApi();
  const inputs = { 'task-id': 'scan-1', token: TOKEN, endpoint: mockApi.endpoint };
  const elsewhere = { env: { HUAWEI_CLOUD_REGION: 'ap-southeast-1' } };
  expect((await runBundle(inputs, elsewhere)).exitCode).toBe(0);
  expect((await runBundle({ ...inputs, region: 'ap-southeast-1' }, elsewhere)).exitCode).toBe(1);
  const noRegion = { env: { HUAWEI_CLOUD_REGION: 'example.com/x' } };
  expect((await runBundle(inputs, noRegion)).exitCode).toBe(1);
  expect(mockApi.requests).toHaveLength(1);
});

test('an unknown region in the variable is refused by its name', async () => {
  const run = await runBundle(
    { 'task-id': 'scan-1', token: TOKEN },
    { env: { HUAWEI_CLOUD_REGION: 'mars-1' } },
  );
  expect(run.exitCode).toBe(1);
  expect(run.commands('error').join()).toContain('region (from $HUAWEI_CLOUD_REGION) takes one of');
});
