import '../support/real-sockets.ts';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MockApi } from '../../mock-api/mock-api.ts';
import { type AccessKey, accessKeyCredential } from '../../src/credentials/access-key.ts';
import { Deadline } from '../../src/deadline.ts';
import { type HttpRequest, type HttpResponse, Transport } from '../../src/http/transport.ts';
import { FakeClock } from '../support/fake-clock.ts';

const NOW = new Date('2026-11-24T12:00:00Z');
const KEYS = { accessKeyId: 'ACCESSKEY1', secretAccessKey: 'secret+/key=' };

const request: HttpRequest = Object.freeze({
  method: 'POST',
  url: new URL('https://check.example.com/v2/tasks/abc/stop'),
  headers: Object.freeze({ 'content-type': 'application/json' }),
  body: '{}',
});

/** The names of the headers that a request is sent with, and of those that are signed. */
function namesOf(keys: AccessKey): { sent: string[]; signed: string[] } {
  const { headers } = accessKeyCredential(keys).authorize(request, NOW);
  const signed = /SignedHeaders=([^,]+),/.exec(headers['authorization'] ?? '')?.[1] ?? '';
  return { sent: Object.keys(headers).sort(), signed: signed.split(';') };
}

describe('a request with a key pair', () => {
  test('is signed, and nothing else about it changes', () => {
    const { headers, ...rest } = accessKeyCredential(KEYS).authorize(request, NOW);
    expect({ ...rest, headers: request.headers }).toEqual(request);
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      host: 'check.example.com',
      'x-sdk-date': '20261124T120000Z',
      authorization: expect.stringMatching(/^SDK-HMAC-SHA256 Access=ACCESSKEY1, /),
    });
    expect(headers).not.toHaveProperty('x-auth-token');
  });

  test.each([
    ['nothing else', {}, []],
    ['the project', { projectId: 'project1' }, ['x-project-id']],
    ['the security token', { securityToken: 'token' }, ['x-security-token']],
    [
      'both',
      { projectId: 'project1', securityToken: 'token' },
      ['x-project-id', 'x-security-token'],
    ],
    ['neither of two that are not known', { projectId: undefined, securityToken: undefined }, []],
  ])('sends and signs %s', (_, more, names) => {
    const { sent, signed } = namesOf({ ...KEYS, ...more });
    const always = ['content-type', 'host', 'x-sdk-date'];
    expect(signed).toEqual([...always, ...names].sort());
    expect(sent).toEqual([...always, ...names, 'authorization'].sort());
  });

  test('has the project and the security token as they are', () => {
    const keys = { ...KEYS, projectId: 'project1', securityToken: 'token+/=' };
    expect(accessKeyCredential(keys).authorize(request, NOW).headers).toMatchObject({
      'x-project-id': 'project1',
      'x-security-token': 'token+/=',
    });
  });

  test('never has the secret key in it', () => {
    const authorised = accessKeyCredential(KEYS).authorize(request, NOW);
    expect(JSON.stringify(authorised)).not.toContain('secret');
  });
});

test('what is told about a key pair says what to check, and never a key', () => {
  const { name, hint } = accessKeyCredential(KEYS);
  expect(name).toBe('a key pair');
  expect(hint).toContain('access-key-id and secret-access-key');
  expect(name + hint).not.toContain(KEYS.accessKeyId);
});

describe('over the wire', () => {
  let api: MockApi;

  beforeEach(async () => {
    api = await MockApi.start({
      scans: { abc: {} },
      accessKeys: { ACCESSKEY1: KEYS.secretAccessKey, TEMPORARY1: 'other' },
      securityTokens: { TEMPORARY1: 'token' },
    });
  });

  afterEach(() => api.close());

  async function call(
    method: 'GET' | 'POST',
    path: string,
    keys: AccessKey,
    now = new Date(),
  ): Promise<HttpResponse> {
    const clock = new FakeClock({ autoUpToMs: 0 });
    const transport = new Transport(new Deadline(60, clock), clock);
    const unsigned: HttpRequest = {
      method,
      url: new URL(path, api.endpoint),
      headers: method === 'POST' ? { 'content-type': 'application/json' } : {},
      body: method === 'POST' ? '{}' : '',
    };
    return transport.send(accessKeyCredential(keys).authorize(unsigned, now));
  }

  const STOP = '/v2/tasks/abc/stop';
  const PROGRESS = '/v2/tasks/abc/progress';

  test.each([
    ['POST', STOP, KEYS],
    ['POST', STOP, { ...KEYS, projectId: 'project1' }],
    ['GET', PROGRESS, KEYS],
    ['GET', `${PROGRESS}?b=2&a=%C3%A9`, KEYS],
    ['POST', STOP, { accessKeyId: 'TEMPORARY1', secretAccessKey: 'other', securityToken: 'token' }],
  ] as const)('the API takes the signature of %s %s with %j', async (method, path, keys) => {
    await expect(call(method, path, keys)).resolves.toMatchObject({ status: 200 });
  });

  test.each([
    ['a wrong secret key', { ...KEYS, secretAccessKey: 'wrong' }, 'verify aksk signature fail'],
    ['an unknown access key', { ...KEYS, accessKeyId: 'UNKNOWN' }, 'ak UNKNOWN not exist'],
    [
      'a temporary key pair without its token',
      { accessKeyId: 'TEMPORARY1', secretAccessKey: 'other' },
      'verify aksk signature fail',
    ],
  ])('the API refuses %s', async (_, keys, reason) => {
    const { status, body } = await call('POST', STOP, keys);
    expect(status).toBe(401);
    expect(body).toContain(reason);
  });

  test('the API refuses a signature that is older than a quarter of an hour', async () => {
    const { status, body } = await call('POST', STOP, KEYS, new Date(Date.now() - 16 * 60_000));
    expect(status).toBe(401);
    expect(body).toContain('signature expired');
  });
});
