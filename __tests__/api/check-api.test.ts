import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CheckApi, StartedWithError, type StartOptions } from '../../src/api/check-api.ts';
import type { Attempt } from '../../src/http/client.ts';
import { ApiError, NetworkError } from '../../src/http/errors.ts';
import type { HttpRequest, HttpResponse } from '../../src/http/transport.ts';
import type { Target } from '../../src/inputs/target.ts';
import { scriptedClient } from '../support/scripted-client.ts';

const TASK = '0123456789abcdef0123456789ABCDEF';
const EXECUTION = 'fedcba9876543210fedcba9876543210';
const CURRENT: Target = { taskId: TASK, executionId: undefined };
const NAMED: Target = { taskId: TASK, executionId: EXECUTION };
const BUSY: HttpResponse = { status: 503, headers: {}, body: '' };

interface Options {
  readonly endpoint?: string;
  readonly retries?: number;
  /** What is sent after the given responses. */
  readonly afterwards?: HttpResponse;
}

/** An API whose requests get the given responses, in order. */
function apiWith(responses: readonly HttpResponse[], options: Options = {}) {
  const { endpoint = 'https://check.example.com', retries = 2, afterwards = BUSY } = options;
  const sent: HttpRequest[] = [];
  const attempts: Attempt[] = [];
  const client = scriptedClient(responses, afterwards, (request) => sent.push(request));
  const api = new CheckApi({
    client,
    endpoint: new URL(endpoint),
    retries,
    authorize: (request, now) => ({
      ...request,
      headers: { ...request.headers, 'x-proof': now.toISOString() },
    }),
  });
  return { api, sent, attempts, onAttempt: (attempt: Attempt) => attempts.push(attempt) };
}

function respond(
  status: number,
  body: unknown = '',
  headers: HttpResponse['headers'] = {},
): HttpResponse {
  return { status, headers, body: typeof body === 'string' ? body : JSON.stringify(body) };
}

const ok = (body: unknown = '', headers: HttpResponse['headers'] = {}) =>
  respond(200, body, headers);

/** Method and URL of each request. */
const lines = (sent: readonly HttpRequest[]) =>
  sent.map(({ method, url }) => `${method} ${url.href}`);

describe('a stop request', () => {
  test('for the current scan is a POST to the task, with the credential', async () => {
    const { api, sent, onAttempt } = apiWith([ok()]);
    await api.stop(CURRENT, onAttempt);
    expect(lines(sent)).toEqual([`POST https://check.example.com/v2/tasks/${TASK}/stop`]);
    expect(sent).toMatchObject([
      {
        body: '{}',
        headers: { 'content-type': 'application/json', 'x-proof': '2026-11-24T12:00:00.000Z' },
      },
    ]);
  });

  test('for one execution is a PUT with its ID as job_id, with the credential', async () => {
    const { api, sent, onAttempt } = apiWith([ok()]);
    await api.stop(NAMED, onAttempt);
    expect(lines(sent)).toEqual([
      `PUT https://check.example.com/v1/tasks/${TASK}/stop?job_id=${EXECUTION}`,
    ]);
    expect(sent).toMatchObject([
      {
        body: '{}',
        headers: { 'content-type': 'application/json', 'x-proof': '2026-11-24T12:00:00.000Z' },
      },
    ]);
  });

  test.each([
    ['https://check.example.com/', ''],
    ['https://check.example.com:8443', ''],
    ['https://gateway.example.com/check', '/check'],
    ['https://gateway.example.com/check/', '/check'],
  ])('goes to the endpoint %s', async (endpoint, path) => {
    const { api, sent, onAttempt } = apiWith([ok(), ok()], { endpoint });
    await api.stop({ taskId: 'abc', executionId: undefined }, onAttempt);
    await api.stop({ taskId: 'abc', executionId: 'e-1_2' }, onAttempt);
    const { origin } = new URL(endpoint);
    expect(lines(sent)).toEqual([
      `POST ${origin}${path}/v2/tasks/abc/stop`,
      `PUT ${origin}${path}/v1/tasks/abc/stop?job_id=e-1_2`,
    ]);
  });

  test.each([
    ['nothing', CURRENT, ''],
    ['null', CURRENT, 'null'],
    ['nothing', NAMED, ''],
    ['OK', NAMED, '{"httpStatus":"OK","result":"Stopped.","status":"success"}'],
    ['ACCEPTED', NAMED, '{"httpStatus":"ACCEPTED","result":"Stopping.","status":"success"}'],
    // Only the call for an execution has a status of its own.
    ['CREATED', CURRENT, '{"httpStatus":"CREATED"}'],
  ])('is accepted with %s in the response, which gives the request ID', async (_, target, body) => {
    const { api, onAttempt } = apiWith([ok(body, { 'x-request-id': 'request-1' })]);
    await expect(api.stop(target, onAttempt)).resolves.toBe('request-1');
  });

  test.each([
    [
      'with its code',
      CURRENT,
      respond(400, { error_code: 'CC.00000001.400', error_msg: 'no task' }),
      { status: 400, code: 'CC.00000001.400', message: 'no task' },
    ],
    [
      'with its code, for one execution',
      NAMED,
      respond(404, { error_code: 'APIGW.0101', error_msg: 'no such API' }),
      { status: 404, code: 'APIGW.0101', message: 'no such API' },
    ],
    [
      'with its result, for one execution',
      NAMED,
      ok({ httpStatus: 'BAD_REQUEST', result: 'It has ended.', status: 'error' }),
      { status: 200, code: '', message: 'It has ended.' },
    ],
    [
      'by its HTTP status alone, for one execution',
      NAMED,
      ok({ httpStatus: 'NOT_FOUND' }),
      { status: 200, code: '', message: 'The API gave no reason' },
    ],
  ])('that is rejected fails %s', async (_, target, response, expected) => {
    const { api, sent, onAttempt } = apiWith([response]);
    const stop = api.stop(target, onAttempt);
    await expect(stop).rejects.toBeInstanceOf(ApiError);
    await expect(stop).rejects.toMatchObject({ ...expected, kind: 'rejected', operation: 'stop' });
    expect(sent).toHaveLength(1);
  });

  test.each([
    ['a 503', CURRENT, BUSY],
    ['a 503, for one execution', NAMED, BUSY],
    [
      'an INTERNAL_SERVER_ERROR under HTTP 200, for one execution',
      NAMED,
      ok({ httpStatus: 'INTERNAL_SERVER_ERROR', result: 'Failed.', status: 'error' }),
    ],
  ])(
    'is retried after %s as often as the inputs say, and each attempt is reported',
    async (_, target, response) => {
      const { api, sent, attempts, onAttempt } = apiWith([], { retries: 2, afterwards: response });
      await expect(api.stop(target, onAttempt)).rejects.toMatchObject({ status: response.status });
      expect(sent).toHaveLength(3);
      expect(attempts).toMatchObject([{ number: 1 }, { number: 2 }, { number: 3 }]);
      // Each attempt has a fresh proof.
      expect(new Set(sent.map(({ headers }) => headers['x-proof'])).size).toBe(3);
    },
  );

  test('for one execution never becomes one for the whole task, with any response', async () => {
    const body = fc.oneof(
      fc.constantFrom('', 'null', '<html></html>', '{"error_code":"APIGW.0101"}'),
      fc
        .constantFrom('OK', 'BAD_REQUEST', 'INTERNAL_SERVER_ERROR')
        .map((httpStatus) => JSON.stringify({ httpStatus, status: 'error' })),
    );
    const response = fc
      .tuple(fc.constantFrom(200, 302, 400, 401, 403, 404, 405, 429, 500, 503), body)
      .map(([status, text]) => respond(status, text));
    await fc.assert(
      fc.asyncProperty(
        fc.array(response, { maxLength: 3 }),
        response,
        async (first, afterwards) => {
          const { api, sent, onAttempt } = apiWith(first, { afterwards });
          await api.stop(NAMED, onAttempt).catch(() => undefined);
          const all = [...new Set(lines(sent))];
          expect(all).toEqual([
            `PUT https://check.example.com/v1/tasks/${TASK}/stop?job_id=${EXECUTION}`,
          ]);
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe('a reading of the status', () => {
  test.each([
    ['the current scan', CURRENT, ''],
    ['one execution', NAMED, `?job_id=${EXECUTION}`],
  ])('of %s is a GET with the credential', async (_, target, query) => {
    const { api, sent, onAttempt } = apiWith([ok({ task_status: 0 })], {
      endpoint: 'https://gateway.example.com/check/',
    });
    await api.status(target, onAttempt);
    expect(lines(sent)).toEqual([
      `GET https://gateway.example.com/check/v2/tasks/${TASK}/progress${query}`,
    ]);
    expect(sent[0]).toMatchObject({ body: '', headers: { 'x-proof': '2026-11-24T12:00:00.000Z' } });
    expect(Object.keys(sent[0]?.headers ?? {})).toEqual(['x-proof']);
  });

  test.each([
    [0, 'checking'],
    [1, 'failed'],
    [2, 'succeeded'],
    [3, 'stopped'],
    [null, 'never-checked'],
  ])('with task_status %j is %s', async (task_status, state) => {
    const { api, onAttempt } = apiWith([ok({ task_status })]);
    await expect(api.status(CURRENT, onAttempt)).resolves.toEqual({
      state,
      taskStatus: JSON.stringify(task_status),
      ratio: undefined,
    });
  });

  test.each([
    ['4', '4'],
    ['-1', '-1'],
    ['"0"', '"0"'],
    ['"3"', '"3"'],
    ['true', 'true'],
    ['""', '""'],
    ['false', 'false'],
    ['0.5', '0.5'],
    ['"null"', '"null"'],
    ['[]', 'object'],
    ['[3]', 'object'],
    ['[null]', 'object'],
    ['{}', 'object'],
    ['{"a":3}', 'object'],
    // As it is, so that a secret in it is recognized.
    ['"a\\"b\\\\c"', '"a"b\\c"'],
  ])('with task_status %s is unknown', async (value, taskStatus) => {
    const { api, onAttempt } = apiWith([ok(`{"task_status":${value}}`)]);
    await expect(api.status(CURRENT, onAttempt)).resolves.toEqual({
      state: 'unknown',
      taskStatus,
      ratio: undefined,
    });
  });

  test.each([
    ['nothing', ''],
    ['null', 'null'],
    ['a text', '"3"'],
    ['a number', '3'],
    ['a list', '[3]'],
    ['an object without it', '{"progress":{"ratio":null}}'],
  ])('with %s instead of a status is unknown', async (_, body) => {
    const { api, onAttempt } = apiWith([ok(body)]);
    await expect(api.status(CURRENT, onAttempt)).resolves.toEqual({
      state: 'unknown',
      taskStatus: 'none',
      ratio: undefined,
    });
  });

  // A step that crashes on what a host sends would report nothing about the other tasks.
  test('with a task_status of many levels is unknown', async () => {
    const value = `${'['.repeat(30_000)}${']'.repeat(30_000)}`;
    const { api, onAttempt } = apiWith([ok(`{"task_status":${value}}`)]);
    await expect(api.status(CURRENT, onAttempt)).resolves.toEqual({
      state: 'unknown',
      taskStatus: 'object',
      ratio: undefined,
    });
  });

  // A secret in it can be hidden only in the whole text: whoever shows it cuts it.
  test('with a long text instead of a status has all of it', async () => {
    const { api, onAttempt } = apiWith([ok(`{"task_status":"${'x'.repeat(60_000)}"}`)]);
    await expect(api.status(CURRENT, onAttempt)).resolves.toMatchObject({
      state: 'unknown',
      taskStatus: `"${'x'.repeat(60_000)}"`,
    });
  });

  test.each([
    ['{"ratio":"50%","info":"running"}', '50%'],
    ['{"ratio":null,"info":null}', undefined],
    ['{"ratio":50}', undefined],
    ['{}', undefined],
    ['null', undefined],
    ['"50%"', undefined],
  ])('with progress %s has the ratio %j', async (progress, ratio) => {
    const { api, onAttempt } = apiWith([ok(`{"task_status":0,"progress":${progress}}`)]);
    await expect(api.status(CURRENT, onAttempt)).resolves.toMatchObject({
      state: 'checking',
      ratio,
    });
  });

  test('that is rejected fails with the API’s error, which belongs to the status', async () => {
    const { api, onAttempt } = apiWith([respond(403)]);
    await expect(api.status(CURRENT, onAttempt)).rejects.toMatchObject({
      status: 403,
      operation: 'status',
    });
  });

  test('is retried as often as the inputs say, or as the caller does', async () => {
    const byInputs = apiWith([], { retries: 2 });
    await expect(byInputs.api.status(CURRENT, byInputs.onAttempt)).rejects.toMatchObject({
      status: 503,
    });
    expect(byInputs.attempts).toHaveLength(3);

    const byCaller = apiWith([], { retries: 2 });
    await expect(byCaller.api.status(CURRENT, byCaller.onAttempt, 0)).rejects.toMatchObject({
      status: 503,
    });
    expect(byCaller.attempts).toHaveLength(1);
  });
});

describe('the issues that a scan found', () => {
  const COUNTS = {
    issue_count: 15,
    critical_count: 1,
    major_count: 2,
    minor_count: 5,
    suggestion_count: 7,
  };
  const ISSUES = { total: 15, critical: 1, major: 2, minor: 5, suggestion: 7 };

  test.each([
    ['the current scan', CURRENT, ''],
    ['one execution', NAMED, `?job_id=${EXECUTION}`],
  ])('of %s are read by a GET with the credential', async (_, target, query) => {
    const { api, sent, onAttempt } = apiWith([ok(COUNTS)]);
    await expect(api.issues(target, onAttempt)).resolves.toEqual(ISSUES);
    expect(lines(sent)).toEqual([
      `GET https://check.example.com/v2/tasks/${TASK}/defects-summary${query}`,
    ]);
    expect(Object.keys(sent[0]?.headers ?? {})).toEqual(['x-proof']);
  });

  test('are numbers, even if the service sends texts', async () => {
    const texts = Object.fromEntries(Object.entries(COUNTS).map(([name, n]) => [name, `${n}`]));
    const { api, onAttempt } = apiWith([ok(texts)]);
    await expect(api.issues(CURRENT, onAttempt)).resolves.toEqual(ISSUES);
  });

  test.each(Object.keys(COUNTS))('are not readable without %s', async (name) => {
    const { [name]: _left, ...others } = COUNTS as Record<string, number>;
    const { api, sent, onAttempt } = apiWith([ok(others, { 'x-request-id': 'request-1' })]);
    await expect(api.issues(CURRENT, onAttempt)).rejects.toMatchObject({
      kind: 'invalid-response',
      status: 200,
      requestId: 'request-1',
      operation: 'result',
      message: `Invalid response: '${name}' is not a count`,
    });
    expect(sent).toHaveLength(1);
  });

  test.each([
    ['null', null],
    ['a negative number', -1],
    ['a fraction', 0.5],
    ['more than can be counted', 2 ** 53],
    ['an empty text', ''],
    ['a text with a sign', '-1'],
    ['a text with a fraction', '1.0'],
    ['a text with an exponent', '1e3'],
    ['a text with whitespace', ' 1'],
    ['a text of more than can be counted', '9'.repeat(400)],
    ['a list', [1]],
    ['true', true],
  ])('are not readable if a count is %s', async (_, critical_count) => {
    const { api, onAttempt } = apiWith([ok({ ...COUNTS, critical_count })]);
    await expect(api.issues(CURRENT, onAttempt)).rejects.toMatchObject({
      kind: 'invalid-response',
      message: "Invalid response: 'critical_count' is not a count",
    });
  });

  test.each([
    ['nothing', ''],
    ['null', 'null'],
    ['a list', '[1]'],
  ])('are not readable if the response is %s', async (_, body) => {
    const { api, onAttempt } = apiWith([ok(body)]);
    await expect(api.issues(CURRENT, onAttempt)).rejects.toMatchObject({
      kind: 'invalid-response',
    });
  });

  test.each([0, 1, 2 ** 53 - 1])('can be %d', async (count) => {
    for (const critical_count of [count, String(count)]) {
      const { api, onAttempt } = apiWith([ok({ ...COUNTS, critical_count })]);
      await expect(api.issues(CURRENT, onAttempt)).resolves.toMatchObject({ critical: count });
    }
  });

  test('that may not be read fail with the API’s error', async () => {
    const { api, onAttempt } = apiWith([
      respond(403, { error_code: 'PAP5.0001', error_msg: 'no' }),
    ]);
    await expect(api.issues(CURRENT, onAttempt)).rejects.toMatchObject({
      status: 403,
      code: 'PAP5.0001',
      operation: 'result',
    });
  });

  test('are read again after a transient error as often as the inputs say', async () => {
    const { api, sent, onAttempt } = apiWith([BUSY, BUSY, ok(COUNTS)], { retries: 2 });
    await expect(api.issues(CURRENT, onAttempt)).resolves.toEqual(ISSUES);
    expect(sent).toHaveLength(3);
  });
});

describe('a start', () => {
  /** Starts a scan, repeats it while another is running, and notes what happens in order. */
  function startWith(
    responses: readonly HttpResponse[],
    once: StartOptions['once'] = {
      retryInMs: ({ code }) => (code === 'CC.00050015' ? 2_000 : undefined),
      leastMs: 0,
    },
  ) {
    const { api, sent } = apiWith(responses, { afterwards: ok({ exec_id: 'second' }) });
    const events: string[] = [];
    const started = api.start(TASK, {
      once,
      beforeSend: () => events.push(`send ${sent.length + 1}`),
      onAttempt: ({ status }) => events.push(`attempt ${status}`),
      onStarted: (executionId) => events.push(`started ${executionId}`),
    });
    return { started, sent, events };
  }

  test('is a POST with the credential, and gives the ID of the execution', async () => {
    const { started, sent, events } = startWith([
      ok({ exec_id: EXECUTION }, { 'x-request-id': 'request-1' }),
    ]);
    await expect(started).resolves.toEqual({ executionId: EXECUTION, requestId: 'request-1' });
    expect(lines(sent)).toEqual([`POST https://check.example.com/v2/tasks/${TASK}/run`]);
    expect(sent[0]).toMatchObject({
      body: '{}',
      headers: { 'content-type': 'application/json', 'x-proof': '2026-11-24T12:00:00.000Z' },
    });
    // The ID is passed on before anything else is done with the response.
    expect(events).toEqual(['send 1', `started ${EXECUTION}`, 'attempt 200']);
  });

  test.each([
    [200, 'a'],
    [201, 'e-1_Z'],
    [202, 'x'.repeat(64)],
  ])('succeeds with HTTP %i and the exec_id %s', async (status, executionId) => {
    const { started } = startWith([respond(status, { exec_id: executionId })]);
    await expect(started).resolves.toEqual({ executionId, requestId: '' });
  });

  test('succeeds if the JSON has a byte order mark before it', async () => {
    const { started } = startWith([ok(`\ufeff{"exec_id":"${EXECUTION}"}\r\n`)]);
    await expect(started).resolves.toMatchObject({ executionId: EXECUTION });
  });

  test.each([
    ['is missing', {}],
    ['is empty', { exec_id: '' }],
    ['is null', { exec_id: null }],
    ['is a number', { exec_id: 5 }],
    ['is too long', { exec_id: 'x'.repeat(65) }],
    ['has other characters', { exec_id: 'a/b' }],
    ['ends with a line break', { exec_id: 'abc\n' }],
    ['is one level down', { result: { exec_id: EXECUTION } }],
  ])('fails after one request if the exec_id %s: a scan may have been started', async (_, body) => {
    const { started, sent, events } = startWith([ok(body, { 'x-request-id': 'request-1' })]);
    await expect(started).rejects.toMatchObject({
      kind: 'invalid-response',
      status: 200,
      requestId: 'request-1',
      operation: 'start',
      mayHaveHappened: true,
      message: "Invalid response: 'exec_id' is missing or malformed",
    });
    expect(sent).toHaveLength(1);
    expect(events).toEqual(['send 1', 'attempt 200']);
  });

  test.each([
    ['nothing', ''],
    ['null', 'null'],
    ['a list', `["${EXECUTION}"]`],
    ['a text', `"${EXECUTION}"`],
  ])('fails after one request if the response is %s', async (_, body) => {
    const { started, sent } = startWith([ok(body)]);
    await expect(started).rejects.toMatchObject({
      kind: 'invalid-response',
      mayHaveHappened: true,
    });
    expect(sent).toHaveLength(1);
  });

  test('fails after one request if the response is not JSON', async () => {
    const { started, sent } = startWith([ok('<html></html>')]);
    await expect(started).rejects.toMatchObject({ kind: 'not-json', mayHaveHappened: true });
    expect(sent).toHaveLength(1);
  });

  test.each([
    ['a code under HTTP 200', respond(200, { error_code: 'CC.00050010', error_msg: 'no' })],
    [
      'a transient code under HTTP 200',
      respond(200, { error_code: 'CC.00000000', error_msg: 'no' }),
    ],
    ['a 400', respond(400, { error_code: 'CC.00000001.400', error_msg: 'no' })],
    ['a 401', respond(401, { error_code: 'APIGW.0301', error_msg: 'no' })],
    ['a 500', respond(500, { error_code: 'CC.00000500', error_msg: 'no' })],
    ['a 503 of the service', respond(503, { error_code: 'CC.00000503', error_msg: 'no' })],
    ['a 503 of the gateway', respond(503, { error_code: 'APIGW.0601', error_msg: 'no' })],
    ['a 429', respond(429, { error_code: 'APIGW.0308', error_msg: 'no' })],
  ])(
    'with an exec_id beside %s fails after one request, and the ID is passed on',
    async (_, response) => {
      const { error_code } = JSON.parse(response.body) as { error_code: string };
      const body = JSON.stringify({ ...JSON.parse(response.body), exec_id: EXECUTION });
      const { started, sent, events } = startWith([
        { ...response, body, headers: { 'x-request-id': 'request-1' } },
      ]);
      await expect(started).rejects.toBeInstanceOf(StartedWithError);
      await expect(started).rejects.toBeInstanceOf(ApiError);
      await expect(started).rejects.toMatchObject({
        executionId: EXECUTION,
        kind: 'rejected',
        status: response.status,
        code: error_code,
        message: 'no',
        requestId: 'request-1',
        operation: 'start',
      });
      expect(sent).toHaveLength(1);
      expect(events).toEqual(['send 1', `started ${EXECUTION}`, `attempt ${response.status}`]);
    },
  );

  test('with an exec_id in a redirect fails after one request, and the ID is passed on', async () => {
    const { started, events } = startWith([respond(302, { exec_id: EXECUTION })]);
    await expect(started).rejects.toBeInstanceOf(StartedWithError);
    expect(events).toContain(`started ${EXECUTION}`);
  });

  test.each([200, 400])(
    'with an exec_id beside CC.00050015 under HTTP %i is not ours: it is repeated',
    async (status) => {
      const { started, events } = startWith([
        respond(status, { error_code: 'CC.00050015', error_msg: 'running', exec_id: 'other' }),
      ]);
      await expect(started).resolves.toMatchObject({ executionId: 'second' });
      expect(events).toEqual([
        'send 1',
        `attempt ${status}`,
        'send 2',
        'started second',
        'attempt 200',
      ]);
    },
  );

  test('that was rejected as running already, for good, names no execution', async () => {
    const { started, events } = startWith(
      [ok({ error_code: 'CC.00050015', error_msg: 'running', exec_id: 'other' })],
      { retryInMs: () => undefined, leastMs: 0 },
    );
    await expect(started).rejects.not.toBeInstanceOf(StartedWithError);
    await expect(started).rejects.toMatchObject({ code: 'CC.00050015', message: 'running' });
    expect(events).toEqual(['send 1', 'attempt 200']);
  });

  test('with a malformed exec_id beside an error is rejected', async () => {
    const { started, events } = startWith([respond(400, { error_code: 'X.1', exec_id: '' })]);
    await expect(started).rejects.not.toBeInstanceOf(StartedWithError);
    expect(events).toEqual(['send 1', 'attempt 400']);
  });

  test('is repeated by its own policy alone', async () => {
    const { started, sent } = startWith([BUSY], { retryInMs: () => undefined, leastMs: 0 });
    await expect(started).rejects.toMatchObject({ status: 503 });
    expect(sent).toHaveLength(1);
  });

  test('keeps what an error with an execution knows', () => {
    const cause = new NetworkError('below', { kind: 'cut-short' });
    const error = new StartedWithError(
      EXECUTION,
      new ApiError('no', {
        ...{ kind: 'rejected', status: 502, code: 'X.1', requestId: 'request-1' },
        ...{ transient: true, retryAfterMs: 7, mayHaveHappened: true, cause },
      }),
    );
    expect(error).toMatchObject({
      ...{ executionId: EXECUTION, message: 'no', kind: 'rejected', status: 502, code: 'X.1' },
      ...{ requestId: 'request-1', transient: true, retryAfterMs: 7, mayHaveHappened: true, cause },
    });
  });
});

test('the end of all calls is that of the client', async () => {
  const { api, onAttempt } = apiWith([respond(401)]);
  expect(api.ended.aborted).toBe(false);
  await expect(api.stop(CURRENT, onAttempt)).rejects.toMatchObject({ status: 401 });
  expect(api.ended.aborted).toBe(true);
});
