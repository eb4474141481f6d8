import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Secrets } from '../../src/report/secrets.ts';
import { FakeRunner, outsideText } from '../support/fake-runner.ts';

const step = FakeRunner.forEachTest();

test('a secret is masked by the runner as soon as it is known', () => {
  new Secrets().add('MIIEpAIBAAKCAQEA');
  expect(step.printed.trimEnd()).toBe('::add-mask::MIIEpAIBAAKCAQEA');
});

test('a percent sign reaches the runner as what it is', () => {
  new Secrets().add('a%0Ab');
  expect(step.printed.trimEnd()).toBe('::add-mask::a%250Ab');
});

test.each([
  ['nothing where there is no secret', [], 'a text', 'a text'],
  ['every place', ['s3cret'], 's3cret and s3cret', '*** and ***'],
  ['the form that it has in a URL', ['a+b/c='], 'x?token=a%2Bb%2Fc%3D', 'x?token=***'],
  ['all of the longer one, where one holds the other', ['abc', 'abcdef'], 'abcdef', '***'],
  ['characters that mean something elsewhere', ['$&.*'], 'a $&.* b', 'a *** b'],
])('%s is replaced', (_, values, text, redacted) => {
  const secrets = new Secrets();
  for (const value of values) secrets.add(value);
  expect(secrets.redact(text)).toBe(redacted);
});

// Visible ASCII, but for the character that stands for a secret.
const secret = fc.stringMatching(/^[!-)+-~]{8,40}$/);
const secretsAndText = fc
  .array(secret, { minLength: 1, maxLength: 4 })
  .chain((values) => fc.tuple(fc.constant(values), outsideText(...values)));

function secretsOf(values: readonly string[]): Secrets {
  const secrets = new Secrets();
  for (const value of values) secrets.add(value);
  return secrets;
}

test('no secret is left in any text', () => {
  fc.assert(
    fc.property(secretsAndText, ([values, text]) => {
      const redacted = secretsOf(values).redact(text);
      for (const value of values) {
        expect(redacted).not.toContain(value);
        expect(redacted).not.toContain(encodeURIComponent(value));
      }
    }),
  );
});

describe('a clean line', () => {
  test.each([
    ['is one line', 'one\ntwo', 'one two'],
    ['is no command', '\n::error::x', ': :error::x'],
    ['is no command of the old form', 'a ##[error]x', 'a # #[error]x'],
    ['holds no secret', 'The token abcd::##[efgh is not good', 'The token *** is not good'],
    ['holds no secret that looks like a command', 'abcd::##[efgh', '***'],
    ['holds no secret that a control character is in', 'a line\u0000of two', '***'],
    ['is cut', 'x'.repeat(41), `${'x'.repeat(39)}…`],
    [
      'is cut only where a secret was hidden',
      `${'x'.repeat(30)} abcd::##[efgh`,
      `${'x'.repeat(30)} ***`,
    ],
  ])('%s', (_, text, line) => {
    expect(secretsOf(['abcd::##[efgh', 'a line of two']).clean(text, 40)).toBe(line);
  });

  test('is short and harmless, and holds no part of a secret where it is cut', () => {
    fc.assert(
      fc.property(secretsAndText, fc.integer({ min: 10, max: 400 }), ([values, text], max) => {
        const line = secretsOf(values).clean(text, max);
        expect(line.length).toBeLessThanOrEqual(max);
        expect(line.trim()).not.toMatch(/^::/);
        expect(line).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]|##\[/u);
        for (const value of values) expect(line).not.toContain(value);
        // What is left at a cut is the beginning of the same text without secrets.
        const whole = secretsOf(values).clean(text, Number.POSITIVE_INFINITY);
        expect(whole.startsWith(line.replace(/…$/, ''))).toBe(true);
      }),
    );
  });
});
