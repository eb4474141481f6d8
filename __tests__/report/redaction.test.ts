import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Attempt } from '../../src/http/client.ts';
import { InputError } from '../../src/inputs/input-error.ts';
import { type AdviceContext, adviceOn } from '../../src/report/advice.ts';
import { Log } from '../../src/report/log.ts';
import { STOP_OUTPUTS } from '../../src/report/outputs.ts';
import { Report } from '../../src/report/report.ts';
import { Secrets } from '../../src/report/secrets.ts';
import { StopReport } from '../../src/report/stop-report.ts';
import { apiError, FakeRunner, outsideText, taskResult } from '../support/fake-runner.ts';
import { decodings, libraryForms, percentEncoded, secretText } from './encodings.ts';

const runner = FakeRunner.forEachTest();

const DOCS = 'https://github.com/owner/repo/blob/v1/docs/troubleshooting.md';
const context: AdviceContext = {
  credentialHint: 'Obtain a new one.',
  ifNotRunning: 'fail',
  newestHost: 'codearts-check.cn-north-4.myhuaweicloud.com',
};

interface Said {
  readonly message: string;
  readonly code: string;
  readonly requestId: string;
}

/** Reports tasks whose errors the API brings, and an invalid input, in every place there is. */
function reportAll(values: readonly string[], said: readonly Said[]): void {
  const secrets = new Secrets();
  for (const value of values) secrets.add(value);
  runner.clear();
  const log = new Log(secrets);
  const report = new Report({
    secrets,
    title: 'Stop CodeArts Check Task',
    emptyOutputs: STOP_OUTPUTS,
    summaryFile: runner.summaryFile,
    docsUrl: DOCS,
  });
  const results = said.flatMap(({ message, code, requestId }, index) => {
    const error = apiError(message, { code, requestId });
    const target = { taskId: `t${index}`, executionId: undefined };
    return [
      taskResult({ target, outcome: 'failed', accepted: false, requestId, error }),
      taskResult({ target, requestId, statusError: error }),
    ];
  });
  const tasks = new StopReport(
    report,
    results.map(({ target }) => target),
  );
  for (const [index, result] of results.entries()) {
    const { error = result.statusError } = result;
    const attempt: Attempt = {
      request: {
        method: 'POST',
        url: new URL(`https://check.example.com/?a=${encodeURIComponent(values.join(' '))}`),
        headers: {},
        body: '',
      },
      number: 1,
      status: 400,
      durationMs: 85,
      error,
      nextInMs: 5,
    };
    for (const logger of [log.onlyTask(), log.oneOfSeveral(result.target, true)]) {
      logger.line(error?.message ?? '');
      logger.attempt(attempt);
      logger.accepted();
      logger.end(result);
    }
    tasks.add(index, result);
  }
  tasks.publish(context, said[0]?.message);
  const [first] = said;
  report.failEarly({
    headline: 'Invalid input',
    causes: [new InputError('wait', 'must be true or false', first?.message).message],
    advice: [adviceOn('invalid-input')],
    notes: [],
  });
  report.failUnexpectedly(first?.code ?? '', {});
}

/** What each reader sees: the log, annotations, outputs, their JSON, and the summary. */
function everythingShown(): readonly string[] {
  const outputs = Object.values(runner.outputs());
  const commands = ['error', 'warning', 'group', 'endgroup'].flatMap((kind) =>
    runner.commands(kind).flatMap(({ title = '', lines }) => [title, lines.join('\n')]),
  );
  return [
    ...runner.log,
    ...commands,
    ...outputs,
    ...outputs.flatMap((value) => textsIn(value)),
    runner.summary().replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code))),
  ];
}

function textsIn(output: string): string[] {
  if (!output.startsWith('[')) return [];
  const rows: Record<string, unknown>[] = JSON.parse(output);
  return rows.flatMap((row) => Object.values(row).map(String));
}

const said = (text: fc.Arbitrary<string>): fc.Arbitrary<Said[]> =>
  fc.array(fc.record({ message: text, code: text, requestId: text }), {
    minLength: 1,
    maxLength: 3,
  });

describe('no secret is shown to anybody', () => {
  const anywhere = (secret: string, forms: fc.Arbitrary<string>) =>
    fc
      .array(fc.oneof(forms, outsideText(), fc.constant(secret)), { maxLength: 4 })
      .map((parts) => parts.join(''));

  test('in any percent-encoding, wherever the API returns it, and wherever it is cut', () => {
    const cases = secretText.chain((secret) =>
      fc.tuple(
        fc.constant(secret),
        said(
          anywhere(
            secret,
            fc.oneof(percentEncoded(secret), fc.constantFrom(...libraryForms(secret))),
          ),
        ),
      ),
    );
    fc.assert(
      fc.property(cases, ([secret, all]) => {
        reportAll([secret], all);
        for (const text of everythingShown()) {
          for (const decoded of decodings(text)) expect(decoded).not.toContain(secret);
        }
      }),
      { numRuns: 100 },
    );
  });

  // Each limit of a length, and one more or less.
  test.each([299, 300, 301, 999, 1_000, 1_001, 1_999, 2_000, 2_001, 3_999, 4_000])(
    'not in part either, if it begins shortly before character %d',
    (place) => {
      const secret = 'MIIEpAIBAAKCAQEA0123456789+/='.repeat(5);
      for (const form of libraryForms(secret)) {
        const said = [1, 9].map((before) => `${'z'.repeat(place - before)}${form} is not valid`);
        reportAll(
          [secret],
          said.map((text) => ({ message: text, code: text, requestId: text })),
        );
        for (const shown of everythingShown()) expect(shown).not.toMatch(/MI|pAIB|%2B|3D/i);
      }
    },
  );

  test('a token of 100,000 characters in a response of 64 KiB', () => {
    const token = 'MIIEpAIBAAKCAQEA0123456789'.repeat(4_000).slice(0, 100_000);
    const half = token.slice(0, 30_000);
    const message = `${half} ${encodeURIComponent(half)}`;
    reportAll([token, half], [{ message, code: half, requestId: half }]);
    for (const shown of everythingShown()) expect(shown).not.toContain('MIIE');
  });
});

test('nothing that the API returns is a command, markup or a control character', () => {
  fc.assert(
    fc.property(said(outsideText('::add-mask::x', '</code><img src=x>')), (all) => {
      reportAll([], all);
      for (const line of runner.lines) {
        expect(line).not.toContain('##[');
        if (!line.startsWith('::')) expect(line).not.toMatch(/^\s*::/);
        else expect(line).toMatch(/^::(group|endgroup|error title=|warning title=)/);
        expect(line).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
      }
      const bare = runner
        .summary()
        .replace(/<\/?(h3|p|ul|li|strong|table|tr|th|td|code)>/g, '')
        .replace(/<a href="https:\/\/github\.com\/[\w./-]+#[\w-]+">Troubleshooting<\/a>/g, '');
      expect(bare).not.toMatch(/[<>"']/);
      for (const value of Object.values(runner.outputs())) {
        expect(value).not.toMatch(/[^\P{Cc}\t\r\n]/u);
      }
    }),
    { numRuns: 50 },
  );
});
