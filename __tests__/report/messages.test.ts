import { beforeEach, describe, expect, test } from '@jest/globals';
import { formatError, headline, resultLine } from '../../src/report/messages.ts';
import { Secrets } from '../../src/report/secrets.ts';
import type { Outcome } from '../../src/tasks/task-result.ts';
import { FakeRunner, failedTask, noAnswer, refusal, taskResult } from '../support/fake-runner.ts';

FakeRunner.forEachTest();

let secrets: Secrets;
beforeEach(() => {
  secrets = new Secrets();
});

const several = (...outcomes: readonly Outcome[]) =>
  outcomes.map((outcome, index) => taskResult({ taskId: `task-${index}`, outcome }));

describe('the headline', () => {
  test.each([
    ['stopped', 'Scan 0a1b stopped'],
    ['stop-requested', 'Scan 0a1b asked to stop'],
    ['not-running', 'Scan 0a1b not running'],
    ['failed', 'Scan 0a1b was not stopped'],
  ] as const)('names the one scan, when it is %s', (outcome, words) => {
    expect(headline([taskResult({ outcome })])).toBe(words);
  });

  test.each([
    [several('stopped', 'stopped'), '2 of 2 scans stopped'],
    [several('failed', 'stopped', 'stopped'), '2 of 3 scans stopped, 1 failed'],
    [several('stop-requested', 'failed', 'failed'), '1 of 3 scans asked to stop, 2 failed'],
    [
      several('failed', 'not-running', 'stop-requested', 'stopped'),
      '1 of 4 scans stopped, 1 asked to stop, 1 not running, 1 failed',
    ],
    [several('failed', 'failed'), '2 of 2 scans failed'],
  ])('counts several scans: case %#', (results, words) => {
    expect(headline(results)).toBe(words);
  });
});

describe('the line of a task', () => {
  test('says how long a stop took', () => {
    expect(resultLine(taskResult({ outcome: 'stopped', durationMs: 1_240 }), secrets)).toBe(
      'Scan 0a1b stopped, after 1.2 s',
    );
  });

  test('says why it failed', () => {
    const task = failedTask('0a1b', 'Authentication information expired.', {
      code: 'CC.00000003',
      status: 401,
    });
    expect(resultLine(task, secrets)).toBe(
      'Scan 0a1b was not stopped: Authentication information expired. (CC.00000003, HTTP 401)',
    );
  });

  test('says what the API said when nothing was running', () => {
    const task = taskResult({ outcome: 'not-running', failure: refusal('It is over.') });
    expect(resultLine(task, secrets)).toBe('Scan 0a1b not running: It is over. (HTTP 400)');
  });
});

describe('the words of a failure', () => {
  test.each([
    [
      'all that is known',
      { code: 'CC.1', status: 400, requestId: 'r1' },
      'CC.1, HTTP 400, request ID r1',
    ],
    ['no code', { status: 502, requestId: 'r1' }, 'HTTP 502, request ID r1'],
    ['no request ID', { code: 'CC.1', status: 400 }, 'CC.1, HTTP 400'],
    ['a code without a status', { code: 'CC.1', status: null }, 'CC.1'],
  ])('have the message first, with %s', (_, details, facts) => {
    expect(formatError(refusal('Refused.', details), secrets)).toBe(`Refused. (${facts})`);
  });

  test('are the message alone where nothing else is known', () => {
    expect(formatError(noAnswer('The host x reset the connection'), secrets)).toBe(
      'The host x reset the connection',
    );
  });

  test('are one line, and not too long, whatever the API says', () => {
    const words = formatError(
      refusal('x\n'.repeat(500), { code: `C\n${'c'.repeat(500)}`, requestId: '\u001b[2J' }),
      secrets,
    );
    expect(words).not.toMatch(/\p{Cc}/u);
    expect(words.length).toBeLessThan(700);
    expect(words).toMatch(/^x x .*… \(C c+…\)$/);
  });

  test('hold no part of a secret, not even where they are cut', () => {
    const token = 'MIIEpAIBAAKCAQEA0123456789'.repeat(80);
    secrets.add(token);
    const failure = refusal(`The token ${token} is bad.`, { code: token, requestId: token });
    expect(formatError(failure, secrets)).toBe(
      'The token *** is bad. (***, HTTP 400, request ID ***)',
    );
  });
});
