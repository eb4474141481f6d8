import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { backoffMs } from '../../src/http/backoff.ts';

test.each([
  [1, 1_000],
  [2, 2_000],
  [3, 4_000],
  [4, 8_000],
  [5, 16_000],
  [6, 16_000],
  [11, 16_000],
])('the delay after attempt %i is anything up to %i ms', (attempt, longest) => {
  expect(backoffMs(attempt, 0)).toBe(0);
  expect(backoffMs(attempt, 0.5)).toBe(longest / 2);
  expect(backoffMs(attempt, 1 - Number.EPSILON)).toBeCloseTo(longest, 6);
});

test('every delay is from 0 to 16 s', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_000 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (attempt, random) => {
        const ms = backoffMs(attempt, random);
        expect(ms).toBeGreaterThanOrEqual(0);
        expect(ms).toBeLessThan(16_000);
      },
    ),
  );
});
