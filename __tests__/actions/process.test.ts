import { beforeEach, describe, expect, test } from '@jest/globals';
import { type HostProcess, run } from '../../src/actions/process.ts';
import type { ActionDeps } from '../../src/actions/stop.ts';
import { Report } from '../../src/report/report.ts';
import { Secrets } from '../../src/report/secrets.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeRunner, failedTask, taskResult } from '../support/fake-runner.ts';

const step = FakeRunner.forEachTest();

/** A process that remembers what it was told to do. */
class FakeProcess implements HostProcess {
  readonly done: string[] = [];
  readonly #listeners = new Map<string, (error: unknown) => void>();

  on(event: string, listener: (error: unknown) => void): void {
    this.#listeners.set(event, listener);
  }

  emit(event: string, error?: unknown): void {
    this.#listeners.get(event)?.(error);
  }

  exit(code: number): void {
    this.done.push(`exit ${code}`);
  }

  flush(done: () => void): void {
    this.done.push('flush');
    done();
  }
}

let host: FakeProcess;
let parts: ActionDeps;
beforeEach(() => {
  host = new FakeProcess();
  const secrets = new Secrets();
  parts = { clock: new FakeClock(), random: () => 0, secrets, report: new Report(secrets) };
});

const settled = () => new Promise((resolve) => setImmediate(resolve));

test.each([
  [true, 'exit 0'],
  [false, 'exit 1'],
])(
  'a step that comes to its end with %s ends the process, once all is printed: %s',
  async (good, exit) => {
    run(async () => good, parts, host);
    await settled();
    expect(host.done).toEqual(['flush', exit]);
    expect(step.printed).toBe('');
  },
);

test('the step gets the parts to work with', async () => {
  let given: ActionDeps | undefined;
  run(
    async (handed) => {
      given = handed;
      return true;
    },
    parts,
    host,
  );
  await settled();
  expect(given).toBe(parts);
});

describe('a step that breaks is reported, and fails', () => {
  test.each<[string, () => Promise<boolean>, (on: FakeProcess) => void, string]>([
    [
      'by an error of the step itself',
      () => Promise.reject(new TypeError('x is not a function')),
      () => undefined,
      'Unexpected error: x is not a function',
    ],
    [
      'by an error that nobody caught',
      () => new Promise(() => undefined),
      (on) => on.emit('uncaughtException', new Error('from a timer')),
      'Unexpected error: from a timer',
    ],
    [
      'by a promise that nobody waited for',
      () => new Promise(() => undefined),
      (on) => on.emit('unhandledRejection', 'no error at all'),
      'Unexpected error: no error at all',
    ],
    [
      'by a thing that has no text',
      () => new Promise(() => undefined),
      (on) => on.emit('uncaughtException', Object.create(null)),
      'Unexpected error: [Object: null prototype] {}',
    ],
    [
      'by nothing at all',
      () => Promise.reject(undefined),
      () => undefined,
      'Unexpected error: undefined',
    ],
    ...(['SIGINT', 'SIGTERM'] as const).map(
      (signal): [string, () => Promise<boolean>, (on: FakeProcess) => void, string] => [
        `by being cancelled with ${signal}`,
        () => new Promise(() => undefined),
        (on) => on.emit(signal),
        `The step was cancelled (${signal})`,
      ],
    ),
    [
      'by having nothing left to wait for',
      () => new Promise(() => undefined),
      (on) => on.emit('beforeExit'),
      'The process ran out of work before it was done',
    ],
  ])('%s', async (_, main, happen, message) => {
    parts.report.expect(['0a1b']);
    run(main, parts, host);
    happen(host);
    await settled();
    expect(host.done).toEqual(['flush', 'exit 1']);
    expect(step.commands('error').map(({ lines }) => lines)).toEqual([[message]]);
    expect(step.outputs()).toMatchObject({ outcome: 'failed', 'error-message': message });
    expect(JSON.parse(step.outputs()['results'] ?? '')).toMatchObject([
      { 'task-id': '0a1b', outcome: 'failed', 'error-message': message },
    ]);
  });
});

describe('what happens after the report', () => {
  test('changes nothing: a connection may still be reset', async () => {
    parts.report.add(taskResult());
    run(async () => true, parts, host);
    await settled();
    host.emit('uncaughtException', new Error('ECONNRESET'));
    host.emit('unhandledRejection', new Error('ECONNRESET'));
    host.emit('beforeExit');
    host.emit('SIGTERM');
    expect(host.done).toEqual(['flush', 'exit 0']);
    expect(step.printed).toBe('');
  });

  test('adds no second error to the one of the report', async () => {
    parts.report.add(failedTask('0a1b', 'Refused.'));
    run(
      async () => {
        parts.report.finish({ credential: undefined, notRunningSucceeds: false });
        throw new Error('while writing the summary');
      },
      parts,
      host,
    );
    await settled();
    expect(host.done).toEqual(['flush', 'exit 1']);
    expect(step.commands('error')).toHaveLength(1);
  });
});
