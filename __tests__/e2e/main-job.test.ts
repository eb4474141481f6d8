import { expect, test } from '@jest/globals';
import { runBundle } from '../support/run-bundle.ts';
import { EXPIRED_TOKEN, startMockApi, TOKEN } from '../support/with-mock-api.ts';

test('a running scan is stopped by one request, and the step succeeds', async () => {
  const mockApi = await startMockApi();
  const run = await runBundle({ 'task-id': 'scan-1', token: TOKEN, endpoint: mockApi.endpoint });

  expect(run).toMatchObject({ exitCode: 0, stderr: '' });
  expect(mockApi.scans.get('scan-1')?.status).toBe(3);
  expect(mockApi.requests).toEqual([
    {
      method: 'POST',
      path: '/v2/tasks/scan-1/stop',
      body: '{}',
      headers: expect.objectContaining({
        'x-auth-token': TOKEN,
        'content-type': 'application/json',
        'content-length': '2',
        'user-agent': 'stop-codearts-check-task/1.0.0',
      }),
    },
  ]);
  expect(run.outputs).toEqual({
    outcome: 'stop-requested',
    'status-code': '200',
    'error-code': '',
    'error-message': '',
    'request-id': expect.stringMatching(/^[0-9a-f]{32}$/),
    results: JSON.stringify([
      {
        'task-id': 'scan-1',
        outcome: 'stop-requested',
        'status-code': 200,
        'error-code': '',
        'error-message': '',
        'request-id': run.outputs['request-id'],
      },
    ]),
  });
  expect(run.lines).toEqual([
    `::add-mask::${TOKEN}`,
    `Stopping scan scan-1 at 127.0.0.1:${mockApi.port}, within 60 s`,
    expect.stringMatching(/^POST http:\S+\/v2\/tasks\/scan-1\/stop → HTTP 200 in \d+ ms$/),
    expect.stringMatching(/^Scan scan-1 asked to stop, after \d+ ms$/),
  ]);
  expect(run.summary).toContain('<h3>Scan scan-1 asked to stop</h3>');
});

test.each([
  ['200 with null', { status: 200, body: 'null' }],
  ['200 with nothing', { status: 200 }],
  ['200 with an object', { status: 200, body: '{"status":"success"}' }],
  ['204', { status: 204 }],
  ['202 with null', { status: 202, body: 'null' }],
])('an answer of %s is success', async (_name, answer) => {
  const mockApi = await startMockApi();
  mockApi.inject({ kind: 'response', ...answer });
  const run = await runBundle({ 'task-id': 'scan-1', token: TOKEN, endpoint: mockApi.endpoint });
  expect(run.exitCode).toBe(0);
  expect(run.outputs).toMatchObject({
    outcome: 'stop-requested',
    'status-code': String(answer.status),
  });
});

test('an expired token fails the step with the words of the API and what to do, after one request', async () => {
  const mockApi = await startMockApi();
  const run = await runBundle({
    'task-id': 'scan-1',
    token: EXPIRED_TOKEN,
    endpoint: mockApi.endpoint,
  });

  expect(run.exitCode).toBe(1);
  expect(mockApi.requests).toHaveLength(1);
  expect(run.outputs).toMatchObject({
    outcome: 'failed',
    'status-code': '401',
    'error-code': 'CC.00000003',
    'error-message': 'Authentication information expired.',
  });
  expect(run.commands('error')).toEqual([
    `Scan scan-1 was not stopped: Authentication information expired. (CC.00000003, HTTP 401, request ID ${run.outputs['request-id']})\n` +
      'A token lives 24 hours: obtain it in the job that uses it, or use a key pair (access-key-id, secret-access-key).',
  ]);
});

test.each([
  [
    400,
    'CC.00000001.400',
    'Verify request parameter failed. Check whether the request parameters are correct.',
  ],
  [400, 'CC.00000001.400', '请求参数校验失败,请检查请求参数是否正确。'],
  [403, 'APIGW.0302', 'The IAM user is not allowed to access the API.'],
  [404, 'APIGW.0101', 'The API does not exist or has not been published in the environment.'],
])('HTTP %i with %s fails the step with "%s", after one request', async (status, code, message) => {
  const mockApi = await startMockApi();
  mockApi.inject({
    kind: 'response',
    status,
    body: JSON.stringify({ error_code: code, error_msg: message, request_id: 'id-in-the-body' }),
  });
  const run = await runBundle({ 'task-id': 'scan-1', token: TOKEN, endpoint: mockApi.endpoint });
  expect(run.exitCode).toBe(1);
  expect(mockApi.requests).toHaveLength(1);
  expect(run.outputs).toMatchObject({
    outcome: 'failed',
    'status-code': String(status),
    'error-code': code,
    'error-message': message,
    'request-id': 'id-in-the-body',
  });
  const [annotation = '', ...others] = run.commands('error');
  expect(others).toEqual([]);
  expect(annotation).toContain(`${message} (${code}, HTTP ${status}, request ID id-in-the-body)\n`);
});

test('nothing that is seen of a step holds the token, with debug logging on too', async () => {
  const mockApi = await startMockApi();
  mockApi.inject(
    {
      kind: 'response',
      status: 400,
      headers: { 'x-request-id': `id-of-${TOKEN}` },
      body: JSON.stringify({ error_code: `CC.${TOKEN}.400`, error_msg: `Your token is ${TOKEN}` }),
    },
    { times: 1 },
  );
  const inputs = { 'task-id': 'scan-1', token: TOKEN, endpoint: mockApi.endpoint };
  const env = { RUNNER_DEBUG: '1', ACTIONS_STEP_DEBUG: 'true' };
  const refused = await runBundle(inputs, { env });
  const taken = await runBundle(inputs, { env });

  expect([refused.exitCode, taken.exitCode]).toEqual([1, 0]);
  expect(refused.outputs['error-message']).toBe('Your token is ***');
  for (const run of [refused, taken]) {
    expect(run.lines[0]).toBe(`::add-mask::${TOKEN}`);
    expect(run.visible).not.toContain(TOKEN);
  }
});

test('a runner without job summaries gets none', async () => {
  const mockApi = await startMockApi();
  const run = await runBundle(
    { 'task-id': 'scan-1', token: TOKEN, endpoint: mockApi.endpoint },
    { withoutSummary: true },
  );
  expect(run).toMatchObject({ exitCode: 0, summary: '' });
  expect(run.commands('warning')).toEqual([]);
});
