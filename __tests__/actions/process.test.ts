import { beforeEach, describe, expect, test } from '@jest/globals';
import { type HostProcess, type Lifecycle, runAction } from '../../src/actions/process.ts';
import type { RequestError } from '../../src/http/errors.ts';
import { Deadline } from '../../src/time.ts';
import { FakeClock } from '../support/fake-clock.ts';

/** A process that notes how it ends. */
class FakeProcess implements HostProcess {
  readonly ends: string[] = [];
  readonly early: string[] = [];
  pendingLookup = false;
  flushes = true;
  closeLog = (): void => undefined;
  readonly #listeners = new Map<string, (error: unknown) => void>();

  on(event: string, listener: (error: unknown) => void): void {
    this.#listeners.set(event, listener);
  }

  onClosedLog(listener: () => void): void {
    this.closeLog = listener;
  }

  flush(done: () => void): void {
    if (this.flushes) done();
  }

  hasPendingLookup(): boolean {
    return this.pendingLookup;
  }

  exit(code: number): void {
    this.ends.push(`exit ${code}`);
  }

  kill(): void {
    this.ends.push('kill');
  }

  reportEarly({ message }: RequestError): void {
    this.early.push(message);
  }

  emit(event: string, error?: unknown): void {
    this.#listeners.get(event)?.(error);
  }
}

let host: FakeProcess;
let clock: FakeClock;
let deadline: Deadline;
let reported: string[];

beforeEach(() => {
  host = new FakeProcess();
  clock = new FakeClock({ autoUpToMs: 0 });
  deadline = new Deadline(60, clock);
  reported = [];
});

/** Starts an action that ends when it is told to. @param watches whether it watches its deadline */
function start({ watches = true } = {}) {
  const action = Promise.withResolvers<boolean>();
  let lifecycle: Lifecycle | undefined;
  runAction(
    (handed) => {
      lifecycle = handed;
      if (watches) handed.watch(deadline, ({ message }) => reported.push(message));
      return action.promise;
    },
    host,
    clock,
  );
  const settle = async (end: () => void) => {
    end();
    await clock.advance(0);
  };
  return {
    lifecycle: lifecycle as Lifecycle,
    succeed: () => settle(() => action.resolve(true)),
    fail: () => settle(() => action.resolve(false)),
    reject: (error: unknown) => settle(() => action.reject(error)),
  };
}

test.each([
  ['succeeds', 'exit 0'],
  ['fails', 'exit 1'],
])('an action that %s ends the process with %s', async (how, end) => {
  const action = start();
  await (how === 'fails' ? action.fail() : action.succeed());
  expect(host.ends).toEqual([end]);
  expect(reported).toEqual([]);
});

test('an action that throws is reported once', async () => {
  await start().reject(new TypeError('x is not a function'));
  expect(reported).toEqual(['Unexpected error: x is not a function']);
  expect(host.ends).toEqual(['exit 1']);
});

test('a report that throws still ends the process', async () => {
  const action = start({ watches: false });
  action.lifecycle.watch(deadline, () => {
    throw new Error('no log');
  });
  deadline.interrupt('the step was cancelled (SIGTERM)');
  await clock.advance(600);
  expect(host.ends).toEqual(['exit 1']);
});

const REASONS: [string, unknown, string][] = [
  ['SIGINT', undefined, 'the step was cancelled (SIGINT)'],
  ['SIGTERM', undefined, 'the step was cancelled (SIGTERM)'],
  ['SIGBREAK', undefined, 'the step was cancelled (SIGBREAK)'],
  ['uncaughtException', new Error('a'), 'an unexpected error occurred: a'],
  ['unhandledRejection', 'b', 'an unexpected error occurred: b'],
];

describe.each(REASONS)('%s', (event, error, reason) => {
  test('interrupts the deadline, once, and the action comes to its own end', async () => {
    const action = start();
    host.emit(event, error);
    host.emit('SIGTERM');
    expect(deadline.interruption).toBe(reason);
    expect(host.ends).toEqual([]);
    await action.fail();
    expect(host.ends).toEqual(['exit 1']);
    expect(reported).toEqual([]);
  });

  test('before there is a deadline, ends the process', () => {
    start({ watches: false });
    host.emit(event, error);
    expect(host.early).toEqual([`The step ended early: ${reason}`]);
    expect(host.ends).toEqual(['exit 1']);
  });

  test('after the end has no effect', async () => {
    await start().succeed();
    host.emit(event, error);
    expect(deadline.signal.aborted).toBe(false);
    expect(host.ends).toEqual(['exit 0']);
  });
});

test('a closed log interrupts the deadline', () => {
  start();
  host.closeLog();
  expect(deadline.interruption).toBe('the log was closed');
});

test('an action can decide itself what an interruption does', () => {
  const reasons: string[] = [];
  start().lifecycle.onInterrupt((reason) => reasons.push(reason));
  host.emit('SIGINT');
  host.emit('SIGTERM');
  expect(reasons).toEqual(['the step was cancelled (SIGINT)']);
  expect(deadline.signal.aborted).toBe(false);
});

test('who listens later is interrupted as well, once', () => {
  const heard: string[] = [];
  const listen = (name: string) =>
    lifecycle.onInterrupt((reason) => heard.push(`${name}: ${reason}`));
  let lifecycle: Lifecycle = { watch: () => undefined, onInterrupt: () => undefined };
  runAction(
    (given) => {
      lifecycle = given;
      return new Promise(() => undefined);
    },
    host,
    clock,
  );
  listen('first');
  host.emit('SIGINT');
  host.emit('SIGTERM');
  listen('second');
  host.emit('SIGTERM');
  host.emit('SIGTERM');
  expect(heard).toEqual([
    'first: the step was cancelled (SIGINT)',
    'second: the step was cancelled (SIGTERM)',
  ]);
});

test('an event loop that runs dry is reported', async () => {
  const action = start();
  host.emit('beforeExit');
  expect(reported).toEqual(['The step ended early: the process ran out of work']);
  expect(host.ends).toEqual(['exit 1']);
  host.emit('beforeExit');
  await action.succeed();
  expect(reported).toHaveLength(1);
  expect(host.ends).toEqual(['exit 1']);
});

describe('an action that does not end', () => {
  test('is reported within a second after its deadline', async () => {
    start();
    await clock.advance(60_000);
    expect(host.ends).toEqual([]);
    await clock.advance(600);
    expect(reported).toEqual(['The step did not end within 60 s (timeout-seconds)']);
    expect(host.ends).toEqual(['exit 1']);
  });

  test('is reported within a second after an interruption', async () => {
    start();
    host.emit('SIGTERM');
    await clock.advance(600);
    expect(reported).toEqual(['The step ended early: the step was cancelled (SIGTERM)']);
  });

  test('is not reported if it has ended meanwhile', async () => {
    const action = start();
    host.emit('SIGTERM');
    await action.fail();
    await clock.advance(1_000);
    expect(reported).toEqual([]);
  });
});

test('the process does not wait for a reader of its log', async () => {
  host.flushes = false;
  await start().fail();
  expect(host.ends).toEqual([]);
  await clock.advance(300);
  expect(host.ends).toEqual(['exit 1']);
});

test.each([
  ['fails', 'kill'],
  ['succeeds', 'exit 0'],
])('with a name lookup that hangs, a step that %s ends by %s', async (how, end) => {
  host.pendingLookup = true;
  const action = start();
  await (how === 'fails' ? action.fail() : action.succeed());
  expect(host.ends).toEqual([end]);
});
