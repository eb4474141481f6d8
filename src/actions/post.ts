// What the actions with a post stage share: guard and start.
import { saveState } from '@actions/core';
import { errorMessage, UnexpectedError } from '../http/errors.ts';
import { getStopInputs, type ReadOptions } from '../inputs/inputs.ts';
import {
  type Ending,
  missingSecrets,
  type SavedInputs,
  STATE,
  savedReader,
} from '../inputs/saved-inputs.ts';
import { adviceOn } from '../report/advice.ts';
import { type ActionDeps, readInputs, type Voice } from './setup.ts';
import { stopScans } from './stop.ts';

/** The first line of the log of each post stage. */
export const POST_REASON = 'This job was cancelled or failed.';

/** Why `post` sends nothing. */
export const ENDINGS: Readonly<Record<Ending, string>> = {
  'invalid-input':
    'Nothing is stopped, because an input was invalid when the job reached this step.',
  'credential-rejected':
    'Nothing is stopped, because the credential was rejected (401) when the job reached this step. An access key is locked after more than five rejections.',
  rejected: 'Nothing to stop: no scan was started.',
  uncertain:
    'Nothing is stopped, because the ID of the execution is not known. A scan may be running: look at the task in CodeArts Check.',
};

/**
 * Saves something for `post`.
 *
 * @throws UnexpectedError if it cannot be saved, so that nothing is sent which `post` would not know
 */
export function saveForPost(name: string, value: unknown): void {
  try {
    saveState(name, value);
  } catch (cause) {
    throw new UnexpectedError(new Error(notSaved(cause)));
  }
}

/**
 * Saves how `main` ended, at that moment: it may be killed in the next. Never throws: what has
 * happened is reported first.
 */
export function saveEnding(ending: Ending, { report }: Voice): void {
  try {
    saveState(STATE.ending, ending);
  } catch (cause) {
    report.addFailure(notSaved(cause));
  }
}

/** Saves the execution that was started. Never throws either. */
export function saveExecutionId(executionId: string, { report }: Voice): void {
  try {
    saveState(STATE.executionId, executionId);
  } catch (cause) {
    report.addFailure(
      `Execution ${executionId} may not be stopped at the end of the job. ${notSaved(cause)}`,
    );
  }
}

function notSaved(cause: unknown): string {
  return `The state for the end of the job could not be saved: ${errorMessage(cause)}`;
}

/** How `post` reads its inputs. If nothing was saved, they are read as they are. */
export function postOptions(options: ReadOptions, saved: SavedInputs | undefined): ReadOptions {
  if (saved === undefined) return options;
  const { ifNotRunning, maxTasks, emptyHint } = options;
  return { read: savedReader(saved), ifNotRunning, maxTasks, emptyHint, saved: true };
}

/**
 * Stops what `main` has checked or started.
 *
 * @param options how the inputs are read: see {@link postOptions}
 * @param saved what `main` has saved; undefined if it was ended before that
 * @returns whether every scan is stopped, as far as the inputs ask for it
 */
export async function stopSaved(
  options: ReadOptions,
  saved: SavedInputs | undefined,
  { deps, voice }: { readonly deps: ActionDeps; readonly voice: Voice },
): Promise<boolean> {
  const missing = saved === undefined ? [] : missingSecrets(saved);
  if (missing.length > 0) {
    reportMissing(missing, voice);
    return false;
  }
  const inputs = readInputs(voice, options, getStopInputs);
  return inputs !== undefined && stopScans(inputs, deps, voice);
}

function reportMissing(secrets: readonly string[], { report }: Voice): void {
  report.failEarly({
    headline: 'Could not stop the scan',
    causes: [
      `${secrets.join(' and ')} had a value when the job reached this step, but is empty now. GitHub evaluates inputs again at the end of a job; in a nested composite action, they may be empty then.`,
    ],
    advice: [adviceOn('secret-missing')],
    notes: ['The scan may still be running.'],
  });
}
