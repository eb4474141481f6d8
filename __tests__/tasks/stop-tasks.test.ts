import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ApiError, UnexpectedError } from '../../src/http/errors.ts';
import type { Target } from '../../src/inputs/target.ts';
import type { StopLogger } from '../../src/tasks/logger.ts';
import { NotConfirmedError } from '../../src/tasks/poll-status.ts';
import { firstAlone, type StopDeps, stopTasks } from '../../src/tasks/stop-tasks.ts';
import type { TaskResult } from '../../src/tasks/task-result.ts';
import {
  noResponse,
  progress,
  type Reply,
  rejected,
  response,
  ScriptedApi,
  type ScriptedApiOptions,
  silence,
} from '../support/scripted-api.ts';

const ACCEPTED = response(200);
const NOT_RUNNING = rejected(400, 'CC.1', 'It is not running.');
const EXPIRED = rejected(401, 'CC.00000003', 'Expired.');
const SUCCEED = { ifNotRunning: 'succeed' } as const;
const WAIT = { wait: true } as const;

type Script = Readonly<Record<string, readonly Reply[]>>;
type Options = Partial<StopDeps> & { readonly scriptedApi?: ScriptedApiOptions };

const current = (taskId: string): Target => ({ taskId, executionId: undefined });
const execution = (taskId: string, executionId: string): Target => ({ taskId, executionId });
const ids = (count: number) => Array.from({ length: count }, (_, index) => `t${index}`);

let scripted: ScriptedApi;
/** Each result in the order in which it was handed over, and the place of its task. */
let handed: { readonly index: number; readonly result: TaskResult }[];
/** What the log of each task was told. */
let log: string[];

beforeEach(() => {
  handed = [];
  log = [];
});

const recordingLogger = ({ taskId }: Target): StopLogger => ({
  line: (text) => log.push(`${taskId} line: ${text}`),
  attempt: ({ request, status }) => log.push(`${taskId} ${request.method} ${status}`),
  accepted: () => log.push(`${taskId} accepted`),
  end: ({ outcome }) => log.push(`${taskId} end: ${outcome}`),
});

/** @returns the last result of each task, in the order of the tasks */
async function stop(
  targets: readonly Target[],
  script: Script,
  { scriptedApi = {}, ...different }: Options = {},
): Promise<(TaskResult | undefined)[]> {
  scripted = new ScriptedApi(script, scriptedApi);
  const { api, clock, deadline } = scripted;
  await stopTasks(targets, {
    api,
    clock,
    deadline,
    logger: recordingLogger,
    onResult: (index, result) => handed.push({ index, result }),
    wait: false,
    ifNotRunning: 'fail',
    ...different,
  });
  return targets.map((_, place) => handed.findLast(({ index }) => index === place)?.result);
}

async function stopOne(script: Script, options: Options = {}): Promise<TaskResult> {
  const [result] = await stop([current('a')], script, options);
  if (result === undefined) throw new Error('No result');
  return result;
}

/** A reply that takes a while. */
const late =
  (ms: number, reply: ReturnType<typeof response>): Reply =>
  async (_request, signal) => {
    await scripted.clock.sleep(ms, signal);
    return reply;
  };

/** A credential that breaks for requests of one method. */
const brokenFor = (method: string): ScriptedApiOptions => ({
  authorize: (request) => {
    if (request.method === method) throw new TypeError('x is not a function');
    return request;
  },
});

describe('the stop of a task', () => {
  test('is requested once if the API accepts it', async () => {
    await expect(stopOne({ 'POST a': [ACCEPTED] })).resolves.toEqual({
      target: current('a'),
      outcome: 'stop-requested',
      statusCode: 200,
      requestId: 'f00d',
      attempts: 1,
      durationMs: 0,
      accepted: true,
      error: undefined,
      statusError: undefined,
    });
    expect(scripted.sent).toEqual(['POST a']);
    expect(log).toEqual(['a POST 200', 'a accepted', 'a end: stop-requested']);
  });

  test('is requested of one execution, if one is named', async () => {
    const [result] = await stop([execution('a', 'e1')], { 'PUT a/e1': [ACCEPTED] });
    expect(result).toMatchObject({ target: execution('a', 'e1'), outcome: 'stop-requested' });
    expect(scripted.sent).toEqual(['PUT a/e1']);
  });

  test('fails after one request if the API rejects it', async () => {
    await expect(stopOne({ 'POST a': [NOT_RUNNING] })).resolves.toMatchObject({
      outcome: 'failed',
      statusCode: 400,
      requestId: 'f00d',
      attempts: 1,
      accepted: false,
      error: { message: 'It is not running.', code: 'CC.1', operation: 'stop' },
      statusError: undefined,
    });
    expect(scripted.sent).toEqual(['POST a']);
    expect(handed).toHaveLength(1);
    expect(log).toEqual(['a POST 400', 'a end: failed']);
  });

  test('counts its attempts, and how long they lasted together', async () => {
    const busy = rejected(503, 'X', 'Busy.', { 'retry-after': '2' });
    await expect(stopOne({ 'POST a': [busy, ACCEPTED] })).resolves.toMatchObject({
      outcome: 'stop-requested',
      attempts: 2,
      statusCode: 200,
      durationMs: 2_000,
    });
  });

  test('has the HTTP status and request ID of the last response that arrived', async () => {
    const script = { 'POST a': [response(503), noResponse('ECONNRESET', true)] };
    await expect(stopOne(script)).resolves.toMatchObject({
      outcome: 'failed',
      attempts: 3,
      statusCode: 503,
      requestId: 'f00d',
      error: { kind: 'connection-reset', mayHaveHappened: true },
    });
  });

  test('has neither if no response arrived', async () => {
    const script = { 'POST a': [noResponse('ECONNREFUSED', false)] };
    await expect(stopOne(script)).resolves.toMatchObject({
      outcome: 'failed',
      attempts: 1,
      statusCode: null,
      requestId: '',
      error: { kind: 'connection-refused', mayHaveHappened: false },
    });
  });
});

describe('as soon as the API has accepted a stop', () => {
  const NOT_KNOWN = 'The API accepted the stop request, but its status is not known';

  test.each([true, false])('that is known as not confirmed, with wait: %s', async (wait) => {
    const sentBefore: string[][] = [];
    const onResult: StopDeps['onResult'] = (index, result) => {
      handed.push({ index, result });
      sentBefore.push([...scripted.sent]);
    };
    const script = { 'POST a': [late(30, ACCEPTED)], 'GET a': [progress(0), progress(3)] };
    await stopOne(script, { wait, onResult });
    expect(handed).toHaveLength(2);
    expect(handed[0]).toEqual({
      index: 0,
      result: {
        target: current('a'),
        outcome: 'failed',
        statusCode: 200,
        requestId: 'f00d',
        attempts: 1,
        durationMs: 30,
        accepted: true,
        error: expect.any(NotConfirmedError),
        statusError: undefined,
      },
    });
    expect(handed[0]?.result.error?.message).toBe(NOT_KNOWN);
    expect(sentBefore[0]).toEqual(['POST a']);
    expect(handed[1]?.result.outcome).toBe(wait ? 'stopped' : 'stop-requested');
  });

  test('that stays known while the status hangs, until the step is interrupted', async () => {
    const script = { 'POST a': [ACCEPTED], 'GET a': [silence(true)] };
    const end = stopOne(script, WAIT);
    await scripted.clock.advance(1_000);
    expect(handed.map(({ result }) => result.error?.message)).toEqual([NOT_KNOWN]);
    scripted.deadline.interrupt('the step was cancelled (SIGTERM)');
    await expect(end).resolves.toMatchObject({
      outcome: 'failed',
      statusCode: 200,
      accepted: true,
      durationMs: 1_000,
      error: { kind: 'not-confirmed' },
    });
  });
});

describe('with wait, a stop that the API accepted', () => {
  test.each([
    [3, 'stopped'],
    [1, 'not-running'],
    [2, 'not-running'],
  ])('ends with status %s: %s', async (status, outcome) => {
    const script = { 'POST a': [ACCEPTED], 'GET a': [progress(0), progress(status)] };
    await expect(stopOne(script, WAIT)).resolves.toMatchObject({
      outcome,
      statusCode: 200,
      requestId: 'f00d',
      attempts: 1,
      accepted: true,
      durationMs: 500,
      error: undefined,
    });
    expect(scripted.sent).toEqual(['POST a', 'GET a', 'GET a']);
    expect(log.slice(0, 2)).toEqual(['a POST 200', 'a accepted']);
    expect(log.at(-1)).toBe(`a end: ${outcome}`);
  });

  test('is polled for the execution that is named', async () => {
    const script = { 'PUT a/e1': [ACCEPTED], 'GET a/e1': [progress(3)] };
    await stop([execution('a', 'e1')], script, WAIT);
    expect(scripted.sent).toEqual(['PUT a/e1', 'GET a/e1']);
  });

  test('stays requested if its status may not be read', async () => {
    const script = { 'POST a': [ACCEPTED], 'GET a': [rejected(403, 'PAP5.0001', 'Denied.')] };
    await expect(stopOne(script, WAIT)).resolves.toMatchObject({
      outcome: 'stop-requested',
      statusCode: 200,
      accepted: true,
      error: undefined,
      statusError: { code: 'PAP5.0001', operation: 'status' },
    });
    expect(log).toContain('a GET 403');
  });

  test('fails if the scan is still running at the deadline', async () => {
    const script = { 'POST a': [ACCEPTED], 'GET a': [progress(0)] };
    await expect(stopOne(script, WAIT)).resolves.toMatchObject({
      outcome: 'failed',
      statusCode: 200,
      accepted: true,
      error: {
        message:
          'The API accepted the stop request, but the scan was still running after 60 s (timeout-seconds)',
      },
    });
  });

  test('is polled, but one that the API rejected is not', async () => {
    await stopOne({ 'POST a': [NOT_RUNNING], 'GET a': [progress(3)] }, WAIT);
    expect(scripted.sent).toEqual(['POST a']);
  });
});

describe('a credential that is rejected while two scans are polled', () => {
  const FAILED = ['failed', 'Not sent, because the credential was rejected: Expired.'] as const;
  const UNREADABLE = ['stop-requested', FAILED[1]] as const;
  /** The outcome, and why the status could not be read. */
  type Polled = readonly [outcome: string, statusError: string | undefined];

  test.each<[string, Script, Polled, Polled, string[]]>([
    [
      'at the first reading of one, after a good reading of the other',
      { 'GET a': [late(100, EXPIRED)], 'GET b': [progress(0)] },
      ['stop-requested', 'Expired.'],
      FAILED,
      ['GET a', 'GET b'],
    ],
    [
      'at the first reading of one, after an odd reading of the other',
      { 'GET a': [late(100, EXPIRED)], 'GET b': [response(503)] },
      ['stop-requested', 'Expired.'],
      FAILED,
      ['GET a', 'GET b'],
    ],
    [
      'at the first reading of one, before any reading of the other',
      { 'POST b': [late(200, ACCEPTED)], 'GET a': [late(100, EXPIRED)] },
      ['stop-requested', 'Expired.'],
      UNREADABLE,
      ['GET a'],
    ],
    [
      'after a good reading of each',
      { 'GET a': [progress(0), EXPIRED], 'GET b': [late(10, progress(0))] },
      ['failed', 'Expired.'],
      FAILED,
      ['GET a', 'GET b', 'GET a'],
    ],
    [
      'after a good reading of one, before any reading of the other',
      { 'POST b': [late(900, ACCEPTED)], 'GET a': [progress(0), EXPIRED] },
      ['failed', 'Expired.'],
      UNREADABLE,
      ['GET a', 'GET a'],
    ],
    [
      'while a reading of the other is under way',
      { 'GET a': [late(100, EXPIRED)], 'GET b': [late(200, progress(3))] },
      ['stop-requested', 'Expired.'],
      ['stopped', undefined],
      ['GET a', 'GET b'],
    ],
  ])('%s', async (_, script, ofFirst, ofSecond, polls) => {
    const accepted = { 'POST a': [ACCEPTED], 'POST b': [ACCEPTED], ...script };
    const results = await stop([current('a'), current('b')], accepted, WAIT);
    const outcomes = results.map((result) => {
      const cause = result?.error instanceof NotConfirmedError ? result.error : result;
      return [result?.outcome, cause?.statusError?.message];
    });
    expect(outcomes).toEqual([ofFirst, ofSecond]);
    // Nothing is sent after the rejection, and what the API accepted stays known.
    expect(scripted.sent.filter((request) => request.startsWith('GET'))).toEqual(polls);
    expect(results.map((result) => result?.statusCode)).toEqual([200, 200]);
  });
});

describe('with if-not-running: succeed, a rejected stop', () => {
  const stopped = async (target: Target, reply: Reply, status: readonly Reply[]) => {
    const script = { 'POST a': [reply], 'PUT a/e1': [reply], 'GET a': status, 'GET a/e1': status };
    const [result] = await stop([target], script, SUCCEED);
    return result;
  };
  const readings = () => scripted.sent.filter((request) => request.startsWith('GET'));

  test.each<[string, Target, unknown]>([
    ...[1, 2, 3, null].map((status): [string, Target, unknown] => [
      ' of the task',
      current('a'),
      status,
    ]),
    ...[1, 2, 3].map((status): [string, Target, unknown] => [
      ' of an execution',
      execution('a', 'e1'),
      status,
    ]),
  ])('is not-running%s: %j with status %j', async (_, target, status) => {
    await expect(stopped(target, NOT_RUNNING, [progress(status)])).resolves.toMatchObject({
      outcome: 'not-running',
      statusCode: 400,
      requestId: 'f00d',
      attempts: 1,
      accepted: false,
      error: { message: 'It is not running.' },
    });
    expect(readings()).toHaveLength(1);
  });

  test.each<[Target, unknown]>([
    ...[0, 9, '3', undefined].map((status): [Target, unknown] => [current('a'), status]),
    ...[0, 9, null].map((status): [Target, unknown] => [execution('a', 'e1'), status]),
  ])('stays a rejection: %j with status %j, after one look', async (target, status) => {
    await expect(stopped(target, NOT_RUNNING, [progress(status)])).resolves.toMatchObject({
      outcome: 'failed',
      error: { message: 'It is not running.' },
    });
    expect(readings()).toHaveLength(1);
  });

  test.each<[string, Reply]>([
    ['it is denied', rejected(403, '', 'Denied.')],
    ['the response is a web page', response(200, '<title>Log in</title>')],
    ['there is no response', noResponse('ECONNREFUSED', false)],
  ])('stays a rejection if the status cannot be read: %s', async (_, reading) => {
    await expect(stopped(current('a'), NOT_RUNNING, [reading])).resolves.toMatchObject({
      outcome: 'failed',
      statusCode: 400,
      error: { message: 'It is not running.', operation: 'stop' },
    });
    expect(log).toContainEqual(
      expect.stringMatching(/^a line: The status could not be read, so the rejection stands: ./),
    );
  });

  test('has its status read again after a transient error', async () => {
    const readings = [response(503), progress(2)];
    const result = await stopped(current('a'), NOT_RUNNING, readings);
    expect(result?.outcome).toBe('not-running');
    expect(log.filter((line) => line.startsWith('a GET'))).toEqual(['a GET 503', 'a GET 200']);
    expect(result?.attempts).toBe(1);
  });

  const ELIGIBLE: [string, Reply][] = [
    ['400', rejected(400, 'CC.00000001.400')],
    ['400 without a code', response(400)],
    ['404', rejected(404, 'X')],
    ['404 of the gateway', rejected(404, 'APIGW.0101')],
    ['409', rejected(409, 'X')],
    ['an error code under HTTP 200', rejected(200, 'CC.00050013')],
    ['CC.00050006 without a nested 403', rejected(400, 'CC.00050006')],
  ];
  test.each(ELIGIBLE)('is followed by a look at the status: %s', async (_, reply) => {
    await expect(stopped(current('a'), reply, [progress(2)])).resolves.toMatchObject({
      outcome: 'not-running',
    });
    expect(readings()).toHaveLength(1);
  });

  const NOT_ELIGIBLE: [string, Reply][] = [
    ['401', EXPIRED],
    ['401 without a code', response(401)],
    ['403', response(403)],
    ['403 of the gateway', rejected(403, 'APIGW.0302')],
    ['429 past the deadline', rejected(429, '', 'Throttled.', { 'retry-after': '3600' })],
    ['no permission under HTTP 200', rejected(200, 'CC.00050010')],
    ['no project member under HTTP 200', rejected(200, 'CC.00050011')],
    ['a policy under HTTP 400', rejected(400, 'PAP5.0001')],
    ['a nested 403', rejected(400, 'CC.00050006', 'service_error_code is: CC.00070403.403')],
    ['an expired credential under HTTP 400', rejected(400, 'CC.00000003')],
    ['a rejected credential under HTTP 200', rejected(200, 'CC.00050007')],
    ['500', response(500)],
    ['502', response(502)],
    ['503', response(503)],
    ['504', response(504)],
    ['a busy API under HTTP 400', rejected(400, 'CC.00000000')],
    ['a busy API under HTTP 200', rejected(200, 'CC.00050012')],
    ['a web page', response(200, '<title>Log in</title>')],
    ['a redirect', response(302, '', { location: 'https://login.example.com/' })],
    ['an unknown host', noResponse('ENOTFOUND', false)],
    ['a reset', noResponse('ECONNRESET', true)],
  ];
  test.each(NOT_ELIGIBLE)(
    'stays a rejection, without a look at the status: %s',
    async (_, reply) => {
      const result = await stopped(current('a'), reply, [progress(2)]);
      expect(result?.outcome).toBe('failed');
      expect(readings()).toEqual([]);
      expect(log.join('\n')).not.toContain('line:');
    },
  );

  test('is not-running only if it is eligible and the status is an end', async () => {
    const cases = [
      ...ELIGIBLE.map(([, reply]) => ({ reply, eligible: true })),
      ...NOT_ELIGIBLE.map(([, reply]) => ({ reply, eligible: false })),
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...cases),
        fc.constantFrom(current('a'), execution('a', 'e1')),
        fc.oneof(fc.constantFrom(0, 1, 2, 3, null), fc.jsonValue()),
        async ({ reply, eligible }, target, status) => {
          const end = status === 1 || status === 2 || status === 3;
          const over = end || (status === null && target.executionId === undefined);
          const result = await stopped(target, reply, [progress(status)]);
          expect(result?.outcome).toBe(eligible && over ? 'not-running' : 'failed');
        },
      ),
      { numRuns: 60 },
    );
  });

  test('has no status read unless the option asks for it', async () => {
    await stopOne({ 'POST a': [NOT_RUNNING], 'GET a': [progress(2)] });
    expect(scripted.sent).toEqual(['POST a']);
  });
});

describe('a fault of the action itself', () => {
  const UNEXPECTED = { kind: 'unexpected', message: 'Unexpected error: x is not a function' };

  test('before the stop is sent fails the task', async () => {
    await expect(stopOne({}, { scriptedApi: brokenFor('POST') })).resolves.toMatchObject({
      outcome: 'failed',
      statusCode: null,
      requestId: '',
      attempts: 0,
      accepted: false,
      error: UNEXPECTED,
    });
    expect(scripted.sent).toEqual([]);
    expect(log).toEqual(['a end: failed']);
  });

  test('after the stop was accepted keeps what the API returned', async () => {
    const options = { ...WAIT, scriptedApi: brokenFor('GET') };
    const result = await stopOne({ 'POST a': [ACCEPTED] }, options);
    expect(result).toMatchObject({
      outcome: 'failed',
      statusCode: 200,
      requestId: 'f00d',
      attempts: 1,
      accepted: true,
      error: UNEXPECTED,
    });
    expect(result.error).toBeInstanceOf(UnexpectedError);
  });

  test('while the status is read leaves the rejection as it was', async () => {
    const options = { ...SUCCEED, scriptedApi: brokenFor('GET') };
    await expect(stopOne({ 'POST a': [NOT_RUNNING] }, options)).resolves.toMatchObject({
      outcome: 'failed',
      statusCode: 400,
      error: { message: 'It is not running.' },
    });
  });

  test('after the stop was rejected keeps what the API returned', async () => {
    const broken = (target: Target): StopLogger => ({
      ...recordingLogger(target),
      line: () => {
        throw new TypeError('x is not a function');
      },
    });
    const script = { 'POST a': [NOT_RUNNING], 'GET a': [response(403)] };
    await expect(stopOne(script, { ...SUCCEED, logger: broken })).resolves.toMatchObject({
      outcome: 'failed',
      statusCode: 400,
      requestId: 'f00d',
      attempts: 1,
      accepted: false,
      error: UNEXPECTED,
    });
  });

  test('ends no other task', async () => {
    const authorize: ScriptedApiOptions['authorize'] = (request) => {
      if (request.url.pathname.includes('/a/')) throw new TypeError('x is not a function');
      return request;
    };
    const results = await stop(
      [current('a'), current('b')],
      { '*': [ACCEPTED] },
      { scriptedApi: { authorize } },
    );
    expect(results.map((result) => result?.outcome)).toEqual(['failed', 'stop-requested']);
  });
});

describe('several tasks', () => {
  test('are all attempted, however the others end, and keep their places', async () => {
    const results = await stop(['a', 'b', 'c', 'd'].map(current), {
      'POST a': [NOT_RUNNING],
      'POST b': [late(20, ACCEPTED)],
      'POST c': [late(10, response(404))],
      'POST d': [ACCEPTED],
    });
    expect(results.map((result) => `${result?.target.taskId} ${result?.outcome}`)).toEqual([
      'a failed',
      'b stop-requested',
      'c failed',
      'd stop-requested',
    ]);
    expect(log.filter((line) => line.includes('end:'))).toEqual([
      'a end: failed',
      'd end: stop-requested',
      'c end: failed',
      'b end: stop-requested',
    ]);
  });

  test('may be executions of the same task', async () => {
    const targets = [execution('a', 'e1'), execution('a', 'e2')];
    const script = { 'PUT a/e1': [ACCEPTED], 'PUT a/e2': [NOT_RUNNING] };
    const results = await stop(targets, script);
    expect(results).toMatchObject([
      { target: targets[0], outcome: 'stop-requested' },
      { target: targets[1], outcome: 'failed' },
    ]);
  });

  test('are sent the first alone, then at most 16 at once', async () => {
    let open = 0;
    const opened: number[] = [];
    const slow: Reply = async (_request, signal) => {
      open += 1;
      opened.push(open);
      await scripted.clock.sleep(10, signal);
      open -= 1;
      return ACCEPTED;
    };
    const results = await stop(ids(40).map(current), { '*': [slow] });
    expect(results.every((result) => result?.outcome === 'stop-requested')).toBe(true);
    expect(scripted.sent).toEqual(ids(40).map((id) => `POST ${id}`));
    expect(opened.slice(0, 17)).toEqual([1, ...ids(16).map((_, index) => index + 1)]);
    expect(Math.max(...opened)).toBe(16);
    // One alone, then 16, 16 and 7 side by side.
    expect(scripted.clock.nowMs).toBe(40);
  });

  test('follow after the first attempt at the first, also if that is retried', async () => {
    const busy = rejected(503, '', 'Busy.', { 'retry-after': '5' });
    await stop([current('a'), current('b')], { 'POST a': [busy, ACCEPTED], 'POST b': [ACCEPTED] });
    expect(scripted.sent).toEqual(['POST a', 'POST b', 'POST a']);
  });

  test('follow while the first is waited for', async () => {
    const script = {
      'POST a': [ACCEPTED],
      'POST b': [ACCEPTED],
      'GET a': [progress(0), progress(0), progress(3)],
      'GET b': [progress(3)],
    };
    await stop([current('a'), current('b')], script, WAIT);
    expect(log.filter((line) => line.includes('end:'))).toEqual([
      'b end: stopped',
      'a end: stopped',
    ]);
  });

  test('send one request if the credential is rejected', async () => {
    const results = await stop(ids(40).map(current), { '*': [EXPIRED] });
    expect(scripted.sent).toEqual(['POST t0']);
    expect(results[0]).toMatchObject({ outcome: 'failed', statusCode: 401, attempts: 1 });
    for (const result of results.slice(1)) {
      expect(result).toMatchObject({
        outcome: 'failed',
        statusCode: null,
        attempts: 0,
        error: { message: 'Not sent, because the credential was rejected: Expired.' },
      });
    }
  });

  test.each<[string, Reply]>([
    ['503', response(503)],
    ['429', rejected(429, 'APIGW.0308', 'Throttled.')],
    ['no response', silence(true)],
  ])('send at most four if the credential is rejected after %s', async (_, first) => {
    const late401 = late(10, EXPIRED);
    const script = { 'POST t0': [first, late401], '*': [late401] };
    const end = stop(ids(40).map(current), script);
    await scripted.clock.advance(21_000);
    const results = await end;
    const rejections = results.filter((result) => result?.statusCode === 401);
    expect(rejections.length).toBeGreaterThan(0);
    expect(rejections.length).toBeLessThanOrEqual(4);
    expect(scripted.sent.length).toBeLessThanOrEqual(1 + 4);
  });

  test('are sent 16 at once as soon as one shows that the credential is accepted', async () => {
    let open = 0;
    let most = 0;
    const slow: Reply = async (_request, signal) => {
      open += 1;
      most = Math.max(most, open);
      await scripted.clock.sleep(10, signal);
      open -= 1;
      return ACCEPTED;
    };
    await stop(ids(40).map(current), { 'POST t0': [response(503), slow], '*': [slow] });
    expect(most).toBe(16);
    // One alone, then 4, then 16 and 16 and the rest.
    expect(scripted.sent.slice(0, 5)).toEqual(ids(5).map((id) => `POST ${id}`));
  });

  test('whose stops were not sent have no status read', async () => {
    const later = rejected(429, '', 'Throttled.', { 'retry-after': '3600' });
    const script = { 'POST a': [later], 'GET b': [progress(2)] };
    const results = await stop([current('a'), current('b')], script, SUCCEED);
    expect(results.map((result) => result?.outcome)).toEqual(['failed', 'failed']);
    expect(scripted.sent).toEqual(['POST a']);
  });

  test('that there is no time left for fail without a request', async () => {
    const targets = [current('a'), current('b')];
    const end = stop(targets, { '*': [silence(true)] }, { scriptedApi: { seconds: 10 } });
    await scripted.clock.advance(10_000);
    const results = await end;
    expect(scripted.sent).toEqual(['POST a']);
    expect(results).toMatchObject([
      { outcome: 'failed', attempts: 1, error: { kind: 'deadline', mayHaveHappened: true } },
      { outcome: 'failed', attempts: 0, error: { kind: 'deadline', mayHaveHappened: false } },
    ]);
  });
});

describe('work for each target, the first alone', () => {
  const targets = ['a', 'b', 'c'].map(current);

  test('starts the others when the first calls back, not before, and waits for all', async () => {
    const started: string[] = [];
    const first = Promise.withResolvers<void>();
    let callBack = () => {};
    let over = false;
    const end = firstAlone(targets, async ({ taskId }, index, onAttempt) => {
      started.push(`${index} ${taskId}`);
      if (index > 0) return;
      callBack = onAttempt;
      await first.promise;
    }).then(() => {
      over = true;
    });
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    await turn();
    expect(started).toEqual(['0 a']);
    callBack();
    await turn();
    expect(started).toEqual(['0 a', '1 b', '2 c']);
    expect(over).toBe(false);
    first.resolve();
    await end;
    expect(over).toBe(true);
  });

  test('starts the others if the first ends without an attempt', async () => {
    const started: number[] = [];
    await firstAlone(targets, async (_target, index) => void started.push(index));
    expect(started).toEqual([0, 1, 2]);
  });

  test('throws what the first throws before an attempt, and starts no other', async () => {
    const started: number[] = [];
    const broken = firstAlone(targets, async (_target, index) => {
      started.push(index);
      throw new ApiError('No.', { kind: 'rejected' });
    });
    await expect(broken).rejects.toThrow('No.');
    expect(started).toEqual([0]);
  });

  test('is none without targets', async () => {
    const started: number[] = [];
    await firstAlone([], async (_target, index) => void started.push(index));
    expect(started).toEqual([]);
  });
});
