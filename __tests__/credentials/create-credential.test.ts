import '../support/real-sockets.ts';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { ID_TOKEN_REQUEST_TOKEN, MockApi, TEMPORARY_KEYS } from '../../mock-api/mock-api.ts';
import { createCredential } from '../../src/credentials/create-credential.ts';
import type { Credential } from '../../src/credentials/credential.ts';
import { Deadline } from '../../src/deadline.ts';
import { HttpClient } from '../../src/http/client.ts';
import { type HttpRequest, Transport } from '../../src/http/transport.ts';
import type { CredentialInputs } from '../../src/inputs/inputs.ts';
import { Log } from '../../src/report/log.ts';
import { Secrets } from '../../src/report/secrets.ts';
import { FakeClock } from '../support/fake-clock.ts';

const ID_TOKEN = 'header.payload.signature';

let api: MockApi;
let printed: string;
let secrets: Secrets;
let transport: Transport;

beforeEach(async () => {
  printed = '';
  jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += text;
    return true;
  });
  api = await MockApi.start({
    scans: { abc: {} },
    tokens: ['token1'],
    accessKeys: { ACCESSKEY1: 'secret1' },
    idTokens: { '': ID_TOKEN, 'my-audience': ID_TOKEN },
  });
  process.env['ACTIONS_ID_TOKEN_REQUEST_URL'] = `${api.endpoint}/github/id-token?api-version=2.0`;
  process.env['ACTIONS_ID_TOKEN_REQUEST_TOKEN'] = ID_TOKEN_REQUEST_TOKEN;
});

afterEach(async () => {
  jest.restoreAllMocks();
  delete process.env['ACTIONS_ID_TOKEN_REQUEST_URL'];
  delete process.env['ACTIONS_ID_TOKEN_REQUEST_TOKEN'];
  await api.close();
});

function obtain(inputs: CredentialInputs, seconds = 60): Promise<Credential> {
  const clock = new FakeClock({ startsAt: new Date(), autoUpToMs: 0 });
  const deadline = new Deadline(seconds, clock);
  transport = new Transport(deadline, clock);
  secrets = new Secrets();
  return createCredential(inputs, {
    client: new HttpClient({ transport, clock, deadline, random: () => 0.5, sideBySide: true }),
    deadline,
    retries: 0,
    secrets,
    log: new Log(secrets),
  });
}

/** The HTTP status that the API answers a stop request with. */
async function stopWith(credential: Credential): Promise<number> {
  const request: HttpRequest = {
    method: 'POST',
    url: new URL('/v2/tasks/abc/stop', api.endpoint),
    headers: { 'content-type': 'application/json' },
    body: '{}',
  };
  return (await transport.send(credential.authorize(request, new Date()))).status;
}

function oidc(
  changes: Partial<Extract<CredentialInputs, { kind: 'oidc' }>> = {},
): CredentialInputs {
  return {
    kind: 'oidc',
    providerUrn: 'iam::account:oidcProvider:github',
    agencyUrn: 'iam::account:agency:stopper',
    audience: undefined,
    stsEndpoint: new URL(api.endpoint),
    projectId: undefined,
    sessionName: 'github-17-1',
    idTokenAvailable: true,
    ...changes,
  };
}

describe('the credential that the inputs ask for', () => {
  test('is a token, which needs no request', async () => {
    const credential = await obtain({ kind: 'token', token: 'token1' });
    expect(credential.name).toBe('a token');
    expect(api.requests).toEqual([]);
    await expect(stopWith(credential)).resolves.toBe(200);
  });

  test('is a key pair, which needs no request', async () => {
    const credential = await obtain({
      kind: 'access-key',
      accessKeyId: 'ACCESSKEY1',
      secretAccessKey: 'secret1',
      securityToken: undefined,
      projectId: 'project1',
    });
    expect(credential.name).toBe('a key pair');
    expect(api.requests).toEqual([]);
    await expect(stopWith(credential)).resolves.toBe(200);
    expect(api.requestsTo('/stop')[0]?.headers['x-project-id']).toBe('project1');
  });

  test('is a temporary key pair, for GitHub’s ID token', async () => {
    const credential = await obtain(oidc({ projectId: 'project1' }));
    expect(credential.name).toBe('a temporary key pair');
    await expect(stopWith(credential)).resolves.toBe(200);
    expect(api.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /github/id-token?api-version=2.0',
      'POST /v5/agencies/assume-with-oidc',
      'POST /v2/tasks/abc/stop',
    ]);
    expect(api.requestsTo('/stop')[0]?.headers).toMatchObject({
      'x-project-id': 'project1',
      'x-security-token': TEMPORARY_KEYS.security_token,
    });
  });
});

describe('without a key', () => {
  test('the ID token is asked for with the audience that the inputs name', async () => {
    await obtain(oidc({ audience: 'my-audience' }));
    expect(api.requestsTo('/id-token')[0]?.path).toContain('audience=my-audience');
  });

  test.each([
    [60, 900],
    [900, 900],
    [901, 901],
    [3_600, 3_600],
  ])('for a step of up to %i s the key pair is to live %i s', async (seconds, lives) => {
    await obtain(oidc(), seconds);
    const { body } = api.requestsTo('/assume-with-oidc')[0] ?? { body: '' };
    expect(JSON.parse(body)).toMatchObject({
      provider_urn: 'iam::account:oidcProvider:github',
      agency_urn: 'iam::account:agency:stopper',
      agency_session_name: 'github-17-1',
      id_token: ID_TOKEN,
      duration_seconds: lives,
    });
  });

  test('the log tells where the ID token goes, and how that went', async () => {
    await obtain(oidc());
    const { host } = new URL(api.endpoint);
    const lines = printed.split(/\r?\n/);
    expect(lines).toContain(`Exchanging GitHub's ID token at ${host}`);
    expect(lines).toContainEqual(
      expect.stringMatching(/^POST http:.*\/v5\/agencies\/assume-with-oidc → HTTP 200 in /),
    );
  });

  test('no secret is printed but to be masked, or gets into a file', async () => {
    await obtain(oidc());
    const all = [ID_TOKEN, TEMPORARY_KEYS.secret_access_key, TEMPORARY_KEYS.security_token];
    const others = printed.split(/\r?\n/).filter((line) => !line.startsWith('::add-mask::'));
    for (const secret of all) {
      expect(printed).toContain(`::add-mask::${secret}`);
      expect(others.join('\n')).not.toContain(secret);
      expect(secrets.redact(`<${secret}>`)).toBe('<***>');
    }
  });

  test('nothing is asked of anyone where the job may have no ID token', async () => {
    await expect(obtain(oidc({ idTokenAvailable: false }))).rejects.toMatchObject({
      kind: 'id-token',
    });
    expect(api.requests).toEqual([]);
  });

  test('a trust agency that does not allow it is told with the reason of STS', async () => {
    const body = '{"error_code":"STS5.1001","error_msg":"not allowed"}';
    api.inject({ kind: 'response', status: 403, body }, { path: 'assume-with-oidc' });
    await expect(obtain(oidc())).rejects.toMatchObject({ status: 403, code: 'STS5.1001' });
  });
});
