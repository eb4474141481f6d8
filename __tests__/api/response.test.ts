import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseResponse, type Success } from '../../src/api/response.ts';
import { ApiError } from '../../src/http/errors.ts';
import type { HttpResponse } from '../../src/http/transport.ts';

const NOW = new Date('2026-11-24T12:00:00Z');
const LOGIN_PAGE = '<!DOCTYPE html><html><title>Log in</title></html>';

function answer(status: number, body: unknown = '', headers: HttpResponse['headers'] = {}) {
  return { status, headers, body: typeof body === 'string' ? body : JSON.stringify(body) };
}

/** What an answer is taken for. */
function read(from: HttpResponse): Success | ApiError {
  try {
    return parseResponse(from, NOW);
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
}

describe('success', () => {
  test.each([
    ['nothing', '', undefined],
    ['white space', ' \r\n', undefined],
    ['null', 'null', null],
    ['an empty object', '{}', {}],
    ['a status', '{"task_status":0}', { task_status: 0 }],
    ['a text', '"done"', 'done'],
    ['an error code that is empty', '{"error_code":""}', { error_code: '' }],
    ['an error code that is null', '{"error_code":null}', { error_code: null }],
    ['names that mean an error elsewhere', '{"code":0,"message":"ok"}', { code: 0, message: 'ok' }],
    ['a message without a code', '{"error_msg":"done"}', { error_msg: 'done' }],
    ['a byte order mark alone', '\ufeff', undefined],
    ['JSON behind a byte order mark', '\ufeff{"task_status":3}', { task_status: 3 }],
  ])('is 2xx with %s', (_, body, json) => {
    for (const status of [200, 201, 202, 204, 299]) {
      expect(parseResponse(answer(status, body), NOW)).toEqual({ json, requestId: '' });
    }
  });

  test('tells the request ID of the header, else that of the body', () => {
    const body = { request_id: 'body' };
    const header = { 'x-request-id': 'header' };
    expect(parseResponse(answer(200, body, header), NOW).requestId).toBe('header');
    expect(parseResponse(answer(200, body), NOW).requestId).toBe('body');
  });
});

describe('an error of the API', () => {
  test('is told with all that it says', () => {
    const body = {
      error_code: 'CC.00000003',
      error_msg: 'Authentication information expired.',
      request_id: 'request-1',
    };
    const refusal = read(answer(401, body));
    expect(refusal).toBeInstanceOf(ApiError);
    expect(refusal).toMatchObject({
      kind: 'api-error',
      status: 401,
      code: 'CC.00000003',
      message: 'Authentication information expired.',
      requestId: 'request-1',
      transient: false,
      retryAfterMs: undefined,
    });
  });

  test('is one under HTTP 200, too', () => {
    const body = { error_code: 'CC.00050010', error_msg: 'No permission.' };
    expect(read(answer(200, body, { 'x-request-id': 'request-1' }))).toMatchObject({
      kind: 'api-error',
      status: 200,
      code: 'CC.00050010',
      message: 'No permission.',
      requestId: 'request-1',
      transient: false,
    });
  });

  test.each([
    ['true', { error_code: true }],
    ['false', { error_code: false }],
    ['0', { error_code: 0 }],
    ['an object', { error_code: {} }],
    ['a list', { errorCode: [] }],
    ['an object, one level down', { result: { errorCode: {} } }],
  ])('is one under HTTP 200 also where its code is %s', (_, body) => {
    const refusal = read(answer(200, body));
    expect(refusal).toBeInstanceOf(ApiError);
    expect(refusal).toMatchObject({
      kind: 'api-error',
      status: 200,
      message: 'The API gave no reason',
      transient: false,
    });
  });

  test.each([
    ['nothing', '', 'The API gave no reason'],
    ['null', 'null', 'The API gave no reason'],
    ['JSON without an error', '{"a":1}', 'The API gave no reason'],
    ['a code alone', '{"error_code":"X.1"}', 'The API gave no reason'],
    ['text', ' Service Unavailable\n', 'Service Unavailable'],
    ['a web page', LOGIN_PAGE, 'The host answered with a web page, which gives no reason'],
    ['a message of IAM', '{"error":{"code":403,"message":"no","title":"Forbidden"}}', 'no'],
    ['a message alone', '{"error_msg":"no"}', 'no'],
    ['a message behind a byte order mark', '\ufeff{"error_msg":"no"}', 'no'],
    ['a message of the API within one of a gateway', '{"code":1,"a":{"error_msg":"no"}}', 'no'],
  ])('with %s has a message for people', (_, body, message) => {
    expect(read(answer(403, body))).toMatchObject({ kind: 'api-error', status: 403, message });
  });

  test.each([
    [400, 'CC.00000001.400', false],
    [401, 'APIGW.0301', false],
    // A refused credential ends the step, whatever code comes with it.
    [401, 'CC.00000000', false],
    [401, 'CC.00050012', false],
    [401, 'CC.00050014', false],
    [403, 'PAP5.0001', false],
    [404, 'APIGW.0101', false],
    [408, '', false],
    [413, 'APIGW.0201', false],
    [429, 'APIGW.0308', true],
    [500, 'APIGW.0601', true],
    [501, '', false],
    [502, '', true],
    [503, '', true],
    [504, 'APIGW.0201', true],
    [505, '', false],
    [400, 'CC.00000000', true],
    [200, 'CC.00000000', true],
    [200, 'CC.00050012', true],
    [200, 'CC.00050014', true],
    [200, 'CC.00050013', false],
    [403, 'CC.00050014', true],
  ])('with HTTP %i and the code %j, that it may pass is %s', (status, code, transient) => {
    const refusal = read(answer(status, { error_code: code, error_msg: 'no' }));
    expect(refusal).toMatchObject({ kind: 'api-error', status, code, transient });
  });

  test.each([
    ['7', 7_000],
    ['Tue, 24 Nov 2026 12:00:30 GMT', 30_000],
    ['soon', undefined],
  ])('that asks to come back in %j is understood', (value, retryAfterMs) => {
    expect(read(answer(429, '', { 'retry-after': value }))).toMatchObject({ retryAfterMs });
  });
});

describe('a redirect', () => {
  test.each([
    [undefined, ''],
    ['https://login.example.com/a?token=secret#secret', ' to https://login.example.com/a'],
    ['/elsewhere#secret?', ' to /elsewhere'],
    ['https://a.example.com/?a=\nb', ' to https://a.example.com/'],
    ['https://user:secret@a.example.com/b', ' to https://a.example.com/b'],
    ['https://user:secret@a.example.com', ' to https://a.example.com'],
    ['HTTPS://user:secret@a.example.com:8443/b', ' to HTTPS://a.example.com:8443/b'],
    ['https://secret@a.example.com/b', ' to https://a.example.com/b'],
    ['https://user:se@cret@a.example.com/b', ' to https://a.example.com/b'],
    ['//user:secret@a.example.com/b', ' to //a.example.com/b'],
    ['https://user:secret@a.example.com/b?secret#secret', ' to https://a.example.com/b'],
    ['https://a.example.com/@octo', ' to https://a.example.com/@octo'],
    ['https://a.example.com/b:c@d', ' to https://a.example.com/b:c@d'],
  ])('to %j is told without what may be secret', (location, target) => {
    const headers = location === undefined ? {} : { location };
    const refusal = read(answer(302, LOGIN_PAGE, { ...headers, 'x-request-id': 'request-1' }));
    expect(refusal).toBeInstanceOf(ApiError);
    expect(refusal).toMatchObject({
      kind: 'redirect',
      status: 302,
      code: '',
      requestId: 'request-1',
      transient: false,
      message: `The host answered with a redirect${target}, which is not followed: it would carry the credential away`,
    });
  });

  test.each([300, 301, 303, 304, 307, 308, 399])('is any HTTP %i', (status) => {
    expect(read(answer(status, '{"error_code":"CC.00000000"}'))).toMatchObject({
      kind: 'redirect',
      status,
      transient: false,
    });
  });
});

test('a redirect to anywhere is told without user, password, query and fragment', () => {
  // What a user or a password may hold in a URL: no slash, and all else that ends it is encoded.
  const word = fc.stringMatching(/^[A-Za-z0-9._~!$&'()*+,;=%:@-]{0,20}$/);
  const scheme = fc.constantFrom('https:', 'http:', 'HTTP:', '');
  const path = fc.stringMatching(/^(\/[a-z@:]{0,9}){0,3}$/);
  fc.assert(
    fc.property(scheme, word, path, fc.stringMatching(/^([?#].*)?$/s), (start, user, end, rest) => {
      const location = `${start}//${user}@a.example.com${end}${rest}`;
      const { message } = read(answer(302, '', { location })) as ApiError;
      expect(message).toBe(
        `The host answered with a redirect to ${start}//a.example.com${end}, ` +
          'which is not followed: it would carry the credential away',
      );
    }),
  );
});

describe('2xx that is not the API’s', () => {
  test.each([
    ['a web page', LOGIN_PAGE],
    ['a web page', '\n<HTML>'],
    ['text', 'OK'],
    ['text', '{"a":'],
    ['text', 'undefined'],
  ])('with %s (%j) is no success', (sort, body) => {
    const refusal = read(answer(200, body, { 'x-request-id': 'request-1' }));
    expect(refusal).toBeInstanceOf(ApiError);
    expect(refusal).toMatchObject({
      kind: 'not-json',
      status: 200,
      code: '',
      requestId: 'request-1',
      transient: false,
      message: `The host answered with ${sort} where the API answers with JSON`,
    });
  });
});

describe('whatever comes', () => {
  const names = fc.constantFrom('error_code', 'error_msg', 'errorCode', 'code', 'message', 'a');
  const json = fc.oneof(
    fc.jsonValue({ maxDepth: 4 }),
    fc.dictionary(names, fc.oneof(fc.jsonValue(), fc.dictionary(names, fc.jsonValue()))),
  );
  const body = fc.oneof(
    json.map((value) => JSON.stringify(value)),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('', 'null', LOGIN_PAGE),
  );
  const headers = fc.record(
    {
      location: fc.string({ unit: 'binary' }),
      'retry-after': fc.oneof(fc.string(), fc.nat().map(String)),
      'x-request-id': fc.string(),
    },
    { requiredKeys: [] },
  );
  const success = fc.integer({ min: 200, max: 299 });
  const anyStatus = fc.integer({ min: 100, max: 599 });

  test('is a success or a refusal, and success is 2xx only', () => {
    fc.assert(
      fc.property(anyStatus, headers, body, (status, given, text) => {
        const outcome = read({ status, headers: given, body: text });
        if (outcome instanceof ApiError) {
          expect(outcome.status).toBe(status);
          expect(outcome.message).not.toBe('');
        } else {
          expect(Math.floor(status / 100)).toBe(2);
        }
      }),
    );
  });

  test('2xx with an error code is never success', () => {
    const code = fc.oneof(
      fc.string({ minLength: 1 }),
      fc.integer(),
      fc.boolean(),
      fc.array(fc.jsonValue(), { maxLength: 2 }),
      fc.dictionary(names, fc.jsonValue(), { maxKeys: 2 }),
    );
    const name = fc.constantFrom('error_code', 'errorCode');
    const wrap = fc.constantFrom(
      (error: object) => error,
      (error: object) => ({ result: error }),
      (error: object) => [error],
    );
    fc.assert(
      fc.property(success, name, code, json, wrap, (status, errorCode, value, more, around) => {
        const outcome = read(answer(status, around({ more, [errorCode]: value })));
        expect(outcome).toBeInstanceOf(ApiError);
      }),
    );
  });

  test('2xx with JSON that names no error code is success, with that JSON', () => {
    const harmless = json
      .map((value) => JSON.stringify(value))
      .filter((text) => !/error_?code/i.test(text));
    fc.assert(
      fc.property(success, headers, harmless, (status, given, text) => {
        expect(read({ status, headers: given, body: text })).toMatchObject({
          json: JSON.parse(text),
        });
      }),
    );
  });

  test('2xx with text that is not JSON is never success', () => {
    const text = fc.string({ unit: 'binary' }).filter((one) => {
      if (one.trim() === '') return false;
      try {
        JSON.parse(one.trim());
        return false;
      } catch {
        return true;
      }
    });
    fc.assert(
      fc.property(success, text, (status, given) => {
        expect(read(answer(status, given))).toMatchObject({ kind: 'not-json', transient: false });
      }),
    );
  });

  test('an answer that may be asked for again has a status or a code that says so', () => {
    fc.assert(
      fc.property(anyStatus, headers, body, (status, given, text) => {
        const outcome = read({ status, headers: given, body: text });
        const transient = outcome instanceof ApiError && outcome.transient;
        const mayPass =
          status !== 401 &&
          ([429, 500, 502, 503, 504].includes(status) || /CC\.000(00000|5001[24])/.test(text));
        expect(transient && !mayPass).toBe(false);
      }),
    );
  });
});
