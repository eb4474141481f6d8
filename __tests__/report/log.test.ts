import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Attempt } from '../../src/http/client.ts';
import type { Target } from '../../src/inputs/target.ts';
import { Log } from '../../src/report/log.ts';
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

let log: Log;
beforeEach(() => {
  const secrets = new Secrets();
  secrets.add(SECRET);
  runner.clear();
  log = new Log(secrets);
});

function attempt(different: Partial<Attempt> = {}): Attempt {
  return {
    request: {
      method: 'POST',
      url: new URL('https://codearts-check.example.com/v2/tasks/0a1b/stop'),
      headers: { 'x-auth-token': SECRET },
      body: '{}',
    },
    number: 1,
    status: 200,
    durationMs: 85,
    error: undefined,
    nextInMs: undefined,
    ...different,
  };
}

const several = (taskId = '0a1b', waits = false) => log.oneOfSeveral(targetOf(taskId), waits);

function targetOf(taskId: string): Target {
  return { taskId, executionId: undefined };
}

const URL_OF_STOP = 'https://codearts-check.example.com/v2/tasks/0a1b/stop';

describe('the line of an attempt', () => {
  test.each<[string, Partial<Attempt>, string]>([
    ['has method, URL, status and duration', {}, `POST ${URL_OF_STOP} → HTTP 200 in 85 ms`],
    [
      'has the code and the message of a rejection',
      { status: 400, error: apiError('No such task.', { code: 'CC.00050013' }) },
      `POST ${URL_OF_STOP} → HTTP 400 in 85 ms; CC.00050013 No such task.`,
    ],
    [
      'has the message alone if there is no code',
      { status: 400, error: apiError('No such task.') },
      `POST ${URL_OF_STOP} → HTTP 400 in 85 ms; No such task.`,
    ],
    [
      'shows that there was no response',
      { status: null, error: networkError('The host x reset the connection') },
      `POST ${URL_OF_STOP} → no response in 85 ms; The host x reset the connection`,
    ],
    [
      'has which attempt comes next, and how long until then',
      { number: 2, status: 503, error: apiError('Busy.'), nextInMs: 1_500 },
      `POST ${URL_OF_STOP} → HTTP 503 in 85 ms; Busy.; attempt 3 in 1.5 s`,
    ],
  ])('%s', (_, different, line) => {
    log.attempt(attempt(different));
    expect(runner.lines).toEqual([line]);
  });
});

describe('the lines of the only task', () => {
  test('come as they happen', () => {
    const task = log.onlyTask();
    task.line('Still running, 50%');
    expect(runner.lines).toEqual(['Still running, 50%']);
    task.attempt(attempt());
    expect(runner.lines).toHaveLength(2);
    task.end(taskResult({ outcome: 'stopped', durationMs: 1_240 }));
    expect(runner.lines).toEqual([
      'Still running, 50%',
      `POST ${URL_OF_STOP} → HTTP 200 in 85 ms`,
      'Scan 0a1b stopped, after 1.2 s',
    ]);
  });

  test('do not have that it was accepted, which its end has', () => {
    const task = log.onlyTask();
    task.accepted();
    expect(runner.printed).toBe('');
    task.end(taskResult());
    expect(runner.lines).toEqual(['Stop requested for scan 0a1b, after 85 ms']);
  });

  test('do not repeat why it failed, which the annotation has', () => {
    const task = log.onlyTask();
    task.attempt(attempt({ status: 400, error: apiError('No such task.') }));
    task.end(failedTask('0a1b', 'No such task.'));
    expect(runner.lines).toEqual([`POST ${URL_OF_STOP} → HTTP 400 in 85 ms; No such task.`]);
  });
});

describe('the lines of one task of several', () => {
  test('come together at its end, in a group, whatever the others do meanwhile', () => {
    const [first, second] = [several(), several()];
    first.attempt(attempt());
    second.line('of the second');
    first.line('of the first');
    expect(runner.printed).toBe('');
    second.end(failedTask('b', 'No such task.'));
    first.end(taskResult({ taskId: 'a' }));
    expect(runner.lines).toEqual([
      '::group::Could not stop scan b: No such task. (HTTP 400)',
      'of the second',
      '::endgroup::',
      '::group::Stop requested for scan a, after 85 ms',
      `POST ${URL_OF_STOP} → HTTP 200 in 85 ms`,
      'of the first',
      '::endgroup::',
    ]);
  });

  test('are the title alone if there is nothing to fold', () => {
    several().end(failedTask('0a1b', 'Not sent.', { status: null }));
    expect(runner.lines).toEqual(['Could not stop scan 0a1b: Not sent.']);
  });

  test('have one of their own at the time that a stop is accepted, if its end comes later', () => {
    const target = { taskId: 'a', executionId: 'e1' };
    log.oneOfSeveral(target, false).accepted();
    expect(runner.printed).toBe('');
    const task = log.oneOfSeveral(target, true);
    task.attempt(attempt());
    task.accepted();
    expect(runner.lines).toEqual(['Stop requested for scan a (execution e1)']);
    task.end(taskResult({ target, outcome: 'stopped', durationMs: 9_000 }));
    expect(runner.lines).toEqual([
      'Stop requested for scan a (execution e1)',
      '::group::Scan a (execution e1) stopped, after 9.0 s',
      `POST ${URL_OF_STOP} → HTTP 200 in 85 ms`,
      '::endgroup::',
    ]);
  });

  test('have a title that ends no command, and holds no secret', () => {
    const task = several();
    task.line('a line');
    task.end(failedTask('0a1b', `\n::error::%0A ${SECRET}`, { status: null }));
    expect(runner.lines).toEqual([
      '::group::Could not stop scan 0a1b: : :error::%250A ***',
      'a line',
      '::endgroup::',
    ]);
  });
});

test('a secret that was set as a task ID too is in no line', () => {
  log.onlyTask().end(taskResult({ taskId: SECRET, outcome: 'stopped' }));
  several().end(failedTask(SECRET, 'No.'));
  const task = several();
  task.line(`of ${SECRET}`);
  task.end(failedTask(SECRET, 'No.'));
  expect(runner.lines).toEqual([
    'Scan *** stopped, after 85 ms',
    'Could not stop scan ***: No. (HTTP 400)',
    '::group::Could not stop scan ***: No. (HTTP 400)',
    'of ***',
    '::endgroup::',
  ]);
});

test('a line that is too long for a reader is cut', () => {
  log.line('x'.repeat(5_000));
  expect(runner.lines).toEqual([`${'x'.repeat(1_999)}…`]);
});

test('whatever is to be printed, a line is one line, no command, and without a secret', () => {
  const text = fc
    .array(fc.oneof(fc.constantFrom(...libraryForms(SECRET)), outsideText()), { maxLength: 4 })
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(text, text, (message, code) => {
      runner.clear();
      const error = apiError(message, { code });
      log.line(message);
      log.attempt(attempt({ error, nextInMs: 5 }));
      const task = several();
      task.line(message);
      task.attempt(attempt({ error }));
      task.end(failedTask('0a1b', message, { code }));
      const { lines } = runner;
      expect(lines).toHaveLength(6);
      expect(lines[2]).toMatch(/^::group::/);
      expect(lines[5]).toBe('::endgroup::');
      for (const line of [0, 1, 3, 4].map((index) => lines[index] ?? '')) {
        expect(line).not.toMatch(/^\s*::/);
      }
      for (const line of lines) {
        expect(line).not.toMatch(/\p{Cc}|##\[/u);
        for (const decoded of decodings(line)) expect(decoded).not.toContain(SECRET);
      }
    }),
  );
});

test('a secret that looks like a command is hidden too', () => {
  const secrets = new Secrets();
  secrets.add('abc##[def');
  runner.clear();
  new Log(secrets).line('Rejected: abc##[def');
  expect(runner.lines).toEqual(['Rejected: ***']);
});
