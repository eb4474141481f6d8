import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { findError, isRecord, requestIdIn } from '../../src/api/api-error-body.ts';

const deep = fc.jsonValue({ maxDepth: 4 });
const NAMES = ['error_code', 'error_msg', 'errorCode', 'errorMsg', 'code', 'message'] as const;

describe('an error in an answer', () => {
  test.each([
    ['CodeArts Check', { error_code: 'CC.00000003', error_msg: 'expired' }],
    ['another service', { errorCode: 'CC.00000003', errorMsg: 'expired' }],
    ['one level down', { result: { error_code: 'CC.00000003', error_msg: 'expired' } }],
    ['one level down, in a list', [{ errorCode: 'CC.00000003', errorMsg: 'expired' }]],
    ['beside other things', { status: 'error', error_code: 'CC.00000003', error_msg: 'expired' }],
  ])('in the words of %s is found under any HTTP status', (_, json) => {
    const error = { code: 'CC.00000003', message: 'expired' };
    expect(findError(json, true)).toEqual(error);
    expect(findError(json, false)).toEqual(error);
  });

  test.each([
    ['the words of a gateway', { code: 'X.1', message: 'no' }, { code: 'X.1', message: 'no' }],
    [
      'the words of IAM',
      { error: { code: 401, message: 'no', title: 'Unauthorized' } },
      { code: '401', message: 'no' },
    ],
  ])('in %s is found only where the HTTP status is an error, too', (_, json, error) => {
    expect(findError(json, true)).toEqual(error);
    expect(findError(json, false)).toBeUndefined();
  });

  test.each([
    ['a code alone', { error_code: 'CC.1' }, { code: 'CC.1', message: '' }],
    ['a code that is a number', { error_code: 0 }, { code: '0', message: '' }],
    ['a code that is white space', { error_code: ' ' }, { code: ' ', message: '' }],
    ['a message that is no text', { error_code: 'X', error_msg: {} }, { code: 'X', message: '' }],
    ['the code true', { error_code: true, error_msg: 'no' }, { code: '', message: 'no' }],
    ['the code false', { error_code: false, error_msg: 'no' }, { code: '', message: 'no' }],
    ['an object for a code', { error_code: {}, error_msg: 'no' }, { code: '', message: 'no' }],
    ['a list for a code', { errorCode: [], errorMsg: 'no' }, { code: '', message: 'no' }],
    ['nothing but the code true', { error_code: true }, { code: '', message: '' }],
    ['nothing but a list for a code', { a: { errorCode: [] } }, { code: '', message: '' }],
  ])('with %s is one under any HTTP status', (_, json, error) => {
    expect(findError(json, true)).toEqual(error);
    expect(findError(json, false)).toEqual(error);
  });

  test.each([
    ['of the API', { error_msg: 'no' }],
    ['of another service', { errorMsg: 'no' }],
    ['of a gateway', { message: 'no' }],
    ['one level down', { error: { message: 'no' } }],
    ['beside an empty code', { error_code: '', error_msg: 'no' }],
    ['beside a code that is null', { error_code: null, error_msg: 'no' }],
  ])('with a message alone, %s, is one only where the HTTP status is an error', (_, json) => {
    expect(findError(json, true)).toEqual({ code: '', message: 'no' });
    expect(findError(json, false)).toBeUndefined();
  });

  test('at the top comes before one that is deeper', () => {
    const json = { cause: { error_code: 'X.2' }, error_code: 'X.1' };
    expect(findError(json, true)).toEqual({ code: 'X.1', message: '' });
    expect(findError(json, false)).toEqual({ code: 'X.1', message: '' });
  });

  test.each([
    [
      'the API’s own words, one level down, before those of a gateway at the top',
      { code: 400, message: 'Bad Request', error: { error_code: 'X.1', error_msg: 'no' } },
      { code: 'X.1', message: 'no' },
    ],
    [
      'another service’s words, one level down, before those of a gateway at the top',
      { code: 400, message: 'Bad Request', error: { errorCode: 'X.1', errorMsg: 'no' } },
      { code: 'X.1', message: 'no' },
    ],
    [
      'the API’s own words, one level down, before those of another service at the top',
      { errorCode: 'X.2', errorMsg: 'other', error: { error_code: 'X.1', error_msg: 'no' } },
      { code: 'X.1', message: 'no' },
    ],
    [
      'all in the API’s own words before all in those of another service',
      { errorCode: 'X.2', errorMsg: 'other', error_code: 'X.1', error_msg: 'no' },
      { code: 'X.1', message: 'no' },
    ],
    [
      'the words of a gateway at the top before those one level down',
      { error: { code: 401, message: 'deeper' }, code: 400, message: 'no' },
      { code: '400', message: 'no' },
    ],
  ])('is told in %s', (_, json, error) => {
    expect(findError(json, true)).toEqual(error);
  });

  test('has a code and a message of the same words and the same level', () => {
    const json = { error_code: 'X.1', message: 'of a gateway', result: { error_msg: 'deeper' } };
    expect(findError(json, true)).toEqual({ code: 'X.1', message: '' });
  });

  test.each([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'error_code'],
    ['a number', 5],
    ['an empty object', {}],
    ['an empty list', []],
    ['empty members', { error_code: '', error_msg: '' }],
    ['null members', { error_code: null, error_msg: null }],
    ['members two levels down', { a: { b: { error_code: 'X.1' } } }],
    ['other members', { task_status: 0, progress: { ratio: '50%', info: 'running' } }],
  ])('is not found in %s', (_, json) => {
    expect(findError(json, true)).toBeUndefined();
    expect(findError(json, false)).toBeUndefined();
  });

  test('is polled for in any JSON without failing, and found where there is a code, or a message that counts', () => {
    const value = fc.oneof(fc.constantFrom('', null), deep);
    const level = fc.dictionary(fc.constantFrom(...NAMES, 'a'), value);
    const levels = fc.dictionary(fc.constantFrom(...NAMES, 'a', 'b'), fc.oneof(value, level));
    fc.assert(
      fc.property(fc.oneof(deep, levels), fc.boolean(), (given, refused) => {
        const json: unknown = JSON.parse(JSON.stringify(given));
        const places = isRecord(json) ? [json, ...Object.values(json)].filter(isRecord) : [];
        const has = (name: string, good: (one: unknown) => boolean) =>
          places.some((place) => name in place && good(place[name]));
        const isCode = (one: unknown) => one !== null && one !== '';
        const isMessage = (one: unknown) =>
          (typeof one === 'string' && one !== '') || typeof one === 'number';
        const expected = refused
          ? NAMES.some((name) => has(name, /code/i.test(name) ? isCode : isMessage))
          : has('error_code', isCode) || has('errorCode', isCode);
        expect(findError(json, refused) !== undefined).toBe(expected);
      }),
    );
  });

  test('is found whatever stands beside it', () => {
    const members = fc.dictionary(
      fc.string().filter((name) => !/^error_?(code|msg)$/i.test(name)),
      deep,
    );
    fc.assert(
      fc.property(members, fc.string({ minLength: 1 }), fc.string(), (json, code, message) => {
        const body: unknown = JSON.parse(
          JSON.stringify({ ...json, error_code: code, error_msg: message }),
        );
        expect(findError(body, false)).toEqual({ code, message });
      }),
    );
  });
});

describe('a request ID in an answer', () => {
  test.each([
    ['at the top', { request_id: 'request-1' }, 'request-1'],
    ['one level down', { error: { request_id: 'request-1' } }, 'request-1'],
    ['as a number', { request_id: 17 }, '17'],
    ['below an empty one', { request_id: '', error: { request_id: 'request-2' } }, 'request-2'],
    ['two levels down', { a: { b: { request_id: 'request-1' } } }, ''],
    ['that is no text', { request_id: ['request-1'] }, ''],
    ['nowhere', { error_code: 'X.1' }, ''],
  ])('%s is %j: %j', (_, json, requestId) => {
    expect(requestIdIn(json)).toBe(requestId);
  });

  test.each([undefined, null, 'request_id', 5, []])('is empty where the JSON is %j', (json) => {
    expect(requestIdIn(json)).toBe('');
  });
});

test.each([
  [{}, true],
  [[], true],
  [null, false],
  [undefined, false],
  ['text', false],
  [0, false],
  [true, false],
])('that %j has members is %s', (value, expected) => {
  expect(isRecord(value)).toBe(expected);
});
