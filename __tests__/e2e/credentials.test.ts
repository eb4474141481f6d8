import { expect, test } from '@jest/globals';
import { ID_TOKEN_REQUEST_TOKEN, type MockApi, TEMPORARY_KEYS } from '../../mock-api/mock-api.ts';
import { issueCertificate } from '../support/certificates.ts';
import { runBundle, type StepRun } from '../support/run-bundle.ts';
import { ACCESS_KEY, startMockApi } from '../support/with-mock-api.ts';

const KEYS = {
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
    'with both',
    { 'security-token': SECURITY_TOKEN, 'project-id': 'abc' },
    { [ACCESS_KEY.accessKeyId]: SECURITY_TOKEN },
  ],
])(
  'a key pair %s signs the stop, its retry and the status',
  async (_name, inputs, securityTokens) => {
    const mockApi = await startMockApi({
      scans: { 'scan-1': { stopsAfterMs: 200 } },
      securityTokens,
    });
    mockApi.inject(
      { kind: 'response', status: 503, headers: { 'retry-after': '1' } },
      { times: 1 },
    );
    const run = await runBundle({
      'task-id': 'scan-1',
      endpoint: mockApi.endpoint,
      wait: 'true',
      ...KEYS,
      ...inputs,
    });
    expect(run.exitCode).toBe(0);
    expect(run.outputs['outcome']).toBe('stopped');
    expect(mockApi.requestsTo('/stop')).toHaveLength(2);
    const dates = mockApi.requestsTo('/stop').map(({ headers }) => headers['x-sdk-date']);
    expect(new Set(dates).size).toBe(2);
    for (const { headers } of mockApi.requests) {
      expect(headers['x-auth-token']).toBeUndefined();
      expect(headers['x-project-id']).toBe(
        'project-id' in inputs ? inputs['project-id'] : undefined,
      );
    }
    expectNoSecret(run);
  },
);

test('a wrong key pair is one request, and says what to check', async () => {
  const mockApi = await startMockApi();
  const run = await runBundle({
    'task-id': 'scan-1 scan-2 scan-3',
    endpoint: mockApi.endpoint,
    ...KEYS,
    'secret-access-key': 'wrongSecretAccessKey0123456789abcdefghij',
  });
  expect(run.exitCode).toBe(1);
  expect(mockApi.requests).toHaveLength(1);
  expect(run.commands('error')[0]).toContain('verify aksk signature fail (APIGW.0301, HTTP 401');
  expect(run.commands('error')[0]).toContain('Check access-key-id and secret-access-key');
  expect(run.visible).not.toContain('wrongSecretAccessKey');
});

test('with no credential input, the variables of huaweicloud/auth-action are used', async () => {
  const mockApi = await startMockApi();
  const run = await runBundle(
    { 'task-id': 'scan-1', endpoint: mockApi.endpoint },
    {
      env: {
        HUAWEI_CLOUD_ACCESS_KEY_ID: ACCESS_KEY.accessKeyId,
        HUAWEI_CLOUD_SECRET_ACCESS_KEY: ACCESS_KEY.secretAccessKey,
        HUAWEI_CLOUD_PROJECT_ID: 'project-of-the-variable',
      },
    },
  );
  expect(run.exitCode).toBe(0);
  expect(mockApi.requests[0]?.headers['x-project-id']).toBe('project-of-the-variable');
  expectNoSecret(run);
});

test('a credential input goes before the variables', async () => {
  const mockApi = await startMockApi({ tokens: ['token-of-the-input'] });
  const run = await runBundle(
    { 'task-id': 'scan-1', endpoint: mockApi.endpoint, token: 'token-of-the-input' },
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

/** Runs a oidc step against mock APIs of GitHub's token service, of STS and of the API. */
function keylessStep(
  mockApi: MockApi,
  options: {
    readonly inputs?: Readonly<Record<string, string>>;
    readonly env?: Readonly<Record<string, string>>;
  } = {},
): Promise<StepRun> {
  return runBundle(
    {
      'task-id': 'scan-1',
      endpoint: mockApi.endpoint,
      'sts-endpoint': mockApi.endpoint,
      'oidc-provider-urn': `${ACCOUNT}:oidcProvider:github`,
      'agency-urn': `${ACCOUNT}:agency:stop-scans`,
      ...options.inputs,
    },
    {
      env: {
        ACTIONS_ID_TOKEN_REQUEST_URL: `${mockApi.endpoint}/github/id-token?api-version=2.0`,
        ACTIONS_ID_TOKEN_REQUEST_TOKEN: ID_TOKEN_REQUEST_TOKEN,
        GITHUB_RUN_ID: '4711',
        GITHUB_RUN_ATTEMPT: '2',
        ...options.env,
      },
    },
  );
}

test('oidc: the ID token is exchanged for a temporary key pair, which signs the stop', async () => {
  const mockApi = await startMockApi({ idTokens: { '': ID_TOKEN } });
  const run = await keylessStep(mockApi, {
    inputs: { wait: 'true', 'project-id': 'abc' },
    env: { RUNNER_DEBUG: '1' },
  });
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
  expect(run.lines).toContain(`::add-mask::${ID_TOKEN_REQUEST_TOKEN}`);
});

test('oidc: all of it over TLS', async () => {
  const certificates = await issueCertificate('127.0.0.1');
  const mockApi = await startMockApi({ idTokens: { '': ID_TOKEN }, tls: certificates.tls });
  const env = { NODE_EXTRA_CA_CERTS: certificates.authorityFile };
  const run = await keylessStep(mockApi, { env });
  expect(run.exitCode).toBe(0);
  expect(mockApi.requests).toHaveLength(3);
});

test('oidc: the audience is asked for', async () => {
  const mockApi = await startMockApi({ idTokens: { 'huawei cloud': ID_TOKEN } });
  const run = await keylessStep(mockApi, { inputs: { 'oidc-audience': 'huawei cloud' } });
  expect(run.exitCode).toBe(0);
});

test('oidc: a job without id-token: write is told so, and nothing is sent', async () => {
  const mockApi = await startMockApi({ idTokens: { '': ID_TOKEN } });
  const run = await keylessStep(mockApi, { env: { ACTIONS_ID_TOKEN_REQUEST_URL: '' } });
  expect(run.exitCode).toBe(1);
  expect(mockApi.requests).toEqual([]);
  expect(run.commands('error')[0]).toContain('permissions: id-token: write');
  expect(run.outputs).toMatchObject({ outcome: 'failed', 'status-code': '' });
});

test('oidc: a trust policy that does not match says what to look at, after one exchange', async () => {
  const mockApi = await startMockApi({ idTokens: { '': ID_TOKEN } });
  mockApi.inject(
    {
      kind: 'response',
      status: 403,
      body: JSON.stringify({ error_code: 'STS5.1001', error_msg: `Not allowed: ${ID_TOKEN}` }),
    },
    { path: '/v5/' },
  );
  const run = await keylessStep(mockApi, { inputs: { 'task-id': 'scan-1,scan-2' } });
  expect(run.exitCode).toBe(1);
  expect(mockApi.requestsTo('/assume-with-oidc')).toHaveLength(1);
  expect(mockApi.requestsTo('/stop')).toEqual([]);
  expect(run.commands('error')[0]).toMatch(/STS5\.1001.*trust policy.*audience.*subject/s);
  expect(JSON.parse(run.outputs['results'] ?? '')).toMatchObject([
    { 'task-id': 'scan-1', outcome: 'failed', 'status-code': null, 'error-code': 'STS5.1001' },
    { 'task-id': 'scan-2', outcome: 'failed', 'status-code': null, 'error-code': 'STS5.1001' },
  ]);
  expectNoSecret(run);
});

test('oidc: a busy STS is tried again', async () => {
  const mockApi = await startMockApi({ idTokens: { '': ID_TOKEN } });
  mockApi.inject({ kind: 'response', status: 503 }, { path: '/v5/', times: 1 });
  const run = await keylessStep(mockApi);
  expect(run.exitCode).toBe(0);
  expect(mockApi.requestsTo('/assume-with-oidc')).toHaveLength(2);
});

test('oidc: STS never redirects the ID token to another host', async () => {
  const other = await startMockApi();
  const mockApi = await startMockApi({ idTokens: { '': ID_TOKEN } });
  mockApi.inject(
    { kind: 'response', status: 307, headers: { location: `${other.endpoint}/` } },
    { path: '/v5/' },
  );
  const run = await keylessStep(mockApi);
  expect(run.exitCode).toBe(1);
  expect(other.connections).toBe(0);
});

test.each(['silence', 'cut-short'] as const)(
  "oidc: %s of GitHub's token service ends with the deadline",
  async (kind) => {
    const mockApi = await startMockApi({ idTokens: { '': ID_TOKEN } });
    mockApi.inject({ kind }, { path: '/github/' });
    const run = await keylessStep(mockApi, { inputs: { 'timeout-seconds': '1' } });
    expect(run.exitCode).toBe(1);
    expect(run.commands('error')[0]).toContain('the deadline (timeout-seconds: 1)');
    expect(run.outputs['outcome']).toBe('failed');
    expect(run.durationMs).toBeLessThan(3_000);
  },
);

test("oidc: a refusal of GitHub's token service is reported in its words", async () => {
  const mockApi = await startMockApi();
  const run = await keylessStep(mockApi);
  expect(run.exitCode).toBe(1);
  expect(run.commands('error')[0]).toContain('GitHub gave no ID token');
  expect(run.commands('error')[0]).toContain('no ID token for this job');
});
