import { getInput } from '@actions/core';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  getStartInputs,
  getStopInputs,
  getWaitInputs,
  maskSecrets,
  type ReadOptions,
  STEP_OPTIONS,
  type StopInputs,
  type WaitInputs,
} from '../../src/inputs/inputs.ts';
import { FakeRunner, outsideText } from '../support/fake-runner.ts';
import { ACCESS_KEY, inputErrorOf, NO_CREDENTIAL, OIDC, stopInputs, TOKEN } from './read-inputs.ts';

const runner = FakeRunner.forEachTest();

type Given = Readonly<Record<string, string>>;
const stop = (inputs: Given) => stopInputs(runner, inputs);
const stopError = (inputs: Given) => inputErrorOf(() => stop(inputs));

const GUARD: ReadOptions = {
  ...STEP_OPTIONS,
  ifNotRunning: 'succeed',
  maxTasks: 100,
  emptyHint: 'Place the guard after the step that starts the scan.',
};
const ONE: ReadOptions = { ...STEP_OPTIONS, maxTasks: 1 };

const idsOf = ({ targets }: Pick<StopInputs, 'targets'>) => targets.map(({ taskId }) => taskId);
const pairsOf = ({ targets }: Pick<StopInputs, 'targets'>) =>
  targets.map(({ taskId, executionId }) => [taskId, executionId]);
const numbered = (count: number, prefix = 't') =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

test('with a task and a token alone, everything else has its default', () => {
  expect(stop(TOKEN)).toEqual({
    targets: [{ taskId: '0a1b', executionId: undefined }],
    credential: { kind: 'token', token: 'MIIabc', source: 'the input token' },
    region: 'cn-north-4',
    endpoint: new URL('https://codearts-check.cn-north-4.myhuaweicloud.com'),
    wait: false,
    ifNotRunning: 'fail',
    timeoutSeconds: 60,
    retries: 3,
  });
});

test('whitespace around an input does not count', () => {
  const padded = {
    'task-id': ' 0a1b\n',
    'execution-id': '\tcurrent ',
    token: '\tMIIabc\n',
    region: ' cn-south-1 ',
    wait: ' true ',
    retries: ' 0 ',
  };
  expect(stop(padded)).toMatchObject({
    targets: [{ taskId: '0a1b', executionId: undefined }],
    credential: { token: 'MIIabc' },
    region: 'cn-south-1',
    wait: true,
    retries: 0,
  });
});

describe('secrets', () => {
  const masked = (read = STEP_OPTIONS.read) => {
    const secrets: string[] = [];
    maskSecrets(read, (secret) => secrets.push(secret));
    return secrets;
  };

  test('are masked each, also those of inputs that are invalid together', () => {
    runner.inputs({
      token: 'MIIabc\ndef',
      'secret-access-key': 'sEcReT',
      'security-token': 'temporary',
    });
    runner.variable('HUAWEI_CLOUD_SECRET_ACCESS_KEY', 'inherited');
    runner.variable('ACTIONS_ID_TOKEN_REQUEST_TOKEN', 'of GitHub');
    expect(masked()).toEqual(['MIIabc\ndef', 'sEcReT', 'temporary', 'inherited', 'of GitHub']);
  });

  test('that are empty are not masked: that would mask everything', () => {
    runner.inputs({ ...TOKEN, 'secret-access-key': ' ' });
    runner.variable('HUAWEI_CLOUD_SECRET_ACCESS_KEY', ' ');
    expect(masked()).toEqual(['MIIabc']);
  });

  test('are masked also if only one of saved inputs and inputs has them', () => {
    runner.inputs({ token: 'MIIabc' });
    expect(masked((name) => (name === 'security-token' ? 'saved' : ''))).toEqual([
      'MIIabc',
      'saved',
    ]);
  });
});

describe('task-id', () => {
  test.each([
    ['one', '0a1b', ['0a1b']],
    ['commas', 'a,b,c', ['a', 'b', 'c']],
    ['whitespace', 'a b\n  c\td\r\ne', ['a', 'b', 'c', 'd', 'e']],
    ['both, also around them', ' ,a , b,,c, ', ['a', 'b', 'c']],
    ['duplicates, the first of which counts', 'b,a,b,c,a', ['b', 'a', 'c']],
    ['capitals, which make a difference', 'a,A', ['a', 'A']],
    ['as long as can be', 'x'.repeat(32), ['x'.repeat(32)]],
    ['every character there is', 'aZ09_-', ['aZ09_-']],
  ])('may be %s', (_, value, taskIds) => {
    expect(idsOf(stop({ ...TOKEN, 'task-id': value }))).toEqual(taskIds);
  });

  test.each([
    ['a longer one', 'x'.repeat(33), 'x'.repeat(33)],
    ['a path', 'good,../../v2/x', '../../v2/x'],
    ['a query', 'a?b', 'a?b'],
    ['percent encoding', 'a%2fb', 'a%2fb'],
    ['a letter with an accent', 'é', 'é'],
    ['a quoted one', '"0a1b"', '"0a1b"'],
    ['a JSON array', '["a"]', '["a"]'],
    ['a template that was not filled in', '${{', '${{'],
  ])('may not be %s, which is shown', (_, value, invalid) => {
    expect(stopError({ ...TOKEN, 'task-id': value })).toBe(
      'task-id must be one or more task IDs, separated by commas or whitespace, ' +
        `each of 1 to 32 letters, digits, _ and -, not '${invalid}'`,
    );
  });

  test.each(['', ' ', ',', ' ,\n, '])('must not be empty, as %j is', (value) => {
    expect(stopError({ ...TOKEN, 'task-id': value })).toMatch(
      /^task-id must be .*; it is empty\. Did the step that starts the scan set its output\?$/,
    );
  });

  test('may be a thousand, and no more', () => {
    const thousand = numbered(1000);
    expect(idsOf(stop({ ...TOKEN, 'task-id': thousand.join() }))).toEqual(thousand);
    expect(idsOf(stop({ ...TOKEN, 'task-id': `${thousand},t0` }))).toHaveLength(1000);
    expect(stopError({ ...TOKEN, 'task-id': `${thousand},one-more` })).toBe(
      'task-id must be at most 1000 task IDs, not 1001',
    );
  });

  test('gives back every list of IDs that was joined, each once', () => {
    const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,32}$/);
    const separator = fc.stringMatching(/^[ \t\r\n,]{1,4}$/);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(id, separator), { minLength: 1, maxLength: 30 }),
        separator,
        (pairs, before) => {
          const value = before + pairs.flat().join('');
          const ids = pairs.map(([one]) => one);
          expect(idsOf(stop({ ...TOKEN, 'task-id': value }))).toEqual([...new Set(ids)]);
        },
      ),
    );
  });

  test('is rejected by name or makes valid IDs, whatever it is', () => {
    fc.assert(
      fc.property(fc.oneof(outsideText(), outsideText('a', ',', '_-')), (value) => {
        runner.inputs({ ...TOKEN, 'task-id': value });
        let taskIds: readonly string[] = [];
        try {
          taskIds = idsOf(getStopInputs(STEP_OPTIONS));
        } catch (error) {
          expect(error).toMatchObject({
            name: 'InputError',
            message: expect.stringMatching(/^task-id must be /),
          });
          return;
        }
        expect(taskIds.length).toBeGreaterThan(0);
        expect(new Set(taskIds).size).toBe(taskIds.length);
        for (const id of taskIds) {
          expect(id).toMatch(/^[A-Za-z0-9_-]{1,32}$/);
          expect(value).toContain(id);
        }
      }),
    );
  });
});

describe('execution-id', () => {
  test.each<[string, string, string, (string | undefined)[][]]>([
    ['current for one task', 'a', 'current', [['a', undefined]]],
    [
      'current for each of several tasks',
      'a b',
      ' current,',
      [
        ['a', undefined],
        ['b', undefined],
      ],
    ],
    ['one', 'a', 'e1', [['a', 'e1']]],
    [
      'one for each task, in the same order',
      'a,b c',
      'e1\n e2,e3',
      [
        ['a', 'e1'],
        ['b', 'e2'],
        ['c', 'e3'],
      ],
    ],
    [
      'several of one task',
      'a,a',
      'e1,e2',
      [
        ['a', 'e1'],
        ['a', 'e2'],
      ],
    ],
    [
      'the same for several tasks',
      'a,b',
      'e1,e1',
      [
        ['a', 'e1'],
        ['b', 'e1'],
      ],
    ],
    [
      'a pair twice, the first of which counts',
      'a,b,a,a',
      'e1,e2,e1,e3',
      [
        ['a', 'e1'],
        ['b', 'e2'],
        ['a', 'e3'],
      ],
    ],
    ['every character there is', 'a', 'aZ09_-', [['a', 'aZ09_-']]],
    ['as long as can be', 'a', 'x'.repeat(64), [['a', 'x'.repeat(64)]]],
    ['a word in capitals, which is an ID', 'a', 'Current', [['a', 'Current']]],
    ['the word undefined, which is an ID', 'a', 'undefined', [['a', 'undefined']]],
  ])('may be %s', (_, taskIds, executionIds, pairs) => {
    const inputs = { ...TOKEN, 'task-id': taskIds, 'execution-id': executionIds };
    expect(pairsOf(stop(inputs))).toEqual(pairs);
  });

  const MUST_BE =
    'execution-id must be current, or one execution ID for each task ID, ' +
    'separated by commas or whitespace, each of 1 to 64 letters, digits, _ and -';

  test.each([
    ['a longer one', 'x'.repeat(65), 'x'.repeat(65)],
    ['a query', 'e1&job_id=e2', 'e1&job_id=e2'],
    ['a path', 'a/../b', 'a/../b'],
    ['percent encoding', 'e%31', 'e%31'],
    ['a template that was not filled in', '${{', '${{'],
  ])('may not be %s, which is shown', (_, value, invalid) => {
    expect(stopError({ ...TOKEN, 'execution-id': value })).toBe(`${MUST_BE}, not '${invalid}'`);
  });

  // GitHub passes the empty output of a step that was skipped, in place of the default.
  test.each(['', ' ', ',', '\n'])('must not be empty, as %j is', (value) => {
    for (const [read, hint] of [
      [() => stop({ ...TOKEN, 'execution-id': value }), STEP_OPTIONS.emptyHint],
      [() => getStopInputs(GUARD), GUARD.emptyHint],
      [() => getWaitInputs(ONE), ONE.emptyHint],
    ] as const) {
      expect(inputErrorOf(read)).toBe(`${MUST_BE}; it is empty. ${hint}`);
    }
  });

  test.each([
    ['a b', 'current e2'],
    ['a b', 'current,current'],
    ['a', 'current current'],
    ['a b c', 'e1 current'],
  ])('may not have current in a list: %j, %j', (taskIds, executionIds) => {
    const inputs = { ...TOKEN, 'task-id': taskIds, 'execution-id': executionIds };
    expect(stopError(inputs)).toBe(`${MUST_BE}; current cannot be one of several`);
  });

  test.each([
    ['a', 'e1 e2', '2 execution IDs for 1 task ID'],
    ['a b', 'e1', '1 execution ID for 2 task IDs'],
    ['a b c', 'e1,e2', '2 execution IDs for 3 task IDs'],
    // Duplicates count: which execution belongs to which task would be a guess.
    ['a a b', 'e1 e2', '2 execution IDs for 3 task IDs'],
    ['a b', 'e1 e1 e2', '3 execution IDs for 2 task IDs'],
  ])('must be as many as task-id: %j, %j', (taskIds, executionIds, numbers) => {
    const inputs = { ...TOKEN, 'task-id': taskIds, 'execution-id': executionIds };
    expect(stopError(inputs)).toBe(
      `execution-id must have one ID for each task ID, not ${numbers}`,
    );
  });

  test('counts pairs, not tasks, against the limit', () => {
    const executionIds = numbered(1001, 'e');
    const inputs = { ...TOKEN, 'task-id': 'a '.repeat(1001), 'execution-id': executionIds.join() };
    expect(stopError(inputs)).toBe('task-id must be at most 1000 task IDs, not 1001');
    const fewer = { ...inputs, 'execution-id': executionIds.join().replace(/e1000$/, 'e0') };
    expect(stop(fewer).targets).toHaveLength(1000);
  });
});

describe('the limits of each action', () => {
  const read = (taskIds: readonly string[], get: () => Pick<StopInputs, 'targets'>) => {
    runner.inputs({ ...TOKEN, 'task-id': taskIds.join() });
    return get().targets.length;
  };

  test('the guard has at most 100 tasks', () => {
    expect(read(numbered(100), () => getStopInputs(GUARD))).toBe(100);
    expect(inputErrorOf(() => read(numbered(101), () => getStopInputs(GUARD)))).toBe(
      'task-id must be at most 100 task IDs, not 101',
    );
  });

  test.each([
    ['start', getStartInputs],
    ['wait', getWaitInputs],
  ] as const)('the %s has exactly one task', (_, get) => {
    expect(read(['a'], () => get(ONE))).toBe(1);
    for (const taskIds of [
      ['a', 'b'],
      ['a', 'a'],
    ]) {
      expect(inputErrorOf(() => read(taskIds, () => get(ONE)))).toBe(
        'task-id must be exactly one task ID of 1 to 32 letters, digits, _ and -, not 2',
      );
    }
    expect(inputErrorOf(() => read([], () => get(ONE)))).toBe(
      `task-id must be exactly one task ID of 1 to 32 letters, digits, _ and -; it is empty. ${ONE.emptyHint}`,
    );
    expect(inputErrorOf(() => read(['a/b'], () => get(ONE)))).toBe(
      "task-id must be exactly one task ID of 1 to 32 letters, digits, _ and -, not 'a/b'",
    );
  });
});

// Whoever prints it hides the secrets in it, which cannot be done any more when it has been cut.
test.each([
  'task-id',
  'execution-id',
  'region',
  'endpoint',
  'sts-endpoint',
  'agency-urn',
  'wait',
  'if-not-running',
  'timeout-seconds',
  'retries',
])('an invalid %s is shown whole, however long it is', (name) => {
  const value = `${'x'.repeat(70_000)}/`;
  const message = stopError({ ...OIDC, [name]: value });
  expect(message.startsWith(`${name} must be `)).toBe(true);
  expect(message.endsWith(`, not '${value}'`)).toBe(true);
});

describe('region and endpoint', () => {
  test('the region of the input counts more than the one of the job', () => {
    runner.variable('HUAWEI_CLOUD_REGION', 'cn-south-1');
    const { region, endpoint } = stop({ ...TOKEN, region: 'eu-west-101' });
    expect([region, endpoint.host]).toEqual(['eu-west-101', 'check.eu-west-101.myhuaweicloud.eu']);
  });

  test('the region of the job counts if there is no input', () => {
    runner.variable('HUAWEI_CLOUD_REGION', 'cn-south-1');
    const { region, endpoint } = stop(TOKEN);
    expect([region, endpoint.host]).toEqual([
      'cn-south-1',
      'codearts-check.cn-south-1.myhuaweicloud.com',
    ]);
  });

  const OLD = 'devcloud.la-north-2.myhuaweicloud.com';
  const NEW = 'codearts-check.la-north-2.myhuaweicloud.com';

  test.each<[string, string, () => Pick<StopInputs, 'endpoint'>, string]>([
    ['current', 'the step', () => getStopInputs(STEP_OPTIONS), OLD],
    ['current', 'the guard', () => getStopInputs(GUARD), OLD],
    ['current', 'the wait', () => getWaitInputs(ONE), OLD],
    ['current', 'the start', () => getStartInputs(ONE), NEW],
    ['e1', 'the step', () => getStopInputs(STEP_OPTIONS), NEW],
    ['e1', 'the guard', () => getStopInputs(GUARD), NEW],
    ['e1', 'the wait', () => getWaitInputs(ONE), NEW],
  ])(
    'with execution-id: %s, %s uses the host that knows its calls',
    (executionId, _, get, host) => {
      runner.inputs({ ...TOKEN, region: 'la-north-2', 'execution-id': executionId });
      expect(get().endpoint.href).toBe(`https://${host}/`);
    },
  );

  test('the endpoint of the input stays as it is, also if an execution is named', () => {
    const inputs = { ...TOKEN, region: 'la-north-2', 'execution-id': 'e1', endpoint: OLD };
    expect(stop(inputs).endpoint.host).toBe(OLD);
  });

  test('an unknown region is rejected, with the known ones', () => {
    for (const endpoint of ['', 'https://check.example.com']) {
      expect(stopError({ ...TOKEN, region: 'mars-1', endpoint })).toMatch(
        /^region must be one of these regions: cn-north-4, .*, not 'mars-1'$/,
      );
    }
  });

  test('an unknown region of the job is rejected by the name of its variable', () => {
    runner.variable('HUAWEI_CLOUD_REGION', 'mars-1');
    expect(stopError(TOKEN)).toMatch(
      /^region \(from \$HUAWEI_CLOUD_REGION\) must be one of these regions: .*, not 'mars-1'$/,
    );
  });

  test('an unknown region of the job is no error if the endpoint is set', () => {
    runner.variable('HUAWEI_CLOUD_REGION', 'mars-1');
    const { region, endpoint, credential } = stop({ ...OIDC, endpoint: 'check.example.com' });
    expect([region, endpoint.host]).toEqual(['mars-1', 'check.example.com']);
    expect(credential).toMatchObject({
      stsEndpoint: new URL('https://sts.mars-1.myhuaweicloud.com'),
    });
  });

  test.each(['mars-1/../x', 'mars.evil.com', 'MARS', 'x'.repeat(64), 'a@b', 'a b'])(
    'a region of the job that cannot be part of a host is rejected also then: %s',
    (region) => {
      runner.variable('HUAWEI_CLOUD_REGION', region);
      expect(stopError({ ...TOKEN, endpoint: 'check.example.com' })).toContain(
        `region (from $HUAWEI_CLOUD_REGION) must be one of these regions`,
      );
    },
  );

  test('the endpoint counts more than the region', () => {
    const inputs = { ...TOKEN, region: 'cn-south-1', endpoint: 'http://127.0.0.1:8080/check/' };
    expect(stop(inputs).endpoint.href).toBe('http://127.0.0.1:8080/check');
  });

  test.each(['endpoint', 'sts-endpoint'])('an invalid %s is rejected by name', (name) => {
    const message = stopError({ ...OIDC, [name]: 'http://example.com' });
    expect(message.startsWith(`${name} must be a host name or https://host`)).toBe(true);
  });
});

describe('what the step is to do', () => {
  test.each<[string, string, Partial<StopInputs>]>([
    ['wait', 'true', { wait: true }],
    ['wait', 'false', { wait: false }],
    ['wait', '', { wait: false }],
    ['if-not-running', 'succeed', { ifNotRunning: 'succeed' }],
    ['if-not-running', 'fail', { ifNotRunning: 'fail' }],
    ['if-not-running', '', { ifNotRunning: 'fail' }],
    ['timeout-seconds', '1', { timeoutSeconds: 1 }],
    ['timeout-seconds', '3600', { timeoutSeconds: 3600 }],
    ['timeout-seconds', '0000060', { timeoutSeconds: 60 }],
    ['retries', '0', { retries: 0 }],
    ['retries', '10', { retries: 10 }],
  ])('%s may be %j', (name, value, inputs) => {
    expect(stop({ ...TOKEN, [name]: value })).toMatchObject(inputs);
  });

  test.each([
    ['wait', 'True', 'must be true or false'],
    ['wait', 'yes', 'must be true or false'],
    ['if-not-running', 'ignore', 'must be fail or succeed'],
    ['timeout-seconds', '0', 'must be a whole number from 1 to 3600'],
    ['timeout-seconds', '3601', 'must be a whole number from 1 to 3600'],
    ['timeout-seconds', '60s', 'must be a whole number from 1 to 3600'],
    ['timeout-seconds', '1.5', 'must be a whole number from 1 to 3600'],
    ['timeout-seconds', '1e2', 'must be a whole number from 1 to 3600'],
    ['timeout-seconds', '٣', 'must be a whole number from 1 to 3600'],
    ['timeout-seconds', '00000060', 'must be a whole number from 1 to 3600'],
    ['retries', '-1', 'must be a whole number from 0 to 10'],
    ['retries', '11', 'must be a whole number from 0 to 10'],
    ['retries', '0x1', 'must be a whole number from 0 to 10'],
    ['retries', 'NaN', 'must be a whole number from 0 to 10'],
  ])('%s may not be %s', (name, value, mustBe) => {
    expect(stopError({ ...TOKEN, [name]: value })).toBe(`${name} ${mustBe}, not '${value}'`);
  });

  test('the guard succeeds by default if nothing is running', () => {
    for (const [value, ifNotRunning] of [
      ['', 'succeed'],
      ['fail', 'fail'],
    ] as const) {
      runner.inputs({ ...TOKEN, 'if-not-running': value });
      expect(getStopInputs(GUARD).ifNotRunning).toBe(ifNotRunning);
    }
  });
});

describe('what the start is to do', () => {
  test('it has its own defaults, and no execution', () => {
    const { 'execution-id': _, ...inputs } = TOKEN;
    runner.inputs(inputs);
    expect(getStartInputs(ONE)).toEqual({
      targets: [{ taskId: '0a1b', executionId: undefined }],
      credential: { kind: 'token', token: 'MIIabc', source: 'the input token' },
      region: 'cn-north-4',
      endpoint: new URL('https://codearts-check.cn-north-4.myhuaweicloud.com'),
      timeoutSeconds: 60,
      retries: 3,
    });
  });

  test.each([
    ['1', 1],
    ['3600', 3600],
  ])('timeout-seconds may be %s', (value, timeoutSeconds) => {
    runner.inputs({ ...TOKEN, 'timeout-seconds': value });
    expect(getStartInputs(ONE)).toMatchObject({ timeoutSeconds });
  });

  test.each(['0', '3601'])('timeout-seconds may not be %s', (value) => {
    runner.inputs({ ...TOKEN, 'timeout-seconds': value });
    expect(inputErrorOf(() => getStartInputs(ONE))).toBe(
      `timeout-seconds must be a whole number from 1 to 3600, not '${value}'`,
    );
  });
});

describe('what the wait is to do', () => {
  const wait = (inputs: Given): WaitInputs => {
    runner.inputs({ ...TOKEN, ...inputs });
    return getWaitInputs(ONE);
  };

  test('it has its own defaults', () => {
    expect(wait({})).toEqual({
      targets: [{ taskId: '0a1b', executionId: undefined }],
      credential: { kind: 'token', token: 'MIIabc', source: 'the input token' },
      region: 'cn-north-4',
      endpoint: new URL('https://codearts-check.cn-north-4.myhuaweicloud.com'),
      timeoutSeconds: 3600,
      retries: 3,
      maxCritical: undefined,
    });
  });

  test.each<[string, string, Partial<WaitInputs>]>([
    ['timeout-seconds', '1', { timeoutSeconds: 1 }],
    ['timeout-seconds', '43200', { timeoutSeconds: 43_200 }],
    ['max-critical', '0', { maxCritical: 0 }],
    ['max-critical', '1000000', { maxCritical: 1_000_000 }],
    ['execution-id', 'e1', { targets: [{ taskId: '0a1b', executionId: 'e1' }] }],
  ])('%s may be %s', (name, value, inputs) => {
    expect(wait({ [name]: value })).toMatchObject(inputs);
  });

  test.each([
    ['timeout-seconds', '0', 'must be a whole number from 1 to 43200'],
    ['timeout-seconds', '43201', 'must be a whole number from 1 to 43200'],
    ['max-critical', '-1', 'must be a whole number from 0 to 1000000'],
    ['max-critical', '1000001', 'must be a whole number from 0 to 1000000'],
    ['max-critical', 'none', 'must be a whole number from 0 to 1000000'],
  ])('%s may not be %s', (name, value, mustBe) => {
    expect(inputErrorOf(() => wait({ [name]: value }))).toBe(`${name} ${mustBe}, not '${value}'`);
  });

  test('an execution ID must be one', () => {
    expect(inputErrorOf(() => wait({ 'execution-id': 'e1 e2' }))).toBe(
      'execution-id must have one ID for each task ID, not 2 execution IDs for 1 task ID',
    );
  });
});

test('inputs are read by the names that action.yml gives them', () => {
  runner.inputs(ACCESS_KEY);
  expect(STEP_OPTIONS.read('access-key-id')).toBe(getInput('access-key-id'));
  expect(inputErrorOf(() => stop(NO_CREDENTIAL))).toMatch(/^token, access-key-id, /);
});
