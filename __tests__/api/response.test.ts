import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { codeFacts } from '../../src/api/error-codes.ts';
import { invalidResponse, parseResponse, type Success } from '../../src/api/response.ts';
import { ApiError } from '../../src/http/errors.ts';
import type { HttpResponse } from '../../src/http/transport.ts';

const NOW = new Date('2026-11-24T12:00:00Z');
const LOGIN_PAGE = '<!DOCTYPE html><html><title>Log in</title></html>';

function respond(status: number, body: unknown = '', headers: HttpResponse['headers'] = {}) {
  return { status, headers, body: typeof body === 'string' ? body : JSON.stringify(body) };
}

/** What a response comes to. */
function read(response: HttpResponse, innerStatus = false): Success | ApiError {
  try {
    return parseResponse(response, NOW, { innerStatus });
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
}

describe('success', () => {
  test.each([
    ['nothing', '', undefined],
    ['whitespace', ' \r\n', undefined],
    ['null', 'null', null],
    ['an empty object', '{}', {}],
    ['a status', '{"task_status":0}', { task_status: 0 }],
    ['a text', '"done"', 'done'],
    ['an error code that is empty', '{"error_code":""}', { error_code: '' }],
    ['an error code that is null', '{"error_code":null}', { error_code: null }],
    ['an empty error', '{"error":{},"errors":[]}', { error: {}, errors: [] }],
    ['names that mean an error elsewhere', '{"code":0,"message":"ok"}', { code: 0, message: 'ok' }],
    ['a byte order mark alone', '\ufeff', undefined],
    ['JSON behind a byte order mark', '\ufeff{"task_status":3}', { task_status: 3 }],
  ])('is 2xx with %s', (_, body, json) => {
    for (const status of [200, 201, 202, 204, 299]) {
      expect(parseResponse(respond(status, body), NOW)).toEqual({ status, json, requestId: '' });
    }
  });

  test('has the request ID of the header, else that of the body', () => {
    const body = { request_id: 'body' };
    const header = { 'x-request-id': 'header' };
    expect(parseResponse(respond(200, body, header), NOW).requestId).toBe('header');
    expect(parseResponse(respond(200, body), NOW).requestId).toBe('body');
  });
});

describe('an error of the API', () => {
  test('is reported with everything that the response holds', () => {
    const body = {
      error_code: 'CC.00000003',
      error_msg: 'Authentication information expired.',
      request_id: 'request-1',
    };
    const error = read(respond(401, body));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({
      kind: 'rejected',
      status: 401,
      code: 'CC.00000003',
      message: 'Authentication information expired.',
      requestId: 'request-1',
      transient: false,
      retryAfterMs: undefined,
      mayHaveHappened: false,
    });
  });

  test.each([
    [
      'a code',
      { error_code: 'CC.00050010', error_msg: 'No permission.' },
      'CC.00050010',
      'No permission.',
    ],
    [
      'a code of the newer form',
      { errorCode: 'CC.00050010', errorMsg: 'No.' },
      'CC.00050010',
      'No.',
    ],
    ['a message alone', { error_msg: 'No permission.' }, '', 'No permission.'],
    ['an error', { error: { code: 'X.1', message: 'No.' } }, 'X.1', 'No.'],
    ['a list of errors', { errors: [{ message: 'No.' }] }, '', 'No.'],
    ['the status error', { status: 'error', result: 'No.' }, '', 'No.'],
    ['a code that is true', { error_code: true }, '', 'The API gave no reason'],
    ['a code that is false', { error_code: false }, '', 'The API gave no reason'],
    ['the code 0', { error_code: 0 }, '0', 'The API gave no reason'],
    ['a code that is an object', { error_code: {} }, '', 'The API gave no reason'],
    ['a code that is a list', { errorCode: [] }, '', 'The API gave no reason'],
    [
      'a code that is an object, one level down',
      { result: { errorCode: {} } },
      '',
      'The API gave no reason',
    ],
  ])('is one under HTTP 200: %s', (_, body, code, message) => {
    const error = read(respond(200, body, { 'x-request-id': 'request-1' }));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({
      kind: 'rejected',
      status: 200,
      code,
      message,
      requestId: 'request-1',
      transient: false,
      mayHaveHappened: false,
    });
  });

  test.each([
    ['nothing', '', 'The API gave no reason'],
    ['null', 'null', 'The API gave no reason'],
    ['JSON without an error', '{"a":1}', 'The API gave no reason'],
    ['a code alone', '{"error_code":"X.1"}', 'The API gave no reason'],
    ['a message that is whitespace', '{"error_msg":" \\n"}', 'The API gave no reason'],
    ['text', ' Service Unavailable\n', 'Service Unavailable'],
    ['a web page', LOGIN_PAGE, "The host responded with the web page 'Log in'"],
    ['a web page without a title', '<html></html>', 'The host responded with a web page'],
    ['a message of IAM', '{"error":{"code":403,"message":"no","title":"Forbidden"}}', 'no'],
    ['an error that is text', '{"error":"Forbidden"}', 'Forbidden'],
    ['a message alone', '{"error_msg":"no"}', 'no'],
    ['a message behind a byte order mark', '\ufeff{"error_msg":"no"}', 'no'],
    ['a message of the API within one of a gateway', '{"code":1,"a":{"error_msg":"no"}}', 'no'],
  ])('with %s has a message for people', (_, body, message) => {
    expect(read(respond(403, body))).toMatchObject({ kind: 'rejected', status: 403, message });
  });

  // The table in HWS/intl/en-us/api-codecheck/ErrorCode.html and HWS/devg-apisign/api-sign-errorcode.html
  test.each([
    [401, 'CC.00000003', false, 'credential-expired'],
    [400, 'CC.00000000', true, 'busy'],
    [200, 'CC.00000000', true, 'busy'],
    [400, 'CC.00050012', true, 'busy'],
    [200, 'CC.00050012', true, 'busy'],
    [400, 'CC.00050014', true, 'busy'],
    [200, 'CC.00050014', true, 'busy'],
    [403, 'CC.00050014', true, 'busy'],
    [400, 'CC.00000001.400', false, 'task-id'],
    [400, 'CC.00050006', false, 'task-id'],
    [400, 'APIGW.0106', false, 'content-type'],
    [200, 'CC.00050007', false, 'credential-rejected'],
    [200, 'CC.00050010', false, 'permission'],
    [200, 'CC.00050011', false, 'project-member'],
    [200, 'CC.00050013', false, 'task-id'],
    [200, 'CC.00050015', false, 'already-running'],
    [404, 'APIGW.0101', false, 'wrong-host'],
    [404, 'APIGW.0103', false, 'wrong-host'],
    [400, 'APIGW.0201', false, undefined],
    [413, 'APIGW.0201', false, undefined],
    [414, 'APIGW.0201', false, undefined],
    [494, 'APIGW.0201', false, undefined],
    [502, 'APIGW.0201', true, undefined],
    [504, 'APIGW.0201', true, undefined],
    [401, 'APIGW.0301', false, 'credential-rejected'],
    [403, 'APIGW.0302', false, 'account'],
    [403, 'APIGW.0304', false, 'account'],
    [403, 'APIGW.0306', false, 'account'],
    [403, 'APIGW.0310', false, 'account'],
    [401, 'APIGW.0307', false, 'credential-expired'],
    // The client has rules of its own for a 429.
    [429, 'APIGW.0308', false, 'throttled'],
    [500, 'APIGW.0601', true, undefined],
    [503, 'APIGW.0705', true, undefined],
    [403, 'PAP5.0001', false, 'permission'],
    [403, 'STS5.1001', false, 'trust-policy'],
    [408, '', false, undefined],
    [429, '', false, undefined],
    [500, '', true, undefined],
    [501, '', false, undefined],
    [502, '', true, undefined],
    [503, '', true, undefined],
    [504, '', true, undefined],
    [505, '', false, undefined],
    [520, '', false, undefined],
    // A rejected credential ends the step, even with a code that would be retried.
    [401, 'CC.00000000', false, 'busy'],
    [401, 'CC.00050012', false, 'busy'],
    [401, 'CC.00050014', false, 'busy'],
  ])('HTTP %i with the code %j is retried: %s', (status, code, transient, topic) => {
    const error = read(respond(status, { error_code: code, error_msg: 'no' }));
    expect(error).toMatchObject({
      kind: 'rejected',
      status,
      code,
      message: 'no',
      transient,
      // A gateway that lost the service does not know what it has done.
      mayHaveHappened: status === 502 || status === 504,
    });
    expect(codeFacts(code, 'no')?.topic).toBe(topic);
  });

  test('with a missing project role nested in it is not retried', () => {
    const error_msg = 'service_error_code is: CC.00070403.403';
    expect(read(respond(400, { error_code: 'CC.00000000', error_msg }))).toMatchObject({
      transient: false,
    });
  });

  test.each([
    ['7', 7_000],
    ['Tue, 24 Nov 2026 12:00:30 GMT', 30_000],
    ['soon', undefined],
  ])('has the time that Retry-After: %s asks for', (value, retryAfterMs) => {
    expect(read(respond(429, '', { 'retry-after': value }))).toMatchObject({ retryAfterMs });
    expect(read(respond(200, { error_code: 'X' }, { 'retry-after': value }))).toMatchObject({
      retryAfterMs,
    });
  });

  test.each([100, 101, 199, 600, 999])('is any other status: HTTP %i', (status) => {
    expect(read(respond(status))).toMatchObject({ kind: 'rejected', status, transient: false });
  });
});

describe('the HTTP status within a body', () => {
  const bad = { httpStatus: 'BAD_REQUEST', result: 'The job has ended.', status: 'error' };
  const internal = { httpStatus: 'INTERNAL_SERVER_ERROR', result: 'Failed.', status: 'error' };

  test('is an error under HTTP 200, with its result as the message', () => {
    expect(read(respond(200, bad), true)).toMatchObject({
      kind: 'rejected',
      status: 200,
      code: '',
      message: 'The job has ended.',
      transient: false,
      mayHaveHappened: false,
    });
  });

  test.each(['OK', 'ACCEPTED'])('is a success if it is %s', (httpStatus) => {
    const body = { httpStatus, result: 'Stopping.', status: 'success' };
    expect(read(respond(200, body), true)).toEqual({ status: 200, json: body, requestId: '' });
  });

  test.each([200, 400, 500])('counts like a 500 if it says so, under HTTP %i', (status) => {
    expect(read(respond(status, internal), true)).toMatchObject({
      status,
      message: 'Failed.',
      transient: true,
      mayHaveHappened: false,
    });
  });

  test('does not outweigh a rejected credential', () => {
    expect(read(respond(401, internal), true)).toMatchObject({ transient: false });
  });

  test('does not count in the response to another call', () => {
    expect(read(respond(200, { httpStatus: 'CREATED' }))).toMatchObject({ status: 200 });
    expect(parseResponse(respond(200, { httpStatus: 'CREATED' }), NOW).status).toBe(200);
    expect(read(respond(200, internal))).toMatchObject({ message: 'Failed.', transient: false });
  });

  test('of a body that is not an object does not exist', () => {
    expect(read(respond(200, 'null'), true)).toEqual({ status: 200, json: null, requestId: '' });
    expect(read(respond(400, 'text'), true)).toMatchObject({ transient: false, message: 'text' });
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
    ['https:\\\\user:secret@a.example.com\\b', ' to https:\\\\a.example.com\\b'],
    ['https:user:secret@a.example.com/b', ' to https:a.example.com/b'],
    ['https:///user:secret@a.example.com/b', ' to https:///a.example.com/b'],
    ['git+ssh://user:secret@a.example.com/b', ' to git+ssh://a.example.com/b'],
    ['a9://user:secret@a.example.com/b', ' to a9://a.example.com/b'],
    ['https://user:secret@a.example.com/b?secret#secret', ' to https://a.example.com/b'],
    ['https://a.example.com/@octo', ' to https://a.example.com/@octo'],
    ['https://a.example.com/b:c@d', ' to https://a.example.com/b:c@d'],
    ['/@octo', ' to /@octo'],
  ])('to %j is reported without what may be secret', (location, target) => {
    const headers = location === undefined ? {} : { location };
    const error = read(respond(302, LOGIN_PAGE, { ...headers, 'x-request-id': 'request-1' }));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({
      kind: 'redirect',
      status: 302,
      code: '',
      requestId: 'request-1',
      transient: false,
      mayHaveHappened: false,
      message: `The host responded with a redirect${target}, which is not followed because it would carry the credential away`,
    });
  });

  test.each([300, 301, 303, 304, 307, 308, 399])('is any HTTP %i', (status) => {
    expect(read(respond(status, '{"error_code":"CC.00000000"}'))).toMatchObject({
      kind: 'redirect',
      status,
      transient: false,
    });
  });
});

test('a redirect to any URL is reported without user, password, query and fragment', () => {
  // What a user or a password may hold in a URL: no slash, and all else that ends it is encoded.
  const word = fc.stringMatching(/^[A-Za-z0-9._~!$&'()*+,;=%:@-]{0,20}$/);
  const scheme = fc.constantFrom('https:', 'http:', 'HTTP:', '');
  const path = fc.stringMatching(/^(\/[a-z@:]{0,9}){0,3}$/);
  fc.assert(
    fc.property(scheme, word, path, fc.stringMatching(/^([?#].*)?$/s), (start, user, end, rest) => {
      const location = `${start}//${user}@a.example.com${end}${rest}`;
      const { message } = read(respond(302, '', { location })) as ApiError;
      expect(message).toBe(
        `The host responded with a redirect to ${start}//a.example.com${end}, ` +
          'which is not followed because it would carry the credential away',
      );
    }),
  );
});

describe('2xx that does not come from the API', () => {
  test.each([
    ["the web page 'Log in'", LOGIN_PAGE],
    [
      "the web page 'Log in to the network'",
      '<html><TITLE lang="en">\n Log in\n to the network</TITLE>',
    ],
    ["the web page 'First'", '<title>First</title><title>Second</title>'],
    // A secret may have a '<', and is looked for in the whole title.
    ["the web page 'a<b c'", '<title>a<b c</TITLE ></html>'],
    ["the web page 'Log in <p>'", '<title>Log in\n<p>'],
    ['a web page', '\n<HTML>'],
    ['a web page', '<title> </title>'],
    ['a web page', '<title'],
    ['text', 'OK'],
    ['text', '{"a":'],
    ['text', 'undefined'],
    ['text', 'no <title>markup</title>'],
  ])('is no success: %s (%j)', (description, body) => {
    const error = read(respond(200, body, { 'x-request-id': 'request-1' }));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({
      kind: 'not-json',
      status: 200,
      code: '',
      requestId: 'request-1',
      transient: false,
      mayHaveHappened: true,
      message: `The host responded with ${description} instead of JSON`,
    });
  });

  // A search that starts over at each tag would take a minute for this one.
  test('is described in time, however many tags it has', () => {
    const page = `<${'<title'.repeat(120_000)}`;
    expect(read(respond(200, page))).toMatchObject({
      message: 'The host responded with a web page instead of JSON',
    });
    expect(read(respond(200, '<title>'.repeat(120_000)))).toMatchObject({ kind: 'not-json' });
  });
});

test('a success that lacks something is an error, and what was asked for may have happened', () => {
  const error = invalidResponse("'value' is missing", {
    status: 201,
    json: {},
    requestId: 'request-1',
  });
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({
    kind: 'invalid-response',
    status: 201,
    code: '',
    requestId: 'request-1',
    message: "Invalid response: 'value' is missing",
    transient: false,
    mayHaveHappened: true,
  });
});

/** Whether a text is JSON without an error in it: the rules of the contract, written out. */
function isHarmless(text: string, innerStatus: boolean): boolean {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return false;
  }
  const top = membersOf(json);
  const levels = [top, ...[...top.values()].map(membersOf)];
  const filled = (member: unknown) =>
    !['null', 'false', '""', '{}', '[]', undefined].includes(JSON.stringify(member));
  const signs = [
    filled(top.get('error')),
    filled(top.get('errors')),
    /^"error"$/i.test(JSON.stringify(top.get('status')) ?? ''),
    innerStatus &&
      ![undefined, null, 'OK', 'ACCEPTED'].includes(top.get('httpStatus') as string | null),
    ...levels.flatMap((level) => [
      !['null', '""', undefined].includes(JSON.stringify(level.get('error_code'))),
      !['null', '""', undefined].includes(JSON.stringify(level.get('errorCode'))),
      filled(level.get('error_msg')),
    ]),
  ];
  return !signs.includes(true);
}

function membersOf(json: unknown): Map<string, unknown> {
  return new Map(typeof json === 'object' && json !== null ? Object.entries(json) : []);
}

/** The JSON of a text, in one spelling. */
function normalized(text: string): string {
  return text === '' ? '' : JSON.stringify(JSON.parse(text));
}

describe('any response', () => {
  const names = fc.constantFrom(
    ...['error_code', 'error_msg', 'errorCode', 'code', 'message', 'error', 'errors', 'status'],
    ...['httpStatus', 'result', 'a'],
  );
  const value = fc.oneof(fc.constantFrom('error', 'OK', 'ACCEPTED', ''), fc.jsonValue());
  const json = fc.oneof(
    fc.jsonValue({ maxDepth: 4 }),
    fc.dictionary(names, fc.oneof(value, fc.dictionary(names, value))),
  );
  const text = fc.string({ unit: 'binary' });
  const space = fc.constantFrom('', ' ', '\r\n', '\ufeff');
  const body = fc.oneof(
    fc
      .tuple(space, json, space)
      .map(([left, one, right]) => `${left}${JSON.stringify(one)}${right}`),
    // Cut short, or with something behind it.
    fc.tuple(json, fc.nat()).map(([one, end]) => JSON.stringify(one).slice(0, end)),
    fc.tuple(json, text).map(([one, more]) => JSON.stringify(one) + more),
    text,
    fc.constantFrom('', 'null', LOGIN_PAGE),
  );
  const headers = fc.record(
    {
      location: text,
      'retry-after': fc.oneof(fc.string(), fc.nat().map(String)),
      'x-request-id': fc.string(),
    },
    { requiredKeys: [] },
  );
  const in2xx = fc.integer({ min: 200, max: 299 });
  const anyStatus = fc.oneof(in2xx, fc.integer({ min: 100, max: 599 }));

  test('is a success only if it is 2xx with an empty body or JSON without an error in it', () => {
    fc.assert(
      fc.property(anyStatus, headers, body, fc.boolean(), (status, given, content, innerStatus) => {
        const outcome = read({ status, headers: given, body: content }, innerStatus);
        const good = content.trim() === '' || isHarmless(content.trim(), innerStatus);
        const expected = status >= 200 && status <= 299 && good;
        expect(outcome instanceof ApiError).toBe(!expected);
        if (outcome instanceof ApiError) expect(outcome.message.trim()).not.toBe('');
        else expect(JSON.stringify(outcome.json) ?? '').toBe(normalized(content.trim()));
        expect(outcome.status).toBe(status);
      }),
      { numRuns: 2_000 },
    );
  });

  test('with an error code of any type under 2xx is never a success', () => {
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
      fc.property(in2xx, name, code, json, wrap, (status, errorCode, given, more, around) => {
        const outcome = read(respond(status, around({ more, [errorCode]: given })));
        expect(outcome).toBeInstanceOf(ApiError);
      }),
    );
  });

  test('is retried only because of its status, its code, or the status within it', () => {
    fc.assert(
      fc.property(anyStatus, headers, body, fc.boolean(), (status, given, content, innerStatus) => {
        const outcome = read({ status, headers: given, body: content }, innerStatus);
        const transient = outcome instanceof ApiError && outcome.transient;
        const may =
          status !== 401 &&
          ([500, 502, 503, 504].includes(status) ||
            /CC\.000(00000|5001[24])|INTERNAL_SERVER_ERROR/.test(content));
        expect(transient && !may).toBe(false);
      }),
    );
  });
});
