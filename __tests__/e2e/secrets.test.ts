import { expect, test } from '@jest/globals';
import type { Fault } from '../../mock-api/faults.ts';
import { ID_TOKEN_REQUEST_TOKEN, TEMPORARY_KEYS } from '../../mock-api/mock-api.ts';
import type { StepRun } from '../support/run-bundle.ts';
import {
  ACCESS_KEY,
  expectFailure,
  idTokenEnv,
  runStep,
  startMockApi,
} from '../support/with-mock-api.ts';

// With all that an encoding may change, but what ends a title, or the path of a URL.
const SECRET = `MIIF0+A/YJ==Ko!Zi'(hv)*c&N%aQ~x_y.z-k@n:o;p,q$r[s]t|u{v}w^\`"\\>`;

const upper = encodeURIComponent;
const rfc3986 = (text: string) =>
  upper(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
const lower = (text: string) => rfc3986(text).replace(/%../g, (code) => code.toLowerCase());
const everything = (text: string) =>
  Array.from(text, (one) => `%${one.charCodeAt(0).toString(16).padStart(2, '0')}`).join('');
const form = (text: string) => new URLSearchParams({ a: text }).toString().slice(2);

const ENCODINGS: Readonly<Record<string, (text: string) => string>> = {
  'as it is': (text) => text,
  'percent-encoded': upper,
  'percent-encoded by RFC 3986': rfc3986,
  'percent-encoded in lower case': lower,
  'percent-encoded in every character': everything,
  'encoded as a form': form,
  'encoded twice': (text) => upper(rfc3986(text)),
  'encoded twice, in lower case': (text) => lower(lower(text)),
  'encoded within a URL within a URL': (text) => upper(upper(form(text))),
};

/** Expects that not even a part of a secret is seen, in any encoding. */
function expectHidden(run: StepRun, secret: string, place: string): void {
  for (const [encoding, encode] of Object.entries(ENCODINGS)) {
    // Parts that are long enough not to be there by chance.
    for (let from = 0; from + 10 <= secret.length; from += 5) {
      const part = encode(secret.slice(from, from + 10));
      expect([place, encoding, run.visible.includes(part)]).toEqual([place, encoding, false]);
    }
  }
}

const error = (text: string, status = 400): Fault => ({
  kind: 'response',
  status,
  body: JSON.stringify({ error_code: 'CC.1.400', error_msg: text }),
});
const headerSafe = (text: string) => text.replace(/[^\x20-\x7e]/g, '');

/** Where text from outside may come from: how a response holds it. */
const PLACES: Readonly<Record<string, (text: string) => readonly [Fault, string]>> = {
  'a message': (text) => [error(`The header was ${text}, which is wrong`), '/stop'],
  'a code': (text) => [
    {
      kind: 'response',
      status: 400,
      body: JSON.stringify({ error_code: `CC.${text}.400`, error_msg: 'No' }),
    },
    '/stop',
  ],
  'a header': (text) => [
    { kind: 'response', status: 400, headers: { 'x-request-id': headerSafe(`id-${text}`) } },
    '/stop',
  ],
  'a request ID in the body': (text) => [
    {
      kind: 'response',
      status: 400,
      body: JSON.stringify({ error_code: 'CC.1.400', request_id: `id-${text}` }),
    },
    '/stop',
  ],
  'a title': (text) => [
    {
      kind: 'response',
      status: 502,
      body: `<html><head><title>Bad ${text}</title></head>`,
    },
    '/stop',
  ],
  'plain text': (text) => [{ kind: 'response', status: 400, body: `Wrong: ${text}` }, '/stop'],
  'the path of a redirect': (text) => [
    { kind: 'redirect', location: headerSafe(`https://example.com/${text}/login`) },
    '/stop',
  ],
  'the result of an execution': (text) => [
    {
      kind: 'response',
      status: 200,
      body: JSON.stringify({ httpStatus: 'BAD_REQUEST', result: text, status: 'error' }),
    },
    '/stop',
  ],
  task_status: (text) => [
    { kind: 'response', status: 200, body: JSON.stringify({ task_status: text }) },
    '/progress',
  ],
  'the progress': (text) => [
    {
      kind: 'response',
      status: 200,
      body: JSON.stringify({ task_status: 0, progress: { ratio: text, info: text } }),
    },
    '/progress',
  ],
  'the message of a status': (text) => [error(`Denied: ${text}`, 403), '/progress'],
};

const INPUTS = { token: SECRET, wait: 'true', 'timeout-seconds': '2', retries: '0' };
const DEBUG = { env: { RUNNER_DEBUG: '1', ACTIONS_STEP_DEBUG: 'true' } };

test('a token that comes back in any encoding is seen nowhere', async () => {
  const text = Object.values(ENCODINGS)
    .map((encode) => encode(SECRET))
    .join(' ');
  await Promise.all(
    Object.entries(PLACES).map(async ([place, respond]) => {
      const [fault, path] = respond(text);
      const mockApi = (await startMockApi({ tokens: [SECRET] })).inject(fault, { path });
      const run = await runStep(mockApi, INPUTS, DEBUG);
      expect(run.lines[0]).toMatch(/^::add-mask::MIIF0/);
      expectHidden(run, SECRET, place);
      // It was there, or there would be nothing to hide.
      expect([place, run.visible]).toEqual([place, expect.stringContaining('*** *** ***')]);
    }),
  );
});

test('a token is hidden before a text is cut', async () => {
  const encodings = [(text: string) => text, lower];
  await Promise.all(
    encodings.flatMap((encode) => {
      // Texts are cut at these lengths: each is within a token.
      const text = [300, 1_000, 2_000, 4_000].reduce(
        (before, cut) => before.padEnd(cut - 30, 'x') + encode(SECRET),
        '',
      );
      return Object.entries(PLACES).map(async ([place, respond]) => {
        const [fault, path] = respond(text);
        const mockApi = (await startMockApi({ tokens: [SECRET] })).inject(fault, { path });
        expectHidden(await runStep(mockApi, INPUTS, DEBUG), SECRET, place);
      });
    }),
  );
});

test('the secrets of an access key and of OIDC are hidden in every encoding as well', async () => {
  const keys = {
    token: '',
    'access-key-id': ACCESS_KEY.accessKeyId,
    'secret-access-key': 'secret/Access+Key==0123456789abcdef',
    'security-token': 'security/Token+0123456789==abcdefgh',
  };
  const all = Object.values(ENCODINGS);
  const text = (secret: string) => all.map((encode) => encode(secret)).join(' ');
  const one = (await startMockApi()).inject(
    error(`${text(keys['secret-access-key'])} ${text(keys['security-token'])}`),
  );
  const signed = await runStep(one, keys);
  expectFailure(signed);
  expectHidden(signed, keys['secret-access-key'], 'secret-access-key');
  expectHidden(signed, keys['security-token'], 'security-token');

  const account = 'iam::0123456789abcdef0123456789abcdef';
  const idToken = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJyZXBvOm8vcjpyZWY6bWFpbiJ9.c2ln+/==';
  const other = await startMockApi({ idTokens: { '': idToken } });
  const secrets = [
    idToken,
    ID_TOKEN_REQUEST_TOKEN,
    TEMPORARY_KEYS.secret_access_key,
    TEMPORARY_KEYS.security_token,
  ];
  for (const secret of secrets) {
    other.clearFaults();
    other.inject(error(text(secret)), { path: '/stop' });
    const run = await runStep(
      other,
      {
        token: '',
        'sts-endpoint': other.endpoint,
        'oidc-provider-urn': `${account}:oidcProvider:github`,
        'agency-urn': `${account}:agency:stop-scans`,
      },
      { env: idTokenEnv(other) },
    );
    expectFailure(run);
    for (const hidden of secrets) expectHidden(run, hidden, 'OIDC');
  }
});

test('the password of a proxy is hidden in every encoding', async () => {
  const mockApi = await startMockApi();
  for (const proxy of [
    'http://user:p%40ss-word-of-the-proxy@127.0.0.1:1',
    'http://user:p@ss-word-of-the-proxy@127.0.0.1:1',
  ]) {
    const run = await runStep(mockApi, { endpoint: 'check.example.com' }, { proxy });
    expectFailure(run);
    expectHidden(run, 'p@ss-word-of-the-proxy', 'the proxy');
  }
});
