import { getInput, getState } from '@actions/core';
import { SECRET_INPUTS } from './credentials.ts';
import type { CommonInputs } from './inputs.ts';
import type { Reader } from './validators.ts';

// What `post` reads again: everything but the secrets, and but what main has resolved.
const PLAIN_INPUTS = [
  'access-key-id',
  'project-id',
  'oidc-provider-urn',
  'agency-urn',
  'oidc-audience',
  'sts-endpoint',
  'wait',
  'if-not-running',
  'timeout-seconds',
  'retries',
];

/** What `main` saves of its inputs for `post`: no secret, but the names of those it was given. */
export interface SavedInputs {
  readonly values: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
}

/** How `main` ended, if `post` has to know. */
export type Ending = 'invalid-input' | 'credential-rejected' | 'rejected' | 'uncertain';

/** What `main` has saved; each is undefined if it was not. */
export interface SavedState {
  readonly inputs: SavedInputs | undefined;
  readonly ending: Ending | undefined;
  readonly executionId: string | undefined;
  /** Set before a start is requested: the file that its execution ID is written to, too. */
  readonly startFile: string | undefined;
}

/** The names of what is saved. */
export const STATE = {
  inputs: 'inputs',
  ending: 'ending',
  executionId: 'execution-id',
  startFile: 'start-file',
} as const;

/**
 * Saves what `post` needs: region and endpoint as they were resolved and IDs as they were parsed, so
 * that what was checked is what is stopped. A list of IDs as a user may write it could pass the limit
 * of an environment variable: 32,766 characters on Windows.
 */
export function toSavedInputs({ targets, region, endpoint }: CommonInputs): SavedInputs {
  const named = targets.some(({ executionId }) => executionId !== undefined);
  return {
    values: {
      ...Object.fromEntries(PLAIN_INPUTS.map((name) => [name, getInput(name)])),
      'task-id': targets.map(({ taskId }) => taskId).join(),
      'execution-id': named ? targets.map(({ executionId }) => executionId).join() : 'current',
      region,
      endpoint: endpoint.href,
    },
    secrets: SECRET_INPUTS.filter((name) => getInput(name) !== ''),
  };
}

/** Reads what `main` has saved. */
export function getSavedState(): SavedState {
  const read = (name: string) => getState(name) || undefined;
  const inputs = read(STATE.inputs);
  return {
    inputs: inputs === undefined ? undefined : (JSON.parse(inputs) as SavedInputs),
    ending: read(STATE.ending) as Ending | undefined,
    executionId: read(STATE.executionId),
    startFile: read(STATE.startFile),
  };
}

/**
 * Reads the inputs of `post`: what was saved, and the secrets that `main` was given as GitHub
 * evaluates them now. One that has a value only since then would be a second credential.
 */
export function savedReader({ values, secrets }: SavedInputs): Reader {
  return (name) => (secrets.includes(name) ? getInput(name) : (values[name] ?? ''));
}

/** The secrets that `main` was given, and that are empty now. */
export function missingSecrets({ secrets }: SavedInputs): readonly string[] {
  return secrets.filter((name) => getInput(name) === '');
}
