import { guard as guardScans, guardPost as stopGuardedScans } from './actions/guard.ts';
import { runAction } from './actions/process.ts';
import { type ActionDeps, createVoice } from './actions/setup.ts';
import { start as startScan, startPost as stopStartedScan } from './actions/start.ts';
import { stop as stopScans } from './actions/stop.ts';
import { wait as waitForScan } from './actions/wait.ts';
import { systemClock } from './time.ts';

function run(action: (deps: ActionDeps) => Promise<boolean>): void {
  // A process that ends by itself has not come to the end of its action.
  process.exitCode = 1;
  runAction(
    (lifecycle) => action({ clock: systemClock, random: Math.random, lifecycle }),
    {
      on: (event: string, listener: (error: unknown) => void) => process.on(event, listener),
      onClosedLog: (listener) => process.stdout.on('error', listener),
      // A lookup that has just failed counts as pending until its callback has returned.
      flush: (done) => process.stdout.write('', () => setImmediate(done)),
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

/** The entry of action.yml. */
export const stop = (): void => run(stopScans);
/** The entries of guard/action.yml. */
export const guard = (): void => run(guardScans);
export const guardPost = (): void => run(stopGuardedScans);
/** The entries of start/action.yml. */
export const start = (): void => run(startScan);
export const startPost = (): void => run(stopStartedScan);
/** The entry of wait/action.yml. */
export const wait = (): void => run(waitForScan);
