import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type ApiErrorBody, findError, requestIdIn } from '../../src/api/api-error-body.ts';
import { isRecord } from '../../src/api/json.ts';

const deep = fc.jsonValue({ maxDepth: 4 });
const NAMES = ['error_code', 'error_msg', 'errorCode', 'errorMsg', 'code', 'message'] as const;

/** What is found in the body of an error status. */
const inError = (json: unknown) => findError(json, { errorStatus: true, innerStatus: false });
/** What is found in the body of a 2xx. */
const in2xx = (json: unknown) => findError(json, { errorStatus: false, innerStatus: false });
/** What is found in the body of a 2xx that has an HTTP status of its own. */
const inStop = (json: unknown) => findError(json, { errorStatus: false, innerStatus: true });

const only = (message: string): ApiErrorBody => ({ code: '', message });

describe('an error code', () => {
  test.each([
    ['of CodeArts Check', { error_code: 'CC.00000003', error_msg: 'expired' }],
    ['of another service', { errorCode: 'CC.00000003', errorMsg: 'expired' }],
    ['one level down', { result: { error_code: 'CC.00000003', error_msg: 'expired' } }],
    ['one level down, in a list', [{ errorCode: 'CC.00000003', errorMsg: 'expired' }]],
    ['in the first of a list of errors', { errors: [{ code: 'CC.00000003', message: 'expired' }] }],
    ['in an error', { error: { code: 'CC.00000003', message: 'expired', title: 'Unauthorized' } }],
    [
      'two levels down, in an error',
      { error: { cause: { error_code: 'CC.00000003', error_msg: 'expired' } } },
    ],
    ['beside other things', { status: 'error', error_code: 'CC.00000003', error_msg: 'expired' }],
    [
      'of a gateway, beside a sign of an error',
      { status: 'error', code: 'CC.00000003', message: 'expired' },
    ],
  ])('%s is found under any HTTP status', (_, json) => {
    const error = { code: 'CC.00000003', message: 'expired' };
    expect(inError(json)).toEqual(error);
    expect(in2xx(json)).toEqual(error);
  });

  test.each([
    ['of a gateway', { code: 'X.1', message: 'no' }, { code: 'X.1', message: 'no' }],
    ['that is a number', { code: 401, message: 'no' }, { code: '401', message: 'no' }],
    ['one level down', { result: { code: 'X.1', message: 'no' } }, { code: 'X.1', message: 'no' }],
  ])('in the form code + message, %s, counts only under an error status', (_, json, error) => {
    expect(inError(json)).toEqual(error);
    expect(in2xx(json)).toBeUndefined();
  });

  test.each([
    ['without a message', { error_code: 'CC.1' }, { code: 'CC.1', message: '' }],
    [
      'of the newer form, without a message',
      { errorCode: 'CC.00050021.400' },
      { code: 'CC.00050021.400', message: '' },
    ],
    ['that is a number', { error_code: 0 }, { code: '0', message: '' }],
    ['that is whitespace', { error_code: ' ' }, { code: ' ', message: '' }],
    [
      'with a message that is not text',
      { error_code: 'X', error_msg: {} },
      { code: 'X', message: '' },
    ],
    ['that is true', { error_code: true, error_msg: 'no' }, only('no')],
    ['that is false', { error_code: false, error_msg: 'no' }, only('no')],
    ['that is an object', { error_code: {}, error_msg: 'no' }, only('no')],
    ['that is a list', { errorCode: [], errorMsg: 'no' }, only('no')],
    ['that is true, without a message', { error_code: true }, only('')],
    ['that is a list, one level down', { a: { errorCode: [] } }, only('')],
  ])('%s is an error under any HTTP status', (_, json, error) => {
    expect(inError(json)).toEqual(error);
    expect(in2xx(json)).toEqual(error);
  });

  test('at the top comes before one that is deeper', () => {
    const json = { cause: { error_code: 'X.2' }, error_code: 'X.1' };
    expect(inError(json)).toEqual({ code: 'X.1', message: '' });
    expect(in2xx(json)).toEqual({ code: 'X.1', message: '' });
  });

  test.each([
    [
      'that of the API, one level down, before that of a gateway at the top',
      { code: 400, message: 'Bad Request', error: { error_code: 'X.1', error_msg: 'no' } },
      { code: 'X.1', message: 'no' },
    ],
    [
      'that of another service, one level down, before that of a gateway at the top',
      { code: 400, message: 'Bad Request', error: { errorCode: 'X.1', errorMsg: 'no' } },
      { code: 'X.1', message: 'no' },
    ],
    [
      'that of the API, one level down, before that of another service at the top',
      { errorCode: 'X.2', errorMsg: 'other', error: { error_code: 'X.1', error_msg: 'no' } },
      { code: 'X.1', message: 'no' },
    ],
    [
      'that of the API before that of another service at the same level',
      { errorCode: 'X.2', errorMsg: 'other', error_code: 'X.1', error_msg: 'no' },
      { code: 'X.1', message: 'no' },
    ],
    [
      'that of a gateway at the top before one of the same form one level down',
      { error: { code: 401, message: 'deeper' }, code: 400, message: 'no' },
      { code: '400', message: 'no' },
    ],
  ])('is chosen among several: %s', (_, json, error) => {
    expect(inError(json)).toEqual(error);
  });

  test('has the message of the same form and level only', () => {
    const json = { error_code: 'X.1', message: 'of a gateway', result: { error_msg: 'deeper' } };
    expect(inError(json)).toEqual({ code: 'X.1', message: '' });
  });

  test('is found regardless of what is beside it', () => {
    const members = fc.dictionary(
      fc.string().filter((name) => !/^error_?(code|msg)$/i.test(name)),
      deep,
    );
    fc.assert(
      fc.property(members, fc.string({ minLength: 1 }), fc.string(), (json, code, message) => {
        const body: unknown = JSON.parse(
          JSON.stringify({ ...json, error_code: code, error_msg: message }),
        );
        expect(in2xx(body)).toEqual({ code, message });
      }),
    );
  });
});

describe('a message without a code', () => {
  test.each([
    ['at the top', { error_msg: 'no' }, 'no'],
    ['one level down', { result: { error_msg: 'no' } }, 'no'],
    ['beside an empty code', { error_code: '', error_msg: 'no' }, 'no'],
    ['beside a code that is null', { error_code: null, error_msg: 'no' }, 'no'],
    ['that is a number', { error_msg: 5 }, '5'],
  ])('named error_msg, %s, is an error under any HTTP status', (_, json, message) => {
    expect(inError(json)).toEqual(only(message));
    expect(in2xx(json)).toEqual(only(message));
  });

  test.each([
    ['named error_msg, as a list', { error_msg: ['no'] }],
    ['named error_msg, as an object', { error_msg: { en: 'no' } }],
    ['named error_msg, true', { error_msg: true }],
  ])('%s, is an error under 2xx although it is not text', (_, json) => {
    expect(in2xx(json)).toEqual(only(''));
  });

  test.each([
    ['of another service', { errorMsg: 'no' }],
    ['of a gateway', { message: 'no' }],
    ['one level down', { result: { message: 'no' } }],
  ])('of another name, %s, is an error only under an error status', (_, json) => {
    expect(inError(json)).toEqual(only('no'));
    expect(in2xx(json)).toBeUndefined();
  });
});

describe('a sign of an error', () => {
  test.each([
    ['an error that is text', { error: 'invalid' }, only('invalid')],
    ['an error that is a number', { error: 5 }, only('5')],
    ['an error that is true', { error: true }, only('')],
    ['an error with a code', { error: { code: 'X.1' } }, { code: 'X.1', message: '' }],
    ['an error with a message', { error: { message: 'no' } }, only('no')],
    ['an error with a message of the API', { error: { errorMsg: 'no' } }, only('no')],
    ['an error with neither', { error: { reason: 'no' } }, only('')],
    ['a list of errors', { errors: ['first', 'second'] }, only('first')],
    ['a list of errors without text', { errors: [null] }, only('')],
    [
      'a list of errors with codes',
      { errors: [{ errorCode: 'X.1' }, { errorCode: 'X.2' }] },
      { code: 'X.1', message: '' },
    ],
    ['errors by name', { errors: { task_id: 'unknown' } }, only('')],
    ['errors that are text', { errors: 'bad' }, only('bad')],
    ['the status error', { status: 'error' }, only('')],
    ['the status ERROR', { status: 'ERROR' }, only('')],
    [
      'the status error and a result',
      { status: 'error', result: 'not running' },
      only('not running'),
    ],
    ['the status error and a result that is a number', { status: 'error', result: 7 }, only('7')],
    [
      'the status error and a result that is not text',
      { status: 'error', result: { a: 1 } },
      only(''),
    ],
    ['the status error and a message', { status: 'error', message: 'no' }, only('no')],
    [
      'the status error, a result and a message',
      { status: 'error', result: 'not running', message: 'no' },
      only('not running'),
    ],
    ['an error and a result', { error: 'invalid', result: 'not running' }, only('invalid')],
    [
      'an error without text and a result',
      { error: true, result: 'not running' },
      only('not running'),
    ],
  ])('is %s: an error under 2xx', (_, json, error) => {
    expect(in2xx(json)).toEqual(error);
    expect(inStop(json)).toEqual(error);
  });

  test.each([
    ['an error that is text', { error: 'Not Found' }, only('Not Found')],
    [
      'an error with its code',
      { error: { code: 401, message: 'no' } },
      { code: '401', message: 'no' },
    ],
    [
      'the status error and a result',
      { status: 'error', result: 'not running' },
      only('not running'),
    ],
    ['a message beside an error', { message: 'no task', error: 'Not Found' }, only('no task')],
  ])('is told under an error status: %s', (_, json, error) => {
    expect(inError(json)).toEqual(error);
  });

  test.each([
    ['null', { error: null, errors: null, status: null }],
    ['false', { error: false, errors: false }],
    ['empty', { error: '', errors: '', error_msg: '' }],
    ['empty objects', { error: {}, errors: {}, error_msg: {} }],
    ['empty lists', { error: [], errors: [], error_msg: [] }],
    ['another status', { status: 'success' }],
    ['a status that is not text', { status: ['error'] }],
    ['one level down', { result: { error: 'no', errors: ['no'], status: 'error' } }],
    ['a result alone', { result: 'error' }],
  ])('is none of these: %s', (_, json) => {
    expect(in2xx(json)).toBeUndefined();
    expect(inStop(json)).toBeUndefined();
  });
});

describe('the HTTP status within a body', () => {
  test.each([
    ['BAD_REQUEST', 'not running'],
    ['INTERNAL_SERVER_ERROR', 'failed'],
    ['CREATED', ''],
    ['ok', ''],
    ['OK ', ''],
    [200, ''],
    [['OK'], ''],
    ['', ''],
    [false, ''],
    [{}, ''],
  ])('%j is an error, with the result as its message', (httpStatus, result) => {
    expect(inStop({ httpStatus, result })).toEqual(only(result));
    expect(inStop({ httpStatus, result, status: 'success' })).toEqual(only(result));
  });

  test.each([['OK'], ['ACCEPTED'], [null], [undefined]])('%j is not an error', (httpStatus) => {
    expect(inStop({ httpStatus, result: 'Done.', status: 'success' })).toBeUndefined();
    expect(inStop({ httpStatus, result: 'Failed.', status: 'error' })).toEqual(only('Failed.'));
  });

  test('does not count in the response to another call', () => {
    expect(in2xx({ httpStatus: 'CREATED' })).toBeUndefined();
    expect(inError({ httpStatus: 'BAD_REQUEST', result: 'no' })).toBeUndefined();
  });

  test('does not count one level down', () => {
    expect(inStop({ result: { httpStatus: 'BAD_REQUEST' } })).toBeUndefined();
  });
});

describe('an error is not found', () => {
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
    [
      'the accepted stop of an execution',
      { httpStatus: 'ACCEPTED', result: 'Stopping.', status: 'success' },
    ],
  ])('in %s', (_, json) => {
    expect(inError(json)).toBeUndefined();
    expect(in2xx(json)).toBeUndefined();
    expect(inStop(json)).toBeUndefined();
  });
});

test('any JSON is searched without failing, and an error is found exactly if there is a sign of one', () => {
  const value = fc.oneof(fc.constantFrom('', null, false, 'error', 'OK', 0), deep);
  const names = fc.constantFrom(...NAMES, 'error', 'errors', 'status', 'httpStatus', 'result', 'a');
  const level = fc.dictionary(names, value);
  const levels = fc.dictionary(names, fc.oneof(value, level));
  const isCode = (one: unknown) => one !== null && one !== '';
  const isText = (one: unknown) =>
    (typeof one === 'string' && one !== '') || typeof one === 'number';
  const isFilled = (one: unknown) =>
    isRecord(one) ? JSON.stringify(one).length > 2 : isCode(one) && one !== false;
  fc.assert(
    fc.property(
      fc.oneof(deep, levels),
      fc.boolean(),
      fc.boolean(),
      (given, errorStatus, innerStatus) => {
        const json: unknown = JSON.parse(JSON.stringify(given));
        const places = isRecord(json) ? [json, ...Object.values(json)].filter(isRecord) : [];
        const anywhere = (name: string, good: (one: unknown) => boolean) =>
          places.some((place) => Object.hasOwn(place, name) && good(place[name]));
        const atTop = (name: string, good: (one: unknown) => boolean) =>
          isRecord(json) && Object.hasOwn(json, name) && good(json[name]);
        const byStatus =
          errorStatus &&
          (anywhere('code', isCode) ||
            ['error_msg', 'errorMsg', 'message'].some((name) => anywhere(name, isText)));
        const expected =
          byStatus ||
          anywhere('error_code', isCode) ||
          anywhere('errorCode', isCode) ||
          (!errorStatus && anywhere('error_msg', isFilled)) ||
          atTop('error', isFilled) ||
          atTop('errors', isFilled) ||
          atTop(
            'status',
            (one) => String(one).toLowerCase() === 'error' && typeof one === 'string',
          ) ||
          (innerStatus &&
            atTop('httpStatus', (one) => one !== null && one !== 'OK' && one !== 'ACCEPTED'));
        expect(findError(json, { errorStatus, innerStatus }) !== undefined).toBe(expected);
      },
    ),
    { numRuns: 1_000 },
  );
});

describe('a request ID in a response', () => {
  test.each([
    ['at the top', { request_id: 'request-1' }, 'request-1'],
    ['one level down', { error: { request_id: 'request-1' } }, 'request-1'],
    ['as a number', { request_id: 17 }, '17'],
    ['below an empty one', { request_id: '', error: { request_id: 'request-2' } }, 'request-2'],
    ['two levels down', { a: { b: { request_id: 'request-1' } } }, ''],
    ['that is not text', { request_id: ['request-1'] }, ''],
    ['nowhere', { error_code: 'X.1' }, ''],
  ])('%s is read: %j as %j', (_, json, requestId) => {
    expect(requestIdIn(json)).toBe(requestId);
  });

  test.each([undefined, null, 'request_id', 5, []])('is empty if the JSON is %j', (json) => {
    expect(requestIdIn(json)).toBe('');
  });
});
