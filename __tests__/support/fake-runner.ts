import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, jest } from '@jest/globals';
import fc from 'fast-check';
import { ApiError, NetworkError, type Operation } from '../../src/http/errors.ts';
import type { TaskResult } from '../../src/tasks/task-result.ts';
import { parseCommands, readOutputFile, readStateFile } from './runner-files.ts';

/** An annotation or another workflow command, as the runner shows it. */
export interface WorkflowCommand {
  readonly title: string | undefined;
  /** The lines of what it says. */
  readonly lines: readonly string[];
}

/** What a runner gives to code of the step that runs in this process, and sees of it. */
export class FakeRunner {
  readonly #folder = mkdtempSync(join(tmpdir(), 'step-'));
  /** `GITHUB_OUTPUT`. */
  readonly outputFile = join(this.#folder, 'output');
  /** `GITHUB_STATE`. */
  readonly stateFile = join(this.#folder, 'state');
  /** `GITHUB_STEP_SUMMARY`. */
  readonly summaryFile = join(this.#folder, 'summary');
  #printed = '';
  #variables: NodeJS.ProcessEnv = {};

  /** To be called once at the top of a test file: each test gets a fresh environment. */
  static forEachTest(): FakeRunner {
    const step = new FakeRunner();
    beforeEach(() => step.#begin());
    afterEach(() => step.#end());
    afterAll(() => rmSync(step.#folder, { recursive: true, force: true }));
    return step;
  }

  /** Sets inputs, by the names of action.yml, in place of all those that were set before. */
  inputs(inputs: Readonly<Record<string, string>>): void {
    for (const name of Object.keys(process.env)) {
      if (name.startsWith('INPUT_')) delete process.env[name];
    }
    for (const [name, value] of Object.entries(inputs)) {
      process.env[`INPUT_${name.toUpperCase()}`] = value;
    }
  }

  /** Sets a variable, or takes it away. */
  variable(name: string, value: string | undefined): void {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }

  /** Forgets what was printed and written so far: for the next case of a property. */
  clear(): void {
    this.#printed = '';
    rmSync(this.summaryFile, { recursive: true, force: true });
    for (const file of [this.outputFile, this.stateFile, this.summaryFile]) writeFileSync(file, '');
  }

  /** What was printed, as it was. */
  get printed(): string {
    return this.#printed;
  }

  /** What was printed, line by line. */
  get lines(): string[] {
    return this.#printed.split(/\r?\n/).slice(0, -1);
  }

  /** What was printed, without workflow commands. */
  get log(): string[] {
    return this.lines.filter((line) => !line.startsWith('::'));
  }

  /** The commands of a kind ('error', 'warning', 'add-mask', 'group', …), in order. */
  commands(kind: string): WorkflowCommand[] {
    return parseCommands(this.lines)
      .filter(({ name }) => name === kind)
      .map(({ properties, data }) => ({ title: properties['title'], lines: data.split('\n') }));
  }

  /** The outputs, as the runner reads them. */
  outputs(): Record<string, string> {
    return readOutputFile(readFileSync(this.outputFile, 'utf8'));
  }

  /** What is saved for `post`, as the runner reads it. */
  state(): Record<string, string> {
    return readStateFile(readFileSync(this.stateFile, 'utf8'));
  }

  summary(): string {
    return readFileSync(this.summaryFile, 'utf8');
  }

  /** Everything that a person or a later step gets to see: all but the masking of secrets. */
  visible(): string {
    return [
      ...this.lines.filter((line) => !line.startsWith('::add-mask::')),
      readFileSync(this.outputFile, 'utf8'),
      this.summary(),
    ].join('\n');
  }

  #begin(): void {
    this.#variables = { ...process.env };
    for (const name of Object.keys(process.env)) {
      if (/^(INPUT|STATE|GITHUB|RUNNER|ACTIONS|HUAWEI_CLOUD)_|_proxy$/i.test(name)) {
        delete process.env[name];
      }
    }
    this.clear();
    process.env['GITHUB_OUTPUT'] = this.outputFile;
    process.env['GITHUB_STATE'] = this.stateFile;
    process.env['GITHUB_STEP_SUMMARY'] = this.summaryFile;
    // A command that reached the log of the tests would be obeyed by the runner that runs them.
    jest.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
      this.#printed += chunk;
      return true;
    });
  }

  #end(): void {
    jest.restoreAllMocks();
    for (const name of Object.keys(process.env)) {
      if (!(name in this.#variables)) delete process.env[name];
    }
    Object.assign(process.env, this.#variables);
  }
}

type ErrorDetails = Partial<ConstructorParameters<typeof ApiError>[1]> & {
  /** The request that failed: a stop, unless it says otherwise. */
  readonly operation?: Operation;
};

/** A task whose stop request was accepted, but for what a test says otherwise. */
export function taskResult(
  different: Partial<TaskResult> & { readonly taskId?: string } = {},
): TaskResult {
  const { taskId = '0a1b', ...rest } = different;
  return {
    target: { taskId, executionId: undefined },
    outcome: 'stop-requested',
    statusCode: 200,
    requestId: '',
    attempts: 1,
    durationMs: 85,
    accepted: true,
    error: undefined,
    statusError: undefined,
    ...rest,
  };
}

/** A task that failed, with an error of the API. */
export function failedTask(
  taskId: string,
  message: string,
  details: ErrorDetails = {},
): TaskResult {
  const error = apiError(message, details);
  const { status: statusCode, requestId } = error;
  return taskResult({ taskId, outcome: 'failed', accepted: false, statusCode, requestId, error });
}

/** What the API returns when it rejects a request. */
export function apiError(
  message: string,
  { operation = 'stop', ...details }: ErrorDetails = {},
): ApiError {
  const error = new ApiError(message, { kind: 'rejected', status: 400, ...details });
  return error.within(operation, undefined);
}

/** What is known when there was no response. */
export function networkError(
  message: string,
  { operation = 'stop', ...details }: ErrorDetails = {},
): NetworkError {
  const error = new NetworkError(message, { kind: 'connection-reset', ...details });
  return error.within(operation, undefined);
}

/** Any code point, halves of characters included: fast-check's own 'binary' takes a second to make. */
const codePoint = fc
  .oneof(...[0x7f, 0xff, 0xffff, 0x10ffff].map((max) => fc.nat({ max })))
  .map((code) => String.fromCodePoint(code));

/** What the runner, a terminal, a browser or a reader could be misled by. */
const TRICKS = [
  '::error::',
  '::add-mask::a',
  '::stop-commands::x',
  '##[error]',
  '##',
  '[',
  ':',
  '\n',
  '\r',
  '\r\n',
  '\t',
  ' ',
  '\u0000',
  '\u001b[31m',
  '\u0085',
  '\u00a0',
  '\u2028',
  '\u2029',
  '\u202e',
  '\u200b',
  '\ufeff',
  '\ud800',
  '\udc00',
  '🛑',
  '网络繁忙',
  '%0A::error::',
  '%',
  '</code></td></tr></table>',
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '&lt;',
  '"',
  "'",
  '`',
  '|',
  '@octocat',
  '#1',
  '[a](https://example.com)',
  'ghadelimiter_',
];

/**
 * Text as it may come from outside: anything, and what is known to mislead.
 *
 * @param also strings that are to be found within it
 */
export function outsideText(...also: readonly string[]): fc.Arbitrary<string> {
  return fc
    .array(
      fc.oneof(
        { arbitrary: fc.constantFrom(...TRICKS, ...also), weight: 3 },
        { arbitrary: fc.string({ unit: codePoint, maxLength: 20 }), weight: 1 },
        {
          arbitrary: fc.constantFrom('a', 'é', '字', ...also).map((c) => c.repeat(299)),
          weight: 1,
        },
      ),
      { maxLength: 12 },
    )
    .map((parts) => parts.join(''));
}
