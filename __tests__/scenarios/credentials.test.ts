import { expect, test } from '@jest/globals';
import { ID_TOKEN_REQUEST_TOKEN, type StandIn, TEMPORARY_KEYS } from '../stand-in/stand-in.ts';
import { issueCertificate } from '../support/certificates.ts';
import { runBundle, type StepRun } from '../support/run-bundle.ts';
import { KEY_PAIR, startStandIn } from '../support/with-stand-in.ts';

const KEYS = {
  'access-key-id': KEY_PAIR.accessKeyId,
  'secret-access-key': KEY_PAIR.secretAccessKey,
};
const SECURITY_TOKEN = 'security-token-0123456789-abcdefghijklmnopqrstuvwxyz';
const ID_TOKEN = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJyZXBvOm8vcjpyZWY6bWFpbiJ9.c2lnbmF0dXJl';
const ACCOUNT = 'iam::0123456789abcdef0123456789abcdef';

function expectNoSecret(run: StepRun): void {
  const secrets = [
    KEY_PAIR.secretAccessKey,
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
    { [KEY_PAIR.accessKeyId]: SECURITY_TOKEN },
  ],
  [
    'with both',
    { 'security-token': SECURITY_TOKEN, 'project-id': 'abc' },
    { [KEY_PAIR.accessKeyId]: SECURITY_TOKEN },
  ],
])(
  'a key pair %s signs the stop, its retry and the status',
  async (_name, inputs, securityTokens) => {
    const standIn = await startStandIn({
      scans: { 'scan-1': { stopsAfterMs: 200 } },
      securityTokens,
    });
    standIn.order({ kind: 'answer', status: 503, headers: { 'retry-after': '1' } }, { times: 1 });
    const run = await runBundle({
      'task-id': 'scan-1',
      endpoint: standIn.endpoint,
      wait: 'true',
      ...KEYS,
      ...inputs,
    });
    expect(run.exitCode).toBe(0);
    expect(run.outputs['outcome']).toBe('stopped');
    expect(standIn.seen('/stop')).toHaveLength(2);
    const dates = standIn.seen('/stop').map(({ headers }) => headers['x-sdk-date']);
    expect(new Set(dates).size).toBe(2);
    for (const { headers } of standIn.requests) {
      expect(headers['x-auth-token']).toBeUndefined();
      expect(headers['x-project-id']).toBe(
        'project-id' in inputs ? inputs['project-id'] : undefined,
      );
    }
    expectNoSecret(run);
  },
);

test('a wrong key pair is one request, and says what to check', async () => {
  const standIn = await startStandIn();
  const run = await runBundle({
    'task-id': 'scan-1 scan-2 scan-3',
    endpoint: standIn.endpoint,
    ...KEYS,
    'secret-access-key': 'wrongSecretAccessKey0123456789abcdefghij',
  });
  expect(run.exitCode).toBe(1);
  expect(standIn.requests).toHaveLength(1);
  expect(run.commands('error')[0]).toContain('verify aksk signature fail (APIGW.0301, HTTP 401');
  expect(run.commands('error')[0]).toContain('Check access-key-id and secret-access-key');
  expect(run.visible).not.toContain('wrongSecretAccessKey');
});

test('with no credential input, the variables of huaweicloud/auth-action are used', async () => {
  const standIn = await startStandIn();
  const run = await runBundle(
    { 'task-id': 'scan-1', endpoint: standIn.endpoint },
    {
      env: {
        HUAWEI_CLOUD_ACCESS_KEY_ID: KEY_PAIR.accessKeyId,
        HUAWEI_CLOUD_SECRET_ACCESS_KEY: KEY_PAIR.secretAccessKey,
        HUAWEI_CLOUD_PROJECT_ID: 'project-of-the-variable',
      },
    },
  );
  expect(run.exitCode).toBe(0);
  expect(standIn.requests[0]?.headers['x-project-id']).toBe('project-of-the-variable');
  expectNoSecret(run);
});

test('a credential input goes before the variables', async () => {
  const standIn = await startStandIn({ tokens: ['token-of-the-input'] });
  const run = await runBundle(
    { 'task-id': 'scan-1', endpoint: standIn.endpoint, token: 'token-of-the-input' },
    {
      env: {
        HUAWEI_CLOUD_ACCESS_KEY_ID: KEY_PAIR.accessKeyId,
        HUAWEI_CLOUD_SECRET_ACCESS_KEY: KEY_PAIR.secretAccessKey,
      },
    },
  );
  expect(run.exitCode).toBe(0);
  expect(standIn.requests[0]?.headers.authorization).toBeUndefined();
});

/** Runs a keyless step against stand-ins of GitHub's token service, of STS and of the API. */
function keylessStep(
  standIn: StandIn,
  options: {
    readonly inputs?: Readonly<Record<string, string>>;
    readonly env?: Readonly<Record<string, string>>;
  } = {},
): Promise<StepRun> {
  return runBundle(
    {
      'task-id': 'scan-1',
      endpoint: standIn.endpoint,
      'sts-endpoint': standIn.endpoint,
      'oidc-provider-urn': `${ACCOUNT}:oidcProvider:github`,
      'agency-urn': `${ACCOUNT}:agency:stop-scans`,
      ...options.inputs,
    },
    {
      env: {
        ACTIONS_ID_TOKEN_REQUEST_URL: `${standIn.endpoint}/github/id-token?api-version=2.0`,
        ACTIONS_ID_TOKEN_REQUEST_TOKEN: ID_TOKEN_REQUEST_TOKEN,
        GITHUB_RUN_ID: '4711',
        GITHUB_RUN_ATTEMPT: '2',
        ...options.env,
      },
    },
  );
}

test('keyless: the ID token is exchanged for a temporary key pair, which signs the stop', async () => {
  const standIn = await startStandIn({ idTokens: { '': ID_TOKEN } });
  const run = await keylessStep(standIn, {
    inputs: { wait: 'true', 'project-id': 'abc' },
    env: { RUNNER_DEBUG: '1' },
  });
  expect(run.exitCode).toBe(0);
  expect(run.outputs['outcome']).toBe('stopped');
  expect(standIn.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
    'GET /github/id-token?api-version=2.0',
    'POST /v5/agencies/assume-with-oidc',
    'POST /v2/tasks/scan-1/stop',
    'GET /v2/tasks/scan-1/progress',
  ]);
  expect(JSON.parse(standIn.requests[1]?.body ?? '')).toEqual({
    provider_urn: `${ACCOUNT}:oidcProvider:github`,
    agency_urn: `${ACCOUNT}:agency:stop-scans`,
    agency_session_name: 'github-4711-2',
    id_token: ID_TOKEN,
    duration_seconds: 900,
  });
  expect(standIn.requests[1]?.headers.authorization).toBeUndefined();
  expect(standIn.requests[2]?.headers).toMatchObject({
    'x-security-token': TEMPORARY_KEYS.security_token,
    'x-project-id': 'abc',
  });
  expectNoSecret(run);
  expect(run.lines).toContain(`::add-mask::${ID_TOKEN_REQUEST_TOKEN}`);
});

test('keyless: all of it over TLS', async () => {
  const certificates = await issueCertificate('127.0.0.1');
  const standIn = await startStandIn({ idTokens: { '': ID_TOKEN }, tls: certificates.tls });
  const env = { NODE_EXTRA_CA_CERTS: certificates.authorityFile };
  const run = await keylessStep(standIn, { env });
  expect(run.exitCode).toBe(0);
  expect(standIn.requests).toHaveLength(3);
});

test('keyless: the audience is asked for', async () => {
  const standIn = await startStandIn({ idTokens: { 'huawei cloud': ID_TOKEN } });
  const run = await keylessStep(standIn, { inputs: { 'oidc-audience': 'huawei cloud' } });
  expect(run.exitCode).toBe(0);
});

test('keyless: a job without id-token: write is told so, and nothing is sent', async () => {
  const standIn = await startStandIn({ idTokens: { '': ID_TOKEN } });
  const run = await keylessStep(standIn, { env: { ACTIONS_ID_TOKEN_REQUEST_URL: '' } });
  expect(run.exitCode).toBe(1);
  expect(standIn.requests).toEqual([]);
  expect(run.commands('error')[0]).toContain('permissions: id-token: write');
  expect(run.outputs).toMatchObject({ outcome: 'failed', 'status-code': '' });
});

test('keyless: a trust policy that does not match says what to look at, after one exchange', async () => {
  const standIn = await startStandIn({ idTokens: { '': ID_TOKEN } });
  standIn.order(
    {
      kind: 'answer',
      status: 403,
      body: JSON.stringify({ error_code: 'STS5.1001', error_msg: `Not allowed: ${ID_TOKEN}` }),
    },
    { path: '/v5/' },
  );
  const run = await keylessStep(standIn, { inputs: { 'task-id': 'scan-1,scan-2' } });
  expect(run.exitCode).toBe(1);
  expect(standIn.seen('/assume-with-oidc')).toHaveLength(1);
  expect(standIn.seen('/stop')).toEqual([]);
  expect(run.commands('error')[0]).toMatch(/STS5\.1001.*trust policy.*audience.*subject/s);
  expect(JSON.parse(run.outputs['results'] ?? '')).toMatchObject([
    { 'task-id': 'scan-1', outcome: 'failed', 'status-code': null, 'error-code': 'STS5.1001' },
    { 'task-id': 'scan-2', outcome: 'failed', 'status-code': null, 'error-code': 'STS5.1001' },
  ]);
  expectNoSecret(run);
});

test('keyless: a busy STS is tried again', async () => {
  const standIn = await startStandIn({ idTokens: { '': ID_TOKEN } });
  standIn.order({ kind: 'answer', status: 503 }, { path: '/v5/', times: 1 });
  const run = await keylessStep(standIn);
  expect(run.exitCode).toBe(0);
  expect(standIn.seen('/assume-with-oidc')).toHaveLength(2);
});

test('keyless: STS never redirects the ID token to another host', async () => {
  const other = await startStandIn();
  const standIn = await startStandIn({ idTokens: { '': ID_TOKEN } });
  standIn.order(
    { kind: 'answer', status: 307, headers: { location: `${other.endpoint}/` } },
    { path: '/v5/' },
  );
  const run = await keylessStep(standIn);
  expect(run.exitCode).toBe(1);
  expect(other.connections).toBe(0);
});

test.each(['silence', 'cut-short'] as const)(
  "keyless: %s of GitHub's token service ends with the deadline",
  async (kind) => {
    const standIn = await startStandIn({ idTokens: { '': ID_TOKEN } });
    standIn.order({ kind }, { path: '/github/' });
    const run = await keylessStep(standIn, { inputs: { 'timeout-seconds': '1' } });
    expect(run.exitCode).toBe(1);
    expect(run.commands('error')[0]).toContain('the deadline (timeout-seconds: 1)');
    expect(run.outputs['outcome']).toBe('failed');
    expect(run.durationMs).toBeLessThan(3_000);
  },
);

test("keyless: a refusal of GitHub's token service is reported in its words", async () => {
  const standIn = await startStandIn();
  const run = await keylessStep(standIn);
  expect(run.exitCode).toBe(1);
  expect(run.commands('error')[0]).toContain('GitHub gave no ID token');
  expect(run.commands('error')[0]).toContain('no ID token for this job');
});
