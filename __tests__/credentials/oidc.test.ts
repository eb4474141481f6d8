import { describe, expect, test } from '@jest/globals';
import { oidcCredential, type TrustAgency } from '../../src/credentials/oidc.ts';
import type { Attempt } from '../../src/http/client.ts';
import { ApiError, NetworkError } from '../../src/http/errors.ts';
import type { HttpRequest, HttpResponse } from '../../src/http/transport.ts';
import { scriptedClient } from '../support/scripted-client.ts';

const ID_TOKEN = 'header.payload.signature';
const CREDENTIALS = {
  access_key_id: 'TEMPORARYKEY',
  secret_access_key: 'temporary+/secret',
  security_token: 'temporary+/token',
  expiration: '2026-11-24T12:15:00.000Z',
};

const AGENCY: TrustAgency = {
  providerUrn: 'iam::account:oidcProvider:github',
  agencyUrn: 'iam::account:agency:stopper',
  sessionName: 'github-17-1',
  durationSeconds: 900,
  stsEndpoint: new URL('https://sts.cn-north-4.myhuaweicloud.com'),
  projectId: undefined,
};

function reply(body: unknown, status = 200): HttpResponse {
  return { status, headers: {}, body: JSON.stringify(body) };
}

const GOOD = reply({ credentials: CREDENTIALS });
const BUSY = reply({ error_code: 'STS5.0500', error_msg: 'busy' }, 503);

function bench(answers: readonly HttpResponse[], agency: Partial<TrustAgency> = {}, retries = 2) {
  const sent: HttpRequest[] = [];
  const attempts: Attempt[] = [];
  /** What happened, in order. */
  const events: string[] = [];
  const client = scriptedClient(answers, BUSY, (request) => {
    sent.push(request);
    events.push('send');
  });
  const obtain = (idToken: () => Promise<string> = async () => ID_TOKEN) =>
    oidcCredential(
      { ...AGENCY, ...agency },
      {
        idToken,
        client,
        retries,
        mask: (secret) => events.push(`mask ${secret}`),
        onAttempt: (attempt) => attempts.push(attempt),
      },
    );
  return { obtain, sent, attempts, events };
}

describe('the exchange of an ID token', () => {
  test('asks STS for a temporary key pair, without any other credential', async () => {
    const { obtain, sent } = bench([GOOD]);
    await obtain();
    expect(sent).toHaveLength(1);
    expect(sent[0]).toMatchObject({
      method: 'POST',
      headers: { 'content-type': 'application/json' },
    });
    expect(Object.keys(sent[0]?.headers ?? {})).toEqual(['content-type']);
    expect(JSON.parse(sent[0]?.body ?? '')).toEqual({
      provider_urn: 'iam::account:oidcProvider:github',
      agency_urn: 'iam::account:agency:stopper',
      agency_session_name: 'github-17-1',
      id_token: ID_TOKEN,
      duration_seconds: 900,
    });
  });

  test.each([
    ['https://sts.example.com', 'https://sts.example.com/v5/agencies/assume-with-oidc'],
    ['https://sts.example.com:8443/', 'https://sts.example.com:8443/v5/agencies/assume-with-oidc'],
    ['https://example.com/sts', 'https://example.com/sts/v5/agencies/assume-with-oidc'],
    ['https://example.com/sts/', 'https://example.com/sts/v5/agencies/assume-with-oidc'],
  ])('goes to the endpoint %s', async (endpoint, url) => {
    const { obtain, sent } = bench([GOOD], { stsEndpoint: new URL(endpoint) });
    await obtain();
    expect(sent[0]?.url.href).toBe(url);
  });

  test('masks each secret as soon as it is known', async () => {
    const { obtain, events } = bench([GOOD]);
    await obtain();
    const masks = events.slice(2).sort();
    expect(events.slice(0, 2)).toEqual([`mask ${ID_TOKEN}`, 'send']);
    expect(masks).toContain(`mask ${CREDENTIALS.secret_access_key}`);
    expect(masks).toContain(`mask ${CREDENTIALS.security_token}`);
  });

  test('does not happen without an ID token', async () => {
    const failure = new NetworkError('GitHub gives this job no ID token', { kind: 'id-token' });
    const { obtain, events } = bench([GOOD]);
    await expect(obtain(() => Promise.reject(failure))).rejects.toBe(failure);
    expect(events).toEqual([]);
  });

  test('is tried again as often as the inputs say, and each attempt is told', async () => {
    const { obtain, sent, attempts } = bench([BUSY, BUSY, GOOD], {}, 2);
    await obtain();
    expect(sent).toHaveLength(3);
    expect(attempts).toMatchObject([
      { number: 1, status: 503 },
      { number: 2, status: 503 },
      { number: 3, status: 200 },
    ]);
  });

  test('fails when STS is busy for too long', async () => {
    const { obtain, sent } = bench([], {}, 1);
    await expect(obtain()).rejects.toMatchObject({ status: 503, code: 'STS5.0500' });
    expect(sent).toHaveLength(2);
  });

  test('that the trust agency does not allow fails with the reason of STS', async () => {
    const { obtain, sent } = bench([
      reply({ error_code: 'STS5.1001', error_msg: 'not allowed', request_id: 'request-1' }, 403),
    ]);
    const failure = obtain();
    await expect(failure).rejects.toBeInstanceOf(ApiError);
    await expect(failure).rejects.toMatchObject({
      kind: 'api-error',
      status: 403,
      code: 'STS5.1001',
      message: 'not allowed',
      requestId: 'request-1',
    });
    expect(sent).toHaveLength(1);
  });

  const names = ['access_key_id', 'secret_access_key', 'security_token'] as const;
  test.each([
    ...names.map((name) => [`no ${name}`, name, { credentials: without(name) }] as const),
    ...names.map(
      (name) =>
        [`an empty ${name}`, name, { credentials: { ...CREDENTIALS, [name]: '' } }] as const,
    ),
    ['a key that is no text', names[0], { credentials: { ...CREDENTIALS, access_key_id: 5 } }],
    ['no credentials', names[0], {}],
    ['credentials that are none', names[0], { credentials: 'none' }],
    ['null', names[0], null],
  ] as const)('fails when STS answers with %s', async (_, name, body) => {
    const { obtain, sent } = bench([reply(body)]);
    const failure = obtain();
    await expect(failure).rejects.toBeInstanceOf(ApiError);
    await expect(failure).rejects.toMatchObject({
      kind: 'not-json',
      status: 200,
      transient: false,
      message: `The answer of STS has no credentials.${name}`,
    });
    expect(sent).toHaveLength(1);
  });

  test('fails when a web page answers in the place of STS', async () => {
    const { obtain } = bench([{ status: 200, headers: {}, body: '<html>Log in</html>' }]);
    await expect(obtain()).rejects.toMatchObject({ kind: 'not-json', status: 200 });
  });
});

function without(name: keyof typeof CREDENTIALS): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(CREDENTIALS).filter(([one]) => one !== name));
}

describe('the temporary key pair', () => {
  const NOW = new Date('2026-11-24T12:00:00Z');
  const stop: HttpRequest = {
    method: 'POST',
    url: new URL('https://check.example.com/v2/tasks/abc/stop'),
    headers: { 'content-type': 'application/json' },
    body: '{}',
  };

  test('signs requests, and sends the security token with them', async () => {
    const credential = await bench([GOOD]).obtain();
    const { headers } = credential.authorize(stop, NOW);
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
    const credential = await bench([GOOD], { projectId: 'project1' }).obtain();
    expect(credential.authorize(stop, NOW).headers).toMatchObject({ 'x-project-id': 'project1' });
  });

  test('is told with what to look at when it is refused, and never with a secret', async () => {
    const { name, hint } = await bench([GOOD]).obtain();
    expect(name).toBe('a temporary key pair');
    expect(hint).toContain('trust agency');
    expect(name + hint).not.toContain('temporary+/');
  });
});
