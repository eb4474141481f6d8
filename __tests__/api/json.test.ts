import { expect, test } from '@jest/globals';
import { asRecord, isRecord, parseJson } from '../../src/api/json.ts';

test.each([
  ['{"a":1}', { a: 1 }],
  [' \r\n[1] \n', [1]],
  ['\ufeff{"a":1}', { a: 1 }],
  ['null', null],
  ['"text"', 'text'],
  ['0', 0],
])('the JSON %j is parsed', (body, json) => {
  expect(parseJson(body)).toEqual(json);
});

test.each(['', ' ', 'undefined', '{"a":', '<html>', "{'a':1}", '\ufeff'])(
  '%j is not JSON',
  (body) => {
    expect(parseJson(body)).toBeUndefined();
  },
);

test.each([
  [{}, true],
  [[], true],
  [null, false],
  [undefined, false],
  ['text', false],
  [0, false],
  [true, false],
])('whether %j has members: %s', (value, expected) => {
  expect(isRecord(value)).toBe(expected);
  expect(asRecord(value)).toEqual(expected ? value : {});
});
