import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Secrets } from '../../src/report/secrets.ts';
import { FakeRunner, outsideText } from '../support/fake-runner.ts';
import { decodings, libraryForms, percentEncoded, secretText } from './encodings.ts';

const runner = FakeRunner.forEachTest();

function secretsOf(...values: readonly string[]): Secrets {
  const secrets = new Secrets();
  for (const value of values) secrets.add(value);
  return secrets;
}

/** Text from outside that some strings stand in. */
function mixed(strings: readonly string[]): fc.Arbitrary<string> {
  return fc
    .array(fc.oneof(fc.constantFrom(...strings), outsideText()), { maxLength: 5 })
    .map((parts) => parts.join(''));
}

describe('a secret', () => {
  test('is masked by the runner as soon as it is known', () => {
    new Secrets().add('MIIEpAIBAAKCAQEA');
    expect(runner.commands('add-mask')).toEqual([
      { title: undefined, lines: ['MIIEpAIBAAKCAQEA'] },
    ]);
  });

  test('reaches the runner as what it is', () => {
    new Secrets().add('a%0Ab\nc');
    expect(runner.printed.trimEnd()).toBe('::add-mask::a%250Ab%0Ac');
    expect(runner.commands('add-mask')).toEqual([{ title: undefined, lines: ['a%0Ab', 'c'] }]);
  });

  test('is none if it is empty: it would be found everywhere', () => {
    const secrets = secretsOf('');
    expect(runner.printed).toBe('');
    expect(secrets.redact('a text')).toBe('a text');
  });
});

describe('redaction', () => {
  test.each<[string, string[], string, string]>([
    ['nothing without a secret', [], 'a text %41', 'a text %41'],
    ['nothing if it is not there', ['s3cret'], 'S3CRET s3cre t %73', 'S3CRET s3cre t %73'],
    ['every place', ['s3cret'], 's3cret and s3cret', '*** and ***'],
    ['two that touch', ['s3cret'], 's3crets3cret%733cret', '*********'],
    ['all of the longer one if one holds the other', ['abc', 'abcdef'], 'abcdef', '***'],
    ['all of the longer one, whichever was known first', ['abcdef', 'abc'], 'xabcdefx', 'x***x'],
    ['all of two that overlap', ['abcdef', 'defghi'], 'xabcdefghix', 'x***x'],
    ['characters that mean something elsewhere', ['$&.*'], 'a $&.* b', 'a *** b'],
    ['a secret of one character', ['#'], 'a#b%23', 'a***b***'],
    ['a secret in another script', ['密码🛑'], '密码🛑 %E5%AF%86%e7%a0%81%F0%9f%9b%91', '*** ***'],
    ['a secret with a space, as in a form', ['a b+c'], 'a+b%2Bc a%20b+c', '*** ***'],
    ['a secret in JSON', ['a"b\\c'], '{"x":"a\\"b\\\\c"}', '{"x":"***"}'],
  ])('replaces %s', (_, values, text, redacted) => {
    expect(secretsOf(...values).redact(text)).toBe(redacted);
  });

  test.each([
    ['upper case', 'x?token=a%2Bb%2Fc%3D'],
    ['lower case', 'x?token=a%2bb%2fc%3d'],
    ['both cases', 'x?token=a%2bb%2Fc%3D'],
    ['every character', 'x?token=%61%2B%62%2F%63%3D'],
    ['some characters', 'x?token=a+b%2Fc='],
    ['characters that need none', 'x?token=%61+%62/c%3D'],
    ['two times', 'x?token=a%252Bb%252Fc%253D'],
    ['two times, every character', 'x?token=%25%36%31%252B%62%252F%63%253D'],
    ['three times', 'x?token=a%25252Bb%25252fc%25253D'],
    ['as many times as each character likes', 'x?token=%61%252Bb%2Fc%25253D'],
  ])('finds a secret that is percent-encoded: %s', (_, text) => {
    expect(secretsOf('a+b/c=').redact(text)).toBe('x?token=***');
  });

  test.each<[string, string, string, string]>([
    ['a percent sign before it', '41b/c', '%41b%2Fc', '%***'],
    ['half an encoding before it', '1b/c', '%41b%2Fc', '%4***'],
    ['an encoding after a percent sign', 'a/b%', 'a%2Fb%41', '***41'],
    ['an encoded percent sign after it', 'a/b', 'a%2Fb%25', '***%25'],
    ['what looks encoded in it, encoded', 'p%41/q', 'p%2541%2Fq', '***'],
    ['what looks encoded in it, left as it is', 'p%41/q', 'p%41%2Fq', '***'],
    ['what looks encoded in it, plain', 'p%41/q', 'p%41/q', '***'],
    ['an encoded percent sign in it', 'p%25/q', 'p%25%2Fq p%2525%2Fq', '*** ***'],
    ['a percent sign at its end', 'a/%', 'a%2F%252525', '***'],
    ['percent signs around it that begin nothing', 'a/b', '%%g0%4%a%2fb%', '%%g0%4%***%'],
  ])('finds a secret with %s', (_, secret, text, redacted) => {
    expect(secretsOf(secret).redact(text)).toBe(redacted);
  });

  test('leaves a text without a secret as it is, also if it is not well-formed', () => {
    const secrets = secretsOf('s3cretOfTheTests');
    for (const text of ['a\ud800b%41', '%', '%2', '%zz%E5%AF', '']) {
      expect(secrets.redact(text)).toBe(text);
    }
  });

  const secretsAndText = fc
    .array(secretText, { minLength: 1, maxLength: 4 })
    .chain((values) => fc.tuple(fc.constant(values), mixed(values.flatMap(libraryForms))));

  test('leaves no secret in any text, in no form that libraries give it', () => {
    fc.assert(
      fc.property(secretsAndText, ([values, text]) => {
        const redacted = secretsOf(...values).redact(text);
        for (const form of values.flatMap(libraryForms)) expect(redacted).not.toContain(form);
      }),
    );
  });

  // What stands around it can neither be part of a secret nor of an encoding that ends in it.
  const around = fc
    .array(fc.constantFrom('字', 'é', '🛑', ' ', '\n', '%', '%zz', '%%'), { maxLength: 5 })
    .map((parts) => parts.join(''));

  test('finds any secret in any percent-encoding, and nothing else', () => {
    const cases = fc
      .oneof(secretText, fc.string({ unit: 'grapheme', minLength: 4 }))
      .chain((secret) => fc.tuple(fc.constant(secret), percentEncoded(secret), around, around));
    fc.assert(
      fc.property(cases, ([secret, encoded, before, after]) => {
        const redacted = secretsOf(secret).redact(before + encoded + after);
        fc.pre(!secret.includes('*') && !(before + after).includes(secret));
        expect(redacted).toBe(`${before}***${after}`);
      }),
      { numRuns: 2_000 },
    );
  });

  test('leaves nothing that can be decoded to a secret', () => {
    const cases = secretText.chain((secret) =>
      fc.tuple(
        fc.constant(secret),
        percentEncoded(secret).chain((encoded) => mixed([encoded])),
      ),
    );
    fc.assert(
      fc.property(cases, ([secret, text]) => {
        for (const decoded of decodings(secretsOf(secret).redact(text))) {
          expect(decoded).not.toContain(secret);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('a sanitized line', () => {
  const secrets = () => secretsOf('abcd::##[efgh', 'a line of two', 'x\ny\u0000z', 'p\u200bq=');

  test.each([
    ['is one line', 'one\ntwo', 'one two'],
    ['is no command', '\n::error::x', ': :error::x'],
    ['is no command of the old form', 'a ##[error]x', 'a # #[error]x'],
    ['holds no secret', 'The token abcd::##[efgh is not good', 'The token *** is not good'],
    ['holds no secret that looks like a command', 'abcd::##[efgh', '***'],
    ['holds no secret that a control character is in', 'a line\u0000of two', '***'],
    ['holds no secret of several lines', 'The token x\ny\u0000z.', 'The token ***.'],
    ['holds no encoded secret of several lines', 'The token x%0Ay%00z.', 'The token ***.'],
    ['holds no secret with an invisible character', 'The token p\u200bq%3D.', 'The token ***.'],
    ['is cut', 'x'.repeat(41), `${'x'.repeat(39)}…`],
    [
      'is cut only after a secret was hidden',
      `${'x'.repeat(30)} abcd::##[efgh`,
      `${'x'.repeat(30)} ***`,
    ],
  ])('%s', (_, text, line) => {
    expect(secrets().sanitize(text, 40)).toBe(line);
  });

  test('is short and harmless, and holds no part of a secret at any cut', () => {
    const cases = fc.array(secretText, { minLength: 1, maxLength: 3 }).chain((values) =>
      fc.tuple(
        fc.constant(values),
        fc.tuple(...values.map(percentEncoded)).chain((encoded) => mixed([...values, ...encoded])),
      ),
    );
    fc.assert(
      fc.property(cases, fc.integer({ min: 10, max: 400 }), ([values, text], max) => {
        const line = secretsOf(...values).sanitize(text, max);
        expect(line.length).toBeLessThanOrEqual(max);
        expect(line.trim()).not.toMatch(/^::/);
        expect(line).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]|##\[/u);
        // What is left at a cut is the beginning of the same text without secrets.
        const whole = secretsOf(...values).sanitize(text, Number.POSITIVE_INFINITY);
        expect(whole.startsWith(line.replace(/…$/, ''))).toBe(true);
        for (const value of values) {
          for (const decoded of decodings(whole)) expect(decoded).not.toContain(value);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('holds no part of a secret that is cut at each of its characters', () => {
    const value = 'MIIEpAIBAAKCAQEA+/=';
    for (const form of libraryForms(value)) {
      const text = `The token ${form} is not valid`;
      for (let max = 1; max <= text.length; max++) {
        const line = secretsOf(value).sanitize(text, max);
        expect('The token *** is not valid'.startsWith(line.replace(/…$/, ''))).toBe(true);
      }
    }
  });
});

// What grows with the product of their lengths takes hours, and fails by the time limit of a test.
describe('long texts', () => {
  const LONG = 64 * 1024;
  const random = fc.sample(fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 1 }), {
    seed: 1,
    numRuns: 100_000,
  });
  const token = random.map((character) => (/[!-)+-~]/.test(character) ? character : 'x')).join('');
  const encodeAll = (text: string) =>
    [...text].map((one) => `%${one.charCodeAt(0).toString(16).padStart(2, '0')}`).join('');

  test('a token of 100,000 characters is found in any encoding', () => {
    const secrets = secretsOf(token);
    for (const form of [token, encodeURIComponent(token), encodeAll(token)]) {
      expect(secrets.sanitize(`The token ${form} is not valid`, 100)).toBe(
        'The token *** is not valid',
      );
    }
  });

  test.each([
    ['plain', 'x'.repeat(LONG)],
    ['of percent signs', '%'.repeat(LONG)],
    ['of encoded percent signs', '%25'.repeat(LONG / 3)],
    ['of encoded letters', '%41'.repeat(LONG / 3)],
    ['of letters that are encoded three times', '%252541'.repeat(LONG / 7)],
    ['of the beginning of the token', token.slice(0, LONG)],
    ['of the beginning of the token, encoded', encodeAll(token.slice(0, LONG / 3))],
    ['of colons', '::'.repeat(LONG / 2)],
    ['of control characters', 'a\u0000\u200b'.repeat(LONG / 3)],
    ['of markup', '<a href="&amp;">'.repeat(LONG / 16)],
  ])('a message of 64 KiB is sanitized in time: %s', (_, text) => {
    const secrets = secretsOf(token, 'y'.repeat(100_000), 'sEcReT/+='.repeat(20));
    for (let time = 0; time < 3; time++) {
      expect(secrets.sanitize(text, 1_000)).toHaveLength(1_000);
    }
  });

  test('a secret that repeats itself is found in time, also where it is followed by itself', () => {
    const secrets = secretsOf('x'.repeat(10_000));
    expect(secrets.redact('%78'.repeat(LONG / 3))).toBe(
      `******${'%78'.repeat(Math.floor(LONG / 3) - 20_000)}`,
    );
    expect(secrets.redact(`${'x'.repeat(9_999)}%`.repeat(6))).not.toContain('*');
  });
});
