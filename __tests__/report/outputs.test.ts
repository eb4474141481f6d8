import { setOutput } from '@actions/core';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { outputText, STOP_OUTPUTS, stopOutputs } from '../../src/report/outputs.ts';
import { Secrets } from '../../src/report/secrets.ts';
import {
  apiError,
  FakeRunner,
  failedTask,
  networkError,
  outsideText,
  taskResult,
} from '../support/fake-runner.ts';
import { decodings, libraryForms } from './encodings.ts';

const runner = FakeRunner.forEachTest();
const SECRET = 's3cretOfTheTests/+=';

function secretsWith(...values: readonly string[]): Secrets {
  const secrets = new Secrets();
  for (const value of values) secrets.add(value);
  return secrets;
}

describe('the outputs of one task', () => {
  test('show that the API accepted the request', () => {
    const outputs = stopOutputs([taskResult({ requestId: 'f00d' })], secretsWith());
    expect(outputs).toEqual({
      outcome: 'stop-requested',
      'status-code': '200',
      'error-code': '',
      'error-message': '',
      'request-id': 'f00d',
      results: expect.any(String),
    });
    expect(JSON.parse(outputs.results)).toEqual([
      {
        'task-id': '0a1b',
        'execution-id': '',
        outcome: 'stop-requested',
        'status-code': 200,
        'error-code': '',
        'error-message': '',
        'request-id': 'f00d',
      },
    ]);
  });

  test('have code and message of an error as the API sent them', () => {
    const message = '网络繁忙\n请稍后再试\t"now" <b>';
    const task = failedTask('0a1b', message, { code: 'CC.00000000', requestId: 'f00d' });
    expect(stopOutputs([task], secretsWith())).toMatchObject({
      outcome: 'failed',
      'status-code': '400',
      'error-code': 'CC.00000000',
      'error-message': message,
      'request-id': 'f00d',
    });
  });

  test('have no status if there was no response', () => {
    const task = taskResult({
      outcome: 'failed',
      statusCode: null,
      error: networkError('The host x was not found'),
    });
    const outputs = stopOutputs([task], secretsWith());
    expect(outputs).toMatchObject({
      'status-code': '',
      'error-code': '',
      'error-message': 'The host x was not found',
    });
    expect(JSON.parse(outputs.results)).toMatchObject([{ 'status-code': null }]);
  });
});

describe('the outputs of several tasks', () => {
  test('describe the first that failed', () => {
    const tasks = [
      taskResult({ taskId: 'a' }),
      failedTask('b', 'first', { status: 404 }),
      failedTask('c', 'second', { status: 400 }),
    ];
    const outputs = stopOutputs(tasks, secretsWith());
    expect(outputs).toMatchObject({
      outcome: 'failed',
      'status-code': '404',
      'error-message': 'first',
    });
    expect(JSON.parse(outputs.results)).toMatchObject([
      { 'task-id': 'a', outcome: 'stop-requested' },
      { 'task-id': 'b', outcome: 'failed', 'error-message': 'first' },
      { 'task-id': 'c', outcome: 'failed', 'error-message': 'second' },
    ]);
  });

  test('describe the first if none failed', () => {
    const tasks = [
      taskResult({ taskId: 'a', outcome: 'not-running', requestId: 'one' }),
      taskResult({ taskId: 'b', outcome: 'stopped', requestId: 'two' }),
    ];
    expect(stopOutputs(tasks, secretsWith())).toMatchObject({
      outcome: 'not-running',
      'request-id': 'one',
    });
  });
});

test('the outputs of no task at all claim no success', () => {
  expect(stopOutputs([], secretsWith())).toEqual(STOP_OUTPUTS);
  expect(STOP_OUTPUTS).toEqual({
    outcome: 'failed',
    'status-code': '',
    'error-code': '',
    'error-message': '',
    'request-id': '',
    results: '[]',
  });
});

describe('the last response', () => {
  const busy = apiError('Busy.', { code: 'CC.1', status: 503, requestId: 'r1' });

  test('is what the outputs describe, though a later attempt had none', () => {
    const error = networkError('The host x reset the connection').within('stop', busy);
    const task = taskResult({ outcome: 'failed', statusCode: 503, requestId: 'r1', error });
    expect(stopOutputs([task], secretsWith())).toMatchObject({
      'status-code': '503',
      'error-code': 'CC.1',
      'error-message': 'Busy.',
      'request-id': 'r1',
    });
  });

  test('is what the outputs describe if nothing was running', () => {
    const error = apiError('It is over.', { code: 'CC.2', requestId: 'r2' });
    const task = taskResult({ outcome: 'not-running', statusCode: 400, requestId: 'r2', error });
    expect(stopOutputs([task], secretsWith())).toMatchObject({
      outcome: 'not-running',
      'status-code': '400',
      'error-code': 'CC.2',
      'error-message': 'It is over.',
      'request-id': 'r2',
    });
  });
});

test('results have the execution of each task', () => {
  const target = (executionId: string) => ({ taskId: 'a', executionId });
  const tasks = [taskResult({ target: target('e1') }), taskResult({ target: target('e2') })];
  expect(JSON.parse(stopOutputs(tasks, secretsWith()).results)).toMatchObject([
    { 'task-id': 'a', 'execution-id': 'e1' },
    { 'task-id': 'a', 'execution-id': 'e2' },
  ]);
});

test('a secret is hidden before a text is cut, and with control characters in it', () => {
  const secrets = secretsWith('a b\u0000c d', 'e f', 'x\u0085\ny', 'p\nq=');
  for (const [text, shown] of [
    ['a b\u0000c d', '***'],
    ['e\u001bf', '***'],
    ['x\u0085\ny', '***'],
    ['p\nq%3D', '***'],
    [`${'z'.repeat(998)}e f`, `${'z'.repeat(998)}*…`],
  ] as const) {
    expect(outputText(text, secrets)).toBe(shown);
  }
});

test('a message is cut at a length that a later step can use', () => {
  const outputs = stopOutputs([failedTask('0a1b', 'x'.repeat(60_000))], secretsWith());
  expect(outputs['error-message']).toBe(`${'x'.repeat(999)}…`);
});

test('a control character is no part of an output, but for line breaks and tabs', () => {
  const outputs = stopOutputs(
    [failedTask('0a1b', 'a\u0000b\u001b[2Jc\u009bd\r\n\te')],
    secretsWith(),
  );
  expect(outputs['error-message']).toBe('a b [2Jc d\r\n\te');
  for (let code = 0; code <= 0x1ff; code++) {
    const character = String.fromCharCode(code);
    const shown = /[^\P{Cc}\t\n\r]/u.test(character) ? ' ' : character;
    const message = `a${character}b`;
    expect(stopOutputs([failedTask('0a1b', message)], secretsWith())['error-message']).toBe(
      `a${shown}b`,
    );
  }
});

test('outputs hold no secret in any encoding, and the runner reads of the file what was set', () => {
  const text = fc
    .array(fc.oneof(fc.constantFrom(...libraryForms(SECRET)), outsideText()), { maxLength: 4 })
    .map((parts) => parts.join(''));
  const task = fc
    .tuple(text, text, text)
    .map(([message, code, requestId]) => failedTask('0a1b', message, { code, requestId }));
  const secrets = secretsWith(SECRET);
  fc.assert(
    fc.property(fc.array(task, { minLength: 1, maxLength: 4 }), (tasks) => {
      runner.clear();
      const outputs = stopOutputs(tasks, secrets);
      for (const [name, value] of Object.entries(outputs)) setOutput(name, value);
      expect(runner.outputs()).toEqual(outputs);
      expect(Object.keys(outputs)).toEqual(Object.keys(STOP_OUTPUTS));
      for (const value of [...Object.values(outputs), ...textsIn(outputs.results)]) {
        for (const decoded of decodings(value)) expect(decoded).not.toContain(SECRET);
        expect(value).not.toMatch(/[^\P{Cc}\t\r\n]/u);
        expect(value.isWellFormed()).toBe(true);
      }
    }),
  );
});

function textsIn(results: string): string[] {
  const rows: Record<string, unknown>[] = JSON.parse(results);
  return rows.flatMap((row) => Object.values(row).map(String));
}

test('a secret that was set as an ID too is in no output', () => {
  const key = 'MFyfvK41ba2giqM7Uio6PznpdUKGpown';
  const task = failedTask(key, 'No such task.');
  const target = { taskId: key, executionId: key };
  const { results } = stopOutputs([task, { ...task, target }], secretsWith(key));
  expect(results).not.toContain(key);
});
