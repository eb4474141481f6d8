import { AKSKSigner } from '@huaweicloud/huaweicloud-sdk-core/auth/AKSKSigner.js';
import { BasicCredentials } from '@huaweicloud/huaweicloud-sdk-core/auth/BasicCredentials.js';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { sign } from '../../src/credentials/sdk-hmac-sha256.ts';
import type { HttpRequest } from '../../src/http/transport.ts';

const KEYS = { accessKeyId: 'ACCESSKEY1', secretAccessKey: 'secret+/key=' };
const NOW = new Date('2026-11-24T12:00:00Z');

/** The headers that the vendor's own SDK signs with. @param data the body; undefined for none */
function vendorSign(request: Omit<HttpRequest, 'body'>, data: object | undefined): object {
  const { method, url, headers } = request;
  return AKSKSigner.sign(
    {
      method,
      endpoint: url.href,
      queryParams: Object.fromEntries(url.searchParams),
      headers: { ...headers, 'X-Sdk-Date': '20261124T120000Z' },
      ...(data === undefined ? {} : { data }),
    },
    new BasicCredentials().withAk(KEYS.accessKeyId).withSk(KEYS.secretAccessKey),
  );
}

/** The header of the same request, by both. */
function authorizations(
  request: Omit<HttpRequest, 'body'>,
  data: object | undefined,
): [ours: string | undefined, theirs: string | undefined] {
  const body = data === undefined ? '' : JSON.stringify(data);
  const theirs = new Map(Object.entries(vendorSign(request, data)));
  return [sign({ ...request, body }, KEYS, NOW)['authorization'], theirs.get('Authorization')];
}

test.each([
  ['a stop request', 'POST', '/v2/tasks/abc/stop', { 'content-type': 'application/json' }, {}],
  ['a start', 'POST', '/v2/tasks/abc/run', { 'content-type': 'application/json' }, {}],
  [
    'the stop of one execution',
    'PUT',
    '/v1/tasks/abc/stop?job_id=fedcba9876543210',
    { 'content-type': 'application/json' },
    {},
  ],
  ['a reading of the status', 'GET', '/v2/tasks/abc/progress', {}, undefined],
  ['a reading of one status', 'GET', '/v2/tasks/abc/progress?job_id=fe-d_c', {}, undefined],
  ['a query', 'GET', '/v2/tasks?offset=0&limit=10', {}, undefined],
  [
    'a temporary access key and a project',
    'POST',
    '/v2/tasks/abc/stop',
    { 'content-type': 'application/json', 'x-project-id': 'p1', 'x-security-token': 'token+/=' },
    {},
  ],
] as const)('%s is signed as the vendor’s SDK signs it', (_, method, path, headers, data) => {
  const url = new URL(path, 'https://codearts-check.cn-north-4.myhuaweicloud.com');
  const [ours, theirs] = authorizations({ method, url, headers }, data);
  expect(theirs).toMatch(/^SDK-HMAC-SHA256 Access=ACCESSKEY1, /);
  expect(ours).toBe(theirs);
});

test('any request that the action can send is signed as the vendor’s SDK signs it', () => {
  const segment = fc
    .string({ unit: fc.constantFrom(...'AZaz09-._~'), minLength: 1, maxLength: 32 })
    .filter((one) => one !== '.' && one !== '..');
  const value = fc.string({ unit: fc.constantFrom(...'AZaz09+/=-_.'), minLength: 1 });
  const query = fc.dictionary(
    // The SDK sorts names before it encodes them, and a name that is a number as a number.
    fc.string({ unit: fc.constantFrom(...'AZaz-._~'), minLength: 1 }),
    fc.string(),
    { noNullPrototype: true },
  );
  const headers = fc.record(
    {
      'content-type': fc.constantFrom('application/json', 'application/json;charset=utf8'),
      'x-project-id': value,
      'x-security-token': value,
    },
    { requiredKeys: [] },
  );
  const data = fc.option(fc.dictionary(fc.string(), fc.jsonValue()), { nil: undefined });
  const host = fc.constantFrom('https://check.example.com', 'https://check.example.com:8443');
  fc.assert(
    fc.property(
      fc.constantFrom('GET', 'POST', 'PUT'),
      host,
      fc.array(segment, { minLength: 1 }),
      query,
      headers,
      data,
      (method, origin, segments, pairs, given, content) => {
        const url = new URL(segments.join('/'), `${origin}/`);
        for (const [name, text] of Object.entries(pairs)) url.searchParams.append(name, text);
        const [ours, theirs] = authorizations({ method, url, headers: given }, content);
        expect(theirs).toMatch(/^SDK-HMAC-SHA256 /);
        expect(ours).toBe(theirs);
      },
    ),
  );
});
