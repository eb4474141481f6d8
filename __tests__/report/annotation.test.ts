import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ErrorKind } from '../../src/http/errors.ts';
import { adviceFor } from '../../src/report/advice.ts';
import { annotationText } from '../../src/report/annotation.ts';
import { Secrets } from '../../src/report/secrets.ts';
import type { TaskResult } from '../../src/tasks/task-result.ts';
import {
  FakeRunner,
  failedTask,
  noAnswer,
  outsideText,
  taskResult,
} from '../support/fake-runner.ts';

FakeRunner.forEachTest();

// A cause that is known to nobody, and brings no advice.
const UNHEARD_OF = { status: 418 };
const context = { credential: { hint: 'Obtain a new one.' }, notRunningSucceeds: false };

const linesOf = (results: readonly TaskResult[]) =>
  annotationText(results, context, new Secrets()).split('\n');

describe('the error of a step with one task', () => {
  test('has the task, the message of the API, code, HTTP status and request ID, and the advice under it', () => {
    const task = failedTask('0a1b', 'Authentication information expired.', {
      code: 'CC.00000003',
      status: 401,
      requestId: 'f00d',
    });
    expect(linesOf([task])).toEqual([
      'Scan 0a1b was not stopped: Authentication information expired. (CC.00000003, HTTP 401, request ID f00d)',
      'Obtain a new one.',
    ]);
  });

  test('is one line where no cause is known', () => {
    expect(linesOf([failedTask('0a1b', 'Something else.', UNHEARD_OF)])).toEqual([
      'Scan 0a1b was not stopped: Something else. (HTTP 418)',
    ]);
  });
});

describe('the error of a step with several tasks', () => {
  test('counts the outcomes, lists what failed, and leaves out what did not', () => {
    const lines = linesOf([
      taskResult({ taskId: 'good' }),
      failedTask('bad', 'No such API.', { code: 'APIGW.0101', status: 404 }),
      taskResult({ taskId: 'over', outcome: 'not-running', failure: noAnswer('It is over.') }),
      failedTask('worse', 'No.', { code: 'CC.00050011', status: 200 }),
    ]);
    expect(lines).toEqual([
      '1 of 4 scans asked to stop, 1 not running, 2 failed',
      'bad: No such API. (APIGW.0101, HTTP 404)',
      'worse: No. (CC.00050011, HTTP 200)',
      'No such API at this host: check region and endpoint.',
      'Add the user to the CodeArts project of the task.',
    ]);
  });

  test('gives the same advice once', () => {
    const tasks = ['a', 'b', 'c'].map((id) => failedTask(id, 'Not found.', { code: 'APIGW.0101' }));
    expect(linesOf(tasks)).toEqual([
      '3 of 3 scans failed',
      'a: Not found. (APIGW.0101, HTTP 400)',
      'b: Not found. (APIGW.0101, HTTP 400)',
      'c: Not found. (APIGW.0101, HTTP 400)',
      'No such API at this host: check region and endpoint.',
    ]);
  });

  test.each([
    [10, []],
    [11, ['and 1 more']],
    [1000, ['and 990 more']],
  ])('lists ten of %d failures, and counts the others', (count, more) => {
    const tasks = Array.from({ length: count }, (_, index) =>
      failedTask(`task-${index}`, 'No.', UNHEARD_OF),
    );
    const lines = linesOf(tasks);
    expect(lines[0]).toBe(`${count} of ${count} scans failed`);
    expect(lines.slice(1, 11)).toEqual(
      Array.from({ length: 10 }, (_, index) => `task-${index}: No. (HTTP 418)`),
    );
    expect(lines.slice(11)).toEqual(more);
  });
});

describe('an annotation that would be too long', () => {
  // The runner cuts it at 4096 characters.
  const long = 'x'.repeat(999);

  test('keeps the advice, and loses of what stands above it', () => {
    const tasks = Array.from({ length: 20 }, (_, index) =>
      failedTask(`${index}`.padEnd(32, '_'), long, { code: 'APIGW.0101', requestId: long }),
    );
    const lines = linesOf(tasks);
    expect(lines.join('\n').length).toBeLessThanOrEqual(4_096);
    expect(lines.at(-1)).toBe('No such API at this host: check region and endpoint.');
    expect(lines.at(-2)?.endsWith('…')).toBe(true);
  });

  test('keeps all the advice also where every cause there is comes at once', () => {
    const codes = ['CC.00000000', 'CC.00050010', 'CC.00050011', 'CC.00050013', 'CC.1.400'];
    const tasks = [
      ...[...codes, 'APIGW.0101', 'APIGW.0302', 'APIGW.0308', 'PAP5.0001', 'STS5.1001'].map(
        (code) => failedTask(code, long, { code }),
      ),
      ...[401, 403, 404, 413, 504].map((status) => failedTask(`${status}`, long, { status })),
      ...['redirect', 'refused', 'certificate', 'tls', 'proxy', 'proxy-password', 'deadline'].map(
        (kind) => failedTask(kind, long, { kind: kind as ErrorKind, status: null }),
      ),
    ];
    const lines = linesOf(tasks);
    expect(lines.join('\n').length).toBeLessThanOrEqual(4_096);
    expect(lines[0]).toBe('22 of 22 scans failed');
    expect(lines.at(-1)).toContain('timeout-seconds');
    const advice = tasks.map(({ failure }) => failure && adviceFor(failure, context));
    expect(advice.filter((one) => one === undefined)).toEqual([]);
    expect(lines.slice(-new Set(advice).size)).toEqual([...new Set(advice)]);
  });
});

test('the advice stands whole under it, whatever the API says', () => {
  const text = outsideText();
  const known = fc.constantFrom('CC.00000003', 'CC.00050010', 'CC.1.400', 'APIGW.0101', 'X.1');
  const failed = fc
    .tuple(text, known, text)
    .map(([message, code, requestId]) => failedTask('0a1b', message, { code, requestId }));
  fc.assert(
    fc.property(
      fc.array(failed, { minLength: 1, maxLength: 12 }),
      fc.boolean(),
      (tasks, notRunningSucceeds) => {
        const given = { ...context, notRunningSucceeds };
        const all = tasks.flatMap(({ failure }) => (failure && adviceFor(failure, given)) ?? []);
        const advice = [...new Set(all)];
        const lines = annotationText(tasks, given, new Secrets()).split('\n');
        expect(lines.length).toBeGreaterThan(advice.length);
        expect(lines.slice(lines.length - advice.length)).toEqual(advice);
        expect(lines.join('\n').length).toBeLessThanOrEqual(4_096);
      },
    ),
  );
});

test('a secret that was given for a task ID too is not in it', () => {
  const secrets = new Secrets();
  secrets.add('s3cretOfTheTests');
  const tasks = ['s3cretOfTheTests', 'b'].map((id) => failedTask(id, 'No.', UNHEARD_OF));
  expect(annotationText(tasks.slice(0, 1), context, secrets)).toBe(
    'Scan *** was not stopped: No. (HTTP 418)',
  );
  expect(annotationText(tasks, context, secrets)).toBe(
    '2 of 2 scans failed\n***: No. (HTTP 418)\nb: No. (HTTP 418)',
  );
});

test('no part of a secret is left where it is cut', () => {
  const secrets = new Secrets();
  const token = 'MIIEpAIBAAKCAQEA0123456789'.repeat(80);
  secrets.add(token);
  const tasks = Array.from({ length: 10 }, (_, index) =>
    failedTask(`${index}`, `${'x'.repeat(index * 30)} ${token}`, { code: token, requestId: token }),
  );
  expect(annotationText(tasks, context, secrets)).not.toContain(token.slice(0, 5));
});

test('no secret is in it', () => {
  const secrets = new Secrets();
  secrets.add('s3cretOfTheTests');
  const task = failedTask('0a1b', 's3cretOfTheTests is bad', UNHEARD_OF);
  expect(annotationText([task], context, secrets)).toBe(
    'Scan 0a1b was not stopped: *** is bad (HTTP 418)',
  );
});

test('each line is free of control characters, and starts no command, whatever the API says', () => {
  const failed = fc
    .tuple(outsideText(), outsideText(), outsideText())
    .map(([message, code, requestId]) => failedTask('0a1b', message, { code, requestId }));
  fc.assert(
    fc.property(fc.array(failed, { minLength: 1, maxLength: 12 }), (tasks) => {
      for (const line of linesOf(tasks)) {
        expect(line).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
        expect(line).not.toMatch(/^\s*::/);
        expect(line).not.toContain('##[');
      }
    }),
  );
});
