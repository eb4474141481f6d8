import { expect, test } from '@jest/globals';
import { runBundle } from '../support/run-bundle.ts';
import {
  ACCESS_KEY,
  expectFailure,
  runStep,
  startMockApi,
  TOKEN,
} from '../support/with-mock-api.ts';

const URN = 'iam::0123456789abcdef0123456789abcdef';
const HINT = 'Did the step that starts the scan set its output?';
const TASK_ID =
  'task-id must be one or more task IDs, separated by commas or whitespace, each of 1 to 32 letters, digits, _ and -';
const EXECUTION_ID =
  'execution-id must be current, or one execution ID for each task ID, separated by commas or whitespace, each of 1 to 64 letters, digits, _ and -';

test.each<[string, Record<string, string>, string]>([
  ['no task ID', { 'task-id': '' }, `${TASK_ID}; it is empty. ${HINT}`],
  ['separators only', { 'task-id': ' ,\n, ' }, `${TASK_ID}; it is empty. ${HINT}`],
  ['a path for a task ID', { 'task-id': '../../v1' }, `${TASK_ID}, not '../../v1'`],
  ['a task ID that is too long', { 'task-id': 'a'.repeat(33) }, 'task-id must be'],
  ['a task ID of other letters', { 'task-id': 'scan-é' }, 'task-id must be'],
  [
    'too many task IDs',
    { 'task-id': Array.from({ length: 1001 }, (_, i) => `t${i}`).join(',') },
    'task-id must be at most 1000 task IDs, not 1001',
  ],
  ['an empty execution ID', { 'execution-id': '' }, `${EXECUTION_ID}; it is empty. ${HINT}`],
  ['a blank execution ID', { 'execution-id': ' \n' }, `${EXECUTION_ID}; it is empty. ${HINT}`],
  ['an execution ID with a slash', { 'execution-id': 'a/../b' }, `${EXECUTION_ID}, not 'a/../b'`],
  [
    'an execution ID with a query',
    { 'execution-id': 'a&job_id=b' },
    'execution-id must be current',
  ],
  ['an execution ID that is too long', { 'execution-id': 'a'.repeat(65) }, 'execution-id must be'],
  [
    'fewer execution IDs than task IDs',
    { 'task-id': 'a b c', 'execution-id': '1 2' },
    'execution-id must have one ID for each task ID, not 2 execution IDs for 3 task IDs',
  ],
  [
    'more execution IDs than task IDs',
    { 'task-id': 'a', 'execution-id': '1, 2' },
    'execution-id must have one ID for each task ID, not 2 execution IDs for 1 task ID',
  ],
  [
    'counts that are the same only without duplicates',
    { 'task-id': 'a a b', 'execution-id': '1 2' },
    'execution-id must have one ID for each task ID, not 2 execution IDs for 3 task IDs',
  ],
  [
    'current in a list of execution IDs',
    { 'task-id': 'a b', 'execution-id': '1 current' },
    `${EXECUTION_ID}; current cannot be one of several`,
  ],
  [
    'current for each of two tasks',
    { 'task-id': 'a b', 'execution-id': 'current current' },
    `${EXECUTION_ID}; current cannot be one of several`,
  ],
  [
    'no credential',
    { token: '' },
    'token, access-key-id, secret-access-key, oidc-provider-urn and agency-urn are all empty: set token, or access-key-id and secret-access-key, or oidc-provider-urn and agency-urn. If the value comes from a secret, check the name of the secret',
  ],
  [
    'a token with a line break',
    { token: 'abc\ndef' },
    'token must be 1 to 100000 visible ASCII characters without whitespace; it has 7 characters, 1 of which are not allowed',
  ],
  [
    'a token that is too long',
    { token: 'a'.repeat(100_001) },
    'token must be 1 to 100000 visible ASCII characters',
  ],
  [
    'two kinds of credential',
    { 'access-key-id': 'AK', 'secret-access-key': 'SK' },
    'token, access-key-id and secret-access-key cannot be combined; use only one of token, access key (access-key-id and secret-access-key) or OIDC (oidc-provider-urn and agency-urn)',
  ],
  [
    'half an access key',
    { token: '', 'access-key-id': 'AK' },
    'secret-access-key must not be empty: access-key-id and secret-access-key belong together.',
  ],
  [
    'the other half of an access key',
    { token: '', 'secret-access-key': 'a-secret-key' },
    'access-key-id must not be empty',
  ],
  [
    'a security token alone',
    { token: '', 'security-token': 'a-security-token' },
    'access-key-id and secret-access-key must not be empty',
  ],
  [
    'a project with a token',
    { 'project-id': 'abc' },
    'project-id must be empty with token, which belongs to one project',
  ],
  [
    'half of OIDC',
    { token: '', 'agency-urn': `${URN}:agency:a` },
    'oidc-provider-urn must not be empty',
  ],
  [
    'a URN of another kind',
    { token: '', 'oidc-provider-urn': `${URN}:agency:a`, 'agency-urn': `${URN}:agency:a` },
    'oidc-provider-urn must be a URN like iam::<account ID>:oidcProvider:<name>',
  ],
  [
    'an unknown region',
    { region: 'mars-1' },
    "region must be one of these regions: cn-north-4, cn-north-1, cn-south-1, cn-east-2, cn-east-3, cn-southwest-2, ap-southeast-3, la-north-2, sa-brazil-1, eu-west-101, not 'mars-1'",
  ],
  [
    'plain http to another host',
    { endpoint: 'http://check.example.com' },
    'endpoint must be a host name or https://host[:port][/path]',
  ],
  [
    'plain http to a host that looks like loopback',
    { endpoint: 'http://127.0.0.1.example.com' },
    'endpoint must be',
  ],
  [
    'plain http to another host that looks like loopback',
    { endpoint: 'http://localhost.example.com' },
    'endpoint must be',
  ],
  ['an endpoint with a user', { endpoint: 'https://127.0.0.1@example.com' }, 'endpoint must be'],
  ['an endpoint with a query', { endpoint: 'https://example.com/?a=b' }, 'endpoint must be'],
  ['an endpoint with a fragment', { endpoint: 'https://example.com/#a' }, 'endpoint must be'],
  ['an endpoint of another scheme', { endpoint: 'ftp://example.com' }, 'endpoint must be'],
  ['wait: yes', { wait: 'yes' }, "wait must be true or false, not 'yes'"],
  [
    'if-not-running: ignore',
    { 'if-not-running': 'ignore' },
    "if-not-running must be fail or succeed, not 'ignore'",
  ],
  [
    'timeout-seconds: 0',
    { 'timeout-seconds': '0' },
    "timeout-seconds must be a whole number from 1 to 3600, not '0'",
  ],
  ['timeout-seconds: 1e3', { 'timeout-seconds': '1e3' }, 'timeout-seconds must be'],
  ['retries: 11', { retries: '11' }, "retries must be a whole number from 0 to 10, not '11'"],
])('%s is rejected by name, and nothing is sent', async (_name, inputs, message) => {
  const mockApi = await startMockApi();
  const run = await runStep(mockApi, inputs);
  const annotation = expectFailure(run);
  expect(mockApi.connections).toBe(0);
  const expected = `Invalid input: ${message}`;
  expect(annotation.startsWith(expected) ? expected : annotation).toBe(expected);
  const [first = '', ...others] = annotation.split('\n');
  expect(others).toEqual(['Correct the input. Nothing was sent.']);
  expect(run.outputs).toEqual({
    outcome: 'failed',
    'status-code': '',
    'error-code': '',
    'error-message': first.replace('Invalid input: ', ''),
    'request-id': '',
    results: '[]',
  });
  expect(run.summary).toContain('<h3>Invalid input</h3>');
  expect(run.summary).toContain('<strong>What to do</strong>');
  for (const name of ['token', 'secret-access-key', 'security-token']) {
    const secret = inputs[name] ?? '';
    if (secret.length > 3) expect(run.visible).not.toContain(secret);
  }
});

test.each([
  'https://user:pass-word-in-it@check.example.com',
  'user:pass-word-in-it@check.example.com',
  'https://check.example.com/?key=pass-word-in-it',
  'https://check.example.com/#pass-word-in-it',
])('what may be a password in the endpoint %s is printed nowhere', async (endpoint) => {
  const mockApi = await startMockApi();
  for (const inputs of [{ endpoint }, oidc({ 'sts-endpoint': endpoint })]) {
    const run = await runStep(mockApi, inputs);
    expect(expectFailure(run)).toContain('endpoint must be a host name or https://');
    expect(run.visible).not.toContain('pass-word-in-it');
  }
});

function oidc(inputs: Readonly<Record<string, string>>): Record<string, string> {
  const urns = { 'oidc-provider-urn': `${URN}:oidcProvider:g`, 'agency-urn': `${URN}:agency:a` };
  return { token: '', ...urns, ...inputs };
}

test('half a pair of variables is rejected by name', async () => {
  const run = await runBundle(
    { 'task-id': 'scan-1' },
    { env: { HUAWEI_CLOUD_ACCESS_KEY_ID: ACCESS_KEY.accessKeyId } },
  );
  expect(expectFailure(run)).toContain('HUAWEI_CLOUD_SECRET_ACCESS_KEY must not be empty');
});

test('a region without CodeArts Check in the variable does not matter if the endpoint is set', async () => {
  const mockApi = await startMockApi();
  const elsewhere = { env: { HUAWEI_CLOUD_REGION: 'ap-southeast-1' } };
  expect((await runStep(mockApi, {}, elsewhere)).exitCode).toBe(0);
  expect((await runStep(mockApi, { region: 'ap-southeast-1' }, elsewhere)).exitCode).toBe(1);
  const noRegion = { env: { HUAWEI_CLOUD_REGION: 'example.com/x' } };
  expect((await runStep(mockApi, {}, noRegion)).exitCode).toBe(1);
  expect(mockApi.requests).toHaveLength(1);
});

test('an unknown region in the variable is rejected by its name', async () => {
  const run = await runBundle(
    { 'task-id': 'scan-1', token: TOKEN },
    { env: { HUAWEI_CLOUD_REGION: 'mars-1' } },
  );
  expect(expectFailure(run)).toContain('region (from $HUAWEI_CLOUD_REGION) must be one of');
});

test('an empty value counts as not set, except for IDs', async () => {
  const mockApi = await startMockApi();
  const run = await runStep(mockApi, {
    region: '',
    wait: '',
    'if-not-running': '',
    'timeout-seconds': '',
    retries: '',
  });
  expect(run.exitCode).toBe(0);
  expect(run.lines.join('\n')).toContain('time limit 60 s');
});
