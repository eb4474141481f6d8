import '../support/real-sockets.ts';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ID_TOKEN_REQUEST_TOKEN, MockApi, TEMPORARY_KEYS } from '../../mock-api/mock-api.ts';
import { createCredential } from '../../src/credentials/create-credential.ts';
import type { Credential } from '../../src/credentials/credential.ts';
import { HttpClient } from '../../src/http/client.ts';
import { type HttpRequest, Transport } from '../../src/http/transport.ts';
import type { CredentialInputs, OidcInputs } from '../../src/inputs/credentials.ts';
import { Deadline } from '../../src/time.ts';
import { FakeClock } from '../support/fake-clock.ts';

const ID_TOKEN = 'header.payload.signature';

let mockApi: MockApi;
let masked: string[];

beforeEach(async () => {
  masked = [];
  mockApi = await MockApi.start({
    scans: { abc: {} },
    tokens: ['token1'],
    accessKeys: { ACCESSKEY1: 'secret1' },
    idTokens: { '': ID_TOKEN, 'my-audience': ID_TOKEN },
  });
});

afterEach(() => mockApi.close());

function create(inputs: CredentialInputs): Promise<Credential> {
  const clock = new FakeClock({ startsAt: new Date(), autoUpToMs: 0 });
  const deadline = new Deadline(60, clock);
  return createCredential(inputs, {
    client: new HttpClient({ transport: new Transport(), clock, deadline, random: () => 0.5 }),
    retries: 0,
    seconds: 60,
    mask: (secret) => masked.push(secret),
    onAttempt: () => undefined,
  });
}

/** The HTTP status of the API's response to a stop request. */
async function stopWith(credential: Credential): Promise<number> {
  const request: HttpRequest = {
    method: 'POST',
    url: new URL('/v2/tasks/abc/stop', mockApi.endpoint),
    headers: { 'content-type': 'application/json' },
    body: '{}',
  };
  const { status } = await new Transport().send(credential.authorize(request, new Date()), {
    signal: new AbortController().signal,
    freshConnection: true,
  });
  return status;
}

function oidc(different: Partial<OidcInputs> = {}): CredentialInputs {
  return {
    kind: 'oidc',
    source: 'the inputs oidc-provider-urn and agency-urn',
    providerUrn: 'iam::account:oidcProvider:github',
    agencyUrn: 'iam::account:agency:stopper',
    audience: undefined,
    stsEndpoint: new URL(mockApi.endpoint),
    projectId: undefined,
    sessionName: 'github-17-1',
    idTokenService: {
      url: new URL(`${mockApi.endpoint}/github/id-token?api-version=2.0`),
      requestToken: ID_TOKEN_REQUEST_TOKEN,
    },
    ...different,
  };
}

/** Method and path of each request that arrived. */
const received = () => mockApi.requests.map(({ method, path }) => `${method} ${path}`);

describe('the credential that the inputs ask for', () => {
  test('is a token, which needs no request', async () => {
    const credential = await create({ kind: 'token', token: 'token1', source: 'the input token' });
    expect(received()).toEqual([]);
    await expect(stopWith(credential)).resolves.toBe(200);
    expect(mockApi.requestsTo('/stop')[0]?.headers).toMatchObject({ 'x-auth-token': 'token1' });
  });

  test('is an access key, which needs no request', async () => {
    const credential = await create({
      kind: 'access-key',
      source: 'the inputs access-key-id and secret-access-key',
      accessKeyId: 'ACCESSKEY1',
      secretAccessKey: 'secret1',
      securityToken: undefined,
      projectId: 'project1',
    });
    expect(received()).toEqual([]);
    await expect(stopWith(credential)).resolves.toBe(200);
    expect(mockApi.requestsTo('/stop')[0]?.headers['x-project-id']).toBe('project1');
  });

  test('is a temporary access key, in exchange for GitHub’s ID token', async () => {
    const credential = await create(oidc({ projectId: 'project1', audience: 'my-audience' }));
    await expect(stopWith(credential)).resolves.toBe(200);
    expect(received()).toEqual([
      'GET /github/id-token?api-version=2.0&audience=my-audience',
      'POST /v5/agencies/assume-with-oidc',
      'POST /v2/tasks/abc/stop',
    ]);
    expect(mockApi.requestsTo('/stop')[0]?.headers).toMatchObject({
      'x-project-id': 'project1',
      'x-security-token': TEMPORARY_KEYS.security_token,
    });
    const { access_key_id, secret_access_key, security_token } = TEMPORARY_KEYS;
    expect(masked).toEqual([ID_TOKEN, access_key_id, secret_access_key, security_token]);
  });
});

describe('an exchange that fails', () => {
  test('has the reason of STS', async () => {
    const body = '{"error_code":"STS5.1001","error_msg":"not allowed"}';
    mockApi.inject({ kind: 'response', status: 403, body }, { path: 'assume-with-oidc' });
    await expect(create(oidc())).rejects.toMatchObject({
      status: 403,
      code: 'STS5.1001',
      operation: 'sts',
    });
  });

  test('has the reason of GitHub, if the request token is rejected', async () => {
    const url = new URL(`${mockApi.endpoint}/github/id-token`);
    await expect(
      create(oidc({ idTokenService: { url, requestToken: 'wrong' } })),
    ).rejects.toMatchObject({ status: 401, operation: 'id-token' });
    expect(received()).toEqual(['GET /github/id-token']);
  });

  test('does not carry the request token to where GitHub’s service redirects', async () => {
    const elsewhere = await MockApi.start({ idTokens: { '': ID_TOKEN } });
    try {
      const location = `${elsewhere.endpoint}/github/id-token`;
      mockApi.inject({ kind: 'redirect', location }, { path: 'id-token' });
      await expect(create(oidc())).rejects.toMatchObject({
        kind: 'redirect',
        operation: 'id-token',
      });
      expect(elsewhere.requests).toEqual([]);
      expect(received()).toEqual(['GET /github/id-token?api-version=2.0']);
    } finally {
      await elsewhere.close();
    }
  });

  test('sends nothing if GitHub gives the job no ID token', async () => {
    await expect(create(oidc({ idTokenService: undefined }))).rejects.toMatchObject({
      kind: 'id-token-permission',
    });
    expect(received()).toEqual([]);
  });
});
