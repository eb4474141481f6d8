// The entries of the actions that accompany a job.
import { guard as guardScans, guardPost as stopGuardedScans } from './actions/guard.ts';
import { start as startScan, startPost as stopStartedScan } from './actions/start.ts';
import { wait as waitForScan } from './actions/wait.ts';
import { run } from './run.ts';

/** The entries of guard/action.yml. */
export const guard = (): void => run(guardScans);
export const guardPost = (): void => run(stopGuardedScans);
/** The entries of start/action.yml. */
export const start = (): void => run(startScan);
export const startPost = (): void => run(stopStartedScan);
/** The entry of wait/action.yml. */
export const wait = (): void => run(waitForScan);
