import { expect, test } from '@jest/globals';
import type { Fault } from '../../mock-api/faults.ts';
import { issueCertificate } from '../support/certificates.ts';
import {
  expectFailure,
  resultsOf,
  runStep,
  startMockApi,
  TOKEN,
} from '../support/with-mock-api.ts';

const MAY_HAVE_HAPPENED = 'The stop may have happened: check the task in CodeArts Check.';

/** Runs a step against a mock API with one fault for every request. */
async function stepWith(fault: Fault, inputs: Readonly<Record<string, string>> = {}) {
  const mockApi = (await startMockApi()).inject(fault);
  return { mockApi, run: await runStep(mockApi, inputs) };
}

const response = (
  status: number,
  body = '',
  headers: Readonly<Record<string, string>> = {},
): Fault => ({ kind: 'response', status, body, headers });

test.each<[string, Fault, string]>([
  [
    'a web page',
    response(200, '<html><title>Log in</title></html>'),
    "The host responded with the web page 'Log in' instead of JSON (HTTP 200)",
  ],
  ['text', response(200, 'OK'), 'The host responded with text instead of JSON (HTTP 200)'],
  ['half of a JSON text', response(200, '{"a":'), 'instead of JSON'],
  ['two JSON texts', response(200, 'null null'), 'instead of JSON'],
  [
    'an error one level down',
    response(
      401,
      '{"error":{"code":401,"message":"The request you have made requires authentication.","title":"Unauthorized"}}',
    ),
    'The request you have made requires authentication. (401, HTTP 401)',
  ],
  [
    'a web page without a title, with an error status',
    response(403, '<html>Forbidden</html>'),
    'The host responded with a web page (HTTP 403)',
  ],
  ['an error in text', response(404, '404 page not found'), '404 page not found (HTTP 404)'],
  ['an error without a body', response(400), 'The API gave no reason (HTTP 400)'],
  [
    'a response that is too long',
    response(200, `"${'a'.repeat(64 * 1024)}"`),
    'The response is longer than 64 KiB (HTTP 200)',
  ],
  ['something other than HTTP', { kind: 'garbage' }, 'did not respond in HTTP'],
])('%s fails the step after one request', async (_name, fault, cause) => {
  const { mockApi, run } = await stepWith(fault);
  expect(expectFailure(run)).toContain(cause);
  expect(mockApi.requests).toHaveLength(1);
});

test.each<[string, unknown, string, string]>([
  [
    'error_code and error_msg',
    { error_code: 'CC.00050013', error_msg: 'The project does not exist' },
    'CC.00050013',
    'The project does not exist',
  ],
  [
    'errorCode and errorMsg',
    { errorCode: 'CC.00050010', errorMsg: 'No permission' },
    'CC.00050010',
    'No permission',
  ],
  [
    'errorCode alone',
    { errorCode: 'CC.00050021.400' },
    'CC.00050021.400',
    'The API gave no reason',
  ],
  ['a number as the code', { error_code: 50013, error_msg: 'No' }, '50013', 'No'],
  ['an object as the code', { error_code: { a: 1 }, error_msg: 'No' }, '', 'No'],
  ['error_msg alone', { error_msg: 'Something is wrong' }, '', 'Something is wrong'],
  ['an error text', { error: 'Something is wrong' }, '', 'Something is wrong'],
  ['an error object', { error: { message: 'Something is wrong' } }, '', 'Something is wrong'],
  ['error: true', { error: true }, '', 'The API gave no reason'],
  ['a list of errors', { errors: [{ message: 'First' }, { message: 'Second' }] }, '', 'First'],
  ['a list of texts', { errors: ['First', 'Second'] }, '', 'First'],
  ['status: error', { status: 'error' }, '', 'The API gave no reason'],
  ['status: ERROR with a result', { status: 'ERROR', result: 'It broke' }, '', 'It broke'],
  [
    'an error one level down',
    { result: { error_code: 'CC.00050013', error_msg: 'The project does not exist' } },
    'CC.00050013',
    'The project does not exist',
  ],
])('%s under HTTP 200 is an error', async (_name, body, code, message) => {
  const { mockApi, run } = await stepWith(response(200, JSON.stringify(body)));
  const facts = code === '' ? 'HTTP 200' : `${code}, HTTP 200`;
  expect(expectFailure(run)).toContain(`Could not stop scan scan-1: ${message} (${facts})`);
  expect(run.outputs).toMatchObject({
    'status-code': '200',
    'error-code': code,
    'error-message': message,
  });
  expect(mockApi.requests).toHaveLength(1);
});

test.each([
  { error_code: '', error_msg: '' },
  { errorCode: null, errorMsg: null },
  { error: null },
  { error: '' },
  { error: {} },
  { errors: [] },
  { status: 'success', result: 'The request was accepted.' },
  { code: 0, message: 'success' },
  { error_code: null, error: null, errors: null, status: 'ok' },
])('%j under HTTP 200 is no error', async (body) => {
  const { run } = await stepWith(response(200, JSON.stringify(body)));
  expect(run.exitCode).toBe(0);
  expect(run.outputs).toMatchObject({ outcome: 'stop-requested', 'error-message': '' });
});

test.each<[string, Fault, string]>([
  ['by a reset', { kind: 'reset-after-headers' }, 'The response was cut short (HTTP 200)'],
  ['before its length', { kind: 'cut-short' }, 'The response was cut short (HTTP 200)'],
  ['before its last chunk', { kind: 'cut-short-chunked' }, 'The response was cut short (HTTP 200)'],
  [
    'before its last chunk, after complete JSON',
    { kind: 'cut-short-chunked', body: '{}' },
    'The response was cut short (HTTP 200)',
  ],
])('a response cut short %s is retried, and fails the step', async (_name, fault, cause) => {
  const { mockApi, run } = await stepWith(fault, { retries: '1' });
  const annotation = expectFailure(run);
  expect(annotation).toContain(`Stop of scan scan-1 not confirmed: ${cause}`);
  expect(annotation).toContain(MAY_HAVE_HAPPENED);
  expect(mockApi.requests).toHaveLength(2);
  expect(run.outputs['status-code']).toBe('200');
});

test.each(['http', 'https'])(
  'over %s, none of 48 responses without a length that are reset is a success',
  async (scheme) => {
    const bodies = [
      '',
      '{}',
      'null',
      '{"status":"success"}',
      '{"status":"suc',
      '"a"',
      '12',
      '<html>',
    ];
    const taskIds = Array.from({ length: 48 }, (_, index) => `t${index + 1}`);
    const certificates = scheme === 'https' ? await issueCertificate('localhost') : undefined;
    const mockApi = await startMockApi({
      scans: Object.fromEntries(taskIds.map((id) => [id, { stopsAfterMs: 60_000 }])),
      ...(certificates === undefined ? {} : { tls: certificates.tls }),
    });
    taskIds.forEach((id, index) => {
      const body = bodies[index % bodies.length] ?? '';
      mockApi.inject({ kind: 'reset-unframed', body }, { path: `/${id}/`, handled: true });
    });
    const run = await runStep(
      mockApi,
      { 'task-id': taskIds.join(), retries: '1' },
      certificates === undefined ? {} : { extraCaCerts: certificates.authorityFile },
    );
    const annotation = expectFailure(run);
    expect(resultsOf(run).filter(({ outcome }) => outcome !== 'failed')).toEqual([]);
    expect(resultsOf(run)[0]).toMatchObject({
      'status-code': 200,
      'error-message': 'The response was cut short',
    });
    expect(annotation).toContain(MAY_HAVE_HAPPENED);
    // Each was retried once.
    expect(mockApi.requestsTo('/stop')).toHaveLength(96);
  },
);

test('a response without a length that is reset once is retried, and the step succeeds', async () => {
  const mockApi = await startMockApi();
  mockApi.inject({ kind: 'reset-unframed', body: 'null' }, { times: 1 });
  const run = await runStep(mockApi);
  expect(run.exitCode).toBe(0);
  expect(mockApi.requests).toHaveLength(2);
  expect(run.lines.join('\n')).toMatch(
    /→ HTTP 200 in \d+ ms; The response was cut short; attempt 2 in/,
  );
});

test.each(['{}', 'null', 'true', 'false', '"accepted"', '[]', ' {"status":"success"}\n'])(
  'a server that closes without a length after %j has accepted the stop',
  async (body) => {
    const { mockApi, run } = await stepWith({ kind: 'close-unframed', body });
    expect(run.exitCode).toBe(0);
    expect(run.outputs['outcome']).toBe('stop-requested');
    expect(mockApi.requests).toHaveLength(1);
  },
);

test.each(['', '{', '{"status":"success"', '[{}', '"accep', 'nul', 'tru', '12', '-1', '1e'])(
  'a server that closes without a length after %j has cut its response short',
  async (body) => {
    const { run } = await stepWith({ kind: 'close-unframed', body }, { retries: '0' });
    expect(expectFailure(run)).toContain('The response was cut short (HTTP 200)');
  },
);

test('a rejection that ends without a length is reported as it is', async () => {
  const body = '{"error_code":"CC.00000001.400","error_msg":"Verify request parameter failed."}';
  const { mockApi, run } = await stepWith({ kind: 'close-unframed', status: 400, body });
  const annotation = expectFailure(run);
  expect(annotation).toContain('Verify request parameter failed. (CC.00000001.400, HTTP 400)');
  expect(annotation).not.toContain('may have happened');
  expect(mockApi.requests).toHaveLength(1);
});

test('101 fails the step after one request, whatever comes after it', async () => {
  const { mockApi, run } = await stepWith({ kind: 'switching-protocols' });
  const annotation = expectFailure(run);
  expect(annotation).toContain('The host responded with HTTP 101 to a plain request (HTTP 101)');
  expect(annotation).toContain(MAY_HAVE_HAPPENED);
  expect(mockApi.requests).toHaveLength(1);
  expect(run.outputs['status-code']).toBe('101');
});

test.each([200, 502])(
  'response headers longer than 16 KiB, with HTTP %i, are no fault of region or endpoint',
  async (status) => {
    const { mockApi, run } = await stepWith({ kind: 'large-headers', status });
    const annotation = expectFailure(run);
    expect(annotation).toContain('sent response headers longer than 16 KiB (HPE_HEADER_OVERFLOW)');
    expect(annotation).toContain(MAY_HAVE_HAPPENED);
    expect(annotation).not.toMatch(/region|endpoint/);
    expect(mockApi.requests).toHaveLength(1);
  },
);

test('an endless response ends the step at once, in little memory', async () => {
  const { run } = await stepWith({ kind: 'endless' }, { 'timeout-seconds': '600' });
  const annotation = expectFailure(run);
  expect(annotation).toContain('The response is longer than 64 KiB (HTTP 200)');
  expect(annotation).toContain(MAY_HAVE_HAPPENED);
  expect(run.maxMemoryMiB).toBeLessThan(150);
});

test('text of the API is data: no line of the log is a command, and the summary has no markup', async () => {
  const message =
    'Bad\n::set-output name=outcome::stopped\r\n::error::forged\n##[error]forged\n::add-mask::failed\n' +
    '<img src=x onerror=alert(1)> <script>alert(1)</script> | **bold** @octocat #1 \u001b[31mred\u001b[0m \u202e';
  const { run } = await stepWith(
    response(
      400,
      JSON.stringify({ error_code: 'CC.1.400\n::warning::forged', error_msg: message }),
    ),
  );
  const annotation = expectFailure(run);
  const commands = run.lines.filter((line) => /^\s*::|##\[/.test(line));
  expect(commands).toEqual([
    `::add-mask::${TOKEN}`,
    expect.stringMatching(/^::error title=Stop CodeArts Check Task::/),
  ]);
  expect(annotation.split('\n')).toHaveLength(2);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that there is none is the point
  expect(run.lines.join('')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
  expect(run.summary).not.toMatch(/<img|<script/);
  expect(run.outputs['error-message']).toBe(message.replaceAll('\u001b', ' '));
});
