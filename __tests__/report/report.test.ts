import { mkdirSync, rmSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { adviceOn, TOPICS } from '../../src/report/advice.ts';
import { START_OUTPUTS, STOP_OUTPUTS } from '../../src/report/outputs.ts';
import type { Problem } from '../../src/report/problem.ts';
import { Report, type ReportDeps } from '../../src/report/report.ts';
import { Secrets } from '../../src/report/secrets.ts';
import { FakeRunner, outsideText } from '../support/fake-runner.ts';

const runner = FakeRunner.forEachTest();

const SECRET = 's3cretOfTheTests';
const TITLE = 'Stop CodeArts Check Task';
const DOCS = 'https://github.com/owner/repo/blob/v1/docs/troubleshooting.md';
// The runner cuts an annotation here.
const RUNNER_LIMIT = 4_096;

function newReport(different: Partial<ReportDeps> = {}): Report {
  const secrets = new Secrets();
  secrets.add(SECRET);
  runner.clear();
  return new Report({
    secrets,
    title: TITLE,
    emptyOutputs: STOP_OUTPUTS,
    summaryFile: runner.summaryFile,
    docsUrl: undefined,
    ...different,
  });
}

function problem(different: Partial<Problem> = {}): Problem {
  return { headline: 'Could not stop', causes: ['No.'], advice: [], notes: [], ...different };
}

/** The lines of the only error. */
function errorLines(): readonly string[] {
  const [error, ...more] = runner.commands('error');
  expect(more).toEqual([]);
  expect(error?.title).toBe(TITLE);
  return error?.lines ?? [];
}

describe('the error annotation', () => {
  test('has one cause beside the headline', () => {
    newReport().fail(problem({ causes: ['No. (HTTP 400)'] }));
    expect(errorLines()).toEqual(['Could not stop: No. (HTTP 400)']);
  });

  test('has several causes below it', () => {
    newReport().fail(problem({ causes: ['a: No.', 'b: No.'] }));
    expect(errorLines()).toEqual(['Could not stop', 'a: No.', 'b: No.']);
  });

  test('has notes, then advice, then where there is more, and what remains to be said', () => {
    const advice = [adviceOn('deadline'), adviceOn('throttled')];
    const notes = ['The step ended early.', 'The stop may have happened.'];
    newReport({ docsUrl: DOCS }).fail(problem({ advice, notes, end: 'Scan X may be running.' }));
    expect(errorLines()).toEqual([
      'Could not stop: No.',
      ...notes,
      ...advice.map(({ text }) => text),
      `${DOCS}#deadline`,
      `${DOCS}#throttled`,
      'Scan X may be running.',
    ]);
  });

  test('ends with the link to the entry that helps', () => {
    newReport({ docsUrl: DOCS }).fail(problem({ advice: [adviceOn('task-id')] }));
    expect(errorLines().at(-1)).toBe(`${DOCS}#task-id`);
  });

  test('has the same advice and the same link once', () => {
    const advice = [
      adviceOn('deadline'),
      adviceOn('deadline'),
      { topic: 'deadline' as const, text: 'Another text.' },
    ];
    newReport({ docsUrl: DOCS }).fail(problem({ advice }));
    expect(errorLines()).toEqual([
      'Could not stop: No.',
      'Increase timeout-seconds.',
      'Another text.',
      `${DOCS}#deadline`,
    ]);
  });

  test('keeps the advice, however long the causes are', () => {
    const causes = Array.from({ length: 10 }, () => 'x'.repeat(999));
    const advice = [adviceOn('wrong-host')];
    newReport({ docsUrl: DOCS }).fail(problem({ causes, advice, end: 'The end.' }));
    const lines = errorLines();
    expect(lines.join('\n').length).toBeLessThanOrEqual(RUNNER_LIMIT);
    expect(lines.slice(-3)).toEqual([advice[0]?.text, `${DOCS}#wrong-host`, 'The end.']);
    expect(lines.at(-4)?.endsWith('…')).toBe(true);
  });

  test('keeps a line of causes, however much advice there is', () => {
    const causes = Array.from({ length: 10 }, (_, index) => `${index}${'x'.repeat(999)}`);
    const advice = [...TOPICS, ...TOPICS].map((topic) => adviceOn(topic));
    newReport({ docsUrl: DOCS }).fail(
      problem({ causes, advice, notes: ['A note.'], end: 'The end.' }),
    );
    const lines = errorLines();
    expect(lines.join('\n').length).toBeLessThanOrEqual(RUNNER_LIMIT);
    expect(lines[0]).toBe('Could not stop');
    expect(lines[1]?.length).toBeGreaterThan(900);
    const note = lines.indexOf('A note.');
    const links = lines.filter((line) => line.startsWith(DOCS));
    // The most important advice is what is kept, each with its link.
    expect(links.length).toBeGreaterThan(5);
    const kept = advice.slice(0, links.length);
    expect(links).toEqual(kept.map(({ topic }) => `${DOCS}#${topic}`));
    expect(lines.slice(note + 1)).toEqual([
      ...new Set(kept.map(({ text }) => text)),
      ...links,
      'The end.',
    ]);
  });

  test('keeps all the advice that there is room for', () => {
    const advice = TOPICS.slice(0, 8).map((topic) => adviceOn(topic));
    newReport({ docsUrl: DOCS }).fail(problem({ causes: ['x'.repeat(500)], advice }));
    const lines = errorLines();
    expect(lines.filter((line) => line.startsWith(DOCS))).toHaveLength(8);
    expect(lines[0]).toBe(`Could not stop: ${'x'.repeat(500)}`);
  });

  test('is never longer than the runner accepts, and never without its first line', () => {
    const text = fc.nat({ max: 1_500 }).map((length) => 'y'.repeat(length));
    const topics = fc.array(fc.constantFrom(...TOPICS), { maxLength: 45 });
    fc.assert(
      fc.property(fc.array(text, { maxLength: 12 }), topics, text, (causes, chosen, end) => {
        const report = newReport({ docsUrl: DOCS });
        const advice = chosen.map((topic) => adviceOn(topic));
        report.fail(problem({ causes, advice, notes: [end, 'A note.'], end }));
        const lines = errorLines();
        expect(lines.join('\n').length).toBeLessThanOrEqual(4_000);
        expect(lines[0]?.startsWith('Could not stop')).toBe(true);
        expect(lines).toContain('A note.');
        const shown = end.length > 1_000 ? `${end.slice(0, 999)}…` : end;
        if (end !== '') expect(lines.at(-1)).toBe(shown);
        const [first] = advice;
        if (first !== undefined) expect(lines).toContain(first.text);
      }),
    );
  });
});

test('a warning has its message, what to do, and where there is more', () => {
  newReport({ docsUrl: DOCS }).warn(`The status of\n${SECRET} is unknown`, [
    adviceOn('permission'),
    adviceOn('permission'),
  ]);
  expect(runner.commands('warning')).toEqual([
    {
      title: TITLE,
      lines: ['The status of *** is unknown', adviceOn('permission').text, `${DOCS}#permission`],
    },
  ]);
  expect(runner.commands('error')).toEqual([]);
});

describe('an error before there is anything to tell of a task', () => {
  const INVALID = problem({
    headline: 'Invalid input',
    causes: [`wait must be true or false, not '${SECRET}'`],
    advice: [adviceOn('invalid-input')],
  });

  test('is in the annotation, the outputs and the summary', () => {
    newReport({ docsUrl: DOCS }).failEarly(INVALID);
    expect(errorLines()).toEqual([
      "Invalid input: wait must be true or false, not '***'",
      'Correct the input. Nothing was sent.',
      `${DOCS}#invalid-input`,
    ]);
    expect(runner.outputs()).toEqual({
      outcome: 'failed',
      'status-code': '',
      'error-code': '',
      'error-message': "wait must be true or false, not '***'",
      'request-id': '',
      results: '[]',
    });
    expect(runner.summary().split('\n')).toEqual([
      '<h3>Invalid input</h3>',
      '<p><code>wait must be true or false, not &#39;***&#39;</code></p>',
      '<p><strong>What to do</strong></p>',
      '<ul>',
      `<li>Correct the input. Nothing was sent. <a href="${DOCS}#invalid-input">Troubleshooting</a></li>`,
      '</ul>',
      '',
      '',
    ]);
  });

  test('sets no output of an action that has none', () => {
    runner.variable('GITHUB_OUTPUT', '/nowhere/output');
    newReport({ emptyOutputs: {} }).failEarly(INVALID);
    expect(errorLines()).toHaveLength(2);
    expect(runner.commands('warning')).toEqual([]);
    expect(runner.outputs()).toEqual({});
  });

  test('comes before the outputs that could not be set', () => {
    runner.variable('GITHUB_OUTPUT', `${runner.outputFile}-missing`);
    newReport().failEarly(INVALID);
    expect(runner.lines.map((line) => line.replace(/ .*/, ''))).toEqual(['::error', '::warning']);
    expect(errorLines()[0]).toContain('wait must be true or false');
    expect(runner.commands('warning')).toEqual([
      {
        title: TITLE,
        lines: [expect.stringMatching(/^The outputs could not be set: Missing file/)],
      },
    ]);
  });
});

describe('outputs', () => {
  test('are those that the action has', () => {
    const report = newReport({ emptyOutputs: START_OUTPUTS });
    report.setOutputs({ 'execution-id': 'e1', results: '[]' });
    expect(runner.outputs()).toEqual({ 'execution-id': 'e1' });
    expect(report.finish()).toBe(true);
    expect(runner.printed).toBe('');
  });

  test('that could not be set fail a step that nothing else failed', () => {
    runner.variable('GITHUB_OUTPUT', `${runner.outputFile}-missing`);
    const report = newReport();
    report.setOutputs({ outcome: 'stopped' });
    expect(runner.printed).toBe('');
    expect(report.finish()).toBe(false);
    expect(errorLines()).toEqual([
      expect.stringMatching(/^The outputs could not be set: Missing file at path/),
    ]);
  });

  test('that could not be set are a warning after an error: never instead of it', () => {
    runner.variable('GITHUB_OUTPUT', `${runner.outputFile}-missing`);
    const report = newReport();
    report.setOutputs({ outcome: 'failed', 'error-code': 'CC.1' });
    report.fail(problem());
    expect(report.finish()).toBe(false);
    expect(errorLines()).toEqual(['Could not stop: No.']);
    expect(runner.commands('warning')).toHaveLength(1);
  });

  test('have no secret and no control character in the error about them', () => {
    runner.variable('GITHUB_OUTPUT', `/nowhere/${SECRET}/\u001b[31m`);
    const report = newReport();
    report.setOutputs({ outcome: 'stopped' });
    report.finish();
    expect(errorLines()).toEqual([
      'The outputs could not be set: Missing file at path: /nowhere/***/ [31m',
    ]);
  });
});

describe('an error that nobody expected', () => {
  test('is in the annotation and the outputs', () => {
    newReport().failUnexpectedly('The step was cancelled (SIGINT)', {});
    expect(errorLines()).toEqual(['The step was cancelled (SIGINT)']);
    expect(runner.outputs()).toEqual({
      outcome: 'failed',
      'status-code': '',
      'error-code': '',
      'error-message': 'The step was cancelled (SIGINT)',
      'request-id': '',
      results: '[]',
    });
  });

  test('leaves the outputs that are known', () => {
    const report = newReport({ emptyOutputs: START_OUTPUTS });
    report.setOutputs({ 'execution-id': 'e1' });
    report.failUnexpectedly('Unexpected error: x', { 'request-id': 'r1' });
    expect(runner.outputs()).toEqual({
      'execution-id': 'e1',
      outcome: 'failed',
      'error-code': '',
      'error-message': 'Unexpected error: x',
      'request-id': 'r1',
    });
  });

  test('is reported also if the outputs cannot be written', () => {
    runner.variable('GITHUB_OUTPUT', `${runner.outputFile}-missing`);
    newReport().failUnexpectedly('Unexpected error: x', {});
    expect(errorLines()).toEqual(['Unexpected error: x']);
    expect(runner.commands('warning')).toHaveLength(1);
  });

  test('adds no second error to one that has been reported', () => {
    const report = newReport();
    report.fail(problem());
    report.failUnexpectedly('Unexpected error: afterwards', {});
    expect(errorLines()).toEqual(['Could not stop: No.']);
    report.failUnexpectedly('Unexpected error: once more', {});
    expect(errorLines()).toHaveLength(1);
  });

  test('is one line, not too long, and without a secret', () => {
    newReport().failUnexpectedly(
      `Unexpected error: {\n  a: '${SECRET}'\n}${'x'.repeat(2_000)}`,
      {},
    );
    const [line = '', ...more] = errorLines();
    expect(more).toEqual([]);
    expect(line).toMatch(/^Unexpected error: \{ {3}a: '\*\*\*' \}x+…$/);
    expect(line).toHaveLength(1_000);
    expect(runner.visible()).not.toContain(SECRET);
  });
});

describe('the job summary', () => {
  test('is appended to what is there', () => {
    const report = newReport();
    report.summarize({ headline: 'One' }, [['Task', 'a']]);
    report.summarizeAll({ headline: 'Two' }, []);
    expect(runner.summary()).toBe(
      '<h3>One</h3>\n<table>\n<tr><td>Task</td><td><code>a</code></td></tr>\n</table>\n\n<h3>Two</h3>\n\n',
    );
    expect(runner.printed).toBe('');
  });

  test('is left out on a runner without one', () => {
    const report = newReport({ summaryFile: undefined });
    report.summarize({ headline: 'One' }, []);
    report.summarizeAll({ headline: 'Two' }, []);
    expect([runner.summary(), runner.printed]).toEqual(['', '']);
  });

  test('is a warning if it cannot be written, and fails nothing', () => {
    const report = newReport();
    rmSync(runner.summaryFile);
    mkdirSync(runner.summaryFile);
    report.summarize({ headline: 'One' }, []);
    expect(runner.commands('warning')).toEqual([
      {
        title: TITLE,
        lines: [expect.stringMatching(/^The job summary could not be written: E[A-Z]+: ./)],
      },
    ]);
    expect(runner.commands('error')).toEqual([]);
    expect(report.finish()).toBe(true);
  });
});

test('every text of a problem may come from outside', () => {
  const text = outsideText(SECRET, encodeURIComponent(SECRET));
  fc.assert(
    fc.property(text, text, text, text, (headline, cause, note, end) => {
      const report = newReport({ docsUrl: DOCS });
      const advice = [adviceOn('cancelled'), { topic: 'busy' as const, text: note }];
      const whole = { headline, causes: [cause, end], notes: [note], end, advice };
      report.fail(whole);
      report.warn(cause, advice);
      report.failEarly({ ...whole, causes: [cause] });
      report.failUnexpectedly(cause, {});
      const shown = [...runner.commands('error'), ...runner.commands('warning')];
      expect(shown.map(({ title }) => title)).toEqual([TITLE, TITLE, TITLE]);
      for (const line of shown.flatMap(({ lines }) => lines)) {
        expect(line).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
        expect(line).not.toMatch(/^\s*::|##\[/);
      }
      for (const line of runner.lines) expect(line).toMatch(/^::(error|warning) title=/);
      expect(runner.visible()).not.toContain(SECRET);
    }),
  );
});
