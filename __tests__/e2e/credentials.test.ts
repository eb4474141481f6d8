import { expect, test } from '@jest/globals';
import { ID_TOKEN_REQUEST_TOKEN, type MockApi, TEMPORARY_KEYS } from '../../mock-api/mock-api.ts';
import { issueCertificate } from '../support/certificates.ts';
import { runBundle, type StepOptions, type StepRun } from '../support/run-bundle.ts';
import {
  ACCESS_KEY,
  expectFailure,
  idTokenEnv,
  resultsOf,
  runStep,
  startMockApi,
} from '../support/with-mock-api.ts';

const KEYS = {
  token: '',
  'access-key-id': ACCESS_KEY.accessKeyId,
  'secret-access-key': ACCESS_KEY.secretAccessKey,
};
const SECURITY_TOKEN = 'security-token-0123456789-abcdefghijklmnopqrstuvwxyz';
const ID_TOKEN = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJyZXBvOm8vcjpyZWY6bWFpbiJ9.c2lnbmF0dXJl';
const ACCOUNT = 'iam::0123456789abcdef0123456789abcdef';

function expectNoSecret(run: StepRun): void {
  const secrets = [
    ACCESS_KEY.secretAccessKey,
    SECURITY_TOKEN,
    ID_TOKEN,
    ID_TOKEN_REQUEST_TOKEN,
    TEMPORARY_KEYS.secret_access_key,
    TEMPORARY_KEYS.security_token,
  ];
  for (const secret of secrets) expect(run.visible).not.toContain(secret);
}

test.each([
  ['alone', {}, {}],
  ['with a project', { 'project-id': '0123456789abcdef0123456789abcdef' }, {}],
  [
    'with a security token',
    { 'security-token': SECURITY_TOKEN },
    { [ACCESS_KEY.accessKeyId]: SECURITY_TOKEN },
  ],
  [
    'with both, and an execution',
    { 'security-token': SECURITY_TOKEN, 'project-id': 'abc', 'execution-id': 'execution-1' },
    { [ACCESS_KEY.accessKeyId]: SECURITY_TOKEN },
  ],
])(
  'an access key %s signs the stop, its retry and the status',
  async (_name, inputs, securityTokens) => {
    const mockApi = await startMockApi({
      scans: { 'scan-1': { stopsAfterMs: 200, executions: { 'execution-1': {} } } },
      securityTokens,
    });
    const headers = { 'retry-after': '1' };
    mockApi.inject({ kind: 'response', status: 503, headers }, { times: 1 });
    const run = await runStep(mockApi, { wait: 'true', ...KEYS, ...inputs });
    expect(run.exitCode).toBe(0);
    expect(run.outputs['outcome']).toBe('stopped');
    expect(run.lines.join('\n')).toContain(
      'with an access key from the inputs access-key-id and secret-access-key',
    );
    const dates = mockApi.requestsTo('/stop').map((request) => request.headers['x-sdk-date']);
    expect(dates).toHaveLength(2);
    expect(new Set(dates).size).toBe(2);
    for (const request of mockApi.requests) {
      expect(request.headers['x-auth-token']).toBeUndefined();
      expect(request.headers['x-project-id']).toBe(
        'project-id' in inputs ? inputs['project-id'] : undefined,
      );
    }
    expectNoSecret(run);
  },
);

test('a wrong access key is one request, and says what to check', async () => {
  const mockApi = await startMockApi();
  const secret = 'wrongSecretAccessKey0123456789abcdefghij';
  const inputs = { ...KEYS, 'task-id': 'scan-1 scan-2 scan-3', 'secret-access-key': secret };
  const run = await runStep(mockApi, inputs);
  const annotation = expectFailure(run);
  expect(mockApi.requests).toHaveLength(1);
  expect(annotation).toContain('verify aksk signature fail (APIGW.0301, HTTP 401');
  expect(annotation).toContain('Check access-key-id and secret-access-key');
  expect(run.visible).not.toContain('wrongSecretAccessKey');
});

test('with no credential input, the variables of huaweicloud/auth-action are used', async () => {
  const mockApi = await startMockApi();
  const run = await runStep(
    mockApi,
    { token: '' },
    {
      env: {
        HUAWEI_CLOUD_ACCESS_KEY_ID: ACCESS_KEY.accessKeyId,
        HUAWEI_CLOUD_SECRET_ACCESS_KEY: ACCESS_KEY.secretAccessKey,
        HUAWEI_CLOUD_PROJECT_ID: 'project-of-the-variable',
      },
    },
  );
  expect(run.exitCode).toBe(0);
  expect(run.lines.join('\n')).toContain(
    'with an access key from $HUAWEI_CLOUD_ACCESS_KEY_ID and $HUAWEI_CLOUD_SECRET_ACCESS_KEY',
  );
  expect(mockApi.requests[0]?.headers['x-project-id']).toBe('project-of-the-variable');
  expectNoSecret(run);
});

test('a credential input goes before the variables', async () => {
  const mockApi = await startMockApi({ tokens: ['token-of-the-input'] });
  const run = await runStep(
    mockApi,
    { token: 'token-of-the-input' },
    {
      env: {
        HUAWEI_CLOUD_ACCESS_KEY_ID: ACCESS_KEY.accessKeyId,
        HUAWEI_CLOUD_SECRET_ACCESS_KEY: ACCESS_KEY.secretAccessKey,
      },
    },
  );
  expect(run.exitCode).toBe(0);
  expect(mockApi.requests[0]?.headers.authorization).toBeUndefined();
});

/** Runs a step with OIDC against mocks of GitHub's ID-token service, of STS and of the API. */
function oidcStep(
  mockApi: MockApi,
  inputs: Readonly<Record<string, string>> = {},
  { env, ...options }: StepOptions = {},
): Promise<StepRun> {
  const run = { GITHUB_RUN_ID: '4711', GITHUB_RUN_ATTEMPT: '2' };
  return runBundle(
    {
      'task-id': 'scan-1',
      endpoint: mockApi.endpoint,
      'sts-endpoint': mockApi.endpoint,
      'oidc-provider-urn': `${ACCOUNT}:oidcProvider:github`,
      'agency-urn': `${ACCOUNT}:agency:stop-scans`,
      ...inputs,
    },
    { ...options, env: { ...idTokenEnv(mockApi), ...run, ...env } },
  );
}

test('OIDC: the ID token is exchanged for a temporary access key, which signs the stop', async () => {
  const mockApi = await startMockApi({ idTokens: { '': ID_TOKEN } });
  const run = await oidcStep(
    mockApi,
    { wait: 'true', 'project-id': 'abc' },
    { env: { RUNNER_DEBUG: '1' } },
  );
  expect(run.exitCode).toBe(0);
  expect(run.outputs['outcome']).toBe('stopped');
  expect(mockApi.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
    'GET /github/id-token?api-version=2.0',
    'POST /v5/agencies/assume-with-oidc',
    'POST /v2/tasks/scan-1/stop',
    'GET /v2/tasks/scan-1/progress',
  ]);
  expect(JSON.parse(mockApi.requests[1]?.body ?? '')).toEqual({
    provider_urn: `${ACCOUNT}:oidcProvider:github`,
    agency_urn: `${ACCOUNT}:agency:stop-scans`,
    agency_session_name: 'github-4711-2',
    id_token: ID_TOKEN,
    duration_seconds: 900,
  });
  expect(mockApi.requests[1]?.headers.authorization).toBeUndefined();
  expect(mockApi.requests[2]?.headers).toMatchObject({
    'x-security-token': TEMPORARY_KEYS.security_token,
    'x-project-id': 'abc',
  });
  expectNoSecret(run);
  expect(run.lines[0]).toBe(`::add-mask::${ID_TOKEN_REQUEST_TOKEN}`);
});

test('OIDC: all of it over TLS', async () => {
  const certificates = await issueCertificate('127.0.0.1');
  const mockApi = await startMockApi({ idTokens: { '': ID_TOKEN }, tls: certificates.tls });
  const run = await oidcStep(mockApi, {}, { extraCaCerts: certificates.authorityFile });
  expect(run.exitCode).toBe(0);
  expect(mockApi.requests).toHaveLength(3);
});

test('OIDC: the audience is asked for', async () => {
  const mockApi = await startMockApi({ idTokens: { 'huawei cloud': ID_TOKEN } });
  const run = await oidcStep(mockApi, { 'oidc-audience': 'huawei cloud' });
  expect(run.exitCode).toBe(0);
});

test('OIDC: a job without id-token: write is told so, and nothing is sent', async () => {
  const mockApi = await startMockApi({ idTokens: { '': ID_TOKEN } });
  const run = await oidcStep(mockApi, {}, { env: { ACTIONS_ID_TOKEN_REQUEST_URL: '' } });
  const annotation = expectFailure(run);
  expect(mockApi.requests).toEqual([]);
  expect(annotation).toContain('Could not stop scan scan-1: GitHub gives this job no ID token');
  expect(annotation).toContain('permissions: id-token: write');
  expect(run.outputs['status-code']).toBe('');
});

test("OIDC: GitHub's ID-token service cannot redirect the request token to another host", async () => {
  const other = await startMockApi({ idTokens: { '': ID_TOKEN } });
  const mockApi = await startMockApi({ idTokens: { '': ID_TOKEN } });
  const redirectsTo = `${other.endpoint}/github/id-token?api-version=2.0`;
  const run = await oidcStep(mockApi, {}, { env: idTokenEnv(mockApi, { redirectsTo }) });
  const annotation = expectFailure(run);
  expect(other.connections).toBe(0);
  expect(mockApi.requests).toHaveLength(1);
  expect(annotation).toContain(
    `redirect to ${other.endpoint}/github/id-token, which is not followed`,
  );
  expect(annotation).toContain("GitHub's ID-token service did not give an ID token");
  expectNoSecret(run);
});

test("OIDC: GitHub's ID-token service cannot redirect to its own host either", async () => {
  const mockApi = await startMockApi({ idTokens: { '': ID_TOKEN } });
  const redirectsTo = `${mockApi.endpoint}/github/id-token?api-version=2.0`;
  const run = await oidcStep(mockApi, {}, { env: idTokenEnv(mockApi, { redirectsTo }) });
  expectFailure(run);
  expect(mockApi.requests).toHaveLength(1);
});

test('OIDC: STS cannot redirect the ID token to another host', async () => {
  const other = await startMockApi();
  const mockApi = await startMockApi({ idTokens: { '': ID_TOKEN } });
  const redirect = { kind: 'redirect', status: 307, location: `${other.endpoint}/` } as const;
  mockApi.inject(redirect, { path: '/v5/' });
  expectFailure(await oidcStep(mockApi));
  expect(other.connections).toBe(0);
});

test('OIDC: a trust policy that does not match says what to look at, after one exchange', async () => {
  const mockApi = await startMockApi({ idTokens: { '': ID_TOKEN } });
  mockApi.inject(
    {
      kind: 'response',
      status: 403,
      body: JSON.stringify({ error_code: 'STS5.1001', error_msg: `Not allowed: ${ID_TOKEN}` }),
    },
    { path: '/v5/' },
  );
  const run = await oidcStep(mockApi, { 'task-id': 'scan-1,scan-2' });
  const annotation = expectFailure(run);
  expect(mockApi.requestsTo('/assume-with-oidc')).toHaveLength(1);
  expect(mockApi.requestsTo('/stop')).toEqual([]);
  expect(annotation).toMatch(
    /Not allowed: \*\*\* \(STS5\.1001, HTTP 403.*trust policy.*audience.*subject/s,
  );
  expect(annotation).toContain('repo:OWNER@OWNER_ID/REPO@REPO_ID:');
  expect(annotation).not.toContain('task-id');
  expect(resultsOf(run)).toMatchObject([
    { 'task-id': 'scan-1', outcome: 'failed', 'status-code': null, 'error-code': 'STS5.1001' },
    { 'task-id': 'scan-2', outcome: 'failed', 'status-code': null, 'error-code': 'STS5.1001' },
  ]);
  expectNoSecret(run);
});

test('OIDC: whatever fails before the stop, the advice is not about the task', async () => {
  const error = (status: number, code: string, message: string) =>
    ({
      kind: 'response',
      status,
      body: JSON.stringify({ error_code: code, error_msg: message }),
    }) as const;
  const cases = [
    ['/v5/', error(400, 'STS5.0400', 'A parameter is missing.'), 'trust policy'],
    ['/v5/', error(404, 'STS5.0404', 'No such provider.'), 'trust policy'],
    ['/v5/', error(404, 'APIGW.0101', 'The API does not exist'), 'Check sts-endpoint and region'],
    ['/v5/', error(503, 'STS5.0503', 'Busy'), 'The API is busy'],
    ['/v5/', { kind: 'response', status: 200, body: '{}' }, 'something other than the API'],
    ['/v5/', { kind: 'response', status: 200, body: '<html>' }, 'something other than the API'],
    ['/v5/', { kind: 'reset-before-headers' }, 'Run the step again later'],
    ['/github/', error(401, '', 'No'), "GitHub's ID-token service"],
    ['/github/', error(400, 'CC.1.400', 'No'), "GitHub's ID-token service"],
    ['/github/', error(404, '', 'No'), "GitHub's ID-token service"],
    ['/github/', error(500, '', 'No'), "GitHub's ID-token service"],
    ['/github/', { kind: 'response', status: 200, body: '{}' }, "GitHub's ID-token service"],
    ['/github/', { kind: 'response', status: 200, body: '<html>' }, "GitHub's ID-token service"],
    ['/github/', { kind: 'reset-before-headers' }, "GitHub's ID-token service"],
  ] as const;
  await Promise.all(
    cases.map(async ([path, fault, advice], index) => {
      const mockApi = await startMockApi({ idTokens: { '': ID_TOKEN } });
      mockApi.inject(fault, { path });
      const run = await oidcStep(mockApi, { retries: '0' });
      const annotation = expectFailure(run);
      expect([index, annotation]).toEqual([index, expect.stringContaining(advice)]);
      expect([index, annotation]).toEqual([
        index,
        expect.not.stringMatching(
          /task-id|if-not-running|codeartscheck:|may have happened|not confirmed/,
        ),
      ]);
      expect(mockApi.requestsTo('/stop')).toEqual([]);
      expect(run.outputs['status-code']).toBe('');
    }),
  );
});

test('OIDC: a busy STS is retried', async () => {
  const mockApi = await startMockApi({ idTokens: { '': ID_TOKEN } });
  mockApi.inject({ kind: 'response', status: 503 }, { path: '/v5/', times: 1 });
  const run = await oidcStep(mockApi);
  expect(run.exitCode).toBe(0);
  expect(mockApi.requestsTo('/assume-with-oidc')).toHaveLength(2);
});

test('OIDC: a busy ID-token service is retried, and a response cut short is not taken for an ID token', async () => {
  const mockApi = await startMockApi({ idTokens: { '': ID_TOKEN } });
  mockApi.inject({ kind: 'response', status: 502 }, { path: '/github/', times: 1 });
  mockApi.inject({ kind: 'cut-short', body: '{"value":"half"}' }, { path: '/github/', times: 1 });
  const run = await oidcStep(mockApi);
  expect(run.exitCode).toBe(0);
  expect(mockApi.requestsTo('/github/id-token')).toHaveLength(3);
});

test("OIDC: a rejection by GitHub's ID-token service is reported with its message", async () => {
  const mockApi = await startMockApi();
  const annotation = expectFailure(await oidcStep(mockApi));
  expect(annotation).toContain('no ID token for this job (HTTP 401');
  expect(annotation).toContain("GitHub's ID-token service did not give an ID token");
});

test.each(['line\nbreak', 'snowman \u2603', 'tab\t', 'with space'])(
  'OIDC: a temporary key that no header can carry, %j, is an error that says so',
  async (value) => {
    const mockApi = await startMockApi({ idTokens: { '': ID_TOKEN } });
    const names = { access_key_id: 'id', secret_access_key: 'secret', security_token: 'token' };
    for (const name of Object.keys(names)) {
      const credentials = { ...TEMPORARY_KEYS, [name]: `unfit-${value}-0123456789` };
      const body = JSON.stringify({ credentials });
      mockApi.clearFaults();
      mockApi.inject({ kind: 'response', status: 200, body }, { path: '/v5/' });
      const run = await oidcStep(mockApi);
      const annotation = expectFailure(run);
      expect(annotation).toContain(
        `Invalid response: 'credentials.${name}' has characters that no header can carry`,
      );
      expect(run.visible).not.toContain('unfit-');
    }
    expect(mockApi.requestsTo('/stop')).toEqual([]);
  },
);
