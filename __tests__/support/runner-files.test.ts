import { describe, expect, test } from '@jest/globals';
import { parseCommands, readOutputFile } from './runner-files.ts';

describe('a file of outputs', () => {
  test.each<[string, Record<string, string>]>([
    ['', {}],
    ['a=b\n', { a: 'b' }],
    ['a=b', { a: 'b' }],
    ['a=b=c<<d\n\nempty=\n', { a: 'b=c<<d', empty: '' }],
    ['a<<END\none\ntwo\nEND\n', { a: 'one\ntwo' }],
    ['a<<END\nEND\nb<<END\n\nEND', { a: '', b: '' }],
    ['a<<E=F\nb=c\nE=F\na<<END\nlast\nEND\n', { a: 'last' }],
  ])('%j is read as the runner reads it', (text, expected) => {
    expect(readOutputFile(text)).toEqual(expected);
  });

  test.each(['text\n', '=value\n', '<<END\nEND\n', 'a<<\n\n', 'a<<END\nvalue\n'])(
    '%j is rejected as by the runner',
    (text) => {
      expect(() => readOutputFile(text)).toThrow();
    },
  );
});

test('commands are found at the start of a line, and unescaped', () => {
  expect(
    parseCommands([
      '::error title=A%2C b%3A c,file=d::one%0Atwo%25',
      '  ::endgroup::',
      'text ::error::none',
      '::add-mask::a::b',
      ':: ::none',
    ]),
  ).toEqual([
    { name: 'error', properties: { title: 'A, b: c', file: 'd' }, data: 'one\ntwo%' },
    { name: 'endgroup', properties: {}, data: '' },
    { name: 'add-mask', properties: {}, data: 'a::b' },
  ]);
});
