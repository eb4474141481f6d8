import { beforeEach, describe, expect, test } from '@jest/globals';
import type { ScanStatus } from '../../src/api/check-api.ts';
import { Deadline } from '../../src/deadline.ts';
import type { Attempt } from '../../src/http/client.ts';
import { type RequestError, SkippedError } from '../../src/http/errors.ts';
import type { TaskLog } from '../../src/report/log.ts';
import { waitForEnd } from '../../src/tasks/poll-status.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { noAnswer, refusal } from '../support/fake-runner.ts';

type Look = ScanStatus | RequestError | TypeError;

let clock: FakeClock;
let lines: string[];
/** When each look was, in milliseconds since the start. */
let looks: number[];
let retriesAsked: (number | undefined)[];

beforeEach(() => {
  clock = new FakeClock({ autoUpToMs: 10_000 });
  lines = [];
  looks = [];
  retriesAsked = [];
});

const status = (state: ScanStatus['state'], different: Partial<ScanStatus> = {}): ScanStatus => ({
  state,
  taskStatus: '0',
  ratio: undefined,
  ...different,
});
const checking = (ratio?: string) => status('checking', { ratio });
const deadlinePassed = noAnswer('No answer within the deadline', { kind: 'deadline' });

/** Waits for a scan whose status is, look by look, as given; the last one stays. */
function waitThrough(statuses: readonly Look[], seconds = 60, answerMs = 0, ofDeadline = clock) {
  const deadline = new Deadline(seconds, ofDeadline);
  const api = {
    status: async (
      _taskId: string,
      onAttempt: (attempt: Attempt) => void,
      retries?: number,
    ): Promise<ScanStatus> => {
      looks.push(clock.nowMs);
      retriesAsked.push(retries);
      if (answerMs > 0) await clock.sleep(answerMs);
      const polled = statuses[Math.min(looks.length, statuses.length) - 1];
      if (polled === undefined || polled instanceof TypeError) throw polled;
      const failure = polled instanceof Error ? polled : undefined;
      onAttempt({
        request: { method: 'GET', url: new URL('https://example.com'), headers: {}, body: '' },
        number: 1,
        status: failure === undefined ? 200 : failure.status,
        durationMs: 1,
        failure,
        nextInMs: undefined,
      });
      if (failure !== undefined) throw failure;
      return polled as ScanStatus;
    },
  };
  const log: TaskLog = {
    line: (text) => lines.push(`${clock.nowMs} ${text}`),
    attempt: ({ failure }) => lines.push(`${clock.nowMs} attempt: ${failure?.message ?? 'good'}`),
    end: () => lines.push('end'),
  };
  return waitForEnd('0a1b', { api, clock, deadline }, log);
}

describe('waiting ends with the first status that is not "being checked"', () => {
  test.each<[ScanStatus['state'], string]>([
    ['stopped', 'stopped'],
    ['failed', 'not-running'],
    ['succeeded', 'not-running'],
    ['never-checked', 'not-running'],
  ])('%s: %s', async (state, outcome) => {
    await expect(waitThrough([status(state)])).resolves.toEqual({ outcome });
    expect(looks).toEqual([0]);
  });

  test('after as many looks as it takes, further and further apart', async () => {
    const statuses = [...Array(9).fill(checking()), status('stopped')];
    await expect(waitThrough(statuses)).resolves.toEqual({ outcome: 'stopped' });
    const gaps = looks.slice(1).map((at, index) => Math.round(at - (looks[index] ?? 0)));
    expect(gaps).toEqual([500, 750, 1125, 1688, 2531, 3797, 5695, 8543, 10_000]);
  });

  test('without more attempts of its own for each look', async () => {
    await waitThrough([checking(), status('stopped')]);
    expect(retriesAsked).toEqual([0, 0]);
  });
});

describe('a scan that is still being checked at the deadline', () => {
  test('has failed', async () => {
    const resolution = await waitThrough([checking()], 10);
    expect(resolution).toMatchObject({
      outcome: 'failed',
      failure: {
        kind: 'deadline',
        message:
          'The API took the stop request, but the scan was still being checked after 10 s (timeout-seconds)',
      },
    });
  });

  test('was polled at for the last time just before the deadline, which was not passed', async () => {
    await waitThrough([checking()], 10);
    expect(looks.at(-1)).toBeGreaterThanOrEqual(9_000);
    expect(clock.nowMs).toBeLessThan(10_000);
  });

  test('was polled at once where there is no time for more', async () => {
    await expect(waitThrough([checking()], 1, 600)).resolves.toMatchObject({ outcome: 'failed' });
    expect(looks).toEqual([0]);
  });

  test('has failed also where the deadline cuts the last look short', async () => {
    await expect(waitThrough([checking(), deadlinePassed], 10)).resolves.toMatchObject({
      outcome: 'failed',
      failure: { message: expect.stringContaining('still being checked after 10 s') },
    });
  });

  test('has failed also where the deadline passes between two looks', async () => {
    clock = new FakeClock({ autoUpToMs: 0 });
    const ofDeadline = new FakeClock({ autoUpToMs: 0 });
    const waiting = waitThrough([checking(), deadlinePassed], 2, 0, ofDeadline);
    await ofDeadline.advance(2_000);
    await expect(waiting).resolves.toMatchObject({
      outcome: 'failed',
      failure: { message: expect.stringContaining('still being checked after 2 s') },
    });
    expect(clock.sleeps).toEqual([]);
  });
});

describe('a status that cannot be told', () => {
  test.each([403, 404, 400, 401])('is not asked for again after HTTP %d', async (code) => {
    const statusError = refusal('Not for you.', { status: code });
    await expect(waitThrough([checking(), statusError])).resolves.toEqual({
      outcome: 'stop-requested',
      statusError,
    });
    expect(looks).toHaveLength(2);
  });

  test('is not asked for again where the credential was refused elsewhere', async () => {
    const statusError = new SkippedError(
      'the credential was refused',
      refusal('Expired.', { status: 401 }),
    );
    await expect(waitThrough([statusError])).resolves.toEqual({
      outcome: 'stop-requested',
      statusError,
    });
  });

  test.each([
    ['the API is busy', refusal('Busy.', { status: 503, transient: true })],
    ['the connection was reset', noAnswer('The host x reset the connection', { transient: true })],
    ['the host is not reached for the moment', noAnswer('The host x refused the connection')],
  ])('is asked for again where %s, and the log says why', async (_, failure) => {
    await expect(waitThrough([failure, failure, status('stopped')])).resolves.toEqual({
      outcome: 'stopped',
    });
    expect(looks).toEqual([0, 500, 1250]);
    expect(lines).toEqual([`0 attempt: ${failure.message}`, `500 attempt: ${failure.message}`]);
  });

  test('is asked for again just before the deadline, also after a failure', async () => {
    const hiccup = noAnswer('reset', { kind: 'reset', transient: true });
    const statuses = [...Array.from({ length: 7 }, () => checking()), hiccup, status('stopped')];
    await expect(waitThrough(statuses, 17)).resolves.toEqual({ outcome: 'stopped' });
    expect(looks.at(-1)).toBe(16_500);
  });

  test('is asked for again no sooner than the API allows', async () => {
    const busy = refusal('Busy.', { status: 429, transient: true, retryAfterMs: 7_000 });
    await waitThrough([busy, status('stopped')]);
    expect(looks).toEqual([0, 7_000]);
  });

  test('is not asked for again where the API asks to wait past the deadline', async () => {
    const busy = refusal('Busy.', { status: 429, transient: true, retryAfterMs: 60_000 });
    await expect(waitThrough([busy])).resolves.toMatchObject({
      outcome: 'failed',
      failure: {
        message:
          'The API took the stop request, but the status of the scan could not be read before the deadline: Busy.',
      },
    });
    expect(looks).toEqual([0]);
    expect(clock.nowMs).toBe(0);
  });

  test('is not asked for again where another task was told to wait past the deadline', async () => {
    const unsent = new SkippedError(
      'the API asks to wait past the deadline',
      refusal('Busy.', { status: 429, transient: true }),
    );
    await expect(waitThrough([unsent])).resolves.toMatchObject({
      outcome: 'failed',
      failure: {
        message: expect.stringMatching(/could not be read .*: Not sent, because .*Busy\.$/),
      },
    });
    expect(looks).toEqual([0]);
  });

  test('until the deadline has failed, with what was known last', async () => {
    const busy = refusal('Busy.', { status: 503, transient: true });
    await expect(waitThrough([checking(), busy], 10)).resolves.toMatchObject({
      outcome: 'failed',
      failure: { message: expect.stringMatching(/could not be read before the deadline: Busy\.$/) },
    });
  });

  test('at all within the deadline has failed, with that', async () => {
    await expect(waitThrough([deadlinePassed])).resolves.toMatchObject({
      outcome: 'failed',
      failure: { message: expect.stringMatching(/: No answer within the deadline$/) },
    });
  });

  test('because of an error of our own is that error', async () => {
    await expect(waitThrough([new TypeError('x is not a function')])).rejects.toThrow(TypeError);
  });
});

describe('a status that nobody knows', () => {
  test('is never success', async () => {
    const unknown = status('unknown', { taskStatus: '"9"' });
    await expect(waitThrough([unknown], 10)).resolves.toMatchObject({
      outcome: 'failed',
      failure: {
        message:
          'The API took the stop request, but the scan had the unknown status "9" after 10 s (timeout-seconds)',
      },
    });
  });

  test('may be followed by one that is known', async () => {
    await expect(waitThrough([status('unknown'), status('stopped')])).resolves.toEqual({
      outcome: 'stopped',
    });
  });
});

describe('the progress in the log', () => {
  test('is there from the start, where the API says how far it is', async () => {
    await waitThrough([checking('50%'), status('stopped')]);
    expect(lines).toEqual(['0 Still being checked, 50%']);
  });

  test('is there also without a number', async () => {
    await waitThrough([checking(), status('stopped')]);
    expect(lines).toEqual(['0 Still being checked']);
  });

  test('says each thing once, and something new every three seconds at most', async () => {
    const ratios = ['1%', '2%', '3%', '4%', '5%', '5%'];
    await waitThrough([...ratios.map(checking), status('stopped')]);
    // Looks are at 0, 0.5, 1.25, 2.4, 4.1, 6.6 s, and so on.
    expect(lines.map((line) => line.replace(/^\d+(\.\d+)? /, ''))).toEqual([
      'Still being checked, 1%',
      'Still being checked, 5%',
    ]);
  });

  test('says which status it is that nobody knows', async () => {
    await waitThrough([status('unknown', { taskStatus: '9', ratio: '1%' }), status('stopped')]);
    expect(lines).toEqual(['0 Unknown status 9, 1%']);
  });
});
