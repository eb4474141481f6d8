import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { HttpClient } from '../../src/http/client.ts';
import { ApiError } from '../../src/http/errors.ts';
import { Throttle } from '../../src/http/throttle.ts';
import { Deadline } from '../../src/time.ts';
import { FakeClock } from '../support/fake-clock.ts';

describe('the pace', () => {
  test('is not limited before a request was throttled', () => {
    const throttle = new Throttle();
    for (const nowMs of [0, 0, 5, 5]) {
      expect(throttle.nextMs).toBeLessThanOrEqual(nowMs);
      throttle.take(nowMs);
      throttle.admitted();
    }
  });

  test('begins with 20 requests a second', () => {
    const throttle = new Throttle();
    throttle.rejected(0, 1_000, undefined);
    expect(throttle.nextMs).toBe(1_050);
    throttle.take(1_060);
    expect(throttle.nextMs).toBe(1_110);
  });

  test('is slower by half after another rejection, and never slower than one in 5 s', () => {
    const throttle = new Throttle();
    const waits: number[] = [];
    for (let now = 0; waits.length < 14; now = throttle.nextMs) {
      throttle.rejected(now, now, undefined);
      waits.push(throttle.nextMs - now);
    }
    expect(waits.slice(0, 4)).toEqual([50, 75, 112.5, 168.75]);
    expect(waits.slice(-2)).toEqual([5_000, 5_000]);
  });

  test('becomes a little faster with each admission', () => {
    const throttle = new Throttle();
    throttle.rejected(0, 0, undefined);
    throttle.admitted();
    throttle.take(1_000);
    expect(throttle.nextMs).toBe(1_048.5);
  });

  test('reacts once to all requests that were sent before it changed', () => {
    const throttle = new Throttle();
    throttle.rejected(0, 100, undefined);
    for (const startedMs of [0, 10, 99]) throttle.rejected(startedMs, 120, undefined);
    expect(throttle.nextMs).toBe(150);
    throttle.take(150);
    expect(throttle.nextMs).toBe(200);
    throttle.rejected(100, 200, undefined);
    expect(throttle.nextMs).toBe(275);
  });

  test('honors the longest Retry-After, even of a request that it does not react to', () => {
    const throttle = new Throttle();
    throttle.rejected(0, 100, 2_000);
    expect(throttle.nextMs).toBe(2_100);
    throttle.rejected(0, 200, 5_000);
    expect(throttle.nextMs).toBe(5_200);
    throttle.rejected(0, 300, 1_000);
    expect(throttle.nextMs).toBe(5_200);
    throttle.take(5_200);
    expect(throttle.nextMs).toBe(5_250);
  });

  test('never goes back to an earlier time', () => {
    const event = fc.record({
      afterMs: fc.integer({ min: 0, max: 1_000 }),
      kind: fc.constantFrom('take', 'admitted', 'rejected'),
      tookMs: fc.integer({ min: 0, max: 1_000 }),
      retryAfterMs: fc.option(fc.integer({ min: 0, max: 5_000 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(event), (events) => {
        const throttle = new Throttle();
        let nowMs = 0;
        for (const { afterMs, kind, tookMs, retryAfterMs } of events) {
          nowMs += afterMs;
          const before = throttle.nextMs;
          if (kind === 'take') throttle.take(nowMs);
          else if (kind === 'admitted') throttle.admitted();
          else throttle.rejected(nowMs - tookMs, nowMs, retryAfterMs);
          expect(throttle.nextMs).toBeGreaterThanOrEqual(before);
          expect(throttle.nextMs).toBeLessThanOrEqual(Math.max(before, nowMs + 5_000));
        }
      }),
    );
  });
});

interface Scenario {
  readonly tasks: number;
  readonly ratePerSecond: number;
  readonly burst?: number;
  readonly latencyMs?: number;
  readonly retryAfterMs?: number;
}

interface Outcome {
  readonly stopped: number;
  /** When the last one succeeded. */
  readonly tookMs: number;
  readonly rejections: number;
  readonly mostAtOnce: number;
}

/** Sends requests to a token bucket: the first alone, the rest side by side, without any retries. */
async function simulate(scenario: Scenario): Promise<Outcome> {
  const { tasks, ratePerSecond, burst = 1, latencyMs = 30, retryAfterMs } = scenario;
  const clock = new FakeClock();
  let tokens = burst;
  let filledMs = 0;
  let [rejections, atOnce, mostAtOnce, stopped, tookMs] = [0, 0, 0, 0, 0];
  const admits = () => {
    tokens = Math.min(burst, tokens + ((clock.nowMs - filledMs) / 1000) * ratePerSecond);
    filledMs = clock.nowMs;
    // Not a whole one, by the rounding of floating-point numbers.
    const admitted = tokens >= 1 - 1e-9;
    if (admitted) tokens -= 1;
    return admitted;
  };
  const client = new HttpClient({
    clock,
    deadline: new Deadline(60, clock),
    random: () => 0.5,
    transport: {
      send: async () => {
        atOnce += 1;
        mostAtOnce = Math.max(mostAtOnce, atOnce);
        await clock.sleep(latencyMs / 2);
        const status = admits() ? 200 : 429;
        if (status === 429) rejections += 1;
        await clock.sleep(latencyMs / 2);
        atOnce -= 1;
        return { status, headers: {}, body: '' };
      },
    },
  });
  const stop = async () => {
    await client.send({
      operation: 'stop',
      request: { method: 'POST', url: new URL('https://x'), headers: {}, body: '' },
      authorize: (request) => request,
      parse: ({ status }) => {
        if (status === 200) return;
        throw new ApiError('throttled', { kind: 'rejected', status, retryAfterMs });
      },
      retries: 0,
      onAttempt: () => undefined,
    });
    stopped += 1;
    tookMs = clock.nowMs;
  };
  await stop();
  await Promise.allSettled(Array.from({ length: tasks - 1 }, stop));
  return { stopped, tookMs, rejections, mostAtOnce };
}

describe('a server that admits', () => {
  test.each<[string, Scenario, number]>([
    ['5 a second, 100 tasks', { tasks: 100, ratePerSecond: 5 }, 30],
    ['5 a second after a burst, 100 tasks', { tasks: 100, ratePerSecond: 5, burst: 5 }, 21],
    [
      '5 a second far away, 100 tasks',
      { tasks: 100, ratePerSecond: 5, burst: 5, latencyMs: 300 },
      22,
    ],
    ['20 a second, 60 tasks', { tasks: 60, ratePerSecond: 20 }, 6],
    ['20 a second after a burst, 60 tasks', { tasks: 60, ratePerSecond: 20, burst: 20 }, 4],
    ['2 a second, 60 tasks', { tasks: 60, ratePerSecond: 2 }, 45],
    ['200 a second, 1000 tasks', { tasks: 1_000, ratePerSecond: 200, burst: 200 }, 6],
    [
      '5 a second with Retry-After: 1, 100 tasks',
      { tasks: 100, ratePerSecond: 5, retryAfterMs: 1_000 },
      45,
    ],
    [
      '20 a second with Retry-After: 1, 60 tasks',
      { tasks: 60, ratePerSecond: 20, retryAfterMs: 1_000 },
      15,
    ],
  ])('%s: all are stopped in time, without a retry', async (_, scenario, seconds) => {
    const outcome = await simulate(scenario);
    expect(outcome.stopped).toBe(scenario.tasks);
    expect(outcome.tookMs).toBeLessThanOrEqual(seconds * 1000);
    // One reaction to a burst, not to each rejection of it.
    expect(outcome.rejections).toBeLessThan(scenario.tasks / 2);
    expect(outcome.mostAtOnce).toBeLessThanOrEqual(16);
  });

  test('all at once is not paced', async () => {
    const { tookMs, rejections } = await simulate({ tasks: 160, ratePerSecond: 1, burst: 160 });
    // The first alone, and ten times sixteen.
    expect(tookMs).toBe(11 * 30);
    expect(rejections).toBe(0);
  });
});
