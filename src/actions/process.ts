import { DeadlineError, errorMessage, RequestError, UnexpectedError } from '../http/errors.ts';
import type { Clock, Deadline } from '../time.ts';

/** The process, as far as an action controls it. */
export interface HostProcess {
  on(event: 'uncaughtException' | 'unhandledRejection', listener: (error: unknown) => void): void;
  on(event: 'beforeExit' | 'SIGINT' | 'SIGTERM' | 'SIGBREAK', listener: () => void): void;
  /** Calls back when nobody reads the log any more. */
  onClosedLog(listener: () => void): void;
  /** Calls back when everything printed so far has left the process. */
  flush(done: () => void): void;
  /** Whether a name is being looked up: `exit` would wait for it. */
  hasPendingLookup(): boolean;
  exit(code: number): void;
  /** Ends the process as it is, with a code that is not 0. */
  kill(): void;
  /** Reports an error before an action watches its deadline: nothing else is known. */
  reportEarly(error: RequestError): void;
}

/** What the end of the process and an action have to tell each other. */
export interface Lifecycle {
  /**
   * Has the step end within a second of its deadline, whatever hangs.
   *
   * @param lastResort reports what is known; called if the action does not come to its own end
   */
  watch(deadline: Deadline, lastResort: (error: RequestError) => void): void;
  /**
   * @param listener called once, in place of an earlier listener, if the process is asked to end,
   *   with a reason like 'the step was cancelled (SIGTERM)'; it interrupts the deadline, now or soon
   */
  onInterrupt(listener: (reason: string) => void): void;
}

// After its deadline, an action needs a moment for its report, and the report one to be read.
const REPORT_MS = 600;
const FLUSH_MS = 300;

function endedEarly(reason: string): RequestError {
  return new DeadlineError(`The step ended early: ${reason}`, { kind: 'interrupted' });
}

function didNotEnd({ interruption, limit }: Deadline): RequestError {
  if (interruption !== undefined) return endedEarly(interruption);
  const message = `The step did not end within ${limit}`;
  return new DeadlineError(message, { kind: 'deadline' });
}

/**
 * Runs an action to its end: a signal, a closed log, an error that nobody expected, or an event loop
 * that runs dry before the work is done, ends it early, with exit code 1 and a report. After the
 * report the process ends at once, whatever timers and connections there still are.
 */
export function runAction(
  action: (lifecycle: Lifecycle) => Promise<boolean>,
  host: HostProcess,
  clock: Clock,
): void {
  let ended = false;
  let interrupted = false;
  let interrupt: ((reason: string) => void) | undefined;
  let report = (error: RequestError): void => host.reportEarly(error);

  const end = (code: number) => {
    if (ended) return;
    ended = true;
    const exit = () => {
      // process.exit joins the thread of a lookup that hangs. A killed step has failed, so it is no
      // way out of one that succeeded.
      if (code !== 0 && host.hasPendingLookup()) host.kill();
      else host.exit(code);
    };
    // Nobody may be reading.
    clock.schedule(FLUSH_MS, exit);
    host.flush(exit);
  };
  const crash = (error: unknown) => {
    if (ended) return;
    try {
      report(error instanceof RequestError ? error : new UnexpectedError(error));
    } catch {
      // Nothing is left to report with; the exit code still tells.
    }
    end(1);
  };
  const interruptOnce = (reason: string) => {
    if (ended || interrupted) return;
    interrupted = true;
    if (interrupt === undefined) crash(endedEarly(reason));
    else interrupt(reason);
  };

  // Whoever listens from now on has not been interrupted yet.
  const listen = (listener: (reason: string) => void) => {
    interrupted = false;
    interrupt = listener;
  };

  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    host.on(event, (error) =>
      interruptOnce(`an unexpected error occurred: ${errorMessage(error)}`),
    );
  }
  // Nothing goes on by itself any more, not even a timer.
  host.on('beforeExit', () => crash(endedEarly('the process ran out of work')));
  host.onClosedLog(() => interruptOnce('the log was closed'));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGBREAK'] as const) {
    host.on(signal, () => interruptOnce(`the step was cancelled (${signal})`));
  }
  const lifecycle: Lifecycle = {
    watch: (deadline, lastResort) => {
      report = lastResort;
      listen((reason) => deadline.interrupt(reason));
      deadline.signal.addEventListener('abort', () => {
        clock.schedule(REPORT_MS, () => crash(didNotEnd(deadline)));
      });
    },
    onInterrupt: listen,
  };
  action(lifecycle).then((success) => end(success ? 0 : 1), crash);
}
