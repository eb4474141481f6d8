import { errorMessage } from '../http/connection-error.ts';
import type { ActionDeps } from './stop.ts';

/** The process, as far as the step has a say in it. */
export interface HostProcess {
  on(event: 'uncaughtException' | 'unhandledRejection', listener: (error: unknown) => void): void;
  on(event: 'beforeExit' | 'SIGINT' | 'SIGTERM', listener: () => void): void;
  exit(code: number): void;
  /** Calls back when everything printed so far has left the process. */
  flush(done: () => void): void;
}

/**
 * Runs the step to its end, whatever happens: an error that nobody expected, or an event loop that
 * runs dry before the work is done, ends it with exit code 1 and a report. After the report the
 * process ends at once, whatever timers and connections there still are.
 */
export function run(
  main: (parts: ActionDeps) => Promise<boolean>,
  parts: ActionDeps,
  host: HostProcess,
): void {
  let ended = false;
  const end = (code: number) => {
    ended = true;
    host.flush(() => host.exit(code));
  };
  const failUnexpectedly = (message: string) => {
    // What a connection does after the report is nobody's concern.
    if (ended) return;
    parts.report.failUnexpectedly(message);
    end(1);
  };
  const unexpected = (error: unknown) =>
    failUnexpectedly(`Unexpected error: ${errorMessage(error)}`);
  host.on('uncaughtException', unexpected);
  host.on('unhandledRejection', unexpected);
  host.on('beforeExit', () => failUnexpectedly('The process ran out of work before it was done'));
  // Where this very step is cancelled: it is killed ten seconds later.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    host.on(signal, () => failUnexpectedly(`The step was cancelled (${signal})`));
  }
  main(parts).then((good) => end(good ? 0 : 1), unexpected);
}
