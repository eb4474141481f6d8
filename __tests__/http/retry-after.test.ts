import { execFileSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseRetryAfter } from '../../src/http/retry-after.ts';

const NOW = new Date('2026-11-24T12:00:00.250Z');

test.each([
  ['0', 0],
  ['1', 1_000],
  ['120', 120_000],
  ['007', 7_000],
  [' 7 ', 7_000],
])('%j is a number of seconds', (value, ms) => {
  expect(parseRetryAfter(value, NOW)).toBe(ms);
});

test.each([
  ['Tue, 24 Nov 2026 12:00:10 GMT', 9_750],
  ['Wed, 25 Nov 2026 12:00:00 GMT', 86_399_750],
  [' Tue, 24 Nov 2026 12:00:01 GMT ', 750],
  ['Tuesday, 24-Nov-26 12:00:10 GMT', 9_750],
  ['Wednesday, 25-Nov-26 12:00:00 GMT', 86_399_750],
  ['Friday, 01-Jan-27 00:00:00 GMT', 3_239_999_750],
  ['Tue Nov 24 12:00:10 2026', 9_750],
  ['Wed Nov 25 12:00:00 2026', 86_399_750],
  ['Tue Dec  1 12:00:00 2026', 604_799_750],
  ['Tue Dec 01 12:00:00 2026', 604_799_750],
])('%j is a time in the future', (value, ms) => {
  expect(parseRetryAfter(value, NOW)).toBe(ms);
});

// The examples of RFC 9110 among them, in its three forms.
test.each([
  'Tue, 24 Nov 2026 12:00:00 GMT',
  'Sun, 06 Nov 1994 08:49:37 GMT',
  'Tuesday, 24-Nov-26 12:00:00 GMT',
  'Sunday, 06-Nov-94 08:49:37 GMT',
  'Tue Nov 24 12:00:00 2026',
  'Sun Nov  6 08:49:37 1994',
])('%j is in the past, so that there is nothing to wait for', (value) => {
  expect(parseRetryAfter(value, NOW)).toBe(0);
});

test.each([
  undefined,
  '',
  ' ',
  'soon',
  '-1',
  '+1',
  '1.5',
  '1e3',
  '0x10',
  '1, 2',
  '١٢',
  '2026-11-24T12:00:10Z',
  'Tue, 24 Nov 2026 12:00:10',
  'Tue, 24 Nov 2026 12:00:10 CET',
  'Xxx, 99 Foo 2026 99:99:99 GMT',
  'Tuesday, 24-Nov-26 12:00:10',
  'Tuesday, 24-Nov-26 12:00:10 CET',
  'Tuesday, 24-Nov-2026 12:00:10 GMT',
  'Tue, 24-Nov-26 12:00:10 GMT',
  'Wednesdays, 25-Nov-26 12:00:10 GMT',
  'Xxxxxxday, 99-Foo-26 99:99:99 GMT',
  'Tue Nov 24 12:00:10 2026 CET',
  'Tue Nov 24 12:00:10 2026 GMT',
  'Tue Nov 24 12:00:10',
  'Tue Nov 1 12:00:10 2026',
  'Xxx Foo 99 99:99:99 2026',
])('%j has no meaning', (value) => {
  expect(parseRetryAfter(value, NOW)).toBeUndefined();
});

test('a number of seconds beyond all bounds exceeds every deadline', () => {
  expect(parseRetryAfter('9'.repeat(400), NOW)).toBeGreaterThan(3_600_000);
});

test('whatever a server sends is a delay of at least 0, or has no meaning', () => {
  const header = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom(...'0123456789 .,:-+eGMTNov') }),
    fc.stringMatching(/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/),
    fc.stringMatching(/^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/),
    fc.stringMatching(/^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/),
  );
  fc.assert(
    fc.property(header, (value) => {
      expect(parseRetryAfter(value, NOW) ?? 0).toBeGreaterThanOrEqual(0);
    }),
  );
});

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

/** https://www.rfc-editor.org/rfc/rfc9110#name-date-time-formats */
const FORMS: readonly (readonly [string, number, (date: Date) => string])[] = [
  ['the preferred form', 7_000_000_000, (date) => date.toUTCString()],
  [
    // More than twenty years: a year of two digits is one of this half of the century.
    'the form of RFC 850',
    700_000_000,
    (date) => {
      const [, day, month, year, time] = date.toUTCString().split(' ');
      return `${DAYS[date.getUTCDay()]}, ${day}-${month}-${year?.slice(2)} ${time} GMT`;
    },
  ],
  [
    'the form of asctime',
    7_000_000_000,
    (date) => {
      const [weekday, day, month, year, time] = date.toUTCString().split(' ');
      return `${weekday?.slice(0, 3)} ${month} ${day?.replace(/^0/, ' ')} ${time} ${year}`;
    },
  ],
];

test.each(FORMS)('any future time, in %s, is exact to the second', (_, max, format) => {
  const now = new Date('2026-11-24T12:00:00Z');
  const second = fc.integer({ min: 0, max });
  fc.assert(
    fc.property(second, (seconds) => {
      const ms = seconds * 1000;
      expect(parseRetryAfter(format(new Date(now.getTime() + ms)), now)).toBe(ms);
    }),
  );
});

test.each(['UTC', 'Asia/Shanghai', 'America/New_York'])(
  'a time is in UTC, also on a runner in the time zone %s',
  (zone) => {
    const dates = [
      'Tue, 24 Nov 2026 12:00:10 GMT',
      'Tuesday, 24-Nov-26 12:00:10 GMT',
      'Tue Nov 24 12:00:10 2026',
    ];
    const script = `
      const { parseRetryAfter } = await import(process.argv[1]);
      const [, , now, ...dates] = process.argv;
      console.log(JSON.stringify(dates.map((date) => parseRetryAfter(date, new Date(now)))));`;
    const module = new URL('../../src/http/retry-after.ts', import.meta.url);
    const args = [module.href, NOW.toISOString(), ...dates];
    // Node.js reads its time zone from the environment of the process, which Jest does not change.
    const printed = execFileSync(
      process.execPath,
      ['--no-warnings', '--input-type=module', '--eval', script, ...args],
      { env: { ...process.env, TZ: zone }, encoding: 'utf8' },
    );
    expect(JSON.parse(printed)).toEqual([9_750, 9_750, 9_750]);
  },
);
