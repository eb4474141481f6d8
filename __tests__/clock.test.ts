import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { systemClock } from '../src/clock.ts';

const HOUR_MS = 3_600_000;

test('the clock of the system moves on while something sleeps', async () => {
  const before = systemClock.now();
  await systemClock.sleep(2, new AbortController().signal);
  // A timer may fire a fraction of a millisecond early.
  expect(systemClock.now() - before).toBeGreaterThanOrEqual(1);
});

test('its date is that of the system', () => {
  const before = Date.now();
  const date = systemClock.date().getTime();
  expect(date).toBeGreaterThanOrEqual(before);
  expect(date).toBeLessThanOrEqual(Date.now());
});

test('a sleep ends by itself where nothing aborts it', async () => {
  await expect(systemClock.sleep(1, new AbortController().signal)).resolves.toBeUndefined();
});

test('a sleep ends at once when its signal aborts', async () => {
  const controller = new AbortController();
  const sleep = systemClock.sleep(HOUR_MS, controller.signal);
  controller.abort();
  await expect(sleep).rejects.toMatchObject({ name: 'AbortError' });
});

test('a sleep does not begin when its signal has aborted', async () => {
  await expect(systemClock.sleep(HOUR_MS, AbortSignal.abort())).rejects.toMatchObject({
    name: 'AbortError',
  });
});

describe('what is to happen later', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  test('happens once, when its time has come, and not before', () => {
    jest.useFakeTimers();
    const callback = jest.fn();
    systemClock.after(HOUR_MS, callback);
    jest.advanceTimersByTime(HOUR_MS - 1);
    expect(callback).not.toHaveBeenCalled();
    jest.advanceTimersByTime(1);
    expect(callback).toHaveBeenCalledTimes(1);
    jest.advanceTimersByTime(3 * HOUR_MS);
    expect(callback).toHaveBeenCalledTimes(1);
  });

  test('does not happen where it is taken back, and leaves no timer', () => {
    jest.useFakeTimers();
    const [callback, other] = [jest.fn(), jest.fn()];
    const takeBack = systemClock.after(HOUR_MS, callback);
    systemClock.after(HOUR_MS, other);
    takeBack();
    expect(jest.getTimerCount()).toBe(1);
    jest.advanceTimersByTime(2 * HOUR_MS);
    expect(callback).not.toHaveBeenCalled();
    expect(other).toHaveBeenCalledTimes(1);
  });

  test('may be taken back when it has happened: that changes nothing', async () => {
    let takeBack = () => {};
    let count = 0;
    await new Promise<void>((resolve) => {
      takeBack = systemClock.after(1, () => {
        count += 1;
        resolve();
      });
    });
    takeBack();
    expect(count).toBe(1);
  });
});
