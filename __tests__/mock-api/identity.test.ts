import '../support/real-sockets.ts';
import { createHash, createHmac } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { ID_TOKEN_REQUEST_TOKEN, type MockApi } from '../../mock-api/mock-api.ts';
import { ACCESS_KEY, startMockApi } from '../support/with-mock-api.ts';

interface Keys {
  readonly id: string;
  readonly secret: string;
  readonly securityToken?: string;
}

const KEYS: Keys = { id: ACCESS_KEY.accessKeyId, secret: ACCESS_KEY.secretAccessKey };
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** Signs a request with the body `{}` by the vendor's guide, without any code of the action. */
function sign(api: MockApi, method: string, path: string, keys: Keys): Record<string, string> {
  const [uri = '', query = ''] = path.split('?');
  const date = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    host: `127.0.0.1:${api.port}`,
    'x-sdk-date': date,
    ...(keys.securityToken === undefined ? {} : { 'x-security-token': keys.securityToken }),
  };
  const names = Object.keys(headers).sort();
  const lines = names.map((name) => `${name}:${headers[name]}\n`).join('');
  const canonical = [method, `${uri}/`, query, lines, names.join(';'), sha256('{}')].join('\n');
  const signature = createHmac('sha256', keys.secret)
    .update(`SDK-HMAC-SHA256\n${date}\n${sha256(canonical)}`)
    .digest('hex');
  const { host: _, ...sent } = headers;
  return {
    ...sent,
    authorization: `SDK-HMAC-SHA256 Access=${keys.id}, SignedHeaders=${names.join(';')}, Signature=${signature}`,
  };
}

function stop(api: MockApi, path: string, headers: Record<string, string>): Promise<Response> {
  return fetch(api.endpoint + path, { method: 'PUT', headers, body: '{}' });
}

test('a signature covers the query', async () => {
  const api = await startMockApi({ scans: { a: { executions: { x: {}, y: {} } } } });
  const path = '/v1/tasks/a/stop?job_id=';
  const headers = sign(api, 'PUT', `${path}x`, KEYS);
  expect((await stop(api, `${path}y`, headers)).status).toBe(401);
  expect((await stop(api, `${path}x`, headers)).status).toBe(200);
  expect(api.executionsOf('a').map(({ stopRequested }) => stopRequested)).toEqual([true, false]);
});

async function exchange(api: MockApi): Promise<Keys> {
  const issued = await idToken(api, '/github/id-token?audience=me');
  const { value } = (await issued.json()) as { value: string };
  const response = await fetch(`${api.endpoint}/v5/agencies/assume-with-oidc`, {
    method: 'POST',
    body: JSON.stringify({
      provider_urn: 'iam::1:oidcProvider:github',
      agency_urn: 'iam::1:agency:scans',
      agency_session_name: 'session',
      id_token: value,
    }),
  });
  const { credentials } = (await response.json()) as { credentials: Record<string, string> };
  return {
    id: credentials['access_key_id'] ?? '',
    secret: credentials['secret_access_key'] ?? '',
    securityToken: credentials['security_token'] ?? '',
  };
}

function idToken(api: MockApi, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { authorization: `Bearer ${ID_TOKEN_REQUEST_TOKEN}` };
  return fetch(api.endpoint + path, { headers, redirect: 'manual', ...init });
}

test('a temporary access key expires, and the next exchange issues another one', async () => {
  const api = await startMockApi({ idTokens: { me: 'jwt' }, temporaryKeysExpireAfterMs: 1_000 });
  const path = '/v1/tasks/scan-1/stop?job_id=x';
  const first = await exchange(api);
  expect((await stop(api, path, sign(api, 'PUT', path, first))).status).toBe(200);
  await setTimeout(1_050);
  const late = await stop(api, path, sign(api, 'PUT', path, first));
  expect(late.status).toBe(401);
  expect(await late.text()).toContain('token expires');
  const second = await exchange(api);
  expect(second.id).not.toBe(first.id);
  expect((await stop(api, path, sign(api, 'PUT', path, second))).status).toBe(200);
  expect(api.issuedKeys.map((keys) => keys.access_key_id)).toEqual([first.id, second.id]);
});

test('there is an ID-token service that redirects, and one that hangs', async () => {
  const api = await startMockApi({ idTokens: { me: 'jwt' } });
  const elsewhere = 'https://elsewhere.example.com/';
  const redirected = await idToken(
    api,
    `/github/redirecting/id-token?to=${encodeURIComponent(elsewhere)}&audience=me`,
  );
  expect([redirected.status, redirected.headers.get('location')]).toEqual([302, elsewhere]);
  const hanging = idToken(api, '/github/hanging/id-token', { signal: AbortSignal.timeout(300) });
  await expect(hanging).rejects.toThrow('timeout');
});
