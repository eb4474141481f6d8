import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { adviceOn } from '../../src/report/advice.ts';
import type { Problem } from '../../src/report/problem.ts';
import { Secrets } from '../../src/report/secrets.ts';
import { appendSummary, type SummaryTable, SummaryWriter } from '../../src/report/summary.ts';
import { FakeRunner, outsideText } from '../support/fake-runner.ts';
import { decodings, libraryForms } from './encodings.ts';

const runner = FakeRunner.forEachTest();
const SECRET = 's3cret&OfTheTests';
const DOCS = 'https://github.com/owner/repo/blob/v1/docs/troubleshooting.md';
// https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands#step-isolation-and-limits
const RUNNER_LIMIT = 1024 * 1024;

let writer: SummaryWriter;
beforeEach(() => {
  writer = newWriter();
});

function newWriter(docsUrl?: string): SummaryWriter {
  const secrets = new Secrets();
  secrets.add(SECRET);
  return new SummaryWriter(secrets, docsUrl);
}

function problem(different: Partial<Problem> = {}): Problem {
  return { headline: 'Could not stop', causes: ['No.'], advice: [], notes: [], ...different };
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

const tableOf = (...rows: SummaryTable['rows']): SummaryTable => ({
  folded: undefined,
  head: ['Task', 'Message'],
  rows,
});

test('a summary is appended to its file', () => {
  appendSummary(runner.summaryFile, 'one');
  appendSummary(runner.summaryFile, ' two');
  expect(runner.summary()).toBe('one two');
});

describe('the summary of one task', () => {
  test('has a heading and the details that are known', () => {
    const details = [
      ['Task', '0a1b'],
      ['Execution', ''],
      ['Attempts', '1'],
    ] as const;
    expect(writer.ofOne({ headline: 'Scan 0a1b stopped' }, details)).toBe(
      '<h3>Scan 0a1b stopped</h3>\n<table>\n<tr><td>Task</td><td><code>0a1b</code></td></tr>\n' +
        '<tr><td>Attempts</td><td><code>1</code></td></tr>\n</table>\n\n',
    );
  });

  test('has heading, causes, what to do, and details, in this order', () => {
    const html = writer.ofOne(
      problem({
        causes: ['One.', 'Two.'],
        notes: ['The stop may have happened.'],
        advice: [adviceOn('deadline'), adviceOn('throttled')],
        end: 'The scan may still be running.',
      }),
      [['Task', '0a1b']],
    );
    expect(html.split('\n')).toEqual([
      '<h3>Could not stop</h3>',
      '<p><code>One.</code></p>',
      '<p><code>Two.</code></p>',
      '<p><strong>What to do</strong></p>',
      '<ul>',
      '<li>The stop may have happened.</li>',
      '<li>Increase timeout-seconds.</li>',
      `<li>${adviceOn('throttled').text}</li>`,
      '</ul>',
      '<p>The scan may still be running.</p>',
      '<table>',
      '<tr><td>Task</td><td><code>0a1b</code></td></tr>',
      '</table>',
      '',
      '',
    ]);
  });

  test('has what remains to be said also if there is nothing to do', () => {
    expect(writer.ofOne(problem({ end: 'The scan may still be running.' }), [])).toBe(
      '<h3>Could not stop</h3>\n<p><code>No.</code></p>\n<p>The scan may still be running.</p>\n\n',
    );
    expect(writer.ofOne(problem(), [])).toBe(
      '<h3>Could not stop</h3>\n<p><code>No.</code></p>\n\n',
    );
  });

  test('links each advice to its entry, and has the same advice once', () => {
    const advice = [adviceOn('deadline'), adviceOn('deadline'), adviceOn('cancelled')];
    const html = newWriter(DOCS).ofOne(problem({ advice }), []);
    expect(html.match(/<li>.*<\/li>/g)).toEqual([
      `<li>Increase timeout-seconds. <a href="${DOCS}#deadline">Troubleshooting</a></li>`,
      `<li>${adviceOn('cancelled').text} <a href="${DOCS}#cancelled">Troubleshooting</a></li>`,
    ]);
  });

  test('has no secret in a link', () => {
    const html = newWriter(`https://github.com/${SECRET}/repo`).ofOne(
      problem({ advice: [adviceOn('deadline')] }),
      [],
    );
    expect(html).toContain('<a href="https://github.com/***/repo#deadline">');
  });

  test('has messages whole, up to a length that a page has room for', () => {
    const html = writer.ofOne(problem({ causes: ['x'.repeat(1_500), 'y'.repeat(5_000)] }), [
      ['Request ID', 'z'.repeat(5_000)],
    ]);
    expect(html).toContain(`<code>${'x'.repeat(1_500)}</code>`);
    expect(html).toContain(`<code>${'y'.repeat(1_999)}…</code>`);
    expect(html).toContain(`<code>${'z'.repeat(299)}…</code>`);
  });
});

describe('the summary of several tasks', () => {
  test('has the tables below the heading, and what to do below them', () => {
    const html = writer.ofSeveral(problem({ advice: [adviceOn('deadline')], causes: ['a: No.'] }), [
      tableOf([{ code: 'a' }, { code: '' }], [{ code: 'b' }, 'text & more']),
      { ...tableOf([{ code: 'c' }, 'x']), folded: '1 <other>' },
    ]);
    expect(html.split('\n')).toEqual([
      '<h3>Could not stop</h3>',
      '<table>',
      '<tr><th>Task</th><th>Message</th></tr>',
      '<tr><td><code>a</code></td><td> </td></tr>',
      '<tr><td><code>b</code></td><td>text &#38; more</td></tr>',
      '</table>',
      '<details><summary>1 &#60;other&#62;</summary>',
      '<table>',
      '<tr><th>Task</th><th>Message</th></tr>',
      '<tr><td><code>c</code></td><td>x</td></tr>',
      '</table>',
      '</details>',
      '<p><strong>What to do</strong></p>',
      '<ul>',
      '<li>Increase timeout-seconds.</li>',
      '</ul>',
      '',
      '',
    ]);
  });

  test('is cut at what a table has room for', () => {
    const html = writer.ofSeveral({ headline: 'x' }, [tableOf([{ code: 'x'.repeat(5_000) }])]);
    expect(tablesOf(html)[0]?.[1]).toEqual([`${'x'.repeat(299)}…`]);
  });
});

describe('text from outside in a summary', () => {
  const text = fc
    .array(fc.oneof(fc.constantFrom(...libraryForms(SECRET)), outsideText()), { maxLength: 4 })
    .map((parts) => parts.join(''));

  test('is shown as it is, brings no markup, and no secret', () => {
    fc.assert(
      fc.property(text, text, text, (headline, message, requestId) => {
        const story = problem({
          headline,
          causes: [message],
          notes: [requestId],
          advice: [{ topic: 'busy', text: message }],
          end: headline,
        });
        const cells = [{ code: message }, { code: requestId }];
        const one = newWriter(DOCS).ofOne(story, [
          ['Message', message],
          ['Request ID', requestId],
        ]);
        const several = newWriter(DOCS).ofSeveral(story, [
          tableOf(cells),
          { ...tableOf(cells), folded: '1 other' },
        ]);
        for (const html of [one, several]) {
          const bare = html
            .replace(/<\/?(h3|p|ul|li|strong|table|tr|th|td|code|details|summary)>/g, '')
            .replaceAll(`<a href="${DOCS}#busy">Troubleshooting</a>`, '');
          expect(bare).not.toMatch(/[<>"']/);
          expect(bare).not.toMatch(/&(?!#\d+;)/);
          expect(bare.replace(/\n/g, '')).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
          // A blank line ends HTML within Markdown: what follows it would be markup.
          expect(html.indexOf('\n\n')).toBe(html.length - 2);
          for (const decoded of decodings(textOf(html))) expect(decoded).not.toContain(SECRET);
        }
        expect(tablesOf(several).map((table) => table.map((row) => row.length))).toEqual([
          [2, 2],
          [2, 2],
        ]);
      }),
    );
  });

  test('is within code, where a name is no mention and a number no link', () => {
    const html = writer.ofOne(problem({ causes: ['@octocat #1'] }), [
      ['Request ID', '@octocat #1'],
    ]);
    expect(html.replace(/<code>.*?<\/code>/g, '')).not.toMatch(/[@#]/);
  });

  test('is an empty cell if nothing of it can be shown', () => {
    const html = writer.ofSeveral({ headline: 'x' }, [tableOf([{ code: '\u0000\u200b' }])]);
    expect(tablesOf(html)[0]?.[1]).toEqual([' ']);
  });
});

describe('a thousand tasks', () => {
  test.each([
    ['markup, five bytes for each character', '&'],
    ['characters of three bytes', '网'],
    ['characters of four bytes', '🛑'],
    ['plain text', 'x'],
  ])('fit, with messages as long as can be: %s', (_, character) => {
    const long = { code: character.repeat(300) };
    const rows = Array.from({ length: 1000 }, (_, index) => [
      { code: `${index}`.padEnd(32, '_') },
      long,
      '85 ms',
    ]);
    const advice = Array.from({ length: 10 }, () => ({
      topic: 'busy' as const,
      text: character.repeat(2_000),
    }));
    for (const story of [{ headline: 'x' }, problem({ advice })]) {
      const html = writer.ofSeveral(story, [tableOf(...rows)]);
      expect(Buffer.byteLength(html)).toBeLessThan(RUNNER_LIMIT);
      const [table = []] = tablesOf(html);
      const listed = table.length - 1;
      expect(listed).toBeGreaterThan(600);
      expect(table[listed]?.[0]).toBe(`${listed - 1}`.padEnd(32, '_'));
      const more = /<p>and (\d+) more<\/p>/.exec(html);
      expect(Number(more?.[1] ?? 0)).toBe(1000 - listed);
    }
  });

  test('are all listed if there is room for them', () => {
    const rows = Array.from({ length: 1000 }, (_, index) => [
      { code: `${index}` },
      { code: 'x'.repeat(300) },
    ]);
    const html = writer.ofSeveral({ headline: 'x' }, [tableOf(...rows)]);
    expect(tablesOf(html)[0]).toHaveLength(1001);
    expect(html).not.toContain(' more</p>');
  });

  test('leave a second table to be counted if there is no room for it', () => {
    const failed = Array.from({ length: 700 }, () => [{ code: '&'.repeat(300) }]);
    const others = Array.from({ length: 300 }, () => [{ code: 'x' }]);
    const html = writer.ofSeveral(problem({ advice: [adviceOn('busy')] }), [
      tableOf(...failed),
      { ...tableOf(...others), folded: '300 others' },
    ]);
    expect(Buffer.byteLength(html)).toBeLessThan(RUNNER_LIMIT);
    const [, folded = ''] = html.split('<details><summary>300 others</summary>');
    const [table = []] = tablesOf(folded);
    const more = /<p>and (\d+) more<\/p>\n<\/details>/.exec(folded)?.[1];
    expect(Number(more)).toBeGreaterThan(250);
    expect(Number(more) + table.length - 1).toBe(300);
    expect(html.endsWith('</ul>\n\n')).toBe(true);
  });
});
