import { beforeEach, describe, expect, test } from '@jest/globals';
import nock from 'nock';
import { type IdTokenOptions, requestIdToken } from '../../src/api/github-id-token.ts';
import { type Attempt, HttpClient } from '../../src/http/client.ts';
import { ApiError, DeadlineError, NetworkError } from '../../src/http/errors.ts';
import { Transport } from '../../src/http/transport.ts';
import { Deadline } from '../../src/time.ts';
import { FakeClock } from '../support/fake-clock.ts';

const GITHUB = 'https://token.example.com';
const ID_TOKEN = 'header.payload.signature';

let clock: FakeClock;
let attempts: Attempt[];

beforeEach(() => {
  clock = new FakeClock({ autoUpToMs: 5_000 });
  attempts = [];
});

function request(different: Partial<IdTokenOptions> = {}): Promise<string> {
  const deadline = new Deadline(30, clock);
  return requestIdToken({
    client: new HttpClient({ transport: new Transport(), clock, deadline, random: () => 0.5 }),
    service: { url: new URL(`${GITHUB}/id-token?api-version=2.0`), requestToken: 'request-token' },
    audience: undefined,
    retries: 0,
    onAttempt: (attempt) => attempts.push(attempt),
    ...different,
  });
}

/** GitHub's ID-token service, to be asked for a token for an audience. */
function github(audience?: string): nock.Interceptor {
  return nock(GITHUB, {
    reqheaders: { authorization: 'Bearer request-token', accept: 'application/json' },
  })
    .get('/id-token')
    .query({ 'api-version': '2.0', ...(audience === undefined ? {} : { audience }) });
}

describe('the ID token of a job', () => {
  test('is requested from the service that GitHub names, with its request token', async () => {
    github().reply(200, { value: ID_TOKEN });
    await expect(request()).resolves.toBe(ID_TOKEN);
    expect(attempts).toMatchObject([{ number: 1, status: 200, error: undefined }]);
  });

  test.each(['my-audience', 'my audience & more=+#ü', 'https://example.com/?a=b'])(
    'is requested for the audience %s',
    async (audience) => {
      github(audience).reply(200, { value: ID_TOKEN });
      await expect(request({ audience })).resolves.toBe(ID_TOKEN);
    },
  );

  test('leaves the URL of the service as it is', async () => {
    const service = {
      url: new URL(`${GITHUB}/id-token?api-version=2.0`),
      requestToken: 'request-token',
    };
    github('my-audience').reply(200, { value: ID_TOKEN });
    await request({ service, audience: 'my-audience' });
    expect(service.url.href).toBe(`${GITHUB}/id-token?api-version=2.0`);
  });

  test('is requested without a body, over a connection of its own', async () => {
    github().reply(200, { value: ID_TOKEN });
    await request();
    expect(attempts[0]?.request).toMatchObject({
      method: 'GET',
      body: '',
      headers: { connection: 'close' },
    });
  });

  test('is not requested if GitHub does not allow the job to', async () => {
    const scope = github().reply(200, { value: ID_TOKEN });
    const token = request({ service: undefined });
    await expect(token).rejects.toBeInstanceOf(NetworkError);
    await expect(token).rejects.toMatchObject({
      kind: 'id-token-permission',
      operation: 'id-token',
      transient: false,
      status: null,
      mayHaveHappened: false,
      message: 'GitHub gives this job no ID token',
    });
    expect(scope.isDone()).toBe(false);
    expect(attempts).toEqual([]);
  });

  test.each([
    [
      'is denied',
      403,
      { message: 'not for this job' },
      { kind: 'rejected', message: 'not for this job' },
    ],
    [
      'is requested with a bad request token',
      401,
      '',
      { kind: 'rejected', message: 'The API gave no reason' },
    ],
    [
      'is requested from the wrong place',
      404,
      '',
      { kind: 'rejected', message: 'The API gave no reason' },
    ],
    ['comes as a web page', 200, '<html></html>', { kind: 'not-json' }],
    [
      'is not in the response',
      200,
      {},
      { kind: 'invalid-response', message: "Invalid response: 'value' is missing" },
    ],
    ['is empty', 200, { value: '' }, { kind: 'invalid-response' }],
    ['is not text', 200, { value: 123 }, { kind: 'invalid-response' }],
    ['is not in an empty response', 204, '', { kind: 'invalid-response' }],
    [
      'is beside an error',
      200,
      { value: ID_TOKEN, error_code: 'X.1' },
      { kind: 'rejected', code: 'X.1' },
    ],
  ])('that %s is an error of this request', async (_, status, body, expected) => {
    github().reply(status, body, { 'x-request-id': 'request-1' });
    const token = request({ retries: 3 });
    await expect(token).rejects.toBeInstanceOf(ApiError);
    await expect(token).rejects.toMatchObject({
      ...expected,
      status,
      operation: 'id-token',
      requestId: 'request-1',
      transient: false,
    });
    expect(attempts).toHaveLength(1);
  });

  test.each([301, 302, 303, 307, 308])(
    'is not requested from where an HTTP %i leads',
    async (status) => {
      const elsewhere = nock('https://elsewhere.example.com')
        .get('/')
        .reply(200, { value: ID_TOKEN });
      github().reply(status, '', { location: 'https://elsewhere.example.com/?secret' });
      await expect(request({ retries: 3 })).rejects.toMatchObject({
        kind: 'redirect',
        status,
        operation: 'id-token',
        message:
          'The host responded with a redirect to https://elsewhere.example.com/, which is not followed because it would carry the credential away',
      });
      expect(elsewhere.isDone()).toBe(false);
      expect(attempts).toHaveLength(1);
    },
  );

  test('is requested again after a transient error, as often as the inputs say', async () => {
    github().times(2).reply(503);
    github().reply(200, { value: ID_TOKEN });
    await expect(request({ retries: 2 })).resolves.toBe(ID_TOKEN);
    expect(attempts.map(({ status }) => status)).toEqual([503, 503, 200]);

    github().times(2).reply(503);
    await expect(request({ retries: 1 })).rejects.toMatchObject({
      status: 503,
      operation: 'id-token',
    });
  });

  test('is not waited for beyond the deadline of the step', async () => {
    github()
      .times(2)
      .reply(() => new Promise(() => undefined));
    const token = expect(request({ retries: 3 })).rejects.toMatchObject({
      kind: 'deadline',
      operation: 'id-token',
      message: 'No response within 30 s (timeout-seconds)',
    });
    await clock.advance(30_000);
    await token;
    expect(clock.now()).toBe(30_000);
    // An attempt of 20 s, and one that the deadline ends.
    expect(attempts.map(({ status }) => status)).toEqual([null, null]);
  });

  test('is not requested after the deadline', async () => {
    const deadline = new Deadline(30, clock);
    deadline.interrupt('the step was cancelled (SIGTERM)');
    const client = new HttpClient({
      transport: new Transport(),
      clock,
      deadline,
      random: () => 0.5,
    });
    const token = request({ client });
    await expect(token).rejects.toBeInstanceOf(DeadlineError);
    await expect(token).rejects.toMatchObject({ kind: 'interrupted', operation: 'id-token' });
    expect(attempts).toEqual([]);
  });
});
