import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SkippedError } from '../../src/http/errors.ts';
import { type AdviceContext, adviceFor } from '../../src/report/advice.ts';
import { STOP_OUTPUTS } from '../../src/report/outputs.ts';
import { Report } from '../../src/report/report.ts';
import { Secrets } from '../../src/report/secrets.ts';
import { StopReport } from '../../src/report/stop-report.ts';
import { NotConfirmedError } from '../../src/tasks/poll-status.ts';
import type { TaskResult } from '../../src/tasks/task-result.ts';
import {
  apiError,
  FakeRunner,
  failedTask,
  networkError,
  outsideText,
  taskResult,
} from '../support/fake-runner.ts';

const runner = FakeRunner.forEachTest();

const TITLE = 'Stop CodeArts Check Task';
const DOCS = 'https://github.com/owner/repo/blob/v1/docs/troubleshooting.md';
const context: AdviceContext = {
  credentialHint: 'Obtain a new one.',
  ifNotRunning: 'fail',
  newestHost: 'codearts-check.cn-north-4.myhuaweicloud.com',
};
// A cause that is known to nobody, and brings no advice.
const UNKNOWN = { status: 418 };

interface Options {
  readonly docsUrl?: string;
  readonly secrets?: readonly string[];
}

function newReport(
  targets: readonly TaskResult['target'][],
  { docsUrl, secrets: values = [] }: Options = {},
): StopReport {
  const secrets = new Secrets();
  for (const value of values) secrets.add(value);
  runner.clear();
  const { summaryFile } = runner;
  const deps = { secrets, title: TITLE, emptyOutputs: STOP_OUTPUTS, summaryFile, docsUrl };
  return new StopReport(new Report(deps), targets);
}

/** Reports results in order. @returns whether no task failed */
function publish(results: readonly TaskResult[], options: Options = {}): boolean {
  const report = newReport(
    results.map(({ target }) => target),
    options,
  );
  for (const [index, result] of results.entries()) report.add(index, result);
  return report.publish(context, undefined);
}

/** The lines of the only error. */
function errorLines(): readonly string[] {
  const [error, ...more] = runner.commands('error');
  expect(more).toEqual([]);
  expect(error?.title).toBe(TITLE);
  return error?.lines ?? [];
}

const idsOfOutput = () =>
  JSON.parse(runner.outputs()['results'] ?? '').map((row: Record<string, unknown>) => [
    row['task-id'],
    row['execution-id'],
  ]);
const targets = (...ids: readonly string[]) =>
  ids.map((taskId) => ({ taskId, executionId: undefined }));

describe('if no task failed', () => {
  test('there are outputs, a summary, and no annotation', () => {
    expect(publish([taskResult({ taskId: 'a', requestId: 'r1' })])).toBe(true);
    expect(runner.outputs()).toMatchObject({ outcome: 'stop-requested', 'error-message': '' });
    expect(runner.printed).toBe('');
    expect(runner.summary()).toBe(
      [
        '<h3>Stop requested for scan a</h3>',
        '<table>',
        '<tr><td>Task</td><td><code>a</code></td></tr>',
        '<tr><td>HTTP status</td><td><code>200</code></td></tr>',
        '<tr><td>Request ID</td><td><code>r1</code></td></tr>',
        '<tr><td>Attempts</td><td><code>1</code></td></tr>',
        '<tr><td>Duration</td><td><code>85 ms</code></td></tr>',
        '</table>',
        '',
        '',
      ].join('\n'),
    );
  });

  test('tasks are in the order of the input, not in the one in which they ended', () => {
    const pairs = [
      { taskId: 'a', executionId: 'e1' },
      { taskId: 'b', executionId: undefined },
      { taskId: 'a', executionId: 'e2' },
    ];
    const report = newReport(pairs);
    for (const index of [2, 0, 1]) {
      const target = pairs[index];
      if (target !== undefined) report.add(index, taskResult({ target }));
    }
    report.publish(context, undefined);
    expect(idsOfOutput()).toEqual([
      ['a', 'e1'],
      ['b', ''],
      ['a', 'e2'],
    ]);
  });

  test.each([
    [1, 'scan a'],
    [2, '2 scans (a, …)'],
  ])(
    'one warning tells of %d statuses that could not be read, and names the permission',
    (count, which) => {
      const statusError = apiError('Not allowed.', {
        code: 'PAP5.0001',
        status: 403,
        operation: 'status',
      });
      const results = ['a', 'b', 'c'].map((taskId, index) =>
        taskResult({ taskId, ...(index < count ? { statusError } : {}) }),
      );
      expect(publish(results, { docsUrl: DOCS })).toBe(true);
      expect(runner.commands('warning')).toEqual([
        {
          title: TITLE,
          lines: [
            `The API accepted the stop request, but the status of ${which} could not be read: Not allowed. (PAP5.0001, HTTP 403)`,
            expect.stringMatching(/^Grant the user codeartscheck:task:get \(/),
            `${DOCS}#permission`,
          ],
        },
      ]);
      expect(runner.commands('error')).toEqual([]);
    },
  );

  const EXPIRED = apiError('Expired.', { status: 401, operation: 'status' });

  test.each([
    ['of that status', EXPIRED, 'Expired. (HTTP 401)', 'Obtain a new one.'],
    [
      'of another one',
      new SkippedError('the credential was rejected', EXPIRED),
      'Not sent, because the credential was rejected: Expired.',
      'Obtain a new one.',
    ],
    [
      'at an old host',
      apiError('No such API.', { code: 'APIGW.0101', status: 404, operation: 'status' }),
      'No such API. (APIGW.0101, HTTP 404)',
      'Check region and endpoint, and whether this runner may reach the host.',
    ],
  ])('the warning has the advice for the request %s', (_, statusError, words, advice) => {
    const target = { taskId: 'a', executionId: 'e1' };
    expect(publish([taskResult({ target, statusError })])).toBe(true);
    expect(runner.commands('warning')).toMatchObject([
      { lines: [expect.stringMatching(/scan a \(execution e1\) could not be read/), advice] },
    ]);
    expect(runner.commands('warning')[0]?.lines[0]?.endsWith(words)).toBe(true);
  });

  test('there is no advice for a status of which nothing is known', () => {
    publish([taskResult({ statusError: apiError('Odd.', { ...UNKNOWN, operation: 'status' }) })]);
    expect(runner.commands('warning')).toMatchObject([{ lines: [expect.stringMatching(/Odd/)] }]);
  });
});

describe('the error of a step with one task', () => {
  test('has task, message, code, HTTP status and request ID, the advice, and a link', () => {
    const task = failedTask('0a1b', 'Authentication information expired.', {
      code: 'CC.00000003',
      status: 401,
      requestId: 'f00d',
    });
    expect(publish([task], { docsUrl: DOCS })).toBe(false);
    expect(errorLines()).toEqual([
      'Could not stop scan 0a1b: Authentication information expired. (CC.00000003, HTTP 401, request ID f00d)',
      'Obtain a new one.',
      `${DOCS}#credential-expired`,
    ]);
    expect(runner.outputs()).toMatchObject({ outcome: 'failed', 'error-code': 'CC.00000003' });
    expect(runner.summary()).toBe(
      [
        '<h3>Could not stop scan 0a1b</h3>',
        '<p><code>Authentication information expired. (CC.00000003, HTTP 401, request ID f00d)</code></p>',
        '<p><strong>What to do</strong></p>',
        '<ul>',
        `<li>Obtain a new one. <a href="${DOCS}#credential-expired">Troubleshooting</a></li>`,
        '</ul>',
        '<table>',
        '<tr><td>Task</td><td><code>0a1b</code></td></tr>',
        '<tr><td>HTTP status</td><td><code>401</code></td></tr>',
        '<tr><td>Error code</td><td><code>CC.00000003</code></td></tr>',
        '<tr><td>Request ID</td><td><code>f00d</code></td></tr>',
        '<tr><td>Attempts</td><td><code>1</code></td></tr>',
        '<tr><td>Duration</td><td><code>85 ms</code></td></tr>',
        '</table>',
        '',
        '',
      ].join('\n'),
    );
  });

  test('is one line if no cause is known', () => {
    publish([failedTask('0a1b', 'Something else.', UNKNOWN)]);
    expect(errorLines()).toEqual(['Could not stop scan 0a1b: Something else. (HTTP 418)']);
    expect(runner.summary()).not.toContain('What to do');
  });

  test('names the execution, also in the advice for it', () => {
    const error = apiError('No such API.', { code: 'APIGW.0101', status: 404 });
    const target = { taskId: 'a', executionId: 'e1' };
    publish([taskResult({ target, outcome: 'failed', accepted: false, error })]);
    expect(errorLines()).toEqual([
      'Could not stop scan a (execution e1): No such API. (APIGW.0101, HTTP 404)',
      'This host is an old one: set endpoint: codearts-check.cn-north-4.myhuaweicloud.com.',
    ]);
    expect(runner.summary()).toContain('<tr><td>Execution</td><td><code>e1</code></td></tr>');
  });

  test('tells that the stop may have happened, and shows the last response', () => {
    const busy = apiError('Busy.', { code: 'CC.9', status: 503, requestId: 'r1' });
    const error = networkError('Reset.', { mayHaveHappened: true }).within('stop', busy);
    publish([
      taskResult({ outcome: 'failed', accepted: false, statusCode: 503, requestId: 'r1', error }),
    ]);
    expect(errorLines()).toEqual([
      'Stop of scan 0a1b not confirmed: Busy. (CC.9, HTTP 503, request ID r1); then: Reset.',
      'The stop may have happened: check the task in CodeArts Check.',
      'Run the step again later, or increase timeout-seconds and retries.',
    ]);
    expect(runner.summary()).toContain('<tr><td>Error code</td><td><code>CC.9</code></td></tr>');
  });

  test('tells why the step ended early', () => {
    const report = newReport(targets('a'));
    report.failRemaining(networkError('No response before it', { kind: 'interrupted' }));
    expect(report.publish(context, 'the step was cancelled (SIGTERM)')).toBe(false);
    expect(errorLines()).toEqual([
      'Could not stop scan a: No response before it',
      'The step ended early: the step was cancelled (SIGTERM).',
      'Look at the task in CodeArts Check, or run the step again.',
    ]);
  });

  test('holds an end that nobody expected as one line', () => {
    const report = newReport(targets('a'), { secrets: ['s3cretOfTheTests'] });
    report.failRemaining(networkError('No response', { kind: 'interrupted' }));
    report.publish(context, 'an unexpected error occurred: a\n::error::s3cretOfTheTests');
    expect(errorLines()[1]).toBe(
      'The step ended early: an unexpected error occurred: a ::error::***.',
    );
  });

  test('has why the status could not be read, if that is why the stop is not confirmed', () => {
    const cases = [
      [apiError('Expired.', { status: 401, operation: 'status' }), ['Obtain a new one.']],
      [apiError('Busy.', { status: 503, operation: 'status' }), [expect.stringMatching(/is busy/)]],
      [networkError('Reset.', { operation: 'status' }), []],
      [undefined, []],
    ] as const;
    for (const [last, advice] of cases) {
      const error = new NotConfirmedError('…', last);
      publish([taskResult({ outcome: 'failed', error })], { docsUrl: DOCS });
      expect(errorLines().filter((line) => !line.startsWith(DOCS))).toEqual([
        'Stop of scan 0a1b not confirmed: The API accepted the stop request, but …',
        ...advice,
        'Look at the task in CodeArts Check. If scans take longer to stop, increase timeout-seconds.',
      ]);
      expect(errorLines().at(-1)).toBe(`${DOCS}#not-confirmed`);
    }
  });
});

describe('the error of a step with several tasks', () => {
  test('counts the outcomes, lists what failed, and leaves out what did not', () => {
    const result = publish([
      taskResult({ taskId: 'good' }),
      failedTask('bad', 'No such API.', { code: 'APIGW.0101', status: 404 }),
      taskResult({ taskId: 'over', outcome: 'not-running', error: networkError('It is over.') }),
      failedTask('worse', 'No.', { code: 'CC.00050011', status: 200 }),
    ]);
    expect(result).toBe(false);
    expect(errorLines()).toEqual([
      'Could not stop 2 of 4 scans; 1 stop requested; 1 not running',
      'bad: No such API. (APIGW.0101, HTTP 404)',
      'worse: No. (CC.00050011, HTTP 200)',
      'Check region and endpoint, and whether this runner may reach the host.',
      'Add the user to the CodeArts project of the task.',
    ]);
  });

  test('has one cause beside the headline', () => {
    const target = { taskId: 'b', executionId: 'e2' };
    const error = apiError('No.', UNKNOWN);
    publish([taskResult({ taskId: 'a' }), taskResult({ target, outcome: 'failed', error })]);
    expect(errorLines()).toEqual([
      'Stop of 1 of 2 scans not confirmed; 1 stop requested: b (e2): No. (HTTP 418)',
    ]);
  });

  test('gives the same advice once', () => {
    const tasks = ['a', 'b', 'c'].map((id) => failedTask(id, 'Not found.', { code: 'APIGW.0101' }));
    publish(tasks, { docsUrl: DOCS });
    expect(errorLines()).toEqual([
      'Could not stop any of the 3 scans',
      'a: Not found. (APIGW.0101, HTTP 400)',
      'b: Not found. (APIGW.0101, HTTP 400)',
      'c: Not found. (APIGW.0101, HTTP 400)',
      'Check region and endpoint, and whether this runner may reach the host.',
      `${DOCS}#wrong-host`,
    ]);
  });

  test('tells once that stops may have happened', () => {
    const error = networkError('Reset.', { mayHaveHappened: true });
    const lost = ['a', 'b'].map((taskId) =>
      taskResult({ taskId, outcome: 'failed', accepted: false, error }),
    );
    publish([...lost, failedTask('c', 'No.', UNKNOWN)]);
    expect(errorLines()).toEqual([
      'Could not stop 1 of 3 scans; 2 not confirmed',
      'a: Reset.',
      'b: Reset.',
      'c: No. (HTTP 418)',
      'The stop may have happened: check the task in CodeArts Check.',
      'Run the step again later, or increase timeout-seconds and retries.',
    ]);
  });

  test.each([
    [10, []],
    [11, ['and 1 more']],
    [1000, ['and 990 more']],
  ])('lists ten of %d errors, and counts the others', (count, more) => {
    publish(Array.from({ length: count }, (_, index) => failedTask(`t${index}`, 'No.', UNKNOWN)));
    const lines = errorLines();
    expect(lines[0]).toBe(`Could not stop any of the ${count} scans`);
    expect(lines.slice(1, 11)).toEqual(
      Array.from({ length: 10 }, (_, index) => `t${index}: No. (HTTP 418)`),
    );
    expect(lines.slice(11)).toEqual(more);
  });

  test('gives tasks that were never attempted the error that kept them from it', () => {
    const report = newReport(targets('a', 'b', 'c'));
    report.add(1, taskResult({ taskId: 'b', outcome: 'stopped' }));
    const kind = 'id-token-permission';
    report.failRemaining(networkError('No ID token', { kind, operation: 'id-token' }));
    expect(report.publish({ ...context, credentialHint: undefined }, undefined)).toBe(false);
    expect(JSON.parse(runner.outputs()['results'] ?? '')).toEqual(
      [
        ['a', 'failed', null, 'No ID token'],
        ['b', 'stopped', 200, ''],
        ['c', 'failed', null, 'No ID token'],
      ].map(([taskId, outcome, status, message]) => ({
        'task-id': taskId,
        'execution-id': '',
        outcome,
        'status-code': status,
        'error-code': '',
        'error-message': message,
        'request-id': '',
      })),
    );
    expect(errorLines().at(-1)).toMatch(/permissions: id-token: write\.$/);
  });
});

describe('the summary of several tasks', () => {
  const taskIdsOf = (html: string) =>
    [...html.matchAll(/<tr><td><code>(.*?)<\/code><\/td>/g)].map(([, taskId]) => taskId);
  const many = (count: number, outcome: 'failed' | 'stopped') =>
    Array.from({ length: count }, (_, index) =>
      taskResult({ taskId: `${outcome}-${index}`, outcome, accepted: false }),
    );

  test('has a table of four columns, what failed first, and the advice below it', () => {
    publish([
      taskResult({ taskId: 'a' }),
      failedTask('b', 'No such task.', { code: 'CC.00050013', status: 200, requestId: 'r1' }),
      taskResult({
        target: { taskId: 'c', executionId: 'e1' },
        statusError: apiError('Not allowed.', { status: 403, operation: 'status' }),
        durationMs: 1_240,
      }),
      failedTask('d', 'No.', UNKNOWN),
      taskResult({ taskId: 'e', outcome: 'stopped' }),
      taskResult({ taskId: 'f', outcome: 'not-running', error: apiError('It is over.') }),
    ]);
    expect(runner.summary()).toBe(
      [
        '<h3>Could not stop 2 of 6 scans; 1 stopped; 2 stop requested; 1 not running</h3>',
        '<table>',
        '<tr><th>Task</th><th>Result</th><th>Message</th><th>Duration</th></tr>',
        '<tr><td><code>b</code></td><td>❌ failed</td><td><code>No such task. (CC.00050013, HTTP 200, request ID r1)</code></td><td>85 ms</td></tr>',
        '<tr><td><code>d</code></td><td>❌ failed</td><td><code>No. (HTTP 418)</code></td><td>85 ms</td></tr>',
        '<tr><td><code>a</code></td><td>☑️ stop requested</td><td> </td><td>85 ms</td></tr>',
        '<tr><td><code>c (e1)</code></td><td>☑️ stop requested</td><td><code>Not allowed. (HTTP 403)</code></td><td>1.2 s</td></tr>',
        '<tr><td><code>e</code></td><td>✅ stopped</td><td> </td><td>85 ms</td></tr>',
        '<tr><td><code>f</code></td><td>⚪ not running</td><td><code>It is over. (HTTP 400)</code></td><td>85 ms</td></tr>',
        '</table>',
        '<p><strong>What to do</strong></p>',
        '<ul>',
        '<li>Check task-id, execution-id and region. If the scan may have ended already, set if-not-running: succeed, which reads its status and does not fail.</li>',
        '</ul>',
        '',
        '',
      ].join('\n'),
    );
  });

  test('shows fifty tasks in the open', () => {
    publish(many(50, 'stopped'));
    expect(runner.summary()).not.toContain('<details>');
    expect(taskIdsOf(runner.summary())).toHaveLength(50);
  });

  test('folds away those that did not fail if there are more', () => {
    publish([...many(60, 'stopped'), ...many(2, 'failed')]);
    const html = runner.summary();
    const [open = '', folded = ''] = html.split('<details><summary>60 others</summary>');
    expect(taskIdsOf(open)).toEqual(['failed-0', 'failed-1']);
    expect(taskIdsOf(folded)).toHaveLength(60);
    expect(folded).toMatch(/<\/table>\n<\/details>\n\n$/);
  });

  test('folds nothing away if all of many failed', () => {
    publish(many(51, 'failed'));
    expect(runner.summary()).not.toContain('<details>');
    expect(taskIdsOf(runner.summary())).toHaveLength(51);
  });

  test('folds all away if none of many failed', () => {
    publish(many(51, 'stopped'));
    expect(runner.summary()).toMatch(
      /^<h3>All 51 scans stopped<\/h3>\n<details><summary>51 others<\/summary>\n<table>/,
    );
    expect(taskIdsOf(runner.summary())).toHaveLength(51);
  });
});

describe('an end that nobody expected', () => {
  test('leaves what is known, and fails the rest', () => {
    const report = newReport(targets('a', 'b'));
    report.add(0, taskResult({ taskId: 'a', outcome: 'stopped' }));
    report.failUnexpectedly(networkError('Unexpected error: x is not a function'));
    expect(errorLines()).toEqual(['Unexpected error: x is not a function']);
    expect(runner.outputs()).toMatchObject({
      outcome: 'failed',
      'error-message': 'Unexpected error: x is not a function',
    });
    expect(JSON.parse(runner.outputs()['results'] ?? '')).toMatchObject([
      { 'task-id': 'a', outcome: 'stopped' },
      { 'task-id': 'b', outcome: 'failed' },
    ]);
  });

  test('adds no second error', () => {
    const report = newReport(targets('a'));
    report.add(0, failedTask('a', 'Rejected.'));
    report.publish(context, undefined);
    report.failUnexpectedly(networkError('Unexpected error: afterwards'));
    expect(errorLines()[0]).toContain('Rejected.');
  });
});

describe('outputs that cannot be set', () => {
  test.each([
    ['fail a step in which all scans stopped', taskResult(), []],
    ['hide no error of the API', failedTask('a', 'No.', UNKNOWN), ['Could not stop scan a']],
  ])('%s', (_, result, first) => {
    runner.variable('GITHUB_OUTPUT', `${runner.outputFile}-missing`);
    expect(publish([result])).toBe(false);
    const shown = runner.lines.map((line) => /title=.*?::(.*)/.exec(line)?.[1] ?? '');
    expect(shown.map((line) => line.split(':')[0])).toEqual([
      ...first,
      'The outputs could not be set',
    ]);
    expect(runner.commands('error')).toHaveLength(1);
    // The summary does not depend on it.
    expect(runner.summary()).toContain('<h3>');
  });
});

test('the advice is whole, whatever the API returns', () => {
  const text = outsideText();
  const known = fc.constantFrom('CC.00000003', 'CC.00050010', 'CC.1.400', 'APIGW.0101', 'X.1');
  const failed = fc
    .tuple(text, known, text)
    .map(([message, code, requestId]) => failedTask('0a1b', message, { code, requestId }));
  fc.assert(
    fc.property(fc.array(failed, { minLength: 1, maxLength: 12 }), (tasks) => {
      publish(tasks);
      const all = tasks.flatMap(({ error }) => (error && adviceFor(error, false, context)) ?? []);
      const advice = [...new Set(all.map((one) => one.text))];
      const lines = errorLines();
      expect(lines.length).toBeGreaterThan(advice.length);
      expect(lines.slice(lines.length - advice.length)).toEqual(advice);
      expect(lines.join('\n').length).toBeLessThanOrEqual(4_096);
    }),
  );
});

test('a secret that was set as an ID too is shown nowhere', () => {
  const key = 'MFyfvK41ba2giqM7Uio6PznpdUKGpown';
  const target = { taskId: key, executionId: key };
  const error = apiError('No.', UNKNOWN);
  const task = taskResult({ target, outcome: 'failed', accepted: false, error });
  for (const tasks of [[task], [task, failedTask(key, 'No.', UNKNOWN)]]) {
    publish(tasks, { secrets: [key] });
    expect(runner.visible()).not.toContain(key);
    expect(runner.visible()).toContain('***');
  }
});
