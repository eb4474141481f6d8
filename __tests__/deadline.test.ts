import { expect, test } from '@jest/globals';
import type { Clock } from '../src/clock.ts';
import { Deadline } from '../src/deadline.ts';
import { FakeClock } from './support/fake-clock.ts';

function start(seconds: number) {
  const clock = new FakeClock({ autoUpToMs: 0 });
  return { clock, deadline: new Deadline(seconds, clock) };
}

test('the deadline aborts when its seconds are over, and not before', async () => {
  const { clock, deadline } = start(60);
  await clock.advance(59_999);
  expect(deadline.signal.aborted).toBe(false);
  await clock.advance(1);
  expect(deadline.signal.aborted).toBe(true);
});

test('it remembers the seconds that it was given', () => {
  expect(start(60).deadline.seconds).toBe(60);
});

test('it counts from when it was made, not from when the clock started', async () => {
  const clock = new FakeClock({ autoUpToMs: 0 });
  await clock.advance(5_000);
  const deadline = new Deadline(10, clock);
  expect(deadline.remainingMs()).toBe(10_000);
  await clock.advance(9_000);
  expect(deadline.remainingMs()).toBe(1_000);
});

test('what remains of it never falls below nothing, even when its timer is late', () => {
  const { clock, deadline } = start(10);
  clock.nowMs += 11_000;
  expect(deadline.signal.aborted).toBe(false);
  expect(deadline.remainingMs()).toBe(0);
});

test('nothing remains of it once it has aborted, even when its timer was early', async () => {
  const asked: number[] = [];
  const early: Clock = {
    now: () => 0,
    date: () => new Date(0),
    sleep: () => Promise.resolve(),
    after: (ms, callback) => {
      asked.push(ms);
      queueMicrotask(callback);
      return () => undefined;
    },
  };
  const deadline = new Deadline(10, early);
  expect(asked).toEqual([10_000]);
  expect(deadline.remainingMs()).toBe(10_000);
  await Promise.resolve();
  expect(deadline.signal.aborted).toBe(true);
  expect(deadline.remainingMs()).toBe(0);
});

test('it has one timer, which is gone once it has aborted, and it stays aborted', async () => {
  const { clock, deadline } = start(10);
  expect(clock.sleeping).toBe(1);
  await clock.advance(10_000);
  expect(clock.sleeping).toBe(0);
  await clock.advance(10_000);
  expect(deadline.signal.aborted).toBe(true);
  expect(deadline.remainingMs()).toBe(0);
  expect(clock.sleeps).toEqual([10_000]);
});
