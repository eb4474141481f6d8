import { runAction } from './actions/process.ts';
import { type ActionDeps, createVoice } from './actions/setup.ts';
import { systemClock } from './time.ts';

/** Runs an action as this process: what an entry does. */
export function run(action: (deps: ActionDeps) => Promise<boolean>): void {
  // A process that ends by itself has not come to the end of its action.
  process.exitCode = 1;
  // The first lines are written while the first response is awaited: it is a millisecond.
  process.stdout.cork();
  setImmediate(() => process.stdout.uncork());
  runAction(
    (lifecycle) => action({ clock: systemClock, random: Math.random, lifecycle }),
    {
      on: (event: string, listener: (error: unknown) => void) => process.on(event, listener),
      onClosedLog: (listener) => process.stdout.on('error', listener),
      // A lookup that has just failed counts as pending until its callback has returned.
      flush: (done) => {
        process.stdout.uncork();
        process.stdout.write('', () => setImmediate(done));
      },
      hasPendingLookup: () => process.getActiveResourcesInfo().includes('GetAddrInfoReqWrap'),
      exit: (code) => process.exit(code),
      kill: () => process.kill(process.pid, 'SIGKILL'),
      reportEarly: ({ message }) =>
        createVoice({
          title: 'CodeArts Check',
          emptyOutputs: { outcome: '' },
        }).report.failUnexpectedly(message, {}),
    },
    systemClock,
  );
}
