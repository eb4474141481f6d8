import { expect, test } from '@jest/globals';
import type { Fault } from '../../mock-api/faults.ts';
import { runBundle } from '../support/run-bundle.ts';
import { startMockApi, TOKEN } from '../support/with-mock-api.ts';

/** Runs a step against a mock API with one fault for every request. */
async function stepWith(fault: Fault, inputs: Readonly<Record<string, string>> = {}) {
  const mockApi = await startMockApi();
  mockApi.inject(fault);
  const run = await runBundle({
    'task-id': 'scan-1',
    token: TOKEN,
    endpoint: mockApi.endpoint,
    ...inputs,
  });
  const [annotation = '', ...others] = run.commands('error');
  expect(others).toEqual([]);
  return { mockApi, run, annotation };
}

const answer = (status: number, body = '', headers: Record<string, string> = {}): Fault => ({
  kind: 'response',
  status,
  body,
  headers,
});

test.each<[string, Fault, string]>([
  [
    'a reset before the headers',
    { kind: 'reset-before-headers' },
    'reset the connection (ECONNRESET)',
  ],
  [
    'a reset after the headers',
    { kind: 'reset-after-headers' },
    'The answer was cut short (HTTP 200)',
  ],
  ['an answer cut short', { kind: 'cut-short' }, 'The answer was cut short (HTTP 200)'],
  [
    'a chunked answer cut short',
    { kind: 'cut-short-chunked' },
    'The answer was cut short (HTTP 200)',
  ],
])('%s is tried again, and fails the step with its cause', async (_name, fault, cause) => {
  const { mockApi, run, annotation } = await stepWith(fault, { retries: '1' });
  expect(run.exitCode).toBe(1);
  expect(annotation).toContain(cause);
  expect(annotation).toContain('The stop may have happened all the same');
  expect(mockApi.requests).toHaveLength(2);
  expect(run.outputs['outcome']).toBe('failed');
});

test('a reset that happens once does not fail the step', async () => {
  const mockApi = await startMockApi();
  mockApi.inject({ kind: 'reset-before-headers' }, { times: 1 });
  const run = await runBundle({ 'task-id': 'scan-1', token: TOKEN, endpoint: mockApi.endpoint });
  expect(run.exitCode).toBe(0);
  expect(mockApi.scans.get('scan-1')?.status).toBe(3);
  expect(run.lines.join('\n')).toMatch(
    /→ no answer in \d+ ms; The host \S+ reset the connection \(ECONNRESET\); attempt 2 in [\d.]+ m?s\n/,
  );
});

test.each<[string, Fault, string]>([
  [
    'a web page',
    answer(200, '<html><title>Log in</title></html>'),
    'The host answered with a web page where the API answers with JSON (HTTP 200)',
  ],
  [
    'text',
    answer(200, 'OK'),
    'The host answered with text where the API answers with JSON (HTTP 200)',
  ],
  ['half of a JSON text', answer(200, '{"a":'), 'where the API answers with JSON'],
  ['two JSON texts', answer(200, 'null null'), 'where the API answers with JSON'],
  [
    'an error under HTTP 200',
    answer(200, '{"error_code":"CC.00050013","error_msg":"The project does not exist"}'),
    'The project does not exist (CC.00050013, HTTP 200)',
  ],
  [
    'an error of the other shape under HTTP 200',
    answer(200, '{"errorCode":"CC.00050010","errorMsg":"No permission"}'),
    'No permission (CC.00050010, HTTP 200)',
  ],
  [
    'an error one level down',
    answer(
      401,
      '{"error":{"code":401,"message":"The request you have made requires authentication.","title":"Unauthorized"}}',
    ),
    'The request you have made requires authentication. (401, HTTP 401)',
  ],
  [
    'a web page of an error',
    answer(403, '<html>Forbidden</html>'),
    'The host answered with a web page, which gives no reason (HTTP 403)',
  ],
  ['an error in text', answer(404, '404 page not found'), '404 page not found (HTTP 404)'],
  ['an error without a body', answer(400), 'The API gave no reason (HTTP 400)'],
  [
    'an answer that is too long',
    answer(200, `"${'a'.repeat(64 * 1024)}"`),
    'The answer is longer than 64 KiB (HTTP 200)',
  ],
  ['something other than HTTP', { kind: 'garbage' }, 'did not answer in HTTP'],
])('%s fails the step after one request', async (_name, fault, cause) => {
  const { mockApi, run, annotation } = await stepWith(fault);
  expect(run.exitCode).toBe(1);
  expect(annotation).toContain(cause);
  expect(mockApi.requests).toHaveLength(1);
});

test.each([500, 502, 503, 504])(
  'HTTP %i is tried again, and the last one is reported',
  async (status) => {
    const { mockApi, run, annotation } = await stepWith(answer(status, '<html>'), { retries: '1' });
    expect(run.exitCode).toBe(1);
    expect(mockApi.requests).toHaveLength(2);
    expect(run.outputs['status-code']).toBe(String(status));
    expect(annotation).toContain(`(HTTP ${status})`);
  },
);

test.each([
  [400, 'CC.00000000'],
  [200, 'CC.00050012'],
  [200, 'CC.00050014'],
])('HTTP %i with %s, busy, is tried again', async (status, code) => {
  const body = JSON.stringify({ error_code: code, error_msg: 'Network busy. Try again later.' });
  const { mockApi, run, annotation } = await stepWith(answer(status, body), { retries: '2' });
  expect(run.exitCode).toBe(1);
  expect(mockApi.requests).toHaveLength(3);
  expect(annotation).toContain(`Network busy. Try again later. (${code}, HTTP ${status})`);
});

test('retries: 0 tries once', async () => {
  const { mockApi, run } = await stepWith(answer(503), { retries: '0' });
  expect(run.exitCode).toBe(1);
  expect(mockApi.requests).toHaveLength(1);
});

test('a 429 with Retry-After is tried again when it says', async () => {
  const mockApi = await startMockApi();
  mockApi.inject(answer(429, '', { 'retry-after': '1' }), { times: 1 });
  const run = await runBundle({ 'task-id': 'scan-1', token: TOKEN, endpoint: mockApi.endpoint });
  expect(run.exitCode).toBe(0);
  expect(run.lines.join('\n')).toContain('attempt 2 in 1.0 s');
  expect(run.durationMs).toBeGreaterThan(1_000);
});

test('a 429 without Retry-After is tried again too', async () => {
  const mockApi = await startMockApi();
  mockApi.inject(answer(429), { times: 1 });
  const run = await runBundle({ 'task-id': 'scan-1', token: TOKEN, endpoint: mockApi.endpoint });
  expect(run.exitCode).toBe(0);
  expect(mockApi.requests).toHaveLength(2);
});

test.each(['120', 'Fri, 31 Dec 2100 23:59:59 GMT'])(
  'Retry-After: %s reaches past the deadline, and ends the step at once with the words of the API',
  async (retryAfter) => {
    const body =
      '{"error_code":"APIGW.0308","error_msg":"The throttling threshold has been reached"}';
    const { mockApi, run, annotation } = await stepWith(
      answer(429, body, { 'retry-after': retryAfter }),
    );
    expect(run.exitCode).toBe(1);
    expect(mockApi.requests).toHaveLength(1);
    expect(annotation).toContain(
      'The throttling threshold has been reached (APIGW.0308, HTTP 429)',
    );
    expect(run.durationMs).toBeLessThan(5_000);
  },
);

test.each<[Fault['kind']]>([['silence'], ['drip']])(
  'with timeout-seconds: 2, %s ends in under 4 seconds with an error that names the deadline',
  async (kind) => {
    const { mockApi, run, annotation } = await stepWith({ kind } as Fault, {
      'timeout-seconds': '2',
    });
    expect(run.exitCode).toBe(1);
    expect(annotation).toContain('No answer within the deadline (timeout-seconds: 2)');
    expect(run.outputs['outcome']).toBe('failed');
    expect(run.durationMs).toBeGreaterThan(1_900);
    expect(run.durationMs).toBeLessThan(4_000);
    expect(mockApi.requests).toHaveLength(1);
  },
);

test('an endless answer ends the step at once, in little memory', async () => {
  const { run, annotation } = await stepWith({ kind: 'endless' });
  expect(run.exitCode).toBe(1);
  expect(annotation).toContain('The answer is longer than 64 KiB (HTTP 200)');
  expect(run.durationMs).toBeLessThan(5_000);
  expect(run.maxMemoryMiB).toBeLessThan(120);
});

test('text of the API is data: no line of the log is a command, and the summary has no markup', async () => {
  const message =
    'Bad\n::set-output name=outcome::stopped\r\n::error::forged\n##[error]forged\n::add-mask::failed\n' +
    '<img src=x onerror=alert(1)> <script>alert(1)</script> | **bold** @octocat #1 \u001b[31mred\u001b[0m \u202e';
  const { run, annotation } = await stepWith(
    answer(400, JSON.stringify({ error_code: 'CC.1.400\n::warning::forged', error_msg: message })),
  );
  expect(run.exitCode).toBe(1);
  const commands = run.lines.filter((line) => /^\s*::|##\[/.test(line));
  expect(commands).toEqual([
    `::add-mask::${TOKEN}`,
    expect.stringMatching(/^::error title=Stop CodeArts Check Task::/),
  ]);
  expect(annotation.split('\n')).toHaveLength(2);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that there is none is the point
  expect(run.lines.join('')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
  expect(run.summary).not.toMatch(/<img|<script/);
  expect(run.outputs['outcome']).toBe('failed');
  expect(run.outputs['error-message']).toBe(message.replaceAll('\u001b', ' '));
});

test('a host that refuses the connection, on both address families, is named', async () => {
  const mockApi = await startMockApi();
  const { port } = mockApi;
  await mockApi.close();
  for (const host of ['127.0.0.1', '[::1]', 'localhost']) {
    const run = await runBundle({
      'task-id': 'scan-1',
      token: TOKEN,
      endpoint: `http://${host}:${port}`,
    });
    expect(run.exitCode).toBe(1);
    expect(run.commands('error').join()).toMatch(
      /^Scan scan-1 was not stopped: The host \S+ (refused the connection \(ECONNREFUSED|cannot be reached \(E)/,
    );
  }
});

test('a host that does not exist is named', async () => {
  const run = await runBundle({
    'task-id': 'scan-1',
    token: TOKEN,
    endpoint: 'check.invalid',
    'timeout-seconds': '20',
  });
  expect(run.exitCode).toBe(1);
  expect(run.commands('error').join()).toContain('The host check.invalid was not found');
});
