import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Attempt } from '../../src/http/client.ts';
import { Log } from '../../src/report/log.ts';
import { Secrets } from '../../src/report/secrets.ts';
import {
  FakeRunner,
  failedTask,
  noAnswer,
  outsideText,
  refusal,
  taskResult,
} from '../support/fake-runner.ts';

const step = FakeRunner.forEachTest();
const SECRET = 's3cretOfTheTests';

let log: Log;
beforeEach(() => {
  const secrets = new Secrets();
  secrets.add(SECRET);
  step.clear();
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
    failure: undefined,
    nextInMs: undefined,
    ...different,
  };
}

const URL_OF_STOP = 'https://codearts-check.example.com/v2/tasks/0a1b/stop';

describe('the line of an attempt', () => {
  test.each<[string, Partial<Attempt>, string]>([
    ['has method, URL, status and duration', {}, `POST ${URL_OF_STOP} → HTTP 200 in 85 ms`],
    [
      'has the code and the message of a refusal',
      { status: 400, failure: refusal('No such task.', { code: 'CC.00050013' }) },
      `POST ${URL_OF_STOP} → HTTP 400 in 85 ms; CC.00050013 No such task.`,
    ],
    [
      'has the message alone where there is no code',
      { status: 400, failure: refusal('No such task.') },
      `POST ${URL_OF_STOP} → HTTP 400 in 85 ms; No such task.`,
    ],
    [
      'says that there was no answer',
      { status: null, failure: noAnswer('The host x reset the connection') },
      `POST ${URL_OF_STOP} → no answer in 85 ms; The host x reset the connection`,
    ],
    [
      'says which attempt comes next, and how long until then',
      { number: 2, status: 503, failure: refusal('Busy.'), nextInMs: 1_500 },
      `POST ${URL_OF_STOP} → HTTP 503 in 85 ms; Busy.; attempt 3 in 1.5 s`,
    ],
  ])('%s', (_, different, line) => {
    log.attempt(attempt(different));
    expect(step.lines).toEqual([line]);
  });
});

describe('the lines of the only task', () => {
  test('come as they happen', () => {
    const task = log.task(true);
    task.line('Still being checked, 50%');
    expect(step.lines).toEqual(['Still being checked, 50%']);
    task.attempt(attempt());
    expect(step.lines).toHaveLength(2);
    task.end(taskResult({ outcome: 'stopped', durationMs: 1_240 }));
    expect(step.lines).toEqual([
      'Still being checked, 50%',
      `POST ${URL_OF_STOP} → HTTP 200 in 85 ms`,
      'Scan 0a1b stopped, after 1.2 s',
    ]);
  });

  test('do not say a second time why it failed', () => {
    const task = log.task(true);
    task.attempt(attempt({ status: 400, failure: refusal('No such task.') }));
    task.end(failedTask('0a1b', 'No such task.'));
    expect(step.lines).toEqual([`POST ${URL_OF_STOP} → HTTP 400 in 85 ms; No such task.`]);
  });
});

describe('the lines of one task of several', () => {
  test('come together at its end, in a group, whatever the others do meanwhile', () => {
    const [first, second] = [log.task(false), log.task(false)];
    first.attempt(attempt());
    second.line('of the second');
    first.line('of the first');
    expect(step.printed).toBe('');
    second.end(failedTask('b', 'No such task.'));
    first.end(taskResult({ taskId: 'a' }));
    expect(step.lines).toEqual([
      '::group::Scan b was not stopped: No such task. (HTTP 400)',
      'of the second',
      '::endgroup::',
      '::group::Scan a asked to stop, after 85 ms',
      `POST ${URL_OF_STOP} → HTTP 200 in 85 ms`,
      'of the first',
      '::endgroup::',
    ]);
  });

  test('are the title alone where there is nothing to fold', () => {
    log.task(false).end(failedTask('0a1b', 'Not sent.', { status: null }));
    expect(step.lines).toEqual(['Scan 0a1b was not stopped: Not sent.']);
  });

  test('have a title that ends no command, and holds no secret', () => {
    const task = log.task(false);
    task.line('a line');
    task.end(failedTask('0a1b', `\n::error::%0A ${SECRET}`, { status: null }));
    expect(step.lines).toEqual([
      '::group::Scan 0a1b was not stopped: : :error::%250A ***',
      'a line',
      '::endgroup::',
    ]);
  });
});

test('a secret that was given for a task ID too is in no line', () => {
  log.task(true).end(taskResult({ taskId: SECRET, outcome: 'stopped' }));
  log.task(false).end(failedTask(SECRET, 'No.'));
  const task = log.task(false);
  task.line(`of ${SECRET}`);
  task.end(failedTask(SECRET, 'No.'));
  expect(step.lines).toEqual([
    'Scan *** stopped, after 85 ms',
    'Scan *** was not stopped: No. (HTTP 400)',
    '::group::Scan *** was not stopped: No. (HTTP 400)',
    'of ***',
    '::endgroup::',
  ]);
});

test('a line that is too long for a reader is cut', () => {
  log.line('x'.repeat(5_000));
  expect(step.lines).toEqual([`${'x'.repeat(1_999)}…`]);
});

test('whatever is to be printed, a line is one line, no command, and without a secret', () => {
  fc.assert(
    fc.property(
      outsideText(SECRET, encodeURIComponent(SECRET)),
      outsideText(SECRET),
      (message, code) => {
        step.clear();
        const failure = refusal(message, { code });
        log.line(message);
        log.attempt(attempt({ failure, nextInMs: 5 }));
        const task = log.task(false);
        task.line(message);
        task.attempt(attempt({ failure }));
        task.end(failedTask('0a1b', message, { code }));
        const { lines } = step;
        expect(lines).toHaveLength(6);
        expect(lines[2]).toMatch(/^::group::/);
        expect(lines[5]).toBe('::endgroup::');
        for (const line of [0, 1, 3, 4].map((index) => lines[index] ?? '')) {
          expect(line).not.toMatch(/^\s*::/);
        }
        for (const line of lines) {
          expect(line).not.toMatch(/\p{Cc}|##\[/u);
          expect(line).not.toContain(SECRET);
        }
      },
    ),
  );
});

test('a secret that looks like a command is hidden all the same', () => {
  const secrets = new Secrets();
  secrets.add('abc##[def');
  step.clear();
  new Log(secrets).line('Refused: abc##[def');
  expect(step.lines).toEqual(['Refused: ***']);
});
