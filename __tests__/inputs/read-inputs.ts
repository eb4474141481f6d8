import { InputError } from '../../src/inputs/input-error.ts';
import { getStopInputs, STEP_OPTIONS, type StopInputs } from '../../src/inputs/inputs.ts';
import type { FakeRunner } from '../support/fake-runner.ts';

export const PROVIDER = 'iam::0123:oidcProvider:github';
export const AGENCY = 'iam::0123:agency:stop-scans';

// The runner sets the defaults of action.yml, of which only this one is not also that of the code.
const TASK = { 'task-id': '0a1b', 'execution-id': 'current' };
export const TOKEN = { ...TASK, token: 'MIIabc' };
export const ACCESS_KEY = { ...TASK, 'access-key-id': 'AKID', 'secret-access-key': 'sEcReT/+' };
export const OIDC = { ...TASK, 'oidc-provider-urn': PROVIDER, 'agency-urn': AGENCY };
export const NO_CREDENTIAL = TASK;

/** The inputs of the step, read from what the runner sets. */
export function stopInputs(
  runner: FakeRunner,
  inputs: Readonly<Record<string, string>>,
): StopInputs {
  runner.inputs(inputs);
  return getStopInputs(STEP_OPTIONS);
}

/** The message about an invalid input. @throws Error if the inputs are valid */
export function inputErrorOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
  throw new Error('The inputs were accepted');
}
