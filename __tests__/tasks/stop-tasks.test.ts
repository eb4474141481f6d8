import { describe, expect, test } from '@jest/globals';
import type { Target } from '../../src/inputs/target.ts';
import { firstAlone, type StopDeps, stopTasks } from '../../src/tasks/stop-tasks.ts';
import type { TaskResult } from '../../src/tasks/task-result.ts';
import {
  noResponse,
  progress,
  type Reply,
  rejected,
  response,
  ScriptedApi,
} from '../support/scripted-api.ts';

const OK = response(200, 'null');
const NOT_RUNNING = rejected(400, 'CC.1.400', 'The task is not being checked.');

const target = (name: string): Target => {
  const [taskId = '', executionId] = name.split('/');
  return { taskId, executionId };
};

/** Stops tasks, named as in 'a' or 'a/e1'. */
async function stop(
  names: readonly string[],
  script: Readonly<Record<string, readonly Reply[]>>,
  options: Partial<Pick<StopDeps, 'wait' | 'ifNotRunning' | 'api'>> = {},
) {
  const scripted = new ScriptedApi(script);
  const results: TaskResult[] = [];
  const known: string[] = [];
  const lines: string[] = [];
  await stopTasks(names.map(target), {
    api: scripted.api,
    clock: scripted.clock,
    deadline: scripted.deadline,
    wait: false,
    ifNotRunning: 'fail',
    logger: ({ taskId }) => ({
      line: (text) => lines.push(`${taskId} ${text}`),
      attempt: ({ status }) => lines.push(`${taskId} HTTP ${status}`),
      accepted: () => lines.push(`${taskId} accepted`),
      end: ({ outcome }) => lines.push(`${taskId} ${outcome}`),
    }),
    onResult: (index, result) => {
      results[index] = result;
      known.push(`${index} ${result.outcome}`);
    },
    ...options,
  });
  return { scripted, results, known, lines };
}

test('a stop that is accepted has the facts of its response', async () => {
  const { results, lines } = await stop(['a'], { 'POST a': [OK] });
  expect(results).toEqual([
    {
      target: target('a'),
      outcome: 'stop-requested',
      statusCode: 200,
      requestId: 'f00d',
      attempts: 1,
      accepted: true,
      durationMs: 0,
      error: undefined,
      statusError: undefined,
    },
  ]);
  expect(lines).toEqual(['a HTTP 200', 'a accepted', 'a stop-requested']);
});

test('until more is known, an accepted stop counts as not confirmed', async () => {
  const script = { 'POST a': [OK], 'GET a': [progress(0), progress(3)] };
  const { known } = await stop(['a'], script, { wait: true });
  expect(known).toEqual(['0 failed', '0 stopped']);
});

test('the first task is sent alone, the others once its first attempt is over', async () => {
  const { scripted, results } = await stop(['a', 'b', 'c'], {
    'POST a': [noResponse('ECONNRESET', true), OK],
    '*': [OK],
  });
  expect(scripted.sent).toEqual(['POST a', 'POST b', 'POST c', 'POST a']);
  expect(results.map(({ outcome }) => outcome)).toEqual(Array(3).fill('stop-requested'));
});

test('a rejected credential is rejected once, and every task has a result', async () => {
  const { scripted, results } = await stop(['a', 'b'], {
    '*': [rejected(401, 'CC.00000003', 'Expired.')],
  });
  expect(scripted.sent).toEqual(['POST a']);
  expect(results.map(({ error }) => error?.name)).toEqual(['ApiError', 'SkippedError']);
});

test('two executions of one task are two stops, and none of the whole task', async () => {
  const { scripted, results } = await stop(['a/e1', 'a/e2'], {
    'PUT a/e1': [OK],
    'PUT a/e2': [NOT_RUNNING],
  });
  expect(scripted.sent).toEqual(['PUT a/e1', 'PUT a/e2']);
  expect(results.map(({ outcome }) => outcome)).toEqual(['stop-requested', 'failed']);
});

describe('if-not-running: succeed', () => {
  const run = (reply: Reply, status: Reply, name = 'a') =>
    stop(
      [name],
      { '*': [status], [name === 'a' ? 'POST a' : 'PUT a/e1']: [reply] },
      {
        ifNotRunning: 'succeed',
      },
    );

  test.each([1, 2, 3, null])('accepts the status %j', async (status) => {
    const { results, scripted } = await run(NOT_RUNNING, progress(status));
    expect(results[0]).toMatchObject({ outcome: 'not-running', statusCode: 400, accepted: false });
    expect(results[0]?.error?.message).toBe('The task is not being checked.');
    expect(scripted.sent).toEqual(['POST a', 'GET a']);
  });

  test.each([0, 7])('does not accept the status %j', async (status) => {
    const { results } = await run(NOT_RUNNING, progress(status));
    expect(results[0]).toMatchObject({ outcome: 'failed', statusCode: 400 });
  });

  test('does not accept null for an execution', async () => {
    const { results } = await run(NOT_RUNNING, progress(null), 'a/e1');
    expect(results[0]?.outcome).toBe('failed');
  });

  test('leaves the rejection if the status cannot be read', async () => {
    const { results, lines } = await run(NOT_RUNNING, rejected(403, 'PAP5.0001', 'Denied.'));
    expect(results[0]?.error?.message).toBe('The task is not being checked.');
    expect(lines).toContain('a The status could not be read, so the rejection stands: Denied.');
  });

  test.each<[string, Reply]>([
    ['401', rejected(401, 'APIGW.0301')],
    ['403', rejected(403, 'APIGW.0302')],
    ['a missing permission under 200', rejected(200, 'CC.00050010')],
    ['a rejected credential under 200', rejected(200, 'CC.00050007')],
    ['a redirect', response(302)],
    ['a web page', response(200, '<html></html>')],
    ['a reset', noResponse('ECONNRESET', true)],
    ['503', rejected(503, '')],
  ])('does not ask for the status after %s', async (_, reply) => {
    const { results, scripted } = await run(reply, progress(2));
    expect(results[0]?.outcome).toBe('failed');
    expect(scripted.sent).not.toContain('GET a');
  });
});

test('a fault of ours keeps what the API returned, and ends no other task', async () => {
  const { api } = new ScriptedApi({ '*': [OK] });
  const faulty = {
    ended: api.ended,
    stop: api.stop.bind(api),
    status: () => Promise.reject(new TypeError('x is not a function')),
  } as unknown as StopDeps['api'];
  const { results } = await stop(['a', 'b'], {}, { api: faulty, wait: true });
  expect(results.map(({ outcome, statusCode }) => [outcome, statusCode])).toEqual([
    ['failed', 200],
    ['failed', 200],
  ]);
  expect(results[0]?.error?.message).toBe('Unexpected error: x is not a function');
});

test('a fault of ours before the request is an error of its task', async () => {
  const faulty = {
    stop: () => Promise.reject(new TypeError('x is not a function')),
  } as unknown as StopDeps['api'];
  const { results } = await stop(['a', 'b'], {}, { api: faulty });
  expect(results.map(({ attempts, error }) => [attempts, error?.name])).toEqual([
    [0, 'UnexpectedError'],
    [0, 'UnexpectedError'],
  ]);
});

test('no targets need no work', async () => {
  await expect(firstAlone([], () => Promise.reject(new Error('called')))).resolves.toBe(undefined);
});
