import { beforeEach, describe, expect, test } from '@jest/globals';
import { CheckApi } from '../../src/api/check-api.ts';
import type { Credential } from '../../src/credentials/credential.ts';
import { Deadline } from '../../src/deadline.ts';
import { HttpClient } from '../../src/http/client.ts';
import type { HttpRequest, HttpResponse } from '../../src/http/transport.ts';
import { Log } from '../../src/report/log.ts';
import { Secrets } from '../../src/report/secrets.ts';
import { type StopDeps, stopTasks } from '../../src/tasks/stop-tasks.ts';
import type { TaskResult } from '../../src/tasks/task-result.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeRunner, noAnswer } from '../support/fake-runner.ts';

const step = FakeRunner.forEachTest();

/** What comes back for a request; a function may wait, or throw. */
type Reply = HttpResponse | ((request: HttpRequest) => HttpResponse | Promise<HttpResponse>);

const answer = (status: number, body: unknown = '', headers = {}): HttpResponse => ({
  status,
  headers: { 'x-request-id': 'f00d', ...headers },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});
const TAKEN = answer(200);
const NOT_RUNNING = answer(400, { error_code: 'CC.1', error_msg: 'It is not running.' });
const EXPIRED = answer(401, { error_code: 'CC.00000003', error_msg: 'Expired.' });
const statusIs = (task_status: unknown) => answer(200, { task_status, progress: {} });

let clock: FakeClock;
/** Method and task of each request, as in 'POST a'. */
let sent: string[];
let replies: Readonly<Record<string, readonly Reply[]>>;
let settled: string[];

beforeEach(() => {
  clock = new FakeClock({ autoUpToMs: 16_000 });
  sent = [];
  settled = [];
});

const passThrough: Credential = {
  name: 'a test',
  hint: 'Renew it.',
  authorize: (request) => request,
};

/** @param taken by 'POST a', say, the replies to that request; the last one stays */
function stop(
  taskIds: readonly string[],
  taken: typeof replies,
  options: Partial<StopDeps> & { credential?: Credential } = {},
): Promise<TaskResult[]> {
  replies = taken;
  const counts = new Map<string, number>();
  const transport = {
    send: async (request: HttpRequest): Promise<HttpResponse> => {
      const [, taskId, action] = /\/v2\/tasks\/(\w+)\/(\w+)$/.exec(request.url.pathname) ?? [];
      const key = `${request.method} ${taskId}`;
      expect(action).toBe(request.method === 'POST' ? 'stop' : 'progress');
      sent.push(key);
      const list = replies[key] ?? replies['*'] ?? [];
      const count = counts.get(key) ?? 0;
      counts.set(key, count + 1);
      const reply = list[Math.min(count, list.length - 1)];
      if (reply === undefined) throw new Error(`Nothing was announced for ${key}`);
      return typeof reply === 'function' ? reply(request) : reply;
    },
  };
  const deadline = new Deadline(60, clock);
  const client = new HttpClient({
    transport,
    clock,
    deadline,
    random: () => 0.5,
    sideBySide: true,
  });
  const endpoint = new URL('https://check.example.com');
  const api = new CheckApi(client, endpoint, options.credential ?? passThrough, 2);
  const log = new Log(new Secrets());
  return stopTasks(
    taskIds,
    { api, clock, deadline, log, wait: false, notRunningSucceeds: false, ...options },
    ({ taskId }) => settled.push(taskId),
  );
}

async function stopOne(
  taken: typeof replies,
  options: Parameters<typeof stop>[2] = {},
): Promise<TaskResult> {
  const [result] = await stop(['a'], taken, options);
  if (result === undefined) throw new Error('No result');
  return result;
}

describe('the stop of a task', () => {
  test('is requested once where the API takes it', async () => {
    await expect(stopOne({ 'POST a': [TAKEN] })).resolves.toEqual({
      taskId: 'a',
      outcome: 'stop-requested',
      statusCode: 200,
      requestId: 'f00d',
      attempts: 1,
      durationMs: 0,
      failure: undefined,
      statusError: undefined,
    });
    expect(sent).toEqual(['POST a']);
    expect(settled).toEqual(['a']);
  });

  test('fails once where the API refuses it', async () => {
    await expect(stopOne({ 'POST a': [NOT_RUNNING] })).resolves.toMatchObject({
      outcome: 'failed',
      statusCode: 400,
      requestId: 'f00d',
      attempts: 1,
      failure: { message: 'It is not running.', code: 'CC.1' },
    });
    expect(sent).toEqual(['POST a']);
  });

  test('counts attempts, and how long they took together', async () => {
    const busy = answer(503, { error_code: 'X', error_msg: 'Busy.' }, { 'retry-after': '2' });
    await expect(stopOne({ 'POST a': [busy, TAKEN] })).resolves.toMatchObject({
      outcome: 'stop-requested',
      attempts: 2,
      statusCode: 200,
      durationMs: 2_000,
    });
  });

  test('has the status of the last answer there was', async () => {
    const reset = () => {
      throw noAnswer('The host x reset the connection', { transient: true });
    };
    const busy = answer(503);
    await expect(stopOne({ 'POST a': [busy, reset] })).resolves.toMatchObject({
      outcome: 'failed',
      attempts: 3,
      statusCode: 503,
      requestId: '',
      failure: { kind: 'reset' },
    });
  });

  test('has no status where there was no answer', async () => {
    const refused = () => {
      throw noAnswer('The host x refused the connection');
    };
    await expect(stopOne({ 'POST a': [refused] })).resolves.toMatchObject({
      outcome: 'failed',
      statusCode: null,
      attempts: 1,
    });
  });

  test('fails with an error of our own where there is one', async () => {
    const broken = {
      ...passThrough,
      authorize: () => {
        throw new TypeError('x is not a function');
      },
    };
    await expect(stopOne({}, { credential: broken })).resolves.toMatchObject({
      outcome: 'failed',
      statusCode: null,
      attempts: 0,
      failure: { kind: 'other', message: 'Unexpected error: x is not a function' },
    });
    expect(sent).toEqual([]);
  });

  test('says in the log what became of it, line by line', async () => {
    await stopOne({ 'POST a': [answer(503, { error_msg: 'Busy.' }), TAKEN] });
    expect(step.log).toEqual([
      'POST https://check.example.com/v2/tasks/a/stop → HTTP 503 in 0 ms; Busy.; attempt 2 in 500 ms',
      'POST https://check.example.com/v2/tasks/a/stop → HTTP 200 in 0 ms',
      'Scan a asked to stop, after 500 ms',
    ]);
  });
});

describe('with wait', () => {
  test('the outcome is the one of the scan', async () => {
    const taken = { 'POST a': [TAKEN], 'GET a': [statusIs(0), statusIs(3)] };
    await expect(stopOne(taken, { wait: true })).resolves.toMatchObject({
      outcome: 'stopped',
      statusCode: 200,
      requestId: 'f00d',
      attempts: 1,
      durationMs: 500,
    });
    expect(sent).toEqual(['POST a', 'GET a', 'GET a']);
    expect(step.log.at(-1)).toBe('Scan a stopped, after 500 ms');
  });

  test('a status that may not be read leaves the request as it is', async () => {
    const denied = answer(403, { error_code: 'PAP5.0001', error_msg: 'Denied.' });
    const result = await stopOne({ 'POST a': [TAKEN], 'GET a': [denied] }, { wait: true });
    expect(result).toMatchObject({
      outcome: 'stop-requested',
      failure: undefined,
      statusError: { code: 'PAP5.0001' },
    });
    expect(step.log).toContain(
      'GET https://check.example.com/v2/tasks/a/progress → HTTP 403 in 0 ms; PAP5.0001 Denied.',
    );
  });

  test('a request that was refused is not waited for', async () => {
    await stopOne({ 'POST a': [NOT_RUNNING] }, { wait: true });
    expect(sent).toEqual(['POST a']);
  });
});

describe('with if-not-running: succeed, a refused stop', () => {
  const option = { notRunningSucceeds: true };

  test.each([1, 2, 3, null])('is success where the status is %s', async (status) => {
    const taken = { 'POST a': [NOT_RUNNING], 'GET a': [statusIs(status)] };
    await expect(stopOne(taken, option)).resolves.toMatchObject({
      outcome: 'not-running',
      statusCode: 400,
      failure: { message: 'It is not running.' },
    });
    expect(sent).toEqual(['POST a', 'GET a']);
    expect(step.log.at(-1)).toMatch(/^Scan a not running: It is not running\. \(CC\.1, HTTP 400/);
  });

  test.each([0, 9, '3', undefined])('stays a refusal where the status is %j', async (status) => {
    const taken = { 'POST a': [NOT_RUNNING], 'GET a': [statusIs(status)] };
    await expect(stopOne(taken, option)).resolves.toMatchObject({
      outcome: 'failed',
      failure: { message: 'It is not running.' },
    });
    expect(sent).toEqual(['POST a', 'GET a']);
  });

  test('stays a refusal where the status may not be read, and the log says why', async () => {
    const denied = answer(403, { error_msg: 'Denied.' });
    const taken = { 'POST a': [NOT_RUNNING], 'GET a': [denied] };
    await expect(stopOne(taken, option)).resolves.toMatchObject({
      outcome: 'failed',
      failure: { message: 'It is not running.' },
    });
    expect(step.log).toContain('Its status could not be read, so the refusal stands: Denied.');
  });

  test.each([400, 404, 409])('is followed by a look at the status after HTTP %d', async (code) => {
    const refused = answer(code, { error_code: 'X', error_msg: 'No.' });
    await stopOne({ 'POST a': [refused], 'GET a': [statusIs(2)] }, option);
    expect(sent).toEqual(['POST a', 'GET a']);
  });

  test('is followed by a look at the status also after an error in the guise of HTTP 200', async () => {
    const refused = answer(200, { error_code: 'CC.00050013', error_msg: 'No.' });
    const taken = { 'POST a': [refused], 'GET a': [statusIs(2)] };
    await expect(stopOne(taken, option)).resolves.toMatchObject({ outcome: 'not-running' });
  });

  test.each<[string, Reply]>([
    ['the credential is refused', EXPIRED],
    ['the user may not', answer(403, { error_code: 'APIGW.0302', error_msg: 'No.' })],
    ['the user may not, under HTTP 200', answer(200, { error_code: 'CC.00050010' })],
    ['the API is busy to the end', answer(503)],
    ['the API says that it is busy', answer(400, { error_code: 'CC.00000000' })],
    ['something else answers', answer(200, '<html>Log in</html>')],
    ['the answer is a redirect', answer(302, '', { location: 'https://login.example.com' })],
    [
      'nothing answers',
      () => {
        throw noAnswer('The host x was not found');
      },
    ],
  ])('stays a refusal, without a look at the status, where %s', async (_, refused) => {
    const result = await stopOne({ 'POST a': [refused], 'GET a': [statusIs(2)] }, option);
    expect(result.outcome).toBe('failed');
    expect(sent).not.toContain('GET a');
    expect(step.log.join('\n')).not.toContain('status could not be read');
  });

  test('that was never sent is not polled at', async () => {
    const later = answer(429, { error_msg: 'Throttled.' }, { 'retry-after': '3600' });
    const results = await stop(['a', 'b'], { 'POST a': [later], 'GET b': [statusIs(2)] }, option);
    expect(results.map(({ outcome }) => outcome)).toEqual(['failed', 'failed']);
    expect(sent).toEqual(['POST a']);
    expect(step.log.join('\n')).not.toContain('status could not be read');
  });

  test('is not polled at where the option is left as it is', async () => {
    await stopOne({ 'POST a': [NOT_RUNNING], 'GET a': [statusIs(2)] });
    expect(sent).toEqual(['POST a']);
  });
});

describe('several tasks', () => {
  const ids = (count: number) => Array.from({ length: count }, (_, index) => `t${index}`);
  const late = (ms: number, reply: HttpResponse) => async () => {
    await clock.sleep(ms);
    return reply;
  };

  test('are all tried, whatever becomes of the others, and come back in their order', async () => {
    const results = await stop(['a', 'b', 'c', 'd'], {
      'POST a': [NOT_RUNNING],
      'POST b': [late(20, TAKEN)],
      'POST c': [late(10, answer(404))],
      'POST d': [TAKEN],
    });
    expect(results.map(({ taskId, outcome }) => `${taskId} ${outcome}`)).toEqual([
      'a failed',
      'b stop-requested',
      'c failed',
      'd stop-requested',
    ]);
    expect(settled).toEqual(['a', 'd', 'c', 'b']);
  });

  test('are sent the first alone, then at most 16 at once', async () => {
    let open = 0;
    const opened: number[] = [];
    const slow = async () => {
      open += 1;
      opened.push(open);
      await clock.sleep(10);
      open -= 1;
      return TAKEN;
    };
    const results = await stop(ids(40), { '*': [slow] });
    expect(results.every(({ outcome }) => outcome === 'stop-requested')).toBe(true);
    expect(sent).toEqual(ids(40).map((id) => `POST ${id}`));
    expect(opened.slice(0, 17)).toEqual([1, ...ids(16).map((_, index) => index + 1)]);
    expect(Math.max(...opened)).toBe(16);
    // One alone, then 16, 16 and 7 side by side.
    expect(clock.nowMs).toBe(40);
  });

  test('send one request where the credential is refused', async () => {
    const results = await stop(ids(40), { '*': [EXPIRED] });
    expect(sent).toEqual(['POST t0']);
    expect(results[0]).toMatchObject({ outcome: 'failed', statusCode: 401, attempts: 1 });
    for (const result of results.slice(1)) {
      expect(result).toMatchObject({
        outcome: 'failed',
        statusCode: null,
        attempts: 0,
        failure: { message: 'Not sent, because the credential was refused: Expired.' },
      });
    }
  });

  test('are not held up by the wait for the first', async () => {
    const statuses = { 'GET a': [statusIs(0), statusIs(0), statusIs(3)], 'GET b': [statusIs(3)] };
    const taken = { 'POST a': [TAKEN], 'POST b': [TAKEN], ...statuses };
    await stop(['a', 'b'], taken, { wait: true });
    expect(settled).toEqual(['b', 'a']);
  });

  test('may be none at all: then nothing is sent', async () => {
    await expect(stop([], {})).resolves.toEqual([]);
    expect(sent).toEqual([]);
  });

  test('have a group of lines each in the log', async () => {
    await stop(['a', 'b'], { '*': [TAKEN] });
    expect(step.lines).toEqual(
      ['a', 'b'].flatMap((id) => [
        `::group::Scan ${id} asked to stop, after 0 ms`,
        `POST https://check.example.com/v2/tasks/${id}/stop → HTTP 200 in 0 ms`,
        '::endgroup::',
      ]),
    );
  });
});
