import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ScanStatus } from '../../src/api/check-api.ts';
import type { Attempt } from '../../src/http/client.ts';
import {
  ApiError,
  DeadlineError,
  type ErrorKind,
  NetworkError,
  RequestError,
  SkippedError,
} from '../../src/http/errors.ts';
import type { Target } from '../../src/inputs/target.ts';
import type { TaskLogger } from '../../src/tasks/logger.ts';
import {
  describeStatus,
  isDenied,
  lacksPermission,
  NotConfirmedError,
  pollStatus,
  unconfirmed,
} from '../../src/tasks/poll-status.ts';
import { Deadline } from '../../src/time.ts';
import { FakeClock } from '../support/fake-clock.ts';

type Reading = ScanStatus | RequestError | TypeError;

const CURRENT: Target = { taskId: '0a1b', executionId: undefined };
const EXECUTION: Target = { taskId: '0a1b', executionId: 'e1' };
const TARGETS: [string, Target][] = [
  ['whatever the task executes', CURRENT],
  ['one execution', EXECUTION],
];

const status = (state: ScanStatus['state'], ratio?: string): ScanStatus => ({
  state,
  taskStatus: '0',
  ratio,
});
const CHECKING = status('checking');
const NULL = status('never-checked');
const STOPPED = status('stopped');
const UNKNOWN: ScanStatus = { state: 'unknown', taskStatus: '"9"', ratio: undefined };

const rejected = (
  httpStatus: number,
  code = '',
  details: { message?: string; kind?: ErrorKind; retryAfterMs?: number } = {},
) =>
  new ApiError(details.message ?? 'No.', {
    kind: details.kind ?? 'rejected',
    status: httpStatus,
    code,
    retryAfterMs: details.retryAfterMs,
  });
const lost = (kind: ErrorKind, httpStatus: number | null = null) =>
  new NetworkError(`No response: ${kind}`, { kind, status: httpStatus });

const EXPIRED = rejected(401, 'CC.00000003', { message: 'Expired.' });
const SKIPPED_FOR_CREDENTIAL = new SkippedError('the credential was rejected', EXPIRED);
const SKIPPED_FOR_THROTTLE = new SkippedError(
  'the API throttles requests past the deadline',
  rejected(429, 'APIGW.0308', { message: 'Throttled.' }),
);
const TIME_IS_UP = new DeadlineError('No response within 60 s (timeout-seconds)', {
  kind: 'deadline',
});
const BUSY = rejected(503, '', { message: 'Busy.' });

/** The denials of the contract, but the rejected credential. */
const DENIALS: [string, RequestError][] = [
  ['403', rejected(403)],
  ['403 of a policy', rejected(403, 'PAP5.0001')],
  ['a policy under another status', rejected(400, 'PAP5.0001')],
  ['403 of the gateway', rejected(403, 'APIGW.0302')],
  ['no permission under 200', rejected(200, 'CC.00050010')],
  ['no project member under 200', rejected(200, 'CC.00050011')],
  [
    'a 403 nested in CC.00050006',
    rejected(400, 'CC.00050006', { message: 'service_error_code is: CC.00070403.403' }),
  ],
  ['a call that the host does not know', rejected(404, 'APIGW.0101')],
];
const REJECTED_CREDENTIALS: [string, RequestError][] = [
  ['401', EXPIRED],
  ['401 without a code', rejected(401)],
  ['401 of another task', SKIPPED_FOR_CREDENTIAL],
];
/** What neither is a status, nor tells that there will be none. */
const ODD: [string, RequestError][] = [
  ['a web page', rejected(200, '', { kind: 'not-json' })],
  ['an invalid response', rejected(200, '', { kind: 'invalid-response' })],
  ['an error under 200', rejected(200, 'CC.00050013')],
  ['a redirect', rejected(302, '', { kind: 'redirect' })],
  ['400', rejected(400, 'CC.00000001.400')],
  ['CC.00050006 without a nested 403', rejected(400, 'CC.00050006')],
  ['404', rejected(404)],
  ['404 of another code', rejected(404, 'APIGW.0103')],
  ['408', rejected(408)],
  ['418', rejected(418)],
  ['429', rejected(429, 'APIGW.0308')],
  ['500', rejected(500)],
  ['501', rejected(501)],
  ['502', rejected(502)],
  ['503', BUSY],
  ['504', rejected(504)],
  ['520', rejected(520)],
  ['101', lost('upgrade', 101)],
  ['half a response', lost('cut-short', 200)],
  ['a response that is too long', lost('too-long', 200)],
  ['a reset', lost('connection-reset')],
  ['a refused connection', lost('connection-refused')],
  ['a timeout', lost('timeout')],
  ['an unknown host', lost('host-not-found')],
  ['a certificate', lost('certificate-expired')],
  ['a proxy', lost('proxy')],
];

let clock: FakeClock;
let lines: string[];
/** When each poll began, in milliseconds since the start. */
let polls: number[];
let ended: AbortController;
let deadline: Deadline;

beforeEach(() => {
  clock = new FakeClock({ autoUpToMs: 10_000 });
  lines = [];
  polls = [];
  ended = new AbortController();
});

interface Options {
  readonly target?: Target;
  readonly seconds?: number;
  /** How long each response takes, poll by poll, in milliseconds; the last one stays. */
  readonly responseMs?: readonly number[];
  readonly onPoll?: (poll: number) => void;
}

/** Polls a scan whose readings are as given, one by one; the last one stays. */
function poll(readings: readonly Reading[], options: Options = {}) {
  const { target = CURRENT, seconds = 60, responseMs = [0], onPoll = () => undefined } = options;
  deadline = new Deadline(seconds, clock);
  // That of this test: the deadline of one may pass during the next.
  const controller = ended;
  deadline.signal.addEventListener('abort', () => controller.abort());
  const at = <T>(list: readonly T[], index: number) => list[Math.min(index, list.length - 1)];
  const api = {
    ended: ended.signal,
    status: async (
      polled: Target,
      onAttempt: (attempt: Attempt) => void,
      retries?: number,
    ): Promise<ScanStatus> => {
      expect(polled).toBe(target);
      // It reads again by itself.
      expect(retries).toBe(0);
      polls.push(clock.nowMs);
      const reading = at(readings, polls.length - 1);
      const takesMs = at(responseMs, polls.length - 1) ?? 0;
      if (takesMs > 0) await clock.sleep(takesMs);
      onPoll(polls.length);
      if (reading === undefined || reading instanceof TypeError) throw reading;
      const error = reading instanceof RequestError ? reading : undefined;
      onAttempt({
        request: { method: 'GET', url: new URL('https://example.com'), headers: {}, body: '' },
        number: 1,
        status: error === undefined ? 200 : error.status,
        durationMs: 1,
        error,
        nextInMs: undefined,
      });
      if (error !== undefined) throw error;
      return reading as ScanStatus;
    },
  };
  const log: TaskLogger = {
    line: (text) => lines.push(`${clock.nowMs} ${text}`),
    attempt: ({ error }) => lines.push(`${clock.nowMs} attempt: ${error?.message ?? 'good'}`),
  };
  return pollStatus(target, { api, clock, deadline }, log);
}

const failsWith = (message: string, statusError?: RequestError) => ({
  outcome: 'failed',
  error: expect.objectContaining({
    name: 'NotConfirmedError',
    kind: 'not-confirmed',
    message: `The API accepted the stop request, but ${message}`,
    statusError,
  }),
});
const unreadable = (error: RequestError) =>
  failsWith(`its status could not be read: ${error.message}`, error);

describe('polling ends with the first status of a scan that does not run', () => {
  test.each(
    TARGETS.flatMap(([name, target]) => [
      ['stopped', name, 'stopped', target] as const,
      ['failed', name, 'not-running', target] as const,
      ['succeeded', name, 'not-running', target] as const,
    ]),
  )('%s, of %s: %s', async (state, _, outcome, target) => {
    await expect(poll([status(state)], { target })).resolves.toEqual({ outcome });
    expect(polls).toEqual([0]);
    await expect(poll([CHECKING, status(state)], { target })).resolves.toEqual({ outcome });
  });

  test('after as many polls as it takes, further and further apart', async () => {
    const readings = [...Array(9).fill(CHECKING), STOPPED];
    await expect(poll(readings)).resolves.toEqual({ outcome: 'stopped' });
    const gaps = polls.slice(1).map((at, index) => Math.round(at - (polls[index] ?? 0)));
    expect(gaps).toEqual([500, 750, 1125, 1688, 2531, 3797, 5695, 8543, 10_000]);
  });
});

describe('a null status', () => {
  test('of whatever the task executes counts if it is still read 5 s later', async () => {
    await expect(poll([NULL])).resolves.toEqual({ outcome: 'not-running' });
    expect(polls).toEqual([0, 500, 1_250, 2_375, 4_062.5, 5_000]);
  });

  test.each<[string, Reading[], string]>([
    ['running', [NULL, NULL, NULL, NULL, NULL, CHECKING, STOPPED], 'stopped'],
    ['stopped', [NULL, STOPPED], 'stopped'],
    ['succeeded', [NULL, NULL, status('succeeded')], 'not-running'],
  ])('that is followed by %s does not count', async (_, readings, outcome) => {
    await expect(poll(readings)).resolves.toEqual({ outcome });
    expect(polls).toHaveLength(readings.length);
  });

  test('counts from the last time that it began', async () => {
    const readings = [NULL, NULL, NULL, NULL, CHECKING, NULL];
    await expect(poll(readings)).resolves.toEqual({ outcome: 'not-running' });
    // Running at 4.1 s, null since 6.6 s.
    expect(polls[5]).toBe(6_593.75);
    expect(polls.at(-1)).toBe(11_593.75);
  });

  test('counts from its own reading, however long the response took', async () => {
    const options = { responseMs: [4_000, 0] };
    await expect(poll([NULL], options)).resolves.toEqual({ outcome: 'not-running' });
    expect(polls.at(-1)).toBe(9_000);
  });

  test('still counts if readings in between failed', async () => {
    const readings = [NULL, BUSY, lost('connection-reset'), BUSY, BUSY, BUSY, NULL];
    await expect(poll(readings)).resolves.toEqual({ outcome: 'not-running' });
    expect(polls).toHaveLength(readings.length);
  });

  test('does not have the API polled more often while readings fail after it', async () => {
    await poll([NULL, BUSY], { seconds: 30 });
    const gaps = polls.slice(1).map((at, index) => at - (polls[index] ?? 0));
    expect(Math.min(...gaps.slice(0, -1))).toBe(500);
    expect(polls.length).toBeLessThan(12);
  });

  test('has the API polled with a pause also if only a rounding error is missing to the 5 s', async () => {
    clock = new FakeClock({ autoUpToMs: 16_000 });
    const sinceMs = 15_306.735824868842;
    const onPoll = (count: number) => {
      if (count > 20) throw new Error('The API is polled without a pause');
    };
    await expect(poll([NULL], { responseMs: [sinceMs, 0], onPoll })).resolves.toEqual({
      outcome: 'not-running',
    });
    expect(polls.at(-1)).toBeCloseTo(sinceMs + 5_001, 3);
  });

  test('does not have Retry-After overlooked', async () => {
    const later = rejected(503, '', { retryAfterMs: 9_000 });
    await expect(poll([NULL, later, STOPPED])).resolves.toEqual({ outcome: 'stopped' });
    expect(polls).toEqual([0, 500, 9_500]);
  });

  test('that had no 5 s until the deadline does not count', async () => {
    await expect(poll([NULL], { seconds: 5 })).resolves.toEqual(
      failsWith('the service had no status after 5 s (timeout-seconds)'),
    );
  });

  test('of an execution never counts', async () => {
    await expect(poll([NULL], { target: EXECUTION })).resolves.toEqual(
      failsWith('the service had no status after 60 s (timeout-seconds)'),
    );
    expect(polls.at(-1)).toBe(59_500);
  });

  test('of an execution is read again until it is another', async () => {
    const readings = [NULL, NULL, CHECKING, NULL, STOPPED];
    const options = { target: EXECUTION };
    await expect(poll(readings, options)).resolves.toEqual({ outcome: 'stopped' });
  });
});

describe('a first reading', () => {
  test.each(
    [...DENIALS, ...REJECTED_CREDENTIALS].flatMap(([name, error]) =>
      TARGETS.map(([which, target]) => [name, which, error, target] as const),
    ),
  )('that is denied (%s) leaves the status of %s unreadable', async (_, __, error, target) => {
    await expect(poll([error, STOPPED], { target })).resolves.toEqual({
      outcome: 'stop-requested',
      statusError: error,
    });
    expect(polls).toEqual([0]);
  });

  test.each(ODD)('that is odd (%s) is followed by another', async (_, error) => {
    await expect(poll([error, STOPPED])).resolves.toEqual({ outcome: 'stopped' });
    expect(polls).toEqual([0, 500]);
  });

  test.each(ODD)('that is odd (%s) and stays so fails at the deadline', async (_, error) => {
    await expect(poll([error], { seconds: 10 })).resolves.toEqual(unreadable(error));
    expect(polls.at(-1)).toBe(9_500);
  });

  test('that never came has failed at the deadline', async () => {
    clock = new FakeClock();
    await expect(poll([TIME_IS_UP], { responseMs: [60_000] })).resolves.toEqual(
      unreadable(TIME_IS_UP),
    );
    expect(polls).toEqual([0]);
  });
});

describe.each<[string, Reading]>([
  ['a good reading', CHECKING],
  ['a null reading', NULL],
  ['an unknown status', UNKNOWN],
  ['an odd reading', BUSY],
])('after %s', (_, first) => {
  test.each([...DENIALS, ...ODD])('%s is followed by another', async (__, error) => {
    await expect(poll([first, error, STOPPED])).resolves.toEqual({ outcome: 'stopped' });
    expect(polls).toEqual([0, 500, 1_250]);
  });

  test.each([...DENIALS, ...ODD])('%s until the deadline fails', async (__, error) => {
    await expect(poll([first, error], { seconds: 10 })).resolves.toEqual(unreadable(error));
    expect(polls.at(-1)).toBe(9_500);
  });

  test.each(REJECTED_CREDENTIALS)('%s fails immediately', async (__, error) => {
    await expect(poll([first, error, STOPPED])).resolves.toEqual(unreadable(error));
    expect(polls).toEqual([0, 500]);
  });
});

describe('an API that throttles past the deadline', () => {
  test.each<[string, Reading[]]>([
    ['at first', [SKIPPED_FOR_THROTTLE, STOPPED]],
    ['after a good reading', [CHECKING, SKIPPED_FOR_THROTTLE, STOPPED]],
  ])('ends the polling immediately: %s', async (_, readings) => {
    await expect(poll(readings)).resolves.toEqual(unreadable(SKIPPED_FOR_THROTTLE));
    expect(polls).toHaveLength(readings.length - 1);
  });

  test.each([
    [60_000, [0]],
    [120_000, [0]],
    [59_999, [0, 59_999]],
  ])('by Retry-After (%d ms) is polled at %j', async (retryAfterMs, at) => {
    // The clock moves by itself for sleeps that long.
    clock = new FakeClock({ autoUpToMs: 59_999 });
    const later = rejected(503, '', { message: 'Later.', retryAfterMs });
    await expect(poll([later])).resolves.toEqual(unreadable(later));
    expect(polls).toEqual(at);
  });

  test('for a while is polled no sooner than it allows', async () => {
    const later = rejected(429, '', { retryAfterMs: 7_000 });
    await poll([later, later, CHECKING, STOPPED]);
    expect(polls).toEqual([0, 7_000, 14_000, 15_125]);
  });
});

describe('the deadline', () => {
  test.each<[string, Reading, string]>([
    ['still running', CHECKING, 'the scan was still running after 10 s (timeout-seconds)'],
    ['unknown', UNKNOWN, 'the scan had the unknown status "9" after 10 s (timeout-seconds)'],
  ])('fails a scan that is %s', async (_, reading, message) => {
    await expect(poll([reading], { seconds: 10 })).resolves.toEqual(failsWith(message));
  });

  test('is preceded by one last poll, which has half a second for its response', async () => {
    await poll([CHECKING], { seconds: 10 });
    expect(polls.at(-1)).toBe(9_500);
    expect(clock.nowMs).toBe(9_500);
  });

  test('is preceded by that poll also after an error', async () => {
    const readings = [...Array(7).fill(CHECKING), BUSY, STOPPED];
    await expect(poll(readings, { seconds: 17 })).resolves.toEqual({ outcome: 'stopped' });
    expect(polls.at(-1)).toBe(16_500);
  });

  test('leaves no time for another poll if less than half a second is left', async () => {
    const options = { seconds: 1, responseMs: [600] };
    await expect(poll([CHECKING], options)).resolves.toMatchObject({ outcome: 'failed' });
    expect(polls).toEqual([0]);
  });

  test('that cuts off the last poll leaves the last observed status', async () => {
    await expect(poll([CHECKING, TIME_IS_UP], { seconds: 10 })).resolves.toEqual(
      failsWith('the scan was still running after 10 s (timeout-seconds)'),
    );
  });

  test('that comes between two polls has no effect on what was observed', async () => {
    clock = new FakeClock({ autoUpToMs: 0 });
    const end = poll([CHECKING, TIME_IS_UP], { seconds: 2 });
    // A machine that was suspended: the timer of the poll and that of the deadline are both due.
    await clock.advance(2_000);
    await expect(end).resolves.toEqual(
      failsWith('the scan was still running after 2 s (timeout-seconds)'),
    );
  });
});

describe('an interruption', () => {
  const CANCELLED = 'the step was cancelled (SIGTERM)';
  const interrupted = new DeadlineError(`No response before ${CANCELLED}`, { kind: 'interrupted' });

  test.each<[string, Reading[], string, RequestError | undefined]>([
    ['running', [CHECKING], `the scan was still running when ${CANCELLED}`, undefined],
    ['null', [NULL], `the service had no status when ${CANCELLED}`, undefined],
    ['unknown', [UNKNOWN], `the scan had the unknown status "9" when ${CANCELLED}`, undefined],
    ['an error', [BUSY], 'its status could not be read: Busy.', BUSY],
    ['an error after running', [CHECKING, BUSY], 'its status could not be read: Busy.', BUSY],
    [
      'running after an error',
      [BUSY, CHECKING],
      `the scan was still running when ${CANCELLED}`,
      undefined,
    ],
  ])('while it sleeps after %s', async (_, readings, message, statusError) => {
    clock = new FakeClock({ autoUpToMs: 500 });
    const end = poll([...readings, interrupted], {
      onPoll: (count) => {
        if (count !== readings.length) return;
        clock.schedule(1, () => deadline.interrupt(CANCELLED));
      },
    });
    await expect(end).resolves.toEqual(failsWith(message, statusError));
    expect(clock.nowMs).toBeLessThan(502);
  });

  test('during the first reading', async () => {
    const end = poll([interrupted], { onPoll: () => deadline.interrupt(CANCELLED) });
    await expect(end).resolves.toEqual(
      failsWith(`its status could not be read: No response before ${CANCELLED}`, interrupted),
    );
    expect(polls).toEqual([0]);
  });

  test('during a later reading', async () => {
    const end = poll([CHECKING, interrupted], {
      onPoll: (count) => count === 2 && deadline.interrupt(CANCELLED),
    });
    await expect(end).resolves.toEqual(failsWith(`the scan was still running when ${CANCELLED}`));
    expect(polls).toEqual([0, 500]);
  });

  test.each([
    ['stopped', 'stopped'],
    ['succeeded', 'not-running'],
  ] as const)('does not erase a reading that arrived with it: %s', async (state, outcome) => {
    const end = poll([status(state)], { onPoll: () => deadline.interrupt(CANCELLED) });
    await expect(end).resolves.toEqual({ outcome });
  });
});

test('a rejected credential elsewhere ends the pause between two polls', async () => {
  clock = new FakeClock({ autoUpToMs: 1 });
  const end = poll([CHECKING, SKIPPED_FOR_CREDENTIAL], {
    onPoll: () => clock.schedule(1, () => ended.abort()),
  });
  await expect(end).resolves.toEqual(unreadable(SKIPPED_FOR_CREDENTIAL));
  expect(clock.nowMs).toBe(1);
});

test('a fault of ours is left to the caller', async () => {
  await expect(poll([CHECKING, new TypeError('x is not a function')])).rejects.toThrow(TypeError);
});

interface Seen {
  /** When its response arrived. */
  readonly ms: number;
  readonly one: Reading | undefined;
}

function seenBy(
  polled: readonly number[],
  readings: readonly Reading[],
  responseMs: readonly number[],
): Seen[] {
  const at = <T>(list: readonly T[], index: number) => list[Math.min(index, list.length - 1)];
  return polled.map((ms, index) => ({
    ms: ms + (at(responseMs, index) ?? 0),
    one: at(readings, index),
  }));
}

function expectNothingRunning(seen: readonly Seen[], target: Target): void {
  const last = seen.at(-1);
  if (last?.one !== NULL) {
    const state = last?.one instanceof Error ? 'error' : last?.one?.state;
    expect(['failed', 'succeeded']).toContain(state);
    return;
  }
  expect(target).toBe(CURRENT);
  const statuses = seen.filter(({ one }) => !(one instanceof Error));
  const other = statuses.findLastIndex(({ one }) => one !== NULL);
  const since = statuses[other + 1]?.ms ?? Number.NaN;
  expect(last.ms - since).toBeGreaterThanOrEqual(5_000);
}

function expectNothingToRead(last: Reading | undefined, leftMs: number): void {
  expect(last).toBeInstanceOf(RequestError);
  const error = last as RequestError;
  const final = error.status === 401 || error instanceof SkippedError;
  expect(final || (error.retryAfterMs ?? 0) >= leftMs).toBe(true);
}

describe('whatever the readings', () => {
  const errors = [...DENIALS, ...REJECTED_CREDENTIALS, ...ODD].map(([, error]) => error);
  const reading = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom<Reading>(CHECKING, NULL, UNKNOWN) },
    { weight: 2, arbitrary: fc.constantFrom<Reading>(...errors, SKIPPED_FOR_THROTTLE) },
    {
      weight: 1,
      arbitrary: fc
        .integer({ min: 0, max: 70_000 })
        .map((retryAfterMs) => rejected(503, '', { retryAfterMs })),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom<Reading>(STOPPED, status('failed'), status('succeeded')),
    },
  );

  test('nothing but an end is success, and nothing but a first denial "stop requested"', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(reading, { minLength: 1, maxLength: 12 }),
        fc.array(fc.integer({ min: 0, max: 6_000 }), { minLength: 1, maxLength: 12 }),
        fc.constantFrom(CURRENT, EXECUTION),
        async (readings, responseMs, target) => {
          clock = new FakeClock({ autoUpToMs: 59_999 });
          ended = new AbortController();
          polls = [];
          const seconds = 60;
          const { outcome } = await poll(readings, { target, responseMs, seconds });
          const seen = seenBy(polls, readings, responseMs);
          const last = seen.at(-1)?.one;
          if (outcome === 'stopped') expect(last).toBe(STOPPED);
          if (outcome === 'stop-requested') {
            expect(seen).toHaveLength(1);
            expect(last instanceof RequestError && isDenied(last)).toBe(true);
          }
          if (outcome === 'not-running') expectNothingRunning(seen, target);
          // It gives up early only if nothing can be read any more. The last poll is half a second
          // before the deadline, but for a rounding error.
          const leftMs = seconds * 1_000 - clock.nowMs;
          if (outcome === 'failed' && leftMs > 501) expectNothingToRead(last, leftMs);
        },
      ),
      {
        examples: [
          [[CHECKING], [1581, 3887, 4198, 1930, 3472, 5977, 4332, 3933, 5561, 0], CURRENT],
        ],
      },
    );
  });

  test('the API is polled no more often than it asks for, and never in a hurry', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(reading, { minLength: 1, maxLength: 20 }), async (readings) => {
        clock = new FakeClock({ autoUpToMs: 59_999 });
        ended = new AbortController();
        polls = [];
        await poll(readings);
        for (const [index, at] of polls.slice(1).entries()) {
          const before = readings[Math.min(index, readings.length - 1)];
          const retryAfterMs = (before instanceof RequestError ? before.retryAfterMs : 0) ?? 0;
          const gap = at - (polls[index] ?? 0);
          expect(gap).toBeGreaterThanOrEqual(retryAfterMs);
          expect(gap).toBeGreaterThan(0);
        }
        expect(polls.length).toBeLessThan(30);
      }),
    );
  });
});

describe('the progress in the log', () => {
  test.each<[string, ScanStatus, string]>([
    ['how far it is', status('checking', '50%'), 'Still running, 50%'],
    ['that it is running', CHECKING, 'Still running'],
    ['that there is no status', NULL, 'No status yet'],
    [
      'which status nobody knows',
      { state: 'unknown', taskStatus: '9', ratio: '1%' },
      'Unknown status 9, 1%',
    ],
  ])('says %s', async (_, reading, line) => {
    await poll([reading, STOPPED]);
    expect(lines).toEqual([`0 ${line}`]);
  });

  test('has each thing once, and something new every three seconds at most', async () => {
    const ratios = ['1%', '2%', '3%', '4%', '5%', '5%'];
    await poll([...ratios.map((ratio) => status('checking', ratio)), STOPPED]);
    // Polls are at 0, 0.5, 1.25, 2.4, 4.1, 6.6 s, and so on.
    expect(lines).toEqual(['0 Still running, 1%', '4062.5 Still running, 5%']);
  });

  test('has nothing that it has already, however long ago', async () => {
    await poll([...Array(8).fill(status('checking', '5%')), STOPPED]);
    expect(lines).toEqual(['0 Still running, 5%']);
  });

  test('has something new after three seconds', async () => {
    const responseMs = [0, 2_500];
    await poll([status('checking', '1%'), status('checking', '2%'), STOPPED], { responseMs });
    expect(lines).toEqual(['0 Still running, 1%', '3000 Still running, 2%']);
  });

  test('has a line for each reading that failed', async () => {
    await poll([BUSY, BUSY, STOPPED]);
    expect(lines).toEqual(['0 attempt: Busy.', '500 attempt: Busy.']);
  });
});

test.each<[ScanStatus['state'], string]>([
  ['checking', 'Still running'],
  ['failed', 'Ended: failed'],
  ['succeeded', 'Ended: succeeded'],
  ['stopped', 'Ended: stopped'],
  ['never-checked', 'No status yet'],
])('the status %s is described as %j', (state, words) => {
  expect(describeStatus(status(state))).toBe(words);
});

test('a permission is missing for 403 and for the codes that say so, whatever their status', () => {
  const host = rejected(404, 'APIGW.0101');
  for (const [, error] of DENIALS) expect(lacksPermission(error)).toBe(error.code !== host.code);
  for (const [, error] of [...REJECTED_CREDENTIALS, ...ODD]) {
    expect(lacksPermission(error)).toBe(false);
  }
});

test('a stop is unconfirmed before the first reading', () => {
  const { outcome, error } = unconfirmed();
  expect(outcome).toBe('failed');
  expect(error).toBeInstanceOf(NotConfirmedError);
  expect(error?.message).toBe('The API accepted the stop request, but its status is not known');
});
