import { mkdirSync, rmSync } from 'node:fs';
import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Secrets } from '../../src/report/secrets.ts';
import { writeSummary } from '../../src/report/summary.ts';
import type { TaskResult } from '../../src/tasks/task-result.ts';
import {
  FakeRunner,
  failedTask,
  noAnswer,
  outsideText,
  refusal,
  taskResult,
} from '../support/fake-runner.ts';

const step = FakeRunner.forEachTest();
const SECRET = 's3cret&OfTheTests';
// https://docs.github.com/actions/reference/workflow-commands-for-github-actions#step-isolation-and-limits
const RUNNER_LIMIT = 1024 * 1024;

let secrets: Secrets;
beforeEach(() => {
  secrets = new Secrets();
  secrets.add(SECRET);
});

async function summaryOf(results: readonly TaskResult[]): Promise<string> {
  step.clear();
  await writeSummary(results, secrets);
  return step.summary();
}

/** The cells of each table, row by row, with what a browser shows of them. */
function tablesOf(html: string): string[][][] {
  return [...html.matchAll(/<table>(.*?)<\/table>/gs)].map(([, table = '']) =>
    [...table.matchAll(/<tr>(.*?)<\/tr>/gs)].map(([, row = '']) =>
      [...row.matchAll(/<(t[hd])>(.*?)<\/\1>/gs)].map(([, , cell = '']) => textOf(cell)),
    ),
  );
}

function textOf(html: string): string {
  return html
    .replace(/<\/?code>/g, '')
    .replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)));
}

const many = (count: number, outcome: 'failed' | 'stopped') =>
  Array.from({ length: count }, (_, index) =>
    taskResult({ taskId: `${outcome}-${index}`, outcome }),
  );

describe('the job summary', () => {
  test('has a headline and a table of the task', async () => {
    const html = await summaryOf([
      failedTask('0a1b', 'Network busy.', { code: 'CC.00000000', requestId: 'f00d' }),
    ]);
    expect(html).toMatch(/^<h3>Scan 0a1b was not stopped<\/h3>\r?\n<table>/);
    expect(tablesOf(html)).toEqual([
      [
        [
          'Task',
          'Outcome',
          'HTTP status',
          'What the API said',
          'Request ID',
          'Attempts',
          'Duration',
        ],
        ['0a1b', '❌ failed', '400', 'CC.00000000 Network busy.', 'f00d', '1', '85 ms'],
      ],
    ]);
  });

  test.each([
    ['stop-requested', '☑️ asked to stop'],
    ['stopped', '✅ stopped'],
    ['not-running', '⚪ not running'],
  ] as const)('says in words that a task is %s', async (outcome, words) => {
    const [table] = tablesOf(await summaryOf([taskResult({ outcome })]));
    expect(table?.[1]).toEqual(['0a1b', words, '200', ' ', ' ', '1', '85 ms']);
  });

  test('says that there was no answer', async () => {
    const failure = noAnswer('The host x was not found');
    const task = taskResult({ outcome: 'failed', statusCode: null, failure });
    const [table] = tablesOf(await summaryOf([task]));
    expect(table?.[1]?.slice(2, 4)).toEqual(['–', 'The host x was not found']);
  });

  test('says why a status could not be read', async () => {
    const statusError = refusal('Not allowed.', { code: 'PAP5.0001', status: 403 });
    const [table] = tablesOf(await summaryOf([taskResult({ statusError })]));
    expect(table?.[1]?.[3]).toBe('PAP5.0001 Not allowed.');
  });

  test('lists what failed first, and keeps the order otherwise', async () => {
    const html = await summaryOf([
      taskResult({ taskId: 'a' }),
      failedTask('b', 'No.'),
      taskResult({ taskId: 'c' }),
      failedTask('d', 'No.'),
    ]);
    expect(html).toContain('<h3>2 of 4 scans asked to stop, 2 failed</h3>');
    expect(tablesOf(html).map((table) => table.slice(1).map(([taskId]) => taskId))).toEqual([
      ['b', 'd', 'a', 'c'],
    ]);
    expect(html).not.toContain('<details>');
  });

  test('shows fifty tasks in the open', async () => {
    const html = await summaryOf(many(50, 'stopped'));
    expect(html).not.toContain('<details>');
    expect(tablesOf(html)[0]).toHaveLength(51);
  });

  test('folds away the others where there are more', async () => {
    const html = await summaryOf([...many(60, 'stopped'), ...many(2, 'failed')]);
    const [failed, others, ...more] = tablesOf(html);
    expect(failed?.slice(1).map(([taskId]) => taskId)).toEqual(['failed-0', 'failed-1']);
    expect(others).toHaveLength(61);
    expect(more).toEqual([]);
    expect(html).toMatch(/<\/table>\s*<details><summary>60 others<\/summary><table>/);
    expect(html).toMatch(/<\/table>\s*<\/details>\s*$/);
  });

  test('folds nothing away where all of many failed', async () => {
    const html = await summaryOf(many(51, 'failed'));
    expect(html).not.toContain('<details>');
    expect(tablesOf(html).map((table) => table.length)).toEqual([52]);
  });

  test('folds all away where none of many failed', async () => {
    const html = await summaryOf(many(51, 'stopped'));
    expect(html).toContain('<details><summary>51 others</summary>');
    expect(tablesOf(html).map((table) => table.length)).toEqual([52]);
  });

  test('holds nothing of one that could not be written', async () => {
    rmSync(step.summaryFile);
    mkdirSync(step.summaryFile);
    await expect(writeSummary([taskResult({ taskId: 'first' })], secrets)).rejects.toThrow(
      'EISDIR',
    );
    await expect(summaryOf([taskResult({ taskId: 'second' })])).resolves.not.toContain('first');
  });
});

describe('text from the API in the job summary', () => {
  test('is cut at what a table has room for', async () => {
    const [table] = tablesOf(await summaryOf([failedTask('0a1b', 'x'.repeat(5_000))]));
    expect(table?.[1]?.[3]).toBe(`${'x'.repeat(199)}…`);
  });

  test('is shown as it is, brings no markup, and no secret', async () => {
    await fc.assert(
      fc.asyncProperty(
        outsideText(SECRET),
        outsideText(SECRET),
        outsideText(SECRET),
        async (message, code, requestId) => {
          const html = await summaryOf([failedTask('0a1b', message, { code, requestId })]);
          const bare = html.replace(/<\/?(h3|table|tr|th|td|code)>/g, '');
          expect(bare).not.toMatch(/[<>"']/);
          expect(bare).not.toMatch(/&(?!#\d+;)/);
          expect(bare.replace(/\r?\n/g, '')).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
          const [table, ...more] = tablesOf(html);
          expect(more).toEqual([]);
          expect(table?.map((row) => row.length)).toEqual([7, 7]);
          expect(textOf(html)).not.toContain(SECRET);
          expect(textOf(html)).not.toContain(encodeURIComponent(SECRET));
        },
      ),
    );
  });

  test('is always within code, where a name is no mention and a number no link', async () => {
    const html = await summaryOf([
      failedTask('0a1b', '@octocat #1', { code: '@octocat', requestId: '@octocat' }),
    ]);
    expect(html.replace(/<code>.*?<\/code>/g, '')).not.toMatch(/[@#]/);
  });
});

describe('a thousand failed tasks', () => {
  test.each([
    ['markup, five bytes for each character', '&'],
    ['characters of three bytes', '网'],
    ['characters of four bytes', '🛑'],
    ['plain text', 'x'],
  ])('fit, with messages as long as can be: %s', async (_, character) => {
    const long = character.repeat(300);
    const tasks = Array.from({ length: 1000 }, (_, index) =>
      failedTask(`${index}`.padEnd(32, '_'), long, { code: long, requestId: long }),
    );
    const html = await summaryOf(tasks);
    expect(Buffer.byteLength(html)).toBeLessThan(RUNNER_LIMIT);
    const [table = []] = tablesOf(html);
    const listed = table.length - 1;
    expect(listed).toBeGreaterThan(300);
    expect(table[listed]?.[0]).toBe(`${listed - 1}`.padEnd(32, '_'));
    const more = /<p>and (\d+) more<\/p>/.exec(html);
    expect(Number(more?.[1] ?? 0)).toBe(1000 - listed);
  });

  test('leave others to be counted where there is no room for them', async () => {
    const long = '&'.repeat(300);
    const failed = Array.from({ length: 500 }, (_, index) =>
      failedTask(`f${index}`, long, { requestId: long }),
    );
    const html = await summaryOf([...failed, ...many(500, 'stopped')]);
    expect(Buffer.byteLength(html)).toBeLessThan(RUNNER_LIMIT);
    expect(html).toMatch(/<details><summary>500 others<\/summary>.*<p>and 500 more<\/p>/s);
  });
});

test('a secret that was given for a task ID too is not in it, nor in the headline', async () => {
  const key = 'MFyfvK41ba2giqM7Uio6PznpdUKGpown';
  secrets.add(key);
  const html = await summaryOf([failedTask(key, 'No such task.')]);
  expect(html).not.toContain(key);
  expect(html).toContain('<h3>Scan *** was not stopped</h3>');
  expect(tablesOf(html)[0]?.[1]?.[0]).toBe('***');
});
