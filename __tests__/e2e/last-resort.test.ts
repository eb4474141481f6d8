import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { runBundle } from '../support/run-bundle.ts';
import { startMockApi, TOKEN } from '../support/with-mock-api.ts';

const preload = (name: string) =>
  fileURLToPath(new URL(`../support/preload/${name}.cjs`, import.meta.url));

test.each([
  ['an unhandled rejection', 'unhandled-rejection', 'Unexpected error: nobody waits for this'],
  [
    'an uncaught exception',
    'uncaught-exception',
    'Unexpected error: nobody catches this ::error::forged',
  ],
  ['an event loop that runs dry', 'runs-dry', 'The process ran out of work before it was done'],
])('%s fails the step, with one annotation and the outputs', async (_name, script, message) => {
  const mockApi = await startMockApi();
  mockApi.inject({ kind: 'silence' });
  const run = await runBundle(
    { 'task-id': 'scan-1 scan-2', token: TOKEN, endpoint: mockApi.endpoint },
    { preload: preload(script) },
  );
  expect(run.exitCode).toBe(1);
  expect(run.commands('error')).toEqual([message]);
  expect(run.outputs['outcome']).toBe('failed');
  expect(JSON.parse(run.outputs['results'] ?? '')).toMatchObject([
    { 'task-id': 'scan-1', outcome: 'failed' },
    { 'task-id': 'scan-2', outcome: 'failed' },
  ]);
  expect(run.durationMs).toBeLessThan(5_000);
});

// Windows has no signals that a process could send to another.
const onPosix = process.platform === 'win32' ? test.skip : test;

onPosix.each(['SIGINT', 'SIGTERM'] as const)(
  'a step that is cancelled itself, by %s, ends at once with one annotation and the outputs',
  async (signal) => {
    const mockApi = await startMockApi();
    mockApi.inject({ kind: 'silence' });
    const run = await runBundle(
      { 'task-id': 'scan-1', token: TOKEN, endpoint: mockApi.endpoint },
      { onLine: (line, child) => line.startsWith('Stopping') && child.kill(signal) },
    );
    expect(run.exitCode).toBe(1);
    expect(run.commands('error')).toEqual([`The step was cancelled (${signal})`]);
    expect(run.outputs['outcome']).toBe('failed');
    expect(run.durationMs).toBeLessThan(5_000);
  },
);

test('a file for the outputs that is not there fails the step with one annotation', async () => {
  const mockApi = await startMockApi();
  const run = await runBundle(
    { 'task-id': 'scan-1', token: TOKEN, endpoint: mockApi.endpoint },
    { env: { GITHUB_OUTPUT: '/nowhere/output' } },
  );
  expect(run.exitCode).toBe(1);
  expect(run.commands('error')).toEqual([
    'Unexpected error: Missing file at path: /nowhere/output',
  ]);
});

test('a job summary that cannot be written is a warning, and the step succeeds', async () => {
  const mockApi = await startMockApi();
  const run = await runBundle(
    { 'task-id': 'scan-1', token: TOKEN, endpoint: mockApi.endpoint },
    { env: { GITHUB_STEP_SUMMARY: '/nowhere/summary' } },
  );
  expect(run.exitCode).toBe(0);
  expect(run.commands('warning')).toEqual([
    expect.stringContaining('The job summary could not be written'),
  ]);
});

test('a connection that is kept alive does not hold the process after the report', async () => {
  const mockApi = await startMockApi();
  const started = performance.now();
  let reportedMs = 0;
  const run = await runBundle(
    { 'task-id': 'scan-1', token: TOKEN, endpoint: mockApi.endpoint, 'timeout-seconds': '600' },
    {
      onLine: (line) => {
        if (line.startsWith('Scan scan-1')) reportedMs = performance.now() - started;
      },
    },
  );
  expect(run.exitCode).toBe(0);
  expect(run.durationMs - reportedMs).toBeLessThan(500);
});
