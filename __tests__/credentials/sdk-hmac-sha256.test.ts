import { createHash } from 'node:crypto';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { findSignatureError } from '../../mock-api/signature-verifier.ts';
import { canonicalRequest, sign } from '../../src/credentials/sdk-hmac-sha256.ts';
import type { HttpRequest } from '../../src/http/transport.ts';

const KEYS = { accessKeyId: 'AccessKey', secretAccessKey: 'SecretKey' };

function request(url: string, changes: Partial<HttpRequest> = {}): HttpRequest {
  return { method: 'GET', url: new URL(url), headers: {}, body: '', ...changes };
}

/** The gateway's reason to reject a request that is sent with these headers. */
function rejection(
  { method, url, body }: HttpRequest,
  headers: Readonly<Record<string, string>>,
  secretAccessKey = KEYS.secretAccessKey,
): string | undefined {
  const received = Object.assign(new IncomingMessage(new Socket()), {
    method,
    url: `${url.pathname}${url.search}`,
    headers,
  });
  return findSignatureError(received, body, new Map([[KEYS.accessKeyId, secretAccessKey]]));
}

describe('the published examples', () => {
  // HWS/devg-apisign/api-sign-algorithm-002.html to -005.html
  test('of the guide are reproduced', () => {
    const url =
      'https://service.region.example.com/v1/77b6a44cba5143ab91d13ab9a8ff44fd/vpcs?limit=2&marker=13551d6b-755d-4757-b956-536f674975c0';
    const keys = {
      accessKeyId: 'QTWAOYTTINDUT2QVKYUC',
      secretAccessKey: 'MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc',
    };
    const sent = request(url, { headers: { 'content-type': 'application/json' } });
    const headers = sign(sent, keys, new Date('2019-11-15T03:36:55Z'));
    expect(headers).toEqual({
      'content-type': 'application/json',
      host: 'service.region.example.com',
      'x-sdk-date': '20191115T033655Z',
      authorization:
        'SDK-HMAC-SHA256 Access=QTWAOYTTINDUT2QVKYUC, SignedHeaders=content-type;host;x-sdk-date, Signature=7be6668032f70418fcc22abc52071e57aff61b84a1d2381bb430d6870f4f6ebe',
    });
    const { canonical } = canonicalRequest({ ...sent, headers });
    expect(createHash('sha256').update(canonical).digest('hex')).toBe(
      'b25362e603ee30f4f25e7858e8a7160fd36e803bb2dfe206278659d71a9bcd7a',
    );
  });

  test.each([
    ['GET', '', 'cfb4171acec81de07d50e53d57eb77edd537414d66ddb1d7d780f128e12cd842'],
    [
      'POST',
      '{"name":"test","id":1}',
      '436b1ac0a1ae03705934bb70ef2f2e09f7bfed2117d731a38235053199323a1f',
    ],
  ] as const)('of the SDKs are reproduced: %s %s', (method, body, signature) => {
    const sent = request('https://service.endpoint.myhuaweicloud.com/resources?size=1', {
      method,
      body,
    });
    expect(sign(sent, KEYS, new Date('2020-06-08T02:39:00Z'))).toEqual({
      host: 'service.endpoint.myhuaweicloud.com',
      'x-sdk-date': '20200608T023900Z',
      authorization: `SDK-HMAC-SHA256 Access=AccessKey, SignedHeaders=host;x-sdk-date, Signature=${signature}`,
    });
  });
});

describe('the text that is signed', () => {
  function lines(url: string, changes: Partial<HttpRequest> = {}): string[] {
    return canonicalRequest(request(url, changes)).canonical.split('\n');
  }

  test('is the request line by line', () => {
    const sent = request('https://check.example.com/v2/tasks/abc/stop?b=2&a=1', {
      method: 'POST',
      headers: { 'x-sdk-date': '20200608T023900Z', host: 'check.example.com' },
      body: '{}',
    });
    expect(canonicalRequest(sent)).toEqual({
      signedHeaders: 'host;x-sdk-date',
      canonical: [
        'POST',
        '/v2/tasks/abc/stop/',
        'a=1&b=2',
        'host:check.example.com',
        'x-sdk-date:20200608T023900Z',
        '',
        'host;x-sdk-date',
        '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
      ].join('\n'),
    });
  });

  test.each([
    ['/', '/'],
    ['/a', '/a/'],
    ['/a/', '/a/'],
    ['/a//b', '/a//b/'],
    ['/-._~09AZaz', '/-._~09AZaz/'],
    ["/!*'()", '/%21%2A%27%28%29/'],
    ['/a b', '/a%20b/'],
    ['/a%2fb', '/a%2Fb/'],
    ['/é', '/%C3%A9/'],
    ['/:@&=+$,;', '/%3A%40%26%3D%2B%24%2C%3B/'],
  ])('has the path %s as %s', (path, canonical) => {
    expect(lines(`https://check.example.com${path}`)[1]).toBe(canonical);
  });

  test.each([
    ['', ''],
    ['?', ''],
    ['?a', 'a='],
    ['?b=1&a=2', 'a=2&b=1'],
    ['?a=2&a=10&a=1', 'a=1&a=10&a=2'],
    ['?a-b=1&a=2', 'a=2&a-b=1'],
    ['?a=1&B=2', 'B=2&a=1'],
    ['?a=%7e%20%2b', 'a=~%20%2B'],
    ["?a=!*'()", 'a=%21%2A%27%28%29'],
    ['?é=é', '%C3%A9=%C3%A9'],
  ])('has the query %j as %j', (query, canonical) => {
    expect(lines(`https://check.example.com/${query}`)[2]).toBe(canonical);
  });

  test('has only the headers that the API checks, trimmed and in order', () => {
    const headers = {
      'x-security-token': ' token ',
      'user-agent': 'stop',
      'x-sdk-date': '20200608T023900Z',
      'x-project-id': 'project',
      accept: '*/*',
      host: 'check.example.com',
      'content-type': 'application/json',
    };
    const signed = canonicalRequest(request('https://check.example.com/', { headers }));
    expect(signed.signedHeaders).toBe('content-type;host;x-project-id;x-sdk-date;x-security-token');
    expect(signed.canonical.split('\n').slice(3, 9)).toEqual([
      'content-type:application/json',
      'host:check.example.com',
      'x-project-id:project',
      'x-sdk-date:20200608T023900Z',
      'x-security-token:token',
      '',
    ]);
  });
});

describe('a signature', () => {
  test.each([
    ['https://check.example.com:8443/', 'check.example.com:8443'],
    ['https://check.example.com:443/', 'check.example.com'],
    ['http://[::1]:8080/', '[::1]:8080'],
  ])('for %s covers the host %s, with its port if it is not the default', (url, host) => {
    const headers = sign(request(url), KEYS, new Date());
    expect(headers['host']).toBe(host);
    expect(rejection(request(url), headers)).toBeUndefined();
  });

  test.each([
    ['2026-01-02T03:04:05.000Z', '20260102T030405Z'],
    ['2026-01-02T03:04:05.999Z', '20260102T030405Z'],
    ['2026-01-02T03:04:05+08:00', '20260101T190405Z'],
  ])('of %s is dated %s', (now, date) => {
    const headers = sign(request('https://check.example.com/'), KEYS, new Date(now));
    expect(headers['x-sdk-date']).toBe(date);
  });

  test('leaves the other headers as they are, and never has the secret key in it', () => {
    const sent = request('https://check.example.com/', { headers: { accept: '*/*' } });
    const headers = sign(sent, KEYS, new Date());
    expect(headers['accept']).toBe('*/*');
    expect(JSON.stringify(headers)).not.toContain(KEYS.secretAccessKey);
  });

  describe('of the stop of an execution', () => {
    const url = 'https://check.example.com/v1/tasks/abc/stop';
    const stop = request(`${url}?job_id=execution-1`, {
      method: 'PUT',
      headers: {
        'content-type': 'application/json',
        'x-project-id': 'project1',
        'x-security-token': 'token1',
      },
      body: '{}',
    });
    const wrong = 'Incorrect IAM authentication information: verify aksk signature fail';

    test('is accepted', () => {
      expect(rejection(stop, sign(stop, KEYS, new Date()))).toBeUndefined();
    });

    test.each([
      ['another execution', `${url}?job_id=execution-2`],
      ['a shorter execution ID', `${url}?job_id=execution-`],
      ['an empty execution ID', `${url}?job_id=`],
      ['no execution', url],
      ['one more execution', `${url}?job_id=execution-1&job_id=execution-2`],
      ['another task', `${url.replace('abc', 'abd')}?job_id=execution-1`],
      ['another call', `${url.replace('v1', 'v2')}?job_id=execution-1`],
    ])('is rejected for %s', (_, other) => {
      const headers = sign(stop, KEYS, new Date());
      expect(rejection({ ...stop, url: new URL(other) }, headers)).toBe(wrong);
    });

    test('is rejected for another method, body or secret access key', () => {
      const headers = sign(stop, KEYS, new Date());
      expect(rejection({ ...stop, method: 'POST' }, headers)).toBe(wrong);
      expect(rejection({ ...stop, body: '{ }' }, headers)).toBe(wrong);
      expect(rejection(stop, headers, 'another')).toBe(wrong);
    });

    test.each([
      ['host', 'other.example.com'],
      ['content-type', 'text/plain'],
      ['x-project-id', 'project2'],
      ['x-security-token', 'token2'],
    ])('is rejected for another %s', (name, value) => {
      const headers = { ...sign(stop, KEYS, new Date()), [name]: value };
      expect(rejection(stop, headers)).toBe(wrong);
    });

    test('is rejected for another date', () => {
      const now = Date.now();
      const headers = sign(stop, KEYS, new Date(now));
      const { 'x-sdk-date': later = '' } = sign(stop, KEYS, new Date(now + 1_000));
      expect(rejection(stop, { ...headers, 'x-sdk-date': later })).toBe(wrong);
    });
  });

  test.each([
    '?a-b=1&a=2',
    '?a=2&a-b=1',
    '?a.b=1&a=2&a%21=3',
    '?a=2&a=10&a=1',
    '?a=1&a=&a',
    '?b&a',
    '?aa=1&a=b',
    '?a=%3D&a=%26&%26=a&%3D=b',
  ])('of the query %s is accepted: it is sorted by name, and then by value', (query) => {
    const sent = request(`https://check.example.com/a${query}`);
    expect(rejection(sent, sign(sent, KEYS, new Date()))).toBeUndefined();
  });

  test('is accepted for any method, path, query, headers and body', () => {
    // As RFC 3986 has it, which is what a URL then keeps.
    const encode = (text: string) =>
      encodeURIComponent(text).replace(
        /[!'()*]/g,
        (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
      );
    const text = fc.string({ unit: 'grapheme' });
    const segment = text.map(encode).filter((one) => !/^(\.|%2e){1,2}$/i.test(one));
    // Names that are the same, or begin with one another, are to be among them.
    const name = fc
      .oneof(
        fc.string({ unit: 'binary', minLength: 1 }),
        fc.string({ unit: fc.constantFrom(...'ab-!~='), minLength: 1, maxLength: 3 }),
      )
      .map(encode);
    const query = fc.array(fc.tuple(name, text.map(encode)), { maxLength: 8 });
    const value = fc.string({ unit: fc.constantFrom(...'Az09 +/=-_.;:"~') });
    const headers = fc.record(
      {
        'content-type': value,
        'x-project-id': value,
        'x-security-token': value,
        accept: value,
      },
      { requiredKeys: [] },
    );
    const body = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(
        fc.constantFrom('GET', 'POST', 'PUT'),
        fc.array(segment),
        query,
        headers,
        body,
        (method, segments, pairs, given, content) => {
          const url = new URL(`https://check.example.com/${segments.join('/')}`);
          url.search = pairs.map((pair) => pair.join('=')).join('&');
          const sent = { method, url, headers: given, body: content } as const;
          expect(rejection(sent, sign(sent, KEYS, new Date()))).toBeUndefined();
        },
      ),
    );
  });
});
