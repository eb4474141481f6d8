import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  escapeCommands,
  escapeHtml,
  formatDuration,
  stripControls,
  truncate,
} from '../../src/report/sanitize.ts';
import { outsideText } from '../support/fake-runner.ts';

describe('text from outside, as one line', () => {
  test.each([
    ['plain text', 'Network busy. Try again later.', 'Network busy. Try again later.'],
    ['text of any language', '网络繁忙，请稍后再试 🛑', '网络繁忙，请稍后再试 🛑'],
    ['line breaks', 'one\r\ntwo\nthree', 'one  two three'],
    ['other separators of lines', 'one\u0085two\u2028three\u2029four', 'one two three four'],
    ['a color of the terminal', 'a\u001b[31mb', 'a [31mb'],
    ['a C1 control', 'a\u009bb', 'a b'],
    ['text that runs backwards', 'a\u202eb', 'a b'],
    ['invisible characters', 'a\u200bb\ufeffc', 'a b c'],
    ['spaces around it', '  a  b ', 'a  b'],
    ['whitespace around it', '\u00a0 a \t', 'a'],
    ['half a character', 'a\ud800b', 'a\ufffdb'],
    ['nothing', '', ''],
  ])('%s', (_, text, line) => {
    expect(stripControls(text)).toBe(line);
  });

  test('holds no control character, and stays as it is when made twice', () => {
    fc.assert(
      fc.property(outsideText(), (text) => {
        const line = stripControls(text);
        expect(line).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
        expect(line.isWellFormed()).toBe(true);
        expect(stripControls(line)).toBe(line);
      }),
    );
  });

  test('loses every character that controls, reorders or hides text, and no other', () => {
    const wrong: string[] = [];
    for (let code = 0; code <= 0x10ffff; code++) {
      const character = String.fromCodePoint(code);
      const kept = /[\ud800-\udfff]/u.test(character) ? '\ufffd' : character;
      const gone = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(character);
      if (stripControls(`a${character}b`) !== `a${gone ? ' ' : kept}b`)
        wrong.push(code.toString(16));
    }
    expect(wrong).toEqual([]);
  });

  test('keeps every printable character', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[!-~一-龥]{1,50}$/), (text) => {
        expect(stripControls(text)).toBe(text);
      }),
    );
  });
});

describe('a line that the runner would take for a command', () => {
  test.each([
    ['is broken up', '::error::x', ': :error::x'],
    ['is broken up after whitespace', ' \u3000::error::x', ': :error::x'],
    ['is broken up in the old form', '##[error]x', '# #[error]x'],
    ['is broken up in the old form, anywhere', 'a ###[error]x', 'a ## #[error]x'],
    ['is broken up at each place', '##[a]##[b]', '# #[a]# #[b]'],
    ['is broken up after every kind of whitespace', '\u1680\u2000\u202f\u205f\u3000::x', ': :x'],
    ['is broken up with more colons', ':::error::x', ': ::error::x'],
    ['is all that is touched: colons within it', 'error_code::CC.1', 'error_code::CC.1'],
    ['is all that is touched: signs that are none', ':x #[a] # #', ':x #[a] # #'],
  ])('%s', (_, text, line) => {
    expect(escapeCommands(text)).toBe(line);
  });

  test('is none afterwards, whatever was in it', () => {
    fc.assert(
      fc.property(outsideText(), (text) => {
        const line = escapeCommands(stripControls(text));
        expect(line.trim()).not.toMatch(/^::/);
        expect(line).not.toContain('##[');
        expect(escapeCommands(line)).toBe(line);
      }),
    );
  });
});

describe('shortening', () => {
  test.each([
    ['leaves text that fits', 'abcde', 5, 'abcde'],
    ['marks the cut', 'abcdef', 5, 'abcd…'],
    ['leaves out a character that would be cut in two', 'abc🛑def', 5, 'abc…'],
    ['keeps a character that just fits', 'ab🛑def', 5, 'ab🛑…'],
  ])('%s', (_, text, max, short) => {
    expect(truncate(text, max)).toBe(short);
  });

  test('never gives more than is asked for, and never half a character', () => {
    fc.assert(
      fc.property(outsideText(), fc.integer({ min: 1, max: 400 }), (text, max) => {
        const whole = text.toWellFormed();
        const short = truncate(whole, max);
        expect(short.length).toBeLessThanOrEqual(max);
        expect(short.isWellFormed()).toBe(true);
        if (whole.length <= max) expect(short).toBe(whole);
        else expect([short.at(-1), whole.startsWith(short.slice(0, -1))]).toEqual(['…', true]);
      }),
    );
  });
});

describe('HTML', () => {
  test('has its five characters escaped, and no other', () => {
    expect(escapeHtml(`<a href="x" title='y'>&amp; 字 |*_</a>`)).toBe(
      '&#60;a href=&#34;x&#34; title=&#39;y&#39;&#62;&#38;amp; 字 |*_&#60;/a&#62;',
    );
  });

  test('shows what went in, and holds no markup', () => {
    fc.assert(
      fc.property(outsideText(), (text) => {
        const html = escapeHtml(text);
        expect(html).not.toMatch(/[<>"']/);
        const shown = html.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)));
        expect(shown).toBe(text);
      }),
    );
  });
});

test.each([
  [0, '0 ms'],
  [84.6, '85 ms'],
  [999.4, '999 ms'],
  [999.5, '1.0 s'],
  [1_250, '1.3 s'],
  [59_949, '59.9 s'],
  [59_950, '1 min 0 s'],
  [125_400, '2 min 5 s'],
  [3_599_400, '59 min 59 s'],
  [3_599_600, '1 h 0 min'],
  [3_600_000, '1 h 0 min'],
  [4_330_000, '1 h 12 min'],
  [43_200_000, '12 h 0 min'],
])('%d milliseconds read as %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});
