import { setOutput } from '@actions/core';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { OUTPUT_NAMES, outputsOf, outputsWithoutTasks } from '../../src/report/outputs.ts';
import { Secrets } from '../../src/report/secrets.ts';
import {
  FakeRunner,
  failedTask,
  noAnswer,
  outsideText,
  taskResult,
} from '../support/fake-runner.ts';

const step = FakeRunner.forEachTest();
const SECRET = 's3cretOfTheTests/+=';

function secretsWith(...values: readonly string[]): Secrets {
  const secrets = new Secrets();
  for (const value of values) secrets.add(value);
  return secrets;
}

describe('the outputs of one task', () => {
  test('say that the API took the request', () => {
    const outputs = outputsOf([taskResult({ requestId: 'f00d' })], secretsWith());
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
    expect(outputsOf([task], secretsWith())).toMatchObject({
      outcome: 'failed',
      'status-code': '400',
      'error-code': 'CC.00000000',
      'error-message': message,
      'request-id': 'f00d',
    });
  });

  test('have no status where there was no answer', () => {
    const task = taskResult({
      outcome: 'failed',
      statusCode: null,
      failure: noAnswer('The host x was not found'),
    });
    const outputs = outputsOf([task], secretsWith());
    expect(outputs).toMatchObject({
      'status-code': '',
      'error-code': '',
      'error-message': 'The host x was not found',
    });
    expect(JSON.parse(outputs.results)).toMatchObject([{ 'status-code': null }]);
  });
});

describe('the outputs of several tasks', () => {
  test('speak of the first that failed', () => {
    const tasks = [
      taskResult({ taskId: 'a' }),
      failedTask('b', 'first', { status: 404 }),
      failedTask('c', 'second', { status: 400 }),
    ];
    const outputs = outputsOf(tasks, secretsWith());
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

  test('speak of the first where none failed', () => {
    const tasks = [
      taskResult({ taskId: 'a', outcome: 'not-running', requestId: 'one' }),
      taskResult({ taskId: 'b', outcome: 'stopped', requestId: 'two' }),
    ];
    expect(outputsOf(tasks, secretsWith())).toMatchObject({
      outcome: 'not-running',
      'request-id': 'one',
    });
  });
});

test('the outputs of no task at all claim no success', () => {
  expect(outputsOf([], secretsWith())).toEqual({
    outcome: 'failed',
    'status-code': '',
    'error-code': '',
    'error-message': '',
    'request-id': '',
    results: '[]',
  });
});

test('the outputs of a step that came to no task say why', () => {
  const outputs = outputsWithoutTasks(
    `wait takes true or false, not '${SECRET}'`,
    secretsWith(SECRET),
  );
  expect(outputs).toEqual({
    outcome: 'failed',
    'status-code': '',
    'error-code': '',
    'error-message': "wait takes true or false, not '***'",
    'request-id': '',
    results: '[]',
  });
});

test('a message is cut at a length that a later step can take', () => {
  const outputs = outputsOf([failedTask('0a1b', 'x'.repeat(60_000))], secretsWith());
  expect(outputs['error-message']).toBe(`${'x'.repeat(999)}…`);
});

test('a control character is no part of an output, but for line breaks and tabs', () => {
  const outputs = outputsOf(
    [failedTask('0a1b', 'a\u0000b\u001b[2Jc\u009bd\r\n\te')],
    secretsWith(),
  );
  expect(outputs['error-message']).toBe('a b [2Jc d\r\n\te');
  for (let code = 0; code <= 0x1ff; code++) {
    const character = String.fromCharCode(code);
    const shown = /[^\P{Cc}\t\n\r]/u.test(character) ? ' ' : character;
    const message = `a${character}b`;
    expect(outputsOf([failedTask('0a1b', message)], secretsWith())['error-message']).toBe(
      `a${shown}b`,
    );
  }
});

test('outputs hold no secret, and the runner reads of the file what was set', () => {
  const task = fc
    .tuple(outsideText(SECRET), outsideText(SECRET), outsideText(SECRET))
    .map(([message, code, requestId]) => failedTask('0a1b', message, { code, requestId }));
  const secrets = secretsWith(SECRET);
  fc.assert(
    fc.property(fc.array(task, { minLength: 1, maxLength: 4 }), (tasks) => {
      step.clear();
      const outputs = outputsOf(tasks, secrets);
      for (const [name, value] of Object.entries(outputs)) setOutput(name, value);
      expect(step.outputs()).toEqual(outputs);
      expect(Object.keys(outputs)).toEqual(OUTPUT_NAMES);
      for (const value of [...Object.values(outputs), ...textsIn(outputs.results)]) {
        expect(value).not.toContain(SECRET);
        expect(value).not.toContain(encodeURIComponent(SECRET));
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

test('a secret that was given for a task ID too is in no output', () => {
  const key = 'MFyfvK41ba2giqM7Uio6PznpdUKGpown';
  expect(outputsOf([failedTask(key, 'No such task.')], secretsWith(key)).results).not.toContain(
    key,
  );
});
