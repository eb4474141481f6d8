import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { CHECK_HOSTS } from '../src/inputs/endpoints.ts';
import {
  getStartInputs,
  getStopInputs,
  getWaitInputs,
  type ReadOptions,
  STEP_OPTIONS,
} from '../src/inputs/inputs.ts';
import { savedReader, toSavedInputs } from '../src/inputs/saved-inputs.ts';
import { START_OUTPUTS, STOP_OUTPUTS, WAIT_OUTPUTS } from '../src/report/outputs.ts';
import { FakeRunner } from './support/fake-runner.ts';

const runner = FakeRunner.forEachTest();

interface Declared {
  readonly description: string;
  readonly required?: boolean;
  readonly default?: string;
}
interface Action {
  readonly name: string;
  readonly inputs: Readonly<Record<string, Declared>>;
  readonly outputs?: Readonly<Record<string, Declared>>;
  readonly runs: Readonly<Record<string, string>>;
}

const readAction = (file: string) => parse(readFileSync(file, 'utf8')) as Action;

const ONE: ReadOptions = { ...STEP_OPTIONS, maxTasks: 1 };
const GUARD: ReadOptions = { ...STEP_OPTIONS, ifNotRunning: 'succeed', maxTasks: 100 };

interface Row {
  readonly file: string;
  readonly read: (options: ReadOptions) => unknown;
  readonly options: ReadOptions;
  readonly outputs: Readonly<Record<string, string>>;
  readonly runs: Action['runs'];
}

const POST_IF = 'cancelled() || failure()';
const ROWS: readonly Row[] = [
  {
    file: 'action.yml',
    read: getStopInputs,
    options: STEP_OPTIONS,
    outputs: STOP_OUTPUTS,
    runs: { using: 'node24', main: 'dist/index.js' },
  },
  {
    file: 'guard/action.yml',
    read: getStopInputs,
    options: GUARD,
    outputs: {},
    runs: {
      using: 'node24',
      main: '../dist/guard.js',
      post: '../dist/guard-post.js',
      'post-if': POST_IF,
    },
  },
  {
    file: 'start/action.yml',
    read: getStartInputs,
    options: ONE,
    outputs: START_OUTPUTS,
    runs: {
      using: 'node24',
      main: '../dist/start.js',
      post: '../dist/start-post.js',
      'post-if': POST_IF,
    },
  },
  {
    file: 'wait/action.yml',
    read: getWaitInputs,
    options: ONE,
    outputs: WAIT_OUTPUTS,
    runs: { using: 'node24', main: '../dist/wait.js' },
  },
];

// One of each kind: which inputs are read depends on it.
const CREDENTIALS = [
  { token: 'MIIabc' },
  { 'access-key-id': 'AKID', 'secret-access-key': 'sEcReT', 'security-token': 'x' },
  { 'oidc-provider-urn': 'iam::1:oidcProvider:a', 'agency-urn': 'iam::1:agency:a' },
];

/** The names of all inputs that an action reads. */
function namesRead({ read, options }: Pick<Row, 'read' | 'options'>): Set<string> {
  const names = new Set<string>();
  for (const credential of CREDENTIALS) {
    const inputs: Readonly<Record<string, string>> = {
      'task-id': 'a',
      'execution-id': 'current',
      ...credential,
    };
    read({
      ...options,
      read: (name) => {
        names.add(name);
        return inputs[name] ?? '';
      },
    });
  }
  return names;
}

describe.each(ROWS)('$file', ({ file, read, options, outputs, runs }) => {
  const action = readAction(file);

  test('declares the inputs that the code reads, and no others', () => {
    expect(new Set(Object.keys(action.inputs))).toEqual(namesRead({ read, options }));
  });

  test('declares the outputs that the code sets, and no others', () => {
    expect(Object.keys(action.outputs ?? {}).sort()).toEqual(Object.keys(outputs).sort());
  });

  test('has defaults that mean the same as an empty input', () => {
    const defaults = Object.entries(action.inputs).flatMap(([name, input]) =>
      input.default === undefined ? [] : [[name, input.default] as const],
    );
    const given: Readonly<Record<string, string>> = { 'task-id': 'a', token: 'MIIabc' };
    const empty = { ...given, 'execution-id': 'current' };
    const readFrom = (inputs: Readonly<Record<string, string>>) =>
      read({ ...options, read: (name) => inputs[name] ?? '' });
    expect(readFrom({ ...Object.fromEntries(defaults), ...given })).toEqual(readFrom(empty));
  });

  test('requires the task ID alone', () => {
    const required = Object.entries(action.inputs).filter(([, input]) => input.required !== false);
    expect(required.map(([name]) => name)).toEqual(['task-id']);
    // GitHub only warns of a missing input, so the code rejects it.
    expect(() => read({ ...options, read: () => '' })).toThrow('task-id must be');
  });

  test('describes everything, the regions completely', () => {
    for (const { description } of [
      ...Object.values(action.inputs),
      ...Object.values(action.outputs ?? {}),
    ]) {
      expect(description).toMatch(/[.)]$/);
    }
    const named = action.inputs['region']?.description.match(/`[a-z]+-[a-z]+-\d+`/g) ?? [];
    expect(new Set(named)).toEqual(new Set([...CHECK_HOSTS.keys()].map((name) => `\`${name}\``)));
  });

  test('has nothing that GitHub would evaluate', () => {
    expect(readFileSync(file, 'utf8')).not.toContain('${{');
  });

  test('runs the bundle on Node.js 24', () => {
    expect(action.runs).toEqual(runs);
    for (const stage of ['main', 'post'] as const) {
      const path = runs[stage];
      if (path !== undefined) expect(existsSync(join(dirname(file), path))).toBe(true);
    }
  });
});

test('all four have names of their own, and the same description of the same input', () => {
  const actions = ROWS.map(({ file }) => readAction(file));
  expect(new Set(actions.map(({ name }) => name)).size).toBe(4);
  for (const name of [
    'token',
    'access-key-id',
    'secret-access-key',
    'security-token',
    'project-id',
    'oidc-provider-urn',
    'agency-urn',
    'oidc-audience',
    'sts-endpoint',
    'region',
    'endpoint',
  ]) {
    expect(new Set(actions.map(({ inputs }) => inputs[name]?.description)).size).toBe(1);
  }
});

test('the post of the guard reads every input of its main: saved, or a secret', () => {
  runner.inputs({ 'task-id': 'a', 'execution-id': 'current', token: 'MIIabc' });
  const { values, secrets } = toSavedInputs(getStopInputs(GUARD));
  const { inputs } = readAction('guard/action.yml');
  const declared = Object.keys(inputs);
  expect(secrets).toEqual(['token']);
  expect([...Object.keys(values), 'token', 'secret-access-key', 'security-token'].sort()).toEqual(
    declared.sort(),
  );
  const read = savedReader({ values, secrets });
  expect(getStopInputs({ ...GUARD, read, saved: true })).toEqual(getStopInputs(GUARD));
});
