import { expect, test } from '@jest/globals';
import {
  EXPIRED_TOKEN,
  expectFailure,
  runStep,
  startMockApi,
  TOKEN,
} from '../support/with-mock-api.ts';

const DOCS = {
  GITHUB_SERVER_URL: 'https://github.com',
  GITHUB_ACTION_REPOSITORY: 'owner/stop-codearts-check-task',
  GITHUB_ACTION_REF: 'v1',
};

test('a running scan is stopped by one request, and the step succeeds', async () => {
  const mockApi = await startMockApi();
  const run = await runStep(mockApi);

  expect(run).toMatchObject({ exitCode: 0, stderr: '' });
  expect(mockApi.scans.get('scan-1')?.status).toBe(3);
  expect(mockApi.requests).toEqual([
    {
      method: 'POST',
      path: '/v2/tasks/scan-1/stop',
      body: '{}',
      headers: {
        'x-auth-token': TOKEN,
        'content-type': 'application/json',
        'content-length': '2',
        'accept-encoding': 'identity',
        'user-agent': 'stop-codearts-check-task/1.0.0',
        host: `127.0.0.1:${mockApi.port}`,
        connection: 'keep-alive',
      },
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
        'execution-id': '',
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
    `Stopping scan scan-1 at 127.0.0.1:${mockApi.port} (region cn-north-4), with a token from the input token; time limit 60 s`,
    expect.stringMatching(/^POST http:\S+\/v2\/tasks\/scan-1\/stop → HTTP 200 in \d+ ms$/),
    expect.stringMatching(/^Stop requested for scan scan-1, after \d+ ms$/),
  ]);
  expect(run.summary).toContain('<h3>Stop requested for scan scan-1</h3>');
  expect(run.summary).toContain(`<code>${run.outputs['request-id']}</code>`);
});

test.each([
  ['200 with null', { status: 200, body: 'null' }],
  ['200 with nothing', { status: 200 }],
  ['200 with an object', { status: 200, body: '{"status":"success"}' }],
  ['204', { status: 204 }],
  ['202 with null', { status: 202, body: 'null' }],
])('a response of %s is success', async (_name, response) => {
  const mockApi = await startMockApi();
  mockApi.inject({ kind: 'response', ...response });
  const run = await runStep(mockApi);
  expect(run.exitCode).toBe(0);
  expect(run.outputs).toMatchObject({
    outcome: 'stop-requested',
    'status-code': String(response.status),
  });
});

test("an expired token fails the step with the API's message and what to do, after one request", async () => {
  const mockApi = await startMockApi();
  const run = await runStep(mockApi, { token: EXPIRED_TOKEN }, { env: DOCS });

  const annotation = expectFailure(run);
  expect(mockApi.requests).toHaveLength(1);
  expect(run.outputs).toMatchObject({
    'status-code': '401',
    'error-code': 'CC.00000003',
    'error-message': 'Authentication information expired.',
  });
  expect(annotation.split('\n')).toEqual([
    `Could not stop scan scan-1: Authentication information expired. (CC.00000003, HTTP 401, request ID ${run.outputs['request-id']})`,
    'A token is valid for 24 hours: obtain it in the job that uses it, or use an access key (access-key-id, secret-access-key).',
    'https://github.com/owner/stop-codearts-check-task/blob/v1/docs/troubleshooting.md#credential-expired',
  ]);
  expect(run.summary.split('\n').slice(0, 6)).toEqual([
    '<h3>Could not stop scan scan-1</h3>',
    expect.stringMatching(/^<p><code>Authentication information expired\. .*<\/code><\/p>$/),
    '<p><strong>What to do</strong></p>',
    '<ul>',
    expect.stringMatching(/^<li>A token is valid for 24 hours: .*<\/li>$/),
    '</ul>',
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
  const run = await runStep(mockApi);
  expect(expectFailure(run)).toContain(
    `${message} (${code}, HTTP ${status}, request ID id-in-the-body)\n`,
  );
  expect(mockApi.requests).toHaveLength(1);
  expect(run.outputs).toMatchObject({
    'status-code': String(status),
    'error-code': code,
    'error-message': message,
    'request-id': 'id-in-the-body',
  });
});

test('a runner without job summaries gets none', async () => {
  const mockApi = await startMockApi();
  const run = await runStep(mockApi, {}, { withoutSummary: true });
  expect(run).toMatchObject({ exitCode: 0, summary: '' });
  expect(run.commands('warning')).toEqual([]);
});

test('a job summary that cannot be written is a warning, and the step succeeds', async () => {
  const mockApi = await startMockApi();
  const run = await runStep(mockApi, {}, { env: { GITHUB_STEP_SUMMARY: '/nowhere/summary' } });
  expect(run.exitCode).toBe(0);
  expect(run.commands('warning')).toEqual([
    expect.stringContaining('The job summary could not be written'),
  ]);
});

test('the host of the region is used', async () => {
  const mockApi = await startMockApi();
  const run = await runStep(
    mockApi,
    {
      region: 'eu-west-101',
      endpoint: '',
      'timeout-seconds': '20',
      retries: '0',
    },
    { proxy: 'http://127.0.0.1:1' },
  );
  expect(expectFailure(run)).toContain('The proxy 127.0.0.1:1 refused the connection');
  expect(run.lines[1]).toContain('at check.eu-west-101.myhuaweicloud.eu (region eu-west-101)');
});
