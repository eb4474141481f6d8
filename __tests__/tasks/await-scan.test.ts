import { getEventListeners } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CheckApi, type ScanStatus } from '../../src/api/check-api.ts';
import { HttpClient } from '../../src/http/client.ts';
import { ApiError, DeadlineError, NetworkError, RequestError } from '../../src/http/errors.ts';
import { awaitScan, type WaitFailure } from '../../src/tasks/await-scan.ts';
import { Deadline } from '../../src/time.ts';
import { FakeClock } from '../support/fake-clock.ts';

type Reading = ScanStatus | RequestError | TypeError;

const status = (state: ScanStatus['state'], taskStatus = '', ratio?: string): ScanStatus => ({
  state,
  taskStatus,
  ratio,
});
const checking = (ratio?: string) => status('checking', '0', ratio);
const succeeded = status('succeeded', '2');
const failed = status('failed', '1');
const stopped = status('stopped', '3');
const nothing = status('never-checked', 'null');
const unknown = status('unknown', '7');

const rejected = (httpStatus: number, code = '', retryAfterMs?: number) =>
  new ApiError(`No (${httpStatus})`, { kind: 'rejected', status: httpStatus, code, retryAfterMs });
const reset = new NetworkError('The host reset the connection', { kind: 'connection-reset' });
const timeUp = new DeadlineError('No response within the limit', { kind: 'deadline' });

interface Options {
  readonly seconds?: number;
  /** Milliseconds that each reading takes. */
  readonly responseMs?: number;
  /** What is read with each fresh credential; undefined if the credential has not expired. */
  readonly renewed?: readonly Reading[];
}

/** Waits for a scan whose status is, reading by reading, as given; the last one stays. */
class Wait {
  readonly clock = new FakeClock({ autoUpToMs: 5 * 60_000 });
  readonly deadline: Deadline;
  /** When each reading was requested, in milliseconds since the start. */
  readonly readAtMs: number[] = [];
  readonly lines: string[] = [];
  readonly failedAttempts: string[] = [];
  readonly retries: (number | undefined)[] = [];
  renewals = 0;
  readonly end: Promise<WaitFailure | undefined>;

  constructor(readings: readonly Reading[], options: Options = {}) {
    const { seconds = 3600, renewed } = options;
    this.deadline = new Deadline(seconds, this.clock);
    this.end = awaitScan(
      { taskId: 'a', executionId: 'e1' },
      {
        api: this.#api(readings, options),
        clock: this.clock,
        deadline: this.deadline,
        log: {
          line: (text) => this.lines.push(`${this.clock.nowMs / 1000} s: ${text}`),
          attempt: ({ error }) => this.failedAttempts.push(error?.message ?? 'succeeded'),
        },
        renew: async () => {
          if (renewed === undefined) return undefined;
          this.renewals += 1;
          return this.#api(renewed, options);
        },
      },
    );
  }

  /** Seconds between the readings. */
  get pauses(): number[] {
    return this.readAtMs.slice(1).map((at, index) => (at - (this.readAtMs[index] ?? 0)) / 1000);
  }

  #api(readings: readonly Reading[], { responseMs = 0 }: Options): Pick<CheckApi, 'status'> {
    let count = 0;
    return {
      status: async (target, onAttempt, retries) => {
        expect(target).toEqual({ taskId: 'a', executionId: 'e1' });
        this.readAtMs.push(this.clock.nowMs);
        this.retries.push(retries);
        if (this.deadline.signal.aborted) throw timeUp;
        if (responseMs > 0) {
          await this.clock.sleep(responseMs, this.deadline.signal).catch(() => {
            throw timeUp;
          });
        }
        const reading = readings[Math.min(count, readings.length - 1)];
        count += 1;
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
  }
}

describe('the end of a scan', () => {
  test.each<[string, ScanStatus, object | undefined]>([
    ['2', succeeded, undefined],
    ['1', failed, { reason: 'scan-failed', message: 'The scan failed', error: undefined }],
    ['3', stopped, { reason: 'scan-stopped', message: 'The scan was stopped', error: undefined }],
  ])('counts once the scan has been seen running: %s', async (_, ended, failure) => {
    const wait = new Wait([checking('10%'), ended]);
    await expect(wait.end).resolves.toEqual(failure);
    expect(wait.readAtMs).toEqual([0, 2_000]);
  });

  test.each([succeeded, failed, stopped])(
    'that was never seen coming counts after 30 s, with a reading at that moment: $state',
    async (ended) => {
      const wait = new Wait([ended]);
      await wait.end;
      expect(wait.readAtMs.at(-1)).toBe(30_000);
    },
  );

  test.each<[string, Reading]>([
    ['null', nothing],
    ['an unknown status', unknown],
    ['an odd response', reset],
  ])('counts also if it was seen running before %s', async (_, between) => {
    const wait = new Wait([checking(), between, failed]);
    await expect(wait.end).resolves.toMatchObject({ reason: 'scan-failed' });
    expect(wait.readAtMs).toHaveLength(3);
  });

  test('that was first read later counts 30 s after that', async () => {
    const wait = new Wait([nothing, nothing, succeeded]);
    await expect(wait.end).resolves.toBeUndefined();
    expect(wait.readAtMs.at(-1)).toBe(4_500 + 30_000);
  });

  test('of the previous scan does not count', async () => {
    const wait = new Wait([succeeded, succeeded, nothing, checking(), failed]);
    await expect(wait.end).resolves.toMatchObject({ reason: 'scan-failed' });
  });

  test.each<[string, Reading]>([
    ['another end', failed],
    ['null', nothing],
    ['an unknown status', unknown],
  ])('counts from the beginning after %s', async (_, between) => {
    const wait = new Wait([stopped, between, stopped]);
    await expect(wait.end).resolves.toMatchObject({ reason: 'scan-stopped' });
    expect(wait.readAtMs.at(-1)).toBe(4_500 + 30_000);
  });

  test('counts in spite of an odd response in between', async () => {
    const wait = new Wait([succeeded, reset, succeeded]);
    await expect(wait.end).resolves.toBeUndefined();
    expect(wait.readAtMs.at(-1)).toBe(30_000);
  });

  test('that cannot be read at the moment at which it counts is not read without a pause', async () => {
    const odd = Array.from({ length: 20 }, () => reset);
    const wait = new Wait([succeeded, ...odd, succeeded]);
    await expect(wait.end).resolves.toBeUndefined();
    expect(Math.min(...wait.pauses.slice(8))).toBeGreaterThan(10);
  });

  test('is no success unless a status says so, whatever else is read', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.constantFrom<Reading>(reset, rejected(503), rejected(404), unknown, nothing, failed),
          { minLength: 1, maxLength: 12 },
        ),
        async (readings) => {
          const failure = await new Wait(readings, { seconds: 120 }).end;
          expect(failure).toBeDefined();
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe('the pauses between readings', () => {
  test('grow from 2 s to 15 s', async () => {
    const wait = new Wait([...Array(14).fill(checking()), succeeded]);
    await wait.end;
    expect(wait.pauses.map((pause) => Math.round(pause * 10) / 10)).toEqual([
      2, 2.5, 3.1, 3.9, 4.9, 6.1, 7.6, 9.5, 11.9, 14.9, 15, 15, 15, 15,
    ]);
  });

  test('are those of the wait: a reading is not retried by itself', async () => {
    const wait = new Wait([reset, checking(), succeeded]);
    await expect(wait.end).resolves.toBeUndefined();
    expect(wait.retries).toEqual([0, 0, 0]);
  });

  test('are as long as Retry-After asks for', async () => {
    const wait = new Wait([rejected(503, '', 40_000), checking(), succeeded]);
    await wait.end;
    expect(wait.readAtMs).toEqual([0, 40_000, 42_500]);
  });

  test('end immediately, with what the API returned, if Retry-After exceeds the deadline', async () => {
    const busy = rejected(503, 'CC.00000000', 61_000);
    const wait = new Wait([checking(), busy], { seconds: 60 });
    await expect(wait.end).resolves.toEqual({
      message: 'The status could not be read',
      reason: 'request',
      error: busy,
    });
    expect(wait.clock.nowMs).toBe(2_000);
  });
});

describe('null', () => {
  test('is read again', async () => {
    const wait = new Wait([nothing, nothing, checking(), succeeded]);
    await expect(wait.end).resolves.toBeUndefined();
  });

  test('fails if it lasts for 5 minutes', async () => {
    const wait = new Wait([nothing]);
    await expect(wait.end).resolves.toEqual({
      message: 'The service has had no status for this scan for 5 minutes',
      reason: 'no-status',
      error: undefined,
    });
    expect(wait.clock.nowMs).toBeGreaterThanOrEqual(300_000);
    expect(wait.clock.nowMs).toBeLessThan(315_000);
  });

  test('may last for less than that, more than once', async () => {
    const minutes = Array.from({ length: 20 }, () => nothing);
    const wait = new Wait([...minutes, checking(), ...minutes, succeeded]);
    await expect(wait.end).resolves.toBeUndefined();
    expect(wait.clock.nowMs).toBeGreaterThan(450_000);
  });

  test('that cannot be read in between lasts nevertheless', async () => {
    const wait = new Wait([...Array(5).fill(nothing), reset, nothing]);
    await expect(wait.end).resolves.toMatchObject({ reason: 'no-status' });
    expect(wait.clock.nowMs).toBeLessThan(315_000);
  });
});

describe('a denial', () => {
  test.each<[string, RequestError]>([
    ['403', rejected(403)],
    ['a missing permission', rejected(200, 'CC.00050010')],
    ['a user without a project', rejected(200, 'CC.00050011')],
    ['an identity policy', rejected(403, 'PAP5.0001')],
    ['a host that does not know the call', rejected(404, 'APIGW.0101')],
  ])('at the first reading fails immediately: %s', async (_, error) => {
    const wait = new Wait([error, checking(), succeeded]);
    await expect(wait.end).resolves.toEqual({
      message: 'The status could not be read',
      reason: 'request',
      error,
    });
    expect(wait.readAtMs).toEqual([0]);
  });

  test.each<[string, Reading]>([
    ['a good reading', checking()],
    ['an odd response', reset],
  ])('after %s is read again', async (_, before) => {
    const wait = new Wait([before, rejected(403), checking(), succeeded]);
    await expect(wait.end).resolves.toBeUndefined();
  });
});

describe('a rejected credential', () => {
  const unauthorized = rejected(401, 'APIGW.0301');

  test.each<[string, readonly Reading[]]>([
    ['at the first reading', [unauthorized]],
    ['later', [checking(), unauthorized]],
  ])('that has not expired fails immediately: %s', async (_, readings) => {
    const wait = new Wait(readings);
    await expect(wait.end).resolves.toMatchObject({ reason: 'request', error: unauthorized });
    expect(wait.readAtMs).toHaveLength(readings.length);
  });

  test('that has expired is renewed, and the status read with it without a pause', async () => {
    const wait = new Wait([checking(), unauthorized], { renewed: [checking(), succeeded] });
    await expect(wait.end).resolves.toBeUndefined();
    expect(wait.renewals).toBe(1);
    expect(wait.readAtMs).toEqual([0, 2_000, 2_000, 4_500]);
  });

  test('is renewed once: rejected again, it fails', async () => {
    const wait = new Wait([checking(), unauthorized], { renewed: [unauthorized] });
    await expect(wait.end).resolves.toMatchObject({ reason: 'request', error: unauthorized });
    expect(wait.renewals).toBe(1);
    expect(wait.readAtMs).toEqual([0, 2_000, 2_000]);
  });

  test.each([reset, rejected(403), rejected(503), timeUp])(
    'is none if something else is wrong, and is not renewed: %s',
    async (error) => {
      const wait = new Wait([checking(), error, succeeded], { renewed: [checking()] });
      await wait.end;
      expect(wait.renewals).toBe(0);
    },
  );

  test('that expires again, hours later, is renewed again', async () => {
    const wait = new Wait([checking(), unauthorized], {
      renewed: [checking(), checking(), unauthorized],
    });
    await wait.clock.advance(20_000);
    expect(wait.renewals).toBeGreaterThan(2);
    wait.deadline.interrupt('the test is over');
    await wait.end;
  });

  test('that cannot be renewed fails with the reason for that', async () => {
    const clock = new FakeClock();
    const denied = rejected(403, 'STS5.1001');
    const end = awaitScan(
      { taskId: 'a', executionId: undefined },
      {
        api: {
          status: async () => {
            throw unauthorized;
          },
        },
        clock,
        deadline: new Deadline(60, clock),
        log: { line: () => undefined, attempt: () => undefined },
        renew: async () => {
          throw denied;
        },
      },
    );
    await expect(end).rejects.toBe(denied);
  });
});

describe('odd responses', () => {
  test.each<[string, RequestError]>([
    ['a web page', new ApiError('a web page', { kind: 'not-json', status: 200 })],
    ['a redirect', new ApiError('a redirect', { kind: 'redirect', status: 302 })],
    ['404', rejected(404)],
    ['400 of the API', rejected(400, 'CC.00000001.400')],
    ['500', rejected(500)],
    ['503 of the gateway', rejected(503, 'APIGW.0701')],
    ['a reset connection', reset],
  ])('are read again until the deadline, and are no success: %s', async (_, error) => {
    const wait = new Wait([error], { seconds: 60 });
    await expect(wait.end).resolves.toEqual({
      message: 'The status could not be read after 60 s (timeout-seconds)',
      reason: 'deadline',
      error,
    });
    expect(wait.readAtMs.at(-1)).toBe(59_000);
  });

  test('do not hide the end that follows', async () => {
    const wait = new Wait([reset, rejected(404), checking(), unknown, rejected(403), succeeded]);
    await expect(wait.end).resolves.toBeUndefined();
  });

  test('have a line each in the log, and good readings have none', async () => {
    const wait = new Wait([checking(), reset, checking(), rejected(503), succeeded]);
    await wait.end;
    expect(wait.failedAttempts).toEqual([reset.message, 'No (503)']);
  });

  test('that are a fault of ours are thrown', async () => {
    await expect(new Wait([new TypeError('x')]).end).rejects.toThrow(TypeError);
  });
});

describe('the deadline', () => {
  test.each<[string, readonly Reading[], string]>([
    ['a scan that is running', [checking('40%')], 'The scan was still running after 60 s'],
    ['no status', [nothing], 'The service had no status for this scan after 60 s'],
    ['an unknown status', [unknown], 'The scan had the unknown status 7 after 60 s'],
  ])('is explained by the last status: %s', async (_, readings, message) => {
    const wait = new Wait(readings, { seconds: 60 });
    await expect(wait.end).resolves.toEqual({
      message: `${message} (timeout-seconds)`,
      reason: 'deadline',
      error: undefined,
    });
  });

  test.each([succeeded, failed, stopped])(
    'comes before an end that was not seen coming counts: $state',
    async (ended) => {
      const wait = new Wait([ended], { seconds: 25 });
      await expect(wait.end).resolves.toEqual({
        message: `The scan was not seen running within 25 s (timeout-seconds). The status '${ended.state}' may be that of the previous scan`,
        reason: 'deadline',
        error: undefined,
      });
    },
  );

  test('is preceded by one last reading', async () => {
    const wait = new Wait([checking()], { seconds: 60 });
    await wait.end;
    expect(wait.readAtMs.at(-1)).toBe(59_000);
    expect(wait.clock.nowMs).toBe(59_000);
  });

  test('ends the wait after one reading if there is no time for two', async () => {
    const wait = new Wait([checking()], { seconds: 1 });
    await expect(wait.end).resolves.toMatchObject({
      message: 'The scan was still running after 1 s (timeout-seconds)',
    });
    expect(wait.readAtMs).toEqual([0]);
  });

  test('that cuts the last reading short leaves the status before it', async () => {
    const wait = new Wait([checking()], { seconds: 60, responseMs: 1_500 });
    await expect(wait.end).resolves.toMatchObject({
      message: 'The scan was still running after 60 s (timeout-seconds)',
    });
    expect(wait.clock.nowMs).toBe(60_000);
  });

  test('that cuts the only reading short is the reason', async () => {
    const wait = new Wait([checking()], { seconds: 5, responseMs: 6_000 });
    await expect(wait.end).resolves.toEqual({
      message: 'The status could not be read',
      reason: 'deadline',
      error: timeUp,
    });
  });
});

describe('an interruption', () => {
  test.each<[string, readonly Reading[], string]>([
    [
      'while the scan is running',
      [checking()],
      'The scan was still running when the step was cancelled (SIGTERM)',
    ],
    [
      'before an end counts',
      [succeeded],
      "The scan was not seen running before the step was cancelled (SIGTERM). The status 'succeeded' may be that of the previous scan",
    ],
    [
      'while the status cannot be read',
      [reset],
      'The status could not be read when the step was cancelled (SIGTERM)',
    ],
  ])('ends the wait with what is known: %s', async (_, readings, message) => {
    const wait = new Wait(readings);
    wait.clock.schedule(3_000, () => wait.deadline.interrupt('the step was cancelled (SIGTERM)'));
    await expect(wait.end).resolves.toMatchObject({ message, reason: 'cancelled' });
    expect(wait.clock.nowMs).toBe(3_000);
  });
});

describe('the log', () => {
  test('has a line for each step of progress, at most one every 10 seconds', async () => {
    const steps = Array.from({ length: 20 }, (_, index) => checking(`${index * 5}%`));
    const wait = new Wait([...steps, succeeded]);
    await wait.end;
    expect(wait.lines[0]).toBe('0 s: Still running, 0%');
    const times = wait.lines.map((line) => Number.parseFloat(line));
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(10);
    expect(wait.lines.length).toBeGreaterThan(10);
  });

  test('has no line for a scan that makes no progress', async () => {
    const wait = new Wait([...Array(30).fill(checking('7%')), succeeded]);
    await wait.end;
    expect(wait.lines).toEqual(['0 s: Still running, 7%']);
  });

  test('says once why an end does not count yet', async () => {
    const wait = new Wait([succeeded]);
    await wait.end;
    expect(wait.lines).toEqual([
      "0 s: Not seen running yet: the status 'succeeded' may be that of the previous scan",
    ]);
  });
});

describe('a wait of 12 hours', () => {
  test('needs few requests, and nothing that grows with them', async () => {
    const clock = new FakeClock({ autoUpToMs: 16_000 });
    const deadline = new Deadline(43_200, clock);
    let requests = 0;
    let most = { sleeping: 0, listeners: 0 };
    const client = new HttpClient({
      clock,
      deadline,
      random: () => 0.5,
      transport: {
        send: async () => {
          requests += 1;
          const listeners = getEventListeners(deadline.signal, 'abort').length;
          most = {
            sleeping: Math.max(most.sleeping, clock.sleeping),
            listeners: Math.max(most.listeners, listeners),
          };
          // Now and then something is odd.
          if (requests % 100 === 0) throw reset;
          const ratio = `${Math.floor(requests / 30)}%`;
          const body = JSON.stringify({ task_status: 0, progress: { ratio } });
          return { status: 200, headers: {}, body };
        },
      },
    });
    const endpoint = new URL('https://check.example.com');
    const lines: string[] = [];
    const failure = await awaitScan(
      { taskId: 'a', executionId: 'e1' },
      {
        api: new CheckApi({ client, endpoint, authorize: (request) => request, retries: 3 }),
        clock,
        deadline,
        log: { line: (text) => lines.push(text), attempt: () => undefined },
        renew: async () => undefined,
      },
    );
    expect(failure?.message).toBe('The scan was still running after 43200 s (timeout-seconds)');
    expect(clock.nowMs).toBe(43_199_000);
    // One every 15 s, and a few more at the beginning.
    expect(requests).toBeGreaterThan(2_880);
    expect(requests).toBeLessThan(2_900);
    expect(lines.length).toBeLessThan(110);
    expect(most.sleeping).toBeLessThan(5);
    expect(most.listeners).toBeLessThan(5);
  });
});
