import { mkdirSync, rmSync } from 'node:fs';
import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SkippedError } from '../../src/http/errors.ts';
import { Report } from '../../src/report/report.ts';
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
const TITLE = 'Stop CodeArts Check Task';
const context = { credential: { hint: 'Obtain a new one.' }, notRunningSucceeds: false };

let report: Report;
beforeEach(() => {
  report = newReport();
});

function newReport(): Report {
  const secrets = secretsOfTest();
  step.clear();
  return new Report(secrets);
}

function secretsOfTest(): Secrets {
  const secrets = new Secrets();
  secrets.add(SECRET);
  return secrets;
}

function taskIdsOfOutput(): string[] {
  const rows: { 'task-id': string }[] = JSON.parse(step.outputs()['results'] ?? '');
  return rows.map((row) => row['task-id']);
}

describe('the report of a step where no task failed', () => {
  test('has outputs, and no annotation', () => {
    report.expect(['a']);
    report.add(taskResult({ taskId: 'a' }));
    expect(report.finish(context)).toBe(true);
    expect(step.outputs()).toMatchObject({ outcome: 'stop-requested', 'error-message': '' });
    expect(step.printed).toBe('');
  });

  test('has the tasks in the order of the input, not in the one in which they ended', () => {
    report.expect(['a', 'b', 'c']);
    for (const taskId of ['c', 'a', 'b']) report.add(taskResult({ taskId }));
    report.finish(context);
    expect(taskIdsOfOutput()).toEqual(['a', 'b', 'c']);
  });

  test.each([
    [1, 'scan a'],
    [2, '2 scans (a, …)'],
  ])(
    'warns once of statuses that could not be read, and names the permission: %d',
    (count, which) => {
      const statusError = refusal('Not allowed.', { code: 'PAP5.0001', status: 403 });
      report.expect(['a', 'b', 'c']);
      for (const [index, taskId] of ['a', 'b', 'c'].entries()) {
        report.add(taskResult({ taskId, ...(index < count ? { statusError } : {}) }));
      }
      expect(report.finish(context)).toBe(true);
      expect(step.commands('warning')).toEqual([
        {
          title: TITLE,
          lines: [
            `The API took the stop request, but the status of ${which} could not be read: Not allowed. (PAP5.0001, HTTP 403)`,
            'Reading it takes the permission codeartscheck:task:get.',
          ],
        },
      ]);
      expect(step.commands('error')).toEqual([]);
    },
  );
});

const EXPIRED = refusal('Expired.', { code: '', status: 401 });

test.each([
  ['of that status', EXPIRED, 'Expired. (HTTP 401)'],
  [
    'of another one',
    new SkippedError('the credential was refused', EXPIRED),
    'Not sent, because the credential was refused: Expired.',
  ],
])('a credential that is refused to the request %s is told as that', (_, statusError, words) => {
  report.expect(['a']);
  report.add(taskResult({ taskId: 'a', statusError }));
  expect(report.finish(context)).toBe(true);
  expect(step.commands('warning')).toMatchObject([
    { lines: [expect.stringContaining(words), 'Obtain a new one.'] },
  ]);
});

describe('the report of a step where a task failed', () => {
  test('has one error annotation, with the advice under it', () => {
    report.expect(['a', 'b']);
    report.add(taskResult({ taskId: 'a' }));
    report.add(failedTask('b', 'Expired.', { code: 'CC.00000003', status: 401 }));
    expect(report.finish(context)).toBe(false);
    expect(step.commands('error')).toEqual([
      {
        title: TITLE,
        lines: [
          '1 of 2 scans asked to stop, 1 failed',
          'b: Expired. (CC.00000003, HTTP 401)',
          'Obtain a new one.',
        ],
      },
    ]);
    expect(step.outputs()).toMatchObject({ outcome: 'failed', 'error-code': 'CC.00000003' });
  });

  test('gives the tasks that were never tried the failure that kept them from it', () => {
    report.expect(['a', 'b', 'c']);
    report.add(taskResult({ taskId: 'b', outcome: 'stopped' }));
    report.failRemaining(noAnswer('GitHub gives this job no ID token', { kind: 'id-token' }));
    expect(report.finish({ ...context, credential: undefined })).toBe(false);
    expect(JSON.parse(step.outputs()['results'] ?? '')).toEqual(
      [
        ['a', 'failed', null, 'GitHub gives this job no ID token'],
        ['b', 'stopped', 200, ''],
        ['c', 'failed', null, 'GitHub gives this job no ID token'],
      ].map(([taskId, outcome, status, message]) => ({
        'task-id': taskId,
        outcome,
        'status-code': status,
        'error-code': '',
        'error-message': message,
        'request-id': '',
      })),
    );
  });

  test.each([
    [false, ['Check task-id, region and endpoint.', 'if-not-running: succeed']],
    [true, ['Check task-id, region and endpoint.']],
  ])('has the advice that the inputs leave room for: %s', (notRunningSucceeds, advice) => {
    report.add(failedTask('a', 'No.', { status: 404 }));
    report.finish({ ...context, notRunningSucceeds });
    const [error] = step.commands('error');
    expect(error?.lines).toHaveLength(2);
    for (const part of advice) expect(error?.lines[1]).toContain(part);
    expect(error?.lines[1]?.includes('if-not-running')).toBe(!notRunningSucceeds);
  });

  test('has an annotation that the runner does not cut', () => {
    report.expect(['a']);
    const tasks = Array.from({ length: 20 }, (_, index) => failedTask(`${index}`, 'x'.repeat(999)));
    for (const task of tasks) report.add(task);
    report.finish(context);
    const [error] = step.commands('error');
    expect(error?.lines.join('\n').length).toBeLessThanOrEqual(4_096);
  });

  test('has the advice, however long the messages above it are', () => {
    const tasks = Array.from({ length: 10 }, (_, index) =>
      failedTask(`${index}`.repeat(32), 'x'.repeat(999), {
        code: 'CC.00000003',
        status: 401,
        requestId: '0123456789abcdef0123456789abcdef',
      }),
    );
    for (const task of tasks) report.add(task);
    report.finish(context);
    expect(step.commands('error')[0]?.lines.at(-1)).toBe('Obtain a new one.');
  });
});

describe('the report of a step that came to no task', () => {
  test('says why in an error and in the outputs', () => {
    report.failEarly("wait takes true or false, not 'yes'");
    expect(step.commands('error')).toEqual([
      { title: TITLE, lines: ["wait takes true or false, not 'yes'"] },
    ]);
    expect(step.outputs()).toEqual({
      outcome: 'failed',
      'status-code': '',
      'error-code': '',
      'error-message': "wait takes true or false, not 'yes'",
      'request-id': '',
      results: '[]',
    });
  });
});

describe('the report of an error that nobody expected', () => {
  test('has outputs of what is known, and the error', () => {
    report.expect(['a', 'b']);
    report.add(taskResult({ taskId: 'a', outcome: 'stopped' }));
    report.failUnexpectedly('Unexpected error: x is not a function');
    expect(step.commands('error')).toEqual([
      { title: TITLE, lines: ['Unexpected error: x is not a function'] },
    ]);
    expect(step.outputs()).toMatchObject({
      outcome: 'failed',
      'error-message': 'Unexpected error: x is not a function',
    });
    expect(JSON.parse(step.outputs()['results'] ?? '')).toMatchObject([
      { 'task-id': 'a', outcome: 'stopped' },
      { 'task-id': 'b', outcome: 'failed' },
    ]);
  });

  test('has outputs also before there is a task', () => {
    report.failUnexpectedly('The step was cancelled (SIGINT)');
    expect(step.outputs()).toEqual({
      outcome: 'failed',
      'status-code': '',
      'error-code': '',
      'error-message': 'The step was cancelled (SIGINT)',
      'request-id': '',
      results: '[]',
    });
    expect(step.commands('error')).toEqual([
      { title: TITLE, lines: ['The step was cancelled (SIGINT)'] },
    ]);
  });

  test('has the error also where the outputs cannot be written', () => {
    report.add(taskResult());
    step.variable('GITHUB_OUTPUT', `${step.outputFile}-missing`);
    expect(() => report.finish(context)).toThrow('Missing file');
    report.failUnexpectedly('Unexpected error: Missing file at path: x');
    expect(step.commands('error')).toEqual([
      { title: TITLE, lines: ['Unexpected error: Missing file at path: x'] },
    ]);
  });

  test('adds no second error to one that says what went wrong', () => {
    report.expect(['a']);
    report.add(failedTask('a', 'Refused.'));
    report.finish(context);
    report.failUnexpectedly('Unexpected error: afterwards');
    expect(step.commands('error')).toHaveLength(1);
    expect(step.commands('error')[0]?.lines[0]).toContain('Refused.');
  });

  test('is one line, not too long, and without a secret', () => {
    report.expect(['a']);
    report.failUnexpectedly(`Unexpected error: {\n  a: '${SECRET}'\n}${'x'.repeat(2_000)}`);
    const [error, ...more] = step.commands('error');
    expect(more).toEqual([]);
    expect(error?.lines).toEqual([
      expect.stringMatching(/^Unexpected error: \{ {3}a: '\*\*\*' \}x+…$/),
    ]);
    expect(error?.lines[0]).toHaveLength(1_000);
    expect(step.visible()).not.toContain(SECRET);
  });
});

describe('the job summary', () => {
  test('is written of the results', async () => {
    report.expect(['0a1b']);
    report.add(taskResult({ outcome: 'stopped' }));
    await report.writeSummary();
    expect(step.summary()).toContain('<h3>Scan 0a1b stopped</h3>');
    expect(step.printed).toBe('');
  });

  test('is a warning where it cannot be written, and no failure', async () => {
    report.add(taskResult());
    rmSync(step.summaryFile);
    mkdirSync(step.summaryFile);
    await report.writeSummary();
    const [warning] = step.commands('warning');
    expect(warning?.title).toBe(TITLE);
    expect(warning?.lines).toEqual([
      expect.stringMatching(/^The job summary could not be written: .*EISDIR/),
    ]);
    expect(step.commands('error')).toEqual([]);
  });
});

test('whatever the API says, annotations are single commands, without control characters and secrets', () => {
  const text = outsideText(SECRET);
  fc.assert(
    fc.property(text, text, text, text, (message, code, requestId, crashed) => {
      report = newReport();
      report.add(failedTask('a', message, { code, requestId }));
      report.add(taskResult({ taskId: 'b', statusError: refusal(message, { code, requestId }) }));
      report.finish(context);
      new Report(secretsOfTest()).failUnexpectedly(crashed);
      const shown = [...step.commands('warning'), ...step.commands('error')];
      expect(shown.map(({ title }) => title)).toEqual([TITLE, TITLE, TITLE]);
      for (const line of shown.flatMap(({ lines }) => lines)) {
        expect(line).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
        expect(line).not.toContain(SECRET);
      }
      for (const line of step.lines) expect(line).toMatch(/^::(error|warning|add-mask)\b/);
    }),
  );
});

test('no part of a long secret is left where a message is cut', () => {
  const token = 'MIIEpAIBAAKCAQEA0123456789'.repeat(80);
  const secrets = new Secrets();
  secrets.add(token);
  step.clear();
  report = new Report(secrets);
  report.add(failedTask('a', `The token ${token} is not valid`, { status: 401 }));
  report.finish(context);
  expect(step.visible()).not.toContain(token.slice(0, 20));
});
