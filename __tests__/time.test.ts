import { getEventListeners } from 'node:events';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { type Clock, Deadline, systemClock } from '../src/time.ts';
import { FakeClock } from './support/fake-clock.ts';

const HOUR_MS = 3_600_000;

describe('the system clock', () => {
  test('moves on during a sleep', async () => {
    const before = systemClock.now();
    await systemClock.sleep(2, new AbortController().signal);
    // A timer may fire a fraction of a millisecond early.
    expect(systemClock.now() - before).toBeGreaterThanOrEqual(1);
  });

  test('has the date of the system', () => {
    const before = Date.now();
    const date = systemClock.date().getTime();
    expect(date).toBeGreaterThanOrEqual(before);
    expect(date).toBeLessThanOrEqual(Date.now());
  });

  test('ends a sleep early when the signal aborts', async () => {
    const controller = new AbortController();
    const sleep = systemClock.sleep(HOUR_MS, controller.signal);
    controller.abort();
    await expect(sleep).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('begins no sleep after the signal has aborted', async () => {
    await expect(systemClock.sleep(HOUR_MS, AbortSignal.abort())).rejects.toMatchObject({
      name: 'AbortError',
    });
  });

  test('leaves no listener on the signal after a sleep', async () => {
    const { signal } = new AbortController();
    const sleep = systemClock.sleep(1, signal);
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    await sleep;
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});

describe('a scheduled call', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  test('is made once, when its time has come and not before', () => {
    jest.useFakeTimers();
    const callback = jest.fn();
    systemClock.schedule(HOUR_MS, callback);
    jest.advanceTimersByTime(HOUR_MS - 1);
    expect(callback).not.toHaveBeenCalled();
    jest.advanceTimersByTime(1);
    expect(callback).toHaveBeenCalledTimes(1);
    jest.advanceTimersByTime(3 * HOUR_MS);
    expect(callback).toHaveBeenCalledTimes(1);
  });

  test('is not made if it is cancelled, and leaves no timer', () => {
    jest.useFakeTimers();
    const [callback, other] = [jest.fn(), jest.fn()];
    const cancel = systemClock.schedule(HOUR_MS, callback);
    systemClock.schedule(HOUR_MS, other);
    cancel();
    expect(jest.getTimerCount()).toBe(1);
    jest.advanceTimersByTime(2 * HOUR_MS);
    expect(callback).not.toHaveBeenCalled();
    expect(other).toHaveBeenCalledTimes(1);
  });

  test('can be cancelled after it was made, without effect', () => {
    jest.useFakeTimers();
    const callback = jest.fn();
    const cancel = systemClock.schedule(1, callback);
    jest.advanceTimersByTime(1);
    cancel();
    expect(callback).toHaveBeenCalledTimes(1);
  });
});

function start(seconds: number) {
  const clock = new FakeClock({ autoUpToMs: 0 });
  return { clock, deadline: new Deadline(seconds, clock) };
}

describe('a deadline', () => {
  test('aborts when its seconds are over and not before', async () => {
    const { clock, deadline } = start(60);
    await clock.advance(59_999);
    expect(deadline.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(deadline.signal.aborted).toBe(true);
    expect(deadline.interruption).toBeUndefined();
  });

  test('keeps the seconds it was given, and names timeout-seconds unless something else sets it', () => {
    const { clock, deadline } = start(60);
    expect(deadline).toMatchObject({ seconds: 60, limit: '60 s (timeout-seconds)' });
    expect(new Deadline(20, clock, '20 s')).toMatchObject({ seconds: 20, limit: '20 s' });
  });

  test('counts from its creation, not from the start of the clock', async () => {
    const clock = new FakeClock({ autoUpToMs: 0 });
    await clock.advance(5_000);
    const deadline = new Deadline(10, clock);
    expect(deadline.remainingMs()).toBe(10_000);
    await clock.advance(9_000);
    expect(deadline.remainingMs()).toBe(1_000);
  });

  test('never has less than nothing left, even if its timer is late', () => {
    const { clock, deadline } = start(10);
    clock.nowMs += 11_000;
    expect(deadline.signal.aborted).toBe(false);
    expect(deadline.remainingMs()).toBe(0);
  });

  test('has nothing left once it has aborted, even if its timer was early', async () => {
    const scheduled: number[] = [];
    const early: Clock = {
      now: () => 0,
      date: () => new Date(0),
      sleep: () => Promise.resolve(),
      schedule: (ms, callback) => {
        scheduled.push(ms);
        queueMicrotask(callback);
        return () => undefined;
      },
    };
    const deadline = new Deadline(10, early);
    expect(scheduled).toEqual([10_000]);
    expect(deadline.remainingMs()).toBe(10_000);
    await Promise.resolve();
    expect(deadline.signal.aborted).toBe(true);
    expect(deadline.remainingMs()).toBe(0);
  });

  test('has one timer, which is gone once it has aborted', async () => {
    const { clock, deadline } = start(10);
    expect(clock.sleeping).toBe(1);
    await clock.advance(10_000);
    expect(clock.sleeping).toBe(0);
    await clock.advance(10_000);
    expect(deadline.signal.aborted).toBe(true);
    expect(clock.sleeps).toEqual([10_000]);
  });
});

describe('an interruption', () => {
  test('aborts the deadline early, with its reason and nothing left', async () => {
    const { clock, deadline } = start(60);
    await clock.advance(1_000);
    const aborted = jest.fn();
    deadline.signal.addEventListener('abort', aborted);
    deadline.interrupt('the step was cancelled (SIGTERM)');
    expect(aborted).toHaveBeenCalledTimes(1);
    expect(deadline.interruption).toBe('the step was cancelled (SIGTERM)');
    expect(deadline.remainingMs()).toBe(0);
    await clock.advance(60_000);
    expect(aborted).toHaveBeenCalledTimes(1);
  });

  test('keeps the reason of the first of several', () => {
    const { deadline } = start(60);
    deadline.interrupt('the first');
    deadline.interrupt('the second');
    expect(deadline.interruption).toBe('the first');
  });

  test('changes nothing after the time is up', async () => {
    const { clock, deadline } = start(60);
    await clock.advance(60_000);
    deadline.interrupt('too late');
    expect(deadline.interruption).toBeUndefined();
  });
});
