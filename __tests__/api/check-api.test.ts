import { describe, expect, test } from '@jest/globals';
import { CheckApi } from '../../src/api/check-api.ts';
import type { Credential } from '../../src/credentials/credential.ts';
import type { Attempt } from '../../src/http/client.ts';
import { ApiError } from '../../src/http/errors.ts';
import type { HttpRequest, HttpResponse } from '../../src/http/transport.ts';
import { scriptedClient } from '../support/scripted-client.ts';

const TASK = '0123456789abcdef0123456789ABCDEF';
const BUSY: HttpResponse = { status: 503, headers: {}, body: '' };

const credential: Credential = {
  name: 'a credential',
  hint: 'Get another.',
  authorize: (request, now) => ({
    ...request,
    headers: { ...request.headers, 'x-proof': now.toISOString() },
  }),
};

interface Options {
  readonly endpoint?: string;
  readonly retries?: number;
}

function bench(answers: readonly HttpResponse[], options: Options = {}) {
  const { endpoint = 'https://check.example.com', retries = 2 } = options;
  const sent: HttpRequest[] = [];
  const attempts: Attempt[] = [];
  const client = scriptedClient(answers, BUSY, (request) => sent.push(request));
  const api = new CheckApi(client, new URL(endpoint), credential, retries);
  return { api, sent, attempts, onAttempt: (attempt: Attempt) => attempts.push(attempt) };
}

function ok(body: unknown = '', headers: HttpResponse['headers'] = {}): HttpResponse {
  return { status: 200, headers, body: typeof body === 'string' ? body : JSON.stringify(body) };
}

describe('a stop request', () => {
  test('is what the API wants, with the credential', async () => {
    const { api, sent, onAttempt } = bench([ok()]);
    await api.stop(TASK, onAttempt);
    expect(sent.map(({ url }) => url.href)).toEqual([
      `https://check.example.com/v2/tasks/${TASK}/stop`,
    ]);
    expect(sent).toMatchObject([
      {
        method: 'POST',
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
    const { api, sent, onAttempt } = bench([ok()], { endpoint });
    await api.stop('abc', onAttempt);
    expect(sent[0]?.url.href).toBe(`${new URL(endpoint).origin}${path}/v2/tasks/abc/stop`);
  });

  test.each([
    ['nothing', ''],
    ['null', 'null'],
  ])('is taken when the API answers with %s, and gives the request ID', async (_, body) => {
    const { api, onAttempt } = bench([ok(body, { 'x-request-id': 'request-1' })]);
    await expect(api.stop(TASK, onAttempt)).resolves.toBe('request-1');
  });

  test('that is refused fails with the API’s error', async () => {
    const body = '{"error_code":"CC.00000001.400","error_msg":"no such task"}';
    const { api, sent, onAttempt } = bench([{ status: 400, headers: {}, body }]);
    const failure = api.stop(TASK, onAttempt);
    await expect(failure).rejects.toBeInstanceOf(ApiError);
    await expect(failure).rejects.toMatchObject({ status: 400, code: 'CC.00000001.400' });
    expect(sent).toHaveLength(1);
  });

  test('is tried again as often as the inputs say, and each attempt is told', async () => {
    const { api, sent, attempts, onAttempt } = bench([BUSY, BUSY, BUSY], { retries: 2 });
    await expect(api.stop(TASK, onAttempt)).rejects.toMatchObject({ status: 503 });
    expect(sent).toHaveLength(3);
    expect(attempts).toMatchObject([{ number: 1 }, { number: 2 }, { number: 3 }]);
  });
});

describe('a look at the status', () => {
  test('is what the API wants, with the credential', async () => {
    const { api, sent, onAttempt } = bench([ok({ task_status: 0 })], {
      endpoint: 'https://gateway.example.com/check/',
    });
    await api.status(TASK, onAttempt);
    expect(sent).toMatchObject([
      { method: 'GET', body: '', headers: { 'x-proof': '2026-11-24T12:00:00.000Z' } },
    ]);
    expect(sent[0]?.url.href).toBe(`https://gateway.example.com/check/v2/tasks/${TASK}/progress`);
    expect(Object.keys(sent[0]?.headers ?? {})).toEqual(['x-proof']);
  });

  test.each([
    [0, 'checking'],
    [1, 'failed'],
    [2, 'succeeded'],
    [3, 'stopped'],
    [null, 'never-checked'],
  ])('with task_status %j says %s', async (task_status, state) => {
    const { api, onAttempt } = bench([ok({ task_status })]);
    await expect(api.status(TASK, onAttempt)).resolves.toEqual({
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
  ])('with task_status %s says that it is unknown', async (value, taskStatus) => {
    const { api, onAttempt } = bench([ok(`{"task_status":${value}}`)]);
    await expect(api.status(TASK, onAttempt)).resolves.toEqual({
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
  ])('with %s instead of a status says that it is unknown', async (_, body) => {
    const { api, onAttempt } = bench([ok(body)]);
    await expect(api.status(TASK, onAttempt)).resolves.toEqual({
      state: 'unknown',
      taskStatus: 'none',
      ratio: undefined,
    });
  });

  // A step that crashes on what a host sends would say nothing of the other tasks.
  test('with a task_status of many levels says that it is unknown', async () => {
    const value = `${'['.repeat(30_000)}${']'.repeat(30_000)}`;
    const { api, onAttempt } = bench([ok(`{"task_status":${value}}`)]);
    await expect(api.status(TASK, onAttempt)).resolves.toEqual({
      state: 'unknown',
      taskStatus: 'object',
      ratio: undefined,
    });
  });

  test('with a long text instead of a status shows the beginning of it', async () => {
    const { api, onAttempt } = bench([ok(`{"task_status":"${'x'.repeat(60_000)}"}`)]);
    await expect(api.status(TASK, onAttempt)).resolves.toMatchObject({
      state: 'unknown',
      taskStatus: `"${'x'.repeat(19)}…`,
    });
  });

  test.each([
    ['{"ratio":"50%","info":"running"}', '50%'],
    ['{"ratio":null,"info":null}', undefined],
    ['{"ratio":50}', undefined],
    [`{"ratio":"${'9'.repeat(20)}"}`, '9'.repeat(20)],
    [`{"ratio":"${'9'.repeat(21)}"}`, undefined],
    ['{}', undefined],
    ['null', undefined],
    ['"50%"', undefined],
  ])('with progress %s says how much is done: %j', async (progress, ratio) => {
    const { api, onAttempt } = bench([ok(`{"task_status":0,"progress":${progress}}`)]);
    await expect(api.status(TASK, onAttempt)).resolves.toMatchObject({ state: 'checking', ratio });
  });

  test('that is refused fails with the API’s error', async () => {
    const { api, onAttempt } = bench([{ status: 403, headers: {}, body: '' }]);
    await expect(api.status(TASK, onAttempt)).rejects.toMatchObject({ status: 403 });
  });

  test('is tried again as often as the inputs say, or as the caller does', async () => {
    const byInputs = bench([], { retries: 2 });
    await expect(byInputs.api.status(TASK, byInputs.onAttempt)).rejects.toMatchObject({
      status: 503,
    });
    expect(byInputs.attempts).toHaveLength(3);

    const byCaller = bench([], { retries: 2 });
    await expect(byCaller.api.status(TASK, byCaller.onAttempt, 0)).rejects.toMatchObject({
      status: 503,
    });
    expect(byCaller.attempts).toHaveLength(1);
  });
});
