import { saveState } from '@actions/core';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type CommonInputs,
  getStartInputs,
  getStopInputs,
  type ReadOptions,
  STEP_OPTIONS,
  type StopInputs,
} from '../../src/inputs/inputs.ts';
import {
  getSavedState,
  missingSecrets,
  type SavedInputs,
  STATE,
  savedReader,
  toSavedInputs,
} from '../../src/inputs/saved-inputs.ts';
import { FakeRunner } from '../support/fake-runner.ts';
import { ACCESS_KEY, AGENCY, inputErrorOf, OIDC, PROVIDER, TOKEN } from './read-inputs.ts';

const runner = FakeRunner.forEachTest();

const GUARD: ReadOptions = { ...STEP_OPTIONS, ifNotRunning: 'succeed', maxTasks: 100 };
// What Windows accepts for a variable of the environment, and the names of variables need some.
const MAX_STATE = 32_000;

type Given = Readonly<Record<string, string>>;

/** What `main` saves, and what it has read. */
function save(inputs: Given): { readonly saved: SavedInputs; readonly read: StopInputs } {
  runner.inputs(inputs);
  const read = getStopInputs(GUARD);
  return { saved: toSavedInputs(read), read };
}

/** Saves as the runner does: as text, in a variable of the next stage. */
function throughTheRunner(saved: SavedInputs): SavedInputs {
  runner.clear();
  saveState(STATE.inputs, saved);
  runner.variable('STATE_inputs', runner.state()['inputs']);
  const { inputs } = getSavedState();
  if (inputs === undefined) throw new Error('Nothing was saved');
  return inputs;
}

/** What `post` reads: `inputs` is what GitHub evaluates at the end of the job. */
function readSaved(saved: SavedInputs, inputs: Given): StopInputs {
  runner.inputs(inputs);
  return getStopInputs({ ...GUARD, read: savedReader(throughTheRunner(saved)), saved: true });
}

describe('what main saves', () => {
  test('has every input but the secrets, IDs as parsed, region and endpoint as resolved', () => {
    runner.variable('HUAWEI_CLOUD_REGION', 'la-north-2');
    const { saved } = save({
      ...ACCESS_KEY,
      'task-id': ' a,\n a b ',
      'execution-id': 'e1 e1 e2',
      'security-token': 'temporary',
      'project-id': 'p1',
      wait: ' true',
      'if-not-running': 'fail',
      'timeout-seconds': '30',
      retries: '1',
    });
    expect(saved).toEqual({
      values: {
        'task-id': 'a,b',
        'execution-id': 'e1,e2',
        region: 'la-north-2',
        endpoint: 'https://codearts-check.la-north-2.myhuaweicloud.com/',
        'access-key-id': 'AKID',
        'project-id': 'p1',
        'oidc-provider-urn': '',
        'agency-urn': '',
        'oidc-audience': '',
        'sts-endpoint': '',
        wait: 'true',
        'if-not-running': 'fail',
        'timeout-seconds': '30',
        retries: '1',
      },
      secrets: ['secret-access-key', 'security-token'],
    });
  });

  test('has current as what it is', () => {
    expect(save({ ...TOKEN, 'task-id': 'a,b' }).saved).toMatchObject({
      values: { 'task-id': 'a,b', 'execution-id': 'current' },
      secrets: ['token'],
    });
  });

  test('is what is stopped, whatever the inputs are then', () => {
    for (const [inputs, secrets] of [
      [{ ...TOKEN, 'task-id': 'a b', 'execution-id': 'e1,e2' }, { token: TOKEN.token }],
      [
        { ...ACCESS_KEY, 'project-id': 'p1', wait: 'true', endpoint: 'https://[2001:db8::1]:1/x/' },
        { 'secret-access-key': ACCESS_KEY['secret-access-key'] },
      ],
      [
        { ...OIDC, 'oidc-audience': 'a "b" \\', 'sts-endpoint': 'sts.example.com', retries: '0' },
        {},
      ],
    ] as const) {
      const { saved, read } = save(inputs);
      const now = { 'task-id': 'other', 'execution-id': '', region: 'mars-1', wait: 'maybe' };
      expect(readSaved(saved, { ...now, ...secrets })).toEqual(read);
    }
  });

  test('keeps a region of the job that has no host, with the endpoint that was set', () => {
    runner.variable('HUAWEI_CLOUD_REGION', 'mars-1');
    const { saved, read } = save({ ...OIDC, endpoint: 'check.example.com' });
    runner.variable('HUAWEI_CLOUD_REGION', 'venus-1');
    const again = readSaved(saved, {});
    expect(again).toEqual(read);
    expect(again).toMatchObject({ region: 'mars-1', endpoint: { host: 'check.example.com' } });
  });

  test('keeps the host of a start, which is that of its execution too', () => {
    runner.inputs({ ...TOKEN, region: 'la-north-2' });
    const saved = toSavedInputs(getStartInputs({ ...STEP_OPTIONS, maxTasks: 1 }));
    expect(readSaved(saved, TOKEN).endpoint.host).toBe(
      'codearts-check.la-north-2.myhuaweicloud.com',
    );
  });

  test('fits a variable of the environment, however long the inputs are', () => {
    const ids = Array.from({ length: 100 }, (_, index) => `${index}`.padEnd(32, 'x'));
    const inputs = {
      'task-id': ids.join(',\n'.repeat(100)),
      'execution-id': ids.map((id) => id.repeat(2)).join(' '.repeat(1_000)),
      'oidc-provider-urn': PROVIDER.padEnd(512, '"'),
      'agency-urn': AGENCY.padEnd(512, '"'),
      'oidc-audience': '"'.repeat(1_024),
      'sts-endpoint': `https://sts.example.com/${'x'.repeat(1_000)}`,
      endpoint: `https://check.example.com/${'x'.repeat(998)}`,
      'project-id': 'x'.repeat(64),
      wait: 'false',
      'if-not-running': 'succeed',
      'timeout-seconds': '0003600',
      retries: '0000010',
    };
    runner.variable('HUAWEI_CLOUD_REGION', 'x'.repeat(63));
    const { saved, read } = save(inputs);
    expect(read.targets).toHaveLength(100);
    expect(saved.values['endpoint']).toHaveLength(1_024);
    const text = JSON.stringify(saved);
    expect(text.length).toBeGreaterThan(9_000);
    expect(text.length).toBeLessThan(MAX_STATE);
    expect(readSaved(saved, {})).toEqual(read);

    const longKey = { ...TOKEN, ...inputs, 'access-key-id': 'x'.repeat(128) };
    for (const name of [
      'oidc-provider-urn',
      'agency-urn',
      'oidc-audience',
      'sts-endpoint',
      'token',
    ]) {
      longKey[name as 'token'] = '';
    }
    const secret = 'y'.repeat(100_000);
    const key = { ...longKey, 'secret-access-key': 'y'.repeat(256), 'security-token': secret };
    expect(JSON.stringify(save(key).saved).length).toBeLessThan(MAX_STATE);
  });

  test('holds no secret, in no encoding', () => {
    const secret = fc.stringMatching(/^[!-~]{8,60}$/);
    fc.assert(
      fc.property(secret, secret, (key, token) => {
        for (const inputs of [
          { ...TOKEN, token },
          { ...ACCESS_KEY, 'secret-access-key': key, 'security-token': token },
        ]) {
          const text = JSON.stringify(save(inputs).saved);
          for (const one of [key, token]) {
            for (const form of [
              one,
              encodeURIComponent(one),
              JSON.stringify(one).slice(1, -1),
              Buffer.from(one).toString('base64'),
              Buffer.from(one).toString('base64url'),
              Buffer.from(one).toString('hex'),
            ]) {
              expect(text).not.toContain(form);
            }
          }
        }
      }),
    );
  });
});

describe('the secrets of post', () => {
  test('are those that GitHub evaluates at the end of the job', () => {
    const { saved } = save({ ...ACCESS_KEY, 'security-token': 'first' });
    const now = { 'secret-access-key': 'renewed', 'security-token': 'second' };
    expect(readSaved(saved, now).credential).toMatchObject({
      accessKeyId: 'AKID',
      secretAccessKey: 'renewed',
      securityToken: 'second',
    });
  });

  test('that were given and are empty now are named', () => {
    const { saved } = save({ ...ACCESS_KEY, 'security-token': 'x' });
    runner.inputs({});
    expect(missingSecrets(saved)).toEqual(['secret-access-key', 'security-token']);
    runner.inputs({ 'secret-access-key': 'sEcReT', 'security-token': ' ' });
    expect(missingSecrets(saved)).toEqual(['security-token']);
    runner.inputs({ 'secret-access-key': 'sEcReT', 'security-token': 'x' });
    expect(missingSecrets(saved)).toEqual([]);
  });

  test('that were not given make no second credential', () => {
    const { saved, read } = save(ACCESS_KEY);
    const now = { ...ACCESS_KEY, token: 'only now', 'security-token': 'only now' };
    expect(readSaved(saved, now)).toEqual(read);
    expect(missingSecrets(saved)).toEqual([]);
  });

  test('may be those of the job', () => {
    runner.variable('HUAWEI_CLOUD_ACCESS_KEY_ID', 'AKID');
    runner.variable('HUAWEI_CLOUD_SECRET_ACCESS_KEY', 'sEcReT');
    const { saved, read } = save({ 'task-id': 'a', 'execution-id': 'current' });
    expect(saved.secrets).toEqual([]);
    expect(JSON.stringify(saved)).not.toContain('sEcReT');
    expect(readSaved(saved, {})).toEqual(read);
  });

  test('are still checked: an invalid one is an error', () => {
    const { saved } = save(TOKEN);
    expect(inputErrorOf(() => readSaved(saved, { token: 'a b' }))).toMatch(/^token must be 1 to/);
  });
});

describe('the saved state', () => {
  test('is unknown before anything was saved', () => {
    expect(getSavedState()).toEqual({
      inputs: undefined,
      ending: undefined,
      executionId: undefined,
      startFile: undefined,
    });
  });

  test('is read by the names that it was saved by', () => {
    const saved = { values: { 'task-id': 'a' }, secrets: ['token'] };
    for (const [name, value] of [
      [STATE.inputs, saved],
      [STATE.ending, 'uncertain'],
      [STATE.executionId, 'e1'],
      [STATE.startFile, '/tmp/x'],
    ] as const) {
      saveState(name, value);
    }
    for (const [name, value] of Object.entries(runner.state())) {
      runner.variable(`STATE_${name}`, value);
    }
    expect(getSavedState()).toEqual({
      inputs: saved,
      ending: 'uncertain',
      executionId: 'e1',
      startFile: '/tmp/x',
    });
  });

  test('has a value for each input that is no secret', () => {
    const inputs: CommonInputs = save(TOKEN).read;
    const { values } = toSavedInputs(inputs);
    expect(Object.keys(values).sort()).toEqual([
      'access-key-id',
      'agency-urn',
      'endpoint',
      'execution-id',
      'if-not-running',
      'oidc-audience',
      'oidc-provider-urn',
      'project-id',
      'region',
      'retries',
      'sts-endpoint',
      'task-id',
      'timeout-seconds',
      'wait',
    ]);
    expect(savedReader({ values, secrets: [] })('of nobody')).toBe('');
  });
});
