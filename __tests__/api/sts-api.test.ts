import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { assumeAgencyWithOidc } from '../../src/api/sts-api.ts';
import type { Attempt } from '../../src/http/client.ts';
import { ApiError } from '../../src/http/errors.ts';
import type { HttpRequest, HttpResponse } from '../../src/http/transport.ts';
import { scriptedClient } from '../support/scripted-client.ts';

const ID_TOKEN = 'header.payload.signature';
const CREDENTIALS = {
  access_key_id: 'TEMPORARYKEY',
  secret_access_key: 'temporary+/secret',
  security_token: 'temporary+/token',
  expiration: '2026-11-24T12:15:00.000Z',
};
const SECRETS = ['access_key_id', 'secret_access_key', 'security_token'] as const;

function respond(body: unknown, status = 200): HttpResponse {
  return { status, headers: { 'x-request-id': 'request-1' }, body: JSON.stringify(body) };
}

const GOOD = respond({ credentials: CREDENTIALS });
const BUSY = respond({ error_code: 'STS5.0500', error_msg: 'busy' }, 503);

/** Exchanges an ID token at an STS that gives these responses. */
function exchange(
  responses: readonly HttpResponse[],
  { endpoint = 'https://sts.cn-north-4.myhuaweicloud.com', retries = 2 } = {},
) {
  const sent: HttpRequest[] = [];
  const attempts: Attempt[] = [];
  const masked: string[] = [];
  const key = assumeAgencyWithOidc({
    client: scriptedClient(responses, BUSY, (request) => sent.push(request)),
    stsEndpoint: new URL(endpoint),
    providerUrn: 'iam::account:oidcProvider:github',
    agencyUrn: 'iam::account:agency:stopper',
    sessionName: 'github-17-1',
    durationSeconds: 900,
    idToken: ID_TOKEN,
    retries,
    mask: (secret) => masked.push(secret),
    onAttempt: (attempt) => attempts.push(attempt),
  });
  return { key, sent, attempts, masked };
}

describe('the exchange of an ID token', () => {
  test('masks the key before anything is made of the response, also beside an error', async () => {
    const body = {
      credentials: { access_key_id: 'KEY', secret_access_key: 'secret', security_token: 7 },
      error_msg: 'no secret',
    };
    const { key, masked } = exchange([{ ...GOOD, body: JSON.stringify(body) }]);
    await expect(key).rejects.toMatchObject({ message: 'no secret' });
    expect(masked).toEqual(['KEY', 'secret']);
  });

  test('requests a temporary access key from STS, without any other credential', async () => {
    const { key, sent, attempts } = exchange([GOOD]);
    await expect(key).resolves.toEqual({
      accessKeyId: 'TEMPORARYKEY',
      secretAccessKey: 'temporary+/secret',
      securityToken: 'temporary+/token',
      expiration: new Date('2026-11-24T12:15:00Z'),
    });
    expect(sent).toHaveLength(1);
    expect(sent[0]).toMatchObject({ method: 'POST' });
    expect(sent[0]?.headers).toEqual({ 'content-type': 'application/json', connection: 'close' });
    expect(JSON.parse(sent[0]?.body ?? '')).toEqual({
      provider_urn: 'iam::account:oidcProvider:github',
      agency_urn: 'iam::account:agency:stopper',
      agency_session_name: 'github-17-1',
      id_token: ID_TOKEN,
      duration_seconds: 900,
    });
    expect(attempts).toMatchObject([{ number: 1, status: 200 }]);
  });

  test.each([
    ['https://sts.example.com', 'https://sts.example.com/v5/agencies/assume-with-oidc'],
    ['https://sts.example.com:8443/', 'https://sts.example.com:8443/v5/agencies/assume-with-oidc'],
    ['https://example.com/sts', 'https://example.com/sts/v5/agencies/assume-with-oidc'],
    ['https://example.com/sts/', 'https://example.com/sts/v5/agencies/assume-with-oidc'],
  ])('goes to the endpoint %s', async (endpoint, url) => {
    const { key, sent } = exchange([GOOD], { endpoint });
    await key;
    expect(sent[0]?.url.href).toBe(url);
  });

  test('is retried as often as the inputs say, and each attempt is reported', async () => {
    const { key, sent, attempts } = exchange([BUSY, BUSY, GOOD], { retries: 2 });
    await key;
    expect(sent).toHaveLength(3);
    expect(attempts).toMatchObject([
      { number: 1, status: 503 },
      { number: 2, status: 503 },
      { number: 3, status: 200 },
    ]);
  });

  test('fails when STS is busy for too long', async () => {
    const { key, sent } = exchange([], { retries: 1 });
    await expect(key).rejects.toMatchObject({ status: 503, code: 'STS5.0500', operation: 'sts' });
    expect(sent).toHaveLength(2);
  });

  test('that the trust agency does not allow fails with the reason of STS', async () => {
    const { key, sent } = exchange([
      respond({ error_code: 'STS5.1001', error_msg: 'not allowed' }, 403),
    ]);
    await expect(key).rejects.toBeInstanceOf(ApiError);
    await expect(key).rejects.toMatchObject({
      kind: 'rejected',
      operation: 'sts',
      status: 403,
      code: 'STS5.1001',
      message: 'not allowed',
      requestId: 'request-1',
    });
    expect(sent).toHaveLength(1);
  });

  test.each([
    ...SECRETS.flatMap((name) => {
      const { [name]: _left, ...others } = CREDENTIALS;
      return [
        [`no ${name}`, name, { credentials: others }],
        [`an empty ${name}`, name, { credentials: { ...CREDENTIALS, [name]: '' } }],
        [`a ${name} that is not text`, name, { credentials: { ...CREDENTIALS, [name]: 5 } }],
      ] as const;
    }),
    ['no credentials', 'access_key_id', {}],
    ['credentials that are text', 'access_key_id', { credentials: 'none' }],
    ['null', 'access_key_id', null],
  ] as const)('fails when STS responds with %s', async (_, name, body) => {
    const { key, sent } = exchange([respond(body)]);
    await expect(key).rejects.toBeInstanceOf(ApiError);
    await expect(key).rejects.toMatchObject({
      kind: 'invalid-response',
      operation: 'sts',
      status: 200,
      requestId: 'request-1',
      transient: false,
      message: `Invalid response: 'credentials.${name}' is missing`,
    });
    expect(sent).toHaveLength(1);
  });

  test('fails when the response is a web page', async () => {
    const { key } = exchange([{ status: 200, headers: {}, body: '<html>Log in</html>' }]);
    await expect(key).rejects.toMatchObject({ kind: 'not-json', status: 200, operation: 'sts' });
  });

  test('fails when the response is a redirect', async () => {
    const { key, sent } = exchange([{ status: 307, headers: { location: '/v6' }, body: '' }]);
    await expect(key).rejects.toMatchObject({ kind: 'redirect', operation: 'sts' });
    expect(sent).toHaveLength(1);
  });
});

describe('a temporary access key', () => {
  test.each([
    ['a space', 'a b'],
    ['a line break', 'a\nb'],
    ['a line break at the end', 'ab\n'],
    ['a carriage return', 'a\rb'],
    ['NUL', 'a\0b'],
    ['DEL', 'a\x7fb'],
    ['a letter beyond ASCII', 'aéb'],
    ['a Chinese character', 'a密b'],
    ['half a character', 'a\ud83db'],
  ])(
    'with %s is an error that says that no header can carry it, without the value',
    async (_, value) => {
      for (const name of SECRETS) {
        const { key, sent } = exchange([
          respond({ credentials: { ...CREDENTIALS, [name]: value } }),
        ]);
        await expect(key).rejects.toMatchObject({
          kind: 'invalid-response',
          operation: 'sts',
          status: 200,
          requestId: 'request-1',
          message: `Invalid response: 'credentials.${name}' has characters that no header can carry`,
        });
        expect(sent).toHaveLength(1);
      }
    },
  );

  test('with any visible ASCII characters is as STS issued it', async () => {
    const visible = fc.string({
      unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
      minLength: 1,
    });
    await fc.assert(
      fc.asyncProperty(visible, visible, visible, async (id, secret, token) => {
        const credentials = { access_key_id: id, secret_access_key: secret, security_token: token };
        const { key } = exchange([respond({ credentials })]);
        await expect(key).resolves.toMatchObject({
          accessKeyId: id,
          secretAccessKey: secret,
          securityToken: token,
        });
      }),
      { numRuns: 50 },
    );
  });

  test.each([
    ['2026-11-24T12:15:00.000Z', '2026-11-24T12:15:00.000Z'],
    ['2026-11-24T20:15:00+08:00', '2026-11-24T12:15:00.000Z'],
  ])('expires when STS says: %s', async (expiration, expected) => {
    const { key } = exchange([respond({ credentials: { ...CREDENTIALS, expiration } })]);
    expect((await key).expiration.toISOString()).toBe(expected);
  });

  test.each([undefined, null, '', 'soon', 5])(
    'never expires if STS says %j: it then lasts as long as it is accepted',
    async (expiration) => {
      const { key } = exchange([respond({ credentials: { ...CREDENTIALS, expiration } })]);
      expect((await key).expiration.getTime()).toBe(8.64e15);
    },
  );
});
