import { describe, expect, test } from '@jest/globals';
import { type OidcDeps, oidcCredential } from '../../src/credentials/oidc.ts';
import type { Attempt } from '../../src/http/client.ts';
import type { HttpRequest, HttpResponse } from '../../src/http/transport.ts';
import type { OidcInputs } from '../../src/inputs/credentials.ts';
import { scriptedClient } from '../support/scripted-client.ts';

const ID_TOKEN = 'header.payload.signature';
const CREDENTIALS = {
  access_key_id: 'TEMPORARYKEY',
  secret_access_key: 'temporary+/secret',
  security_token: 'temporary+/token',
  expiration: '2026-11-24T12:15:00.000Z',
};

const INPUTS: OidcInputs = {
  kind: 'oidc',
  providerUrn: 'iam::account:oidcProvider:github',
  agencyUrn: 'iam::account:agency:stopper',
  audience: undefined,
  stsEndpoint: new URL('https://sts.cn-north-4.myhuaweicloud.com'),
  projectId: undefined,
  sessionName: 'github-17-1',
  idTokenService: {
    url: new URL('https://token.example.com/id-token?api-version=2.0'),
    requestToken: 'request-token',
  },
};

function respond(body: unknown, status = 200): HttpResponse {
  return { status, headers: {}, body: JSON.stringify(body) };
}

const TOKEN = respond({ value: ID_TOKEN });
const KEY = respond({ credentials: CREDENTIALS });
const BUSY = respond({ error_code: 'STS5.0500', error_msg: 'busy' }, 503);

/** Makes a credential, and notes what happens in order. */
function exchange(
  responses: readonly HttpResponse[],
  inputs: Partial<OidcInputs> = {},
  deps: Partial<OidcDeps> = {},
) {
  const sent: HttpRequest[] = [];
  const attempts: Attempt[] = [];
  const events: string[] = [];
  const client = scriptedClient(responses, BUSY, (request) => {
    sent.push(request);
    events.push(`${request.method} ${request.url.host}${request.url.pathname}`);
  });
  const credential = oidcCredential(
    { ...INPUTS, ...inputs },
    {
      client,
      retries: 2,
      seconds: 60,
      mask: (secret) => events.push(`mask ${secret}`),
      onAttempt: (attempt) => attempts.push(attempt),
      ...deps,
    },
  );
  return { credential, sent, attempts, events };
}

describe('the exchange', () => {
  test('requests an ID token, then a key, and masks each secret as soon as it is known', async () => {
    const { credential, events, attempts } = exchange([TOKEN, KEY]);
    await credential;
    expect(events).toEqual([
      'GET token.example.com/id-token',
      `mask ${ID_TOKEN}`,
      'POST sts.cn-north-4.myhuaweicloud.com/v5/agencies/assume-with-oidc',
      'mask TEMPORARYKEY',
      'mask temporary+/secret',
      'mask temporary+/token',
    ]);
    expect(attempts).toMatchObject([{ status: 200 }, { status: 200 }]);
  });

  test('sends the audience to GitHub, and the ID token with everything else to STS', async () => {
    const { credential, sent } = exchange([TOKEN, KEY], { audience: 'my-audience' });
    await credential;
    expect(sent[0]?.url.search).toBe('?api-version=2.0&audience=my-audience');
    expect(sent[0]?.headers).toMatchObject({ authorization: 'Bearer request-token' });
    expect(sent[1]?.headers).not.toHaveProperty('authorization');
    expect(JSON.parse(sent[1]?.body ?? '')).toEqual({
      provider_urn: 'iam::account:oidcProvider:github',
      agency_urn: 'iam::account:agency:stopper',
      agency_session_name: 'github-17-1',
      id_token: ID_TOKEN,
      duration_seconds: 900,
    });
  });

  test.each([
    [1, 900],
    [60, 900],
    [900, 900],
    [901, 901],
    [3_600, 3_600],
    [43_200, 43_200],
    [43_201, 43_200],
  ])('for %i s requests a key that is valid for %i s', async (seconds, durationSeconds) => {
    const { credential, sent } = exchange([TOKEN, KEY], {}, { seconds });
    await credential;
    expect(JSON.parse(sent[1]?.body ?? '')).toMatchObject({ duration_seconds: durationSeconds });
  });

  test('ends without an ID token: nothing is sent to STS', async () => {
    const { credential, events } = exchange([respond({}, 403), KEY]);
    await expect(credential).rejects.toMatchObject({ status: 403, operation: 'id-token' });
    expect(events).toEqual(['GET token.example.com/id-token']);
  });

  test('does not begin if GitHub gives the job no ID token', async () => {
    const { credential, events } = exchange([TOKEN, KEY], { idTokenService: undefined });
    await expect(credential).rejects.toMatchObject({
      kind: 'id-token-permission',
      operation: 'id-token',
    });
    expect(events).toEqual([]);
  });

  test('retries each of the two requests as often as the inputs say', async () => {
    const { credential, sent } = exchange([BUSY, BUSY, TOKEN, BUSY, BUSY, KEY]);
    await credential;
    expect(sent).toHaveLength(6);

    const none = exchange([BUSY, TOKEN, KEY], {}, { retries: 0 });
    await expect(none.credential).rejects.toMatchObject({ status: 503 });
    expect(none.sent).toHaveLength(1);

    const once = exchange([TOKEN, BUSY, BUSY], {}, { retries: 1 });
    await expect(once.credential).rejects.toMatchObject({ status: 503, operation: 'sts' });
    expect(once.sent).toHaveLength(3);
  });

  test('masks the ID token even if STS rejects it', async () => {
    const { credential, events } = exchange([TOKEN, respond({ error_code: 'STS5.1001' }, 403)]);
    await expect(credential).rejects.toMatchObject({ code: 'STS5.1001', operation: 'sts' });
    expect(events).toContain(`mask ${ID_TOKEN}`);
  });
});

describe('the temporary access key', () => {
  const NOW = new Date('2026-11-24T12:00:00Z');
  const stop: HttpRequest = {
    method: 'POST',
    url: new URL('https://check.example.com/v2/tasks/abc/stop'),
    headers: { 'content-type': 'application/json' },
    body: '{}',
  };

  test('signs requests, and sends the security token with them', async () => {
    const { headers } = (await exchange([TOKEN, KEY]).credential).authorize(stop, NOW);
    expect(headers).toMatchObject({
      'x-security-token': 'temporary+/token',
      authorization: expect.stringMatching(
        /^SDK-HMAC-SHA256 Access=TEMPORARYKEY, SignedHeaders=content-type;host;x-sdk-date;x-security-token, /,
      ),
    });
    expect(headers).not.toHaveProperty('x-project-id');
    expect(JSON.stringify(headers)).not.toContain('temporary+/secret');
  });

  test('is for the project that the inputs name', async () => {
    const credential = await exchange([TOKEN, KEY], { projectId: 'project1' }).credential;
    expect(credential.authorize(stop, NOW).headers).toMatchObject({ 'x-project-id': 'project1' });
  });

  test.each([
    ['2026-11-24T12:13:59.999Z', false],
    // A minute early: the clock of the API may be ahead.
    ['2026-11-24T12:14:00.000Z', true],
    ['2026-11-24T12:15:00.000Z', true],
  ])('that is valid until 12:15 has expired at %s: %s', async (now, expected) => {
    const credential = await exchange([TOKEN, KEY]).credential;
    expect(credential.hasExpired(new Date(now))).toBe(expected);
  });

  test('without an expiration never counts as expired', async () => {
    const { expiration: _left, ...credentials } = CREDENTIALS;
    const credential = await exchange([TOKEN, respond({ credentials })]).credential;
    expect(credential.hasExpired(new Date('9999-12-31T23:59:59Z'))).toBe(false);
  });

  test('has a hint about the trust agency, without a secret', async () => {
    const { hint } = await exchange([TOKEN, KEY]).credential;
    expect(hint).toContain('trust agency');
    expect(hint).not.toMatch(/TEMPORARYKEY|temporary\+\//);
  });
});
