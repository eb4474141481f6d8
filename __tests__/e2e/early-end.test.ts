import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import type { StepOptions } from '../support/run-bundle.ts';
import { expectFailure, resultsOf, runStep, startMockApi } from '../support/with-mock-api.ts';

const MAY_HAVE_HAPPENED = 'The stop may have happened: check the task in CodeArts Check.';
// The step is to end within a second, and would go on for ten minutes: a busy machine may take its
// time.
const SOON_MS = 20_000;
const LONG = { 'timeout-seconds': '600' };

const preload = (name: string) =>
  fileURLToPath(new URL(`../support/preload/${name}.cjs`, import.meta.url));
// Windows has no signals that a process could send to another.
const onPosix = process.platform === 'win32' ? test.skip : test;

const REQUEST_ID = expect.stringMatching(/^[0-9a-f]{32}$/);

onPosix.each(['SIGINT', 'SIGTERM'] as const)(
  'a step that is cancelled by %s before there is a response says that the stop may have happened',
  async (name) => {
    const mockApi = (await startMockApi()).inject({ kind: 'silence' });
    const signal = { name, onRequest: mockApi.nextRequest('/stop') };
    const run = await runStep(mockApi, LONG, { signal });
    expect(expectFailure(run).split('\n')).toEqual([
      `Stop of scan scan-1 not confirmed: No response before the step was cancelled (${name})`,
      `The step ended early: the step was cancelled (${name}).`,
      MAY_HAVE_HAPPENED,
      'Look at the task in CodeArts Check, or run the step again.',
    ]);
    expect(run.endedAfterMs).toBeLessThan(SOON_MS);
  },
);

test('a machine that is busy right after an early report loses none of it', async () => {
  const mockApi = await startMockApi();
  const run = await runStep(mockApi, { wait: 'maybe' }, { preload: preload('busy-after-report') });
  expect(expectFailure(run)).toContain('Invalid input: wait must be');
});

/** What ends a step early while it waits for a scan to stop, and how it is named. */
const ENDS: readonly (readonly [string, StepOptions, string])[] = [
  [
    'SIGINT',
    { signal: { name: 'SIGINT', onLine: 'Still running' } },
    'the step was cancelled (SIGINT)',
  ],
  [
    'SIGTERM',
    { signal: { name: 'SIGTERM', onLine: 'Still running' } },
    'the step was cancelled (SIGTERM)',
  ],
  [
    'two signals',
    {
      signal: [
        { name: 'SIGINT', onLine: 'Still running' },
        { name: 'SIGTERM', onLine: 'Still running', afterMs: 5 },
      ],
    },
    'the step was cancelled (SIGINT)',
  ],
  [
    'an unhandled rejection',
    { preload: preload('unhandled-rejection'), env: { FAIL_AFTER: 'Still running' } },
    'an unexpected error occurred: nobody waits for this',
  ],
  [
    'an uncaught exception',
    { preload: preload('uncaught-exception'), env: { FAIL_AFTER: 'Still running' } },
    'an unexpected error occurred: nobody catches this',
  ],
];

onPosix.each(ENDS)(
  'a step that is ended by %s while it waits keeps what it knows',
  async (_name, options, reason) => {
    const mockApi = await startMockApi({ scans: { 'scan-1': { stopsAfterMs: 600_000 } } });
    const run = await runStep(mockApi, { ...LONG, wait: 'true' }, options);
    const annotation = expectFailure(run);
    expect(annotation).toContain(
      'Stop of scan scan-1 not confirmed: The API accepted the stop request',
    );
    expect(annotation).toContain(`The step ended early: ${reason}`);
    expect(run.outputs).toMatchObject({
      'status-code': '200',
      'error-code': '',
      'error-message': expect.stringContaining('The API accepted the stop request, but '),
      'request-id': REQUEST_ID,
    });
    expect(resultsOf(run)).toMatchObject([
      { 'task-id': 'scan-1', outcome: 'failed', 'status-code': 200, 'request-id': REQUEST_ID },
    ]);
    expect(run.summary).toContain('<h3>Stop of scan scan-1 not confirmed</h3>');
    expect(run.durationMs).toBeLessThan(SOON_MS);
  },
);

onPosix('a step that is cancelled before a retry keeps the response that it had', async () => {
  const mockApi = (await startMockApi()).inject({
    kind: 'response',
    status: 503,
    headers: { 'retry-after': '300', 'x-request-id': 'id-of-the-503' },
    body: '{"error_code":"APIGW.0602","error_msg":"Internal server error"}',
  });
  const run = await runStep(mockApi, LONG, { signal: { name: 'SIGTERM', onLine: 'attempt 2 in' } });
  const annotation = expectFailure(run);
  expect(annotation).toContain(
    'Could not stop scan scan-1: Internal server error (APIGW.0602, HTTP 503, request ID id-of-the-503)',
  );
  expect(annotation).toContain('The step ended early: the step was cancelled (SIGTERM).');
  expect(annotation).not.toMatch(/may have happened|; then: /);
  expect(run.outputs).toMatchObject({
    'status-code': '503',
    'error-code': 'APIGW.0602',
    'error-message': 'Internal server error',
    'request-id': 'id-of-the-503',
  });
  expect(mockApi.requests).toHaveLength(1);
});

onPosix('of several tasks, each keeps what is known of it when the step is cancelled', async () => {
  const scans = { a: {}, b: { stopsAfterMs: 600_000 }, c: { status: 2 }, d: {} };
  const mockApi = await startMockApi({ scans });
  mockApi.inject({ kind: 'silence' }, { path: '/d/stop' });
  // By then, the others have had their responses.
  const secondReading = (async () => {
    for (let reading = 1; reading <= 2; reading++) await mockApi.nextRequest('/b/progress');
  })();
  const inputs = { ...LONG, 'task-id': 'a b c d', wait: 'true' };
  const run = await runStep(mockApi, inputs, {
    signal: { name: 'SIGTERM', onRequest: secondReading },
  });
  const annotation = expectFailure(run);
  expect(resultsOf(run)).toMatchObject([
    { 'task-id': 'a', outcome: 'stopped', 'status-code': 200, 'request-id': REQUEST_ID },
    { 'task-id': 'b', outcome: 'failed', 'status-code': 200, 'request-id': REQUEST_ID },
    { 'task-id': 'c', outcome: 'failed', 'status-code': 400, 'error-code': 'CC.MOCKAPI0.400' },
    { 'task-id': 'd', outcome: 'failed', 'status-code': null, 'request-id': '' },
  ]);
  expect(annotation).toMatch(/^b: The API accepted the stop request, but /m);
  expect(annotation).toMatch(/^d: No response before the step was cancelled/m);
});

onPosix('a step whose log nobody reads any more ends soon, and keeps what it knows', async () => {
  const mockApi = await startMockApi({ scans: { 'scan-1': { stopsAfterMs: 600_000 } } });
  const closeStdout = { onLine: 'POST ' };
  const run = await runStep(mockApi, { ...LONG, wait: 'true' }, { closeStdout });
  expect(run.exitCode).toBe(1);
  expect(run.endedAfterMs).toBeLessThan(SOON_MS);
  expect(run.outputs).toMatchObject({
    outcome: 'failed',
    'status-code': '200',
    'error-message': expect.stringContaining('The API accepted the stop request, but '),
    'request-id': REQUEST_ID,
  });
  expect(run.summary).toContain('The step ended early: the log was closed.');
  expect(run.stderr).toBe('');
});

onPosix('a step whose log was never read ends soon as well', async () => {
  const mockApi = await startMockApi({ scans: { 'scan-1': { stopsAfterMs: 600_000 } } });
  const run = await runStep(mockApi, { ...LONG, wait: 'true' }, { closeStdout: {} });
  expect(run.exitCode).toBe(1);
  expect(run.outputs['outcome']).toBe('failed');
  expect(run.durationMs).toBeLessThan(SOON_MS);
});

test('an event loop that runs dry fails the step, with one annotation and the outputs', async () => {
  const mockApi = (await startMockApi()).inject({ kind: 'silence' });
  const inputs = { ...LONG, 'task-id': 'scan-1 scan-2' };
  const run = await runStep(mockApi, inputs, { preload: preload('runs-dry') });
  expect(expectFailure(run)).toContain('the process ran out of work');
  expect(resultsOf(run)).toMatchObject([
    { 'task-id': 'scan-1', outcome: 'failed' },
    { 'task-id': 'scan-2', outcome: 'failed' },
  ]);
  expect(run.durationMs).toBeLessThan(SOON_MS);
});

test('an exception before there is a response forges no command', async () => {
  const mockApi = (await startMockApi()).inject({ kind: 'silence' });
  const options = { preload: preload('uncaught-exception'), env: { FAIL_AFTER: 'Stopping' } };
  const run = await runStep(mockApi, LONG, options);
  expect(expectFailure(run)).toContain('nobody catches this ::error::forged');
  expect(run.lines.filter((line) => line.startsWith('::error'))).toHaveLength(1);
});

const OUTPUT_FILES: readonly (readonly [string, StepOptions])[] = [
  ['that is missing', { withoutOutputFile: true }],
  ['in a folder that is missing', { env: { GITHUB_OUTPUT: '/nowhere/output' } }],
];

test.each(OUTPUT_FILES)(
  'a file for the outputs %s fails a step that has stopped its scan, which the log says',
  async (_name, options) => {
    const mockApi = await startMockApi();
    const run = await runStep(mockApi, { wait: 'true' }, options);
    expect(run.exitCode).toBe(1);
    expect(run.commands('error')).toEqual([
      expect.stringMatching(/^The outputs could not be set: Missing file at path: /),
    ]);
    expect(run.lines.join('\n')).toMatch(/^Scan scan-1 stopped, after /m);
    expect(run.summary).toContain('<h3>Scan scan-1 stopped</h3>');
  },
);

test.each(OUTPUT_FILES)(
  'a file for the outputs %s is reported after the message of the API',
  async (_name, options) => {
    const mockApi = await startMockApi();
    mockApi.inject({
      kind: 'response',
      status: 400,
      body: '{"error_code":"CC.00000001.400","error_msg":"Verify request parameter failed."}',
    });
    const run = await runStep(mockApi, {}, options);
    expect(run.exitCode).toBe(1);
    expect(run.commands('error')).toEqual([
      expect.stringContaining(
        'Could not stop scan scan-1: Verify request parameter failed. (CC.00000001.400, HTTP 400)',
      ),
    ]);
    expect(run.commands('warning')).toEqual([
      expect.stringContaining('The outputs could not be set'),
    ]);
    expect(run.lines.findIndex((line) => line.startsWith('::error'))).toBeLessThan(
      run.lines.findIndex((line) => line.startsWith('::warning')),
    );
  },
);

onPosix(
  'a missing file for the outputs hides nothing of a step that is cancelled while it waits',
  async () => {
    const mockApi = await startMockApi({ scans: { 'scan-1': { stopsAfterMs: 600_000 } } });
    const run = await runStep(
      mockApi,
      { ...LONG, wait: 'true' },
      { withoutOutputFile: true, signal: { name: 'SIGTERM', onLine: 'Still running' } },
    );
    expect(run.exitCode).toBe(1);
    expect(run.commands('error')).toEqual([
      expect.stringContaining(
        'Stop of scan scan-1 not confirmed: The API accepted the stop request',
      ),
    ]);
    expect(run.commands('warning')).toEqual([
      expect.stringContaining('The outputs could not be set'),
    ]);
    expect(run.endedAfterMs).toBeLessThan(SOON_MS);
  },
);

test('a missing file for the outputs does not hide an invalid input', async () => {
  const mockApi = await startMockApi();
  const run = await runStep(mockApi, { 'task-id': '' }, { withoutOutputFile: true });
  expect(run.exitCode).toBe(1);
  expect(run.commands('error')[0]).toContain('Invalid input: task-id must be');
});

test('a connection that is kept alive does not hold the process after the report', async () => {
  const mockApi = await startMockApi({ keepAliveMs: 120_000 });
  const run = await runStep(mockApi, LONG);
  expect(run.exitCode).toBe(0);
  expect(run.durationMs).toBeLessThan(SOON_MS);
});
