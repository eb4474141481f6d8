import { getInput } from '@actions/core';
import { type CredentialInputs, readCredential, readSecrets } from './credentials.ts';
import { DEFAULT_REGION, parseEndpoint, regionEndpoint } from './endpoints.ts';
import { InputError } from './input-error.ts';
import { checkProxy, settleNetworkEnvironment } from './network.ts';
import type { Target } from './target.ts';
import { count, type Reader, readChoice, readInteger, variable } from './validators.ts';

/** What every action is told, checked. */
export interface CommonInputs {
  readonly targets: readonly Target[];
  readonly credential: CredentialInputs;
  readonly region: string;
  readonly endpoint: URL;
  readonly timeoutSeconds: number;
  /** How often a request is retried after a transient error. */
  readonly retries: number;
}

/** What the step and the guard are told. */
export interface StopInputs extends CommonInputs {
  readonly wait: boolean;
  /** What to make of a stop that is rejected because nothing is running. */
  readonly ifNotRunning: 'fail' | 'succeed';
}

/** What the wait is told. */
export interface WaitInputs extends CommonInputs {
  /** More critical issues fail the step; undefined for no limit. */
  readonly maxCritical: number | undefined;
}

/** How an entry reads its inputs, besides what all share. */
export interface ReadOptions {
  /** Reads an input by its name. The guard's `post` reads what `main` has saved. */
  readonly read: Reader;
  readonly ifNotRunning: StopInputs['ifNotRunning'];
  readonly maxTasks: number;
  /** What to check if `task-id` or `execution-id` is empty. */
  readonly emptyHint: string;
  /** Whether the region has been checked and saved, with the endpoint that it led to. */
  readonly saved: boolean;
}

/** How the step reads its inputs. */
export const STEP_OPTIONS: ReadOptions = {
  read: (name) => getInput(name),
  ifNotRunning: 'fail',
  maxTasks: 1000,
  emptyHint: 'Did the step that starts the scan set its output?',
  saved: false,
};

/**
 * Masks every secret among the inputs and variables.
 *
 * @param mask called with each, before anything is checked or printed
 */
export function maskSecrets(read: Reader, mask: (secret: string) => void): void {
  for (const secret of readSecrets(read)) mask(secret);
}

/**
 * Reads the inputs of the step or the guard.
 *
 * @throws InputError for the first invalid one
 */
export function getStopInputs(options: ReadOptions): StopInputs {
  const { read } = options;
  const targets = readTargets(options);
  return {
    ...readCommon(options, { targets, starts: false }),
    wait: readChoice(read, 'wait', { choices: ['true', 'false'], fallback: 'false' }) === 'true',
    ifNotRunning: readChoice(read, 'if-not-running', {
      choices: ['fail', 'succeed'],
      fallback: options.ifNotRunning,
    }),
    timeoutSeconds: readInteger(read, 'timeout-seconds', { min: 1, max: 3600 }) ?? 60,
  };
}

/**
 * Reads the inputs of the start.
 *
 * @throws InputError for the first invalid one
 */
export function getStartInputs(options: ReadOptions): CommonInputs {
  const targets = readTaskIds(options).map((taskId) => ({ taskId, executionId: undefined }));
  return {
    ...readCommon(options, { targets, starts: true }),
    timeoutSeconds: readInteger(options.read, 'timeout-seconds', { min: 1, max: 3600 }) ?? 60,
  };
}

/**
 * Reads the inputs of the wait.
 *
 * @throws InputError for the first invalid one
 */
export function getWaitInputs(options: ReadOptions): WaitInputs {
  const { read } = options;
  const targets = readTargets(options);
  return {
    ...readCommon(options, { targets, starts: false }),
    timeoutSeconds: readInteger(read, 'timeout-seconds', { min: 1, max: 43_200 }) ?? 3600,
    maxCritical: readInteger(read, 'max-critical', { min: 0, max: 1_000_000 }),
  };
}

function readCommon(
  options: ReadOptions,
  { targets, starts }: { targets: readonly Target[]; starts: boolean },
): Omit<CommonInputs, 'timeoutSeconds'> {
  const { read } = options;
  const region = read('region') || variable('HUAWEI_CLOUD_REGION') || DEFAULT_REGION;
  const named = targets.some(({ executionId }) => executionId !== undefined);
  const endpoint = readEndpoint(options, region, starts || named);
  const credential = readCredential(read, region);
  settleNetworkEnvironment();
  checkProxy(endpoint);
  if (credential.kind === 'oidc') {
    checkProxy(credential.stsEndpoint);
    if (credential.idTokenService !== undefined) checkProxy(credential.idTokenService.url);
  }
  const retries = readInteger(read, 'retries', { min: 0, max: 10 }) ?? 3;
  return { targets, credential, region, endpoint, retries };
}

// The variable is one for every step of the job: if this step is told its endpoint, a region that
// has no CodeArts Check is no mistake. It becomes part of the host of STS, so it has to look like one.
function readEndpoint({ read, saved }: ReadOptions, region: string, newest: boolean): URL {
  const value = read('endpoint');
  const named = value === '' ? undefined : parseEndpoint(value, 'endpoint');
  const inherited = saved || read('region') === '';
  if (named !== undefined && inherited && /^[a-z0-9-]{1,63}$/.test(region)) return named;
  const source = inherited ? 'region (from $HUAWEI_CLOUD_REGION)' : 'region';
  const regional = regionEndpoint(region, source, newest);
  return named ?? regional;
}

const CURRENT = 'current';

function readTargets(options: ReadOptions): readonly Target[] {
  const taskIds = readTaskIds(options);
  const executionIds = readExecutionIds(options, taskIds.length);
  const targets = new Map(
    taskIds.map((taskId, index) => {
      const executionId = executionIds?.[index];
      return [`${taskId} ${executionId}`, { taskId, executionId }];
    }),
  );
  const { maxTasks } = options;
  if (targets.size > maxTasks) {
    throw new InputError('task-id', `must be at most ${maxTasks} task IDs, not ${targets.size}`);
  }
  return [...targets.values()];
}

function readTaskIds({ read, maxTasks, emptyHint }: ReadOptions): readonly string[] {
  const one = 'of 1 to 32 letters, digits, _ and -';
  const mustBe =
    maxTasks === 1
      ? `must be exactly one task ID ${one}`
      : `must be one or more task IDs, separated by commas or whitespace, each ${one}`;
  const taskIds = split(read('task-id'));
  if (taskIds.length === 0) {
    throw new InputError('task-id', `${mustBe}; it is empty. ${emptyHint}`);
  }
  const invalid = taskIds.find((id) => !/^[A-Za-z0-9_-]{1,32}$/.test(id));
  if (invalid !== undefined) throw new InputError('task-id', mustBe, invalid);
  if (maxTasks === 1 && taskIds.length > 1) {
    throw new InputError('task-id', `${mustBe}, not ${taskIds.length}`);
  }
  return taskIds;
}

/** @returns undefined for whatever each task is executing */
function readExecutionIds(options: ReadOptions, tasks: number): readonly string[] | undefined {
  const mustBe =
    `must be ${CURRENT}, or one execution ID for each task ID, separated by commas or whitespace, ` +
    'each of 1 to 64 letters, digits, _ and -';
  const ids = split(options.read('execution-id'));
  if (ids.length === 0) {
    throw new InputError('execution-id', `${mustBe}; it is empty. ${options.emptyHint}`);
  }
  if (ids.length === 1 && ids[0] === CURRENT) return undefined;
  if (ids.includes(CURRENT)) {
    throw new InputError('execution-id', `${mustBe}; ${CURRENT} cannot be one of several`);
  }
  const invalid = ids.find((id) => !/^[A-Za-z0-9_-]{1,64}$/.test(id));
  if (invalid !== undefined) throw new InputError('execution-id', mustBe, invalid);
  if (ids.length !== tasks) {
    const numbers = `${count(ids.length, 'execution ID')} for ${count(tasks, 'task ID')}`;
    throw new InputError('execution-id', `must have one ID for each task ID, not ${numbers}`);
  }
  return ids;
}

function split(value: string): string[] {
  return value.split(/[\s,]+/).filter((id) => id !== '');
}
