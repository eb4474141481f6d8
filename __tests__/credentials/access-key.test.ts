import '../support/real-sockets.ts';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MockApi } from '../../mock-api/mock-api.ts';
import { CheckApi } from '../../src/api/check-api.ts';
import { type AccessKey, accessKeyCredential } from '../../src/credentials/access-key.ts';
import { HttpClient } from '../../src/http/client.ts';
import { type HttpRequest, Transport } from '../../src/http/transport.ts';
import type { Target } from '../../src/inputs/target.ts';
import { Deadline } from '../../src/time.ts';
import { FakeClock } from '../support/fake-clock.ts';

const NOW = new Date('2026-11-24T12:00:00Z');
const KEY: AccessKey = {
  accessKeyId: 'ACCESSKEY1',
  secretAccessKey: 'secret+/key=',
  securityToken: undefined,
  projectId: undefined,
};
const TEMPORARY: AccessKey = {
  ...KEY,
  accessKeyId: 'TEMPORARY1',
  secretAccessKey: 'other',
  securityToken: 'token',
};

const request: HttpRequest = Object.freeze({
  method: 'POST',
  url: new URL('https://check.example.com/v2/tasks/abc/stop'),
  headers: Object.freeze({ 'content-type': 'application/json' }),
  body: '{}',
});

/** The names of the headers that a request is sent with, and of those that are signed. */
function namesOf(key: AccessKey): { sent: string[]; signed: string[] } {
  const { headers } = accessKeyCredential(key).authorize(request, NOW);
  const signed = /SignedHeaders=([^,]+),/.exec(headers['authorization'] ?? '')?.[1] ?? '';
  return { sent: Object.keys(headers).sort(), signed: signed.split(';') };
}

describe('a request with an access key', () => {
  test('is signed, and nothing else about it changes', () => {
    const { headers, ...rest } = accessKeyCredential(KEY).authorize(request, NOW);
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
  ])('sends and signs %s', (_, more, names) => {
    const { sent, signed } = namesOf({ ...KEY, ...more });
    const always = ['content-type', 'host', 'x-sdk-date'];
    expect(signed).toEqual([...always, ...names].sort());
    expect(sent).toEqual([...always, ...names, 'authorization'].sort());
  });

  test('has the project and the security token as they are', () => {
    const key = { ...KEY, projectId: 'project1', securityToken: 'token+/=' };
    expect(accessKeyCredential(key).authorize(request, NOW).headers).toMatchObject({
      'x-project-id': 'project1',
      'x-security-token': 'token+/=',
    });
  });

  test('never has the secret access key in it', () => {
    const authorized = accessKeyCredential(KEY).authorize(request, NOW);
    expect(JSON.stringify(authorized)).not.toContain('secret');
  });
});

test('the hint about an access key says what to check, and never the key', () => {
  const { hint } = accessKeyCredential(KEY);
  expect(hint).toContain('access-key-id and secret-access-key');
  expect(hint).not.toContain(KEY.accessKeyId);
  expect(hint).not.toContain(KEY.secretAccessKey);
});

// The step cannot request another one.
test('an access key that the inputs give never counts as one that can be renewed', () => {
  expect(accessKeyCredential(TEMPORARY).hasExpired(new Date(8.64e15))).toBe(false);
});

describe('over the wire', () => {
  const CURRENT: Target = { taskId: 'abc', executionId: undefined };
  let mockApi: MockApi;

  beforeEach(async () => {
    mockApi = await MockApi.start({
      scans: { abc: { concurrent: true } },
      accessKeys: { ACCESSKEY1: KEY.secretAccessKey, TEMPORARY1: 'other' },
      securityTokens: { TEMPORARY1: 'token' },
    });
  });

  afterEach(() => mockApi.close());

  /** @param atDate the wall clock of the step */
  function apiWith(key: AccessKey, atDate = new Date()): CheckApi {
    const clock = new FakeClock({ startsAt: atDate, autoUpToMs: 0 });
    const deadline = new Deadline(60, clock);
    return new CheckApi({
      client: new HttpClient({ transport: new Transport(), clock, deadline, random: () => 0.5 }),
      endpoint: new URL(mockApi.endpoint),
      authorize: accessKeyCredential(key).authorize,
      retries: 0,
    });
  }

  const nothing = () => undefined;

  test.each([
    ['a permanent key', KEY],
    ['a project', { ...KEY, projectId: 'project1' }],
    ['a temporary key', TEMPORARY],
    ['a temporary key and a project', { ...TEMPORARY, projectId: 'project1' }],
  ])('the API accepts the signature of every call with %s', async (_, key) => {
    const api = apiWith(key);
    const { executionId } = await api.start('abc', {
      once: { retryInMs: nothing, leastMs: 0 },
      beforeSend: nothing,
      onAttempt: nothing,
      onStarted: nothing,
    });
    const named: Target = { taskId: 'abc', executionId };
    await expect(api.status(CURRENT, nothing)).resolves.toMatchObject({ state: 'checking' });
    await expect(api.status(named, nothing)).resolves.toMatchObject({ state: 'checking' });
    await expect(api.issues(named, nothing)).resolves.toMatchObject({ total: 0 });
    await expect(api.stop(named, nothing)).resolves.not.toBe('');
    await expect(api.stop(CURRENT, nothing)).rejects.toMatchObject({ status: 400 });
    expect(mockApi.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /v2/tasks/abc/run',
      'GET /v2/tasks/abc/progress',
      `GET /v2/tasks/abc/progress?job_id=${executionId}`,
      `GET /v2/tasks/abc/defects-summary?job_id=${executionId}`,
      `PUT /v1/tasks/abc/stop?job_id=${executionId}`,
      'POST /v2/tasks/abc/stop',
    ]);
  });

  test.each([
    [
      'a wrong secret access key',
      { ...KEY, secretAccessKey: 'wrong' },
      'verify aksk signature fail',
    ],
    ['an unknown access key', { ...KEY, accessKeyId: 'UNKNOWN' }, 'ak UNKNOWN not exist'],
    [
      'a temporary access key without its token',
      { ...TEMPORARY, securityToken: undefined },
      'verify aksk signature fail',
    ],
  ])('the API rejects %s', async (_, key, reason) => {
    await expect(apiWith(key).stop(CURRENT, nothing)).rejects.toMatchObject({
      status: 401,
      code: 'APIGW.0301',
      message: expect.stringContaining(reason),
    });
  });

  test('the API rejects a signature that is older than a quarter of an hour', async () => {
    const api = apiWith(KEY, new Date(Date.now() - 16 * 60_000));
    await expect(api.stop(CURRENT, nothing)).rejects.toMatchObject({
      status: 401,
      message: expect.stringContaining('signature expired'),
    });
  });
});
