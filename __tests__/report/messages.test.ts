import { beforeEach, describe, expect, test } from '@jest/globals';
import type { CommonInputs } from '../../src/inputs/inputs.ts';
import {
  capitalize,
  describeStart,
  describeTarget,
  describeTargets,
  formatError,
  headline,
  resultLine,
} from '../../src/report/messages.ts';
import { Secrets } from '../../src/report/secrets.ts';
import type { TaskResult } from '../../src/tasks/task-result.ts';
import {
  apiError,
  FakeRunner,
  failedTask,
  networkError,
  taskResult,
} from '../support/fake-runner.ts';

FakeRunner.forEachTest();

let secrets: Secrets;
beforeEach(() => {
  secrets = new Secrets();
});

describe('a scan', () => {
  test.each([
    [undefined, 'scan 0a1b', 'Scan 0a1b'],
    ['e1', 'scan 0a1b (execution e1)', 'Scan 0a1b (execution e1)'],
  ])('is named by its task, and its execution if one is named: %s', (executionId, words, start) => {
    expect(describeTarget({ taskId: '0a1b', executionId })).toBe(words);
    expect(describeTargets([{ taskId: '0a1b', executionId }])).toBe(words);
    expect(capitalize(words)).toBe(start);
  });

  test.each([
    [2, '2 scans (t1, t2)'],
    [10, '10 scans (t1, t2, t3, t4, t5, t6, t7, t8, t9, t10)'],
    [11, '11 scans (t1, t2, t3, t4, t5, t6, t7, t8, t9, t10, and 1 more)'],
    [1000, '1000 scans (t1, t2, t3, t4, t5, t6, t7, t8, t9, t10, and 990 more)'],
  ])('is one of several, of which ten are named: %d', (count, words) => {
    const targets = Array.from({ length: count }, (_, index) => ({
      taskId: `t${index + 1}`,
      executionId: undefined,
    }));
    expect(describeTargets(targets)).toBe(words);
  });
});

describe('the first line of the log', () => {
  const inputs = {
    targets: [],
    region: 'cn-south-1',
    endpoint: new URL('https://check.example.com:8443/path'),
    timeoutSeconds: 60,
    retries: 3,
  };
  const TOKEN = { kind: 'token', token: 's3cret', source: 'the input token' } as const;
  const ACCESS_KEY = {
    kind: 'access-key',
    accessKeyId: 'AKID',
    secretAccessKey: 's3cret',
    securityToken: 's3cret',
    projectId: undefined,
    source: '$HUAWEI_CLOUD_ACCESS_KEY_ID and $HUAWEI_CLOUD_SECRET_ACCESS_KEY',
  } as const;
  const OIDC = {
    kind: 'oidc',
    providerUrn: 'p',
    agencyUrn: 'a',
    audience: undefined,
    stsEndpoint: new URL('https://sts.example.com'),
    projectId: undefined,
    sessionName: 'x',
    idTokenService: undefined,
    source: 'the inputs oidc-provider-urn and agency-urn',
  } as const;

  test.each<[CommonInputs['credential'], string]>([
    [TOKEN, 'a token from the input token'],
    [
      ACCESS_KEY,
      'an access key from $HUAWEI_CLOUD_ACCESS_KEY_ID and $HUAWEI_CLOUD_SECRET_ACCESS_KEY',
    ],
    [OIDC, 'OIDC from the inputs oidc-provider-urn and agency-urn'],
  ])(
    'has tasks, host, region, credential, its source and the time limit: %#',
    (credential, words) => {
      const line = describeStart('Stopping scan a', { ...inputs, credential });
      expect(line).toBe(
        `Stopping scan a at check.example.com:8443 (region cn-south-1), with ${words}; time limit 60 s`,
      );
      expect(line).not.toContain('s3cret');
    },
  );

  test('has another time limit if there is one', () => {
    expect(describeStart('Guarding', { ...inputs, credential: TOKEN }, 20)).toMatch(
      /; time limit 20 s$/,
    );
  });
});

const RESULTS = {
  stopped: taskResult({ outcome: 'stopped' }),
  requested: taskResult(),
  idle: taskResult({ outcome: 'not-running' }),
  failed: failedTask('0a1b', 'No.'),
  accepted: taskResult({ outcome: 'failed', error: apiError('No status.') }),
  uncertain: taskResult({
    outcome: 'failed',
    accepted: false,
    error: networkError('Reset.', { mayHaveHappened: true }),
  }),
  skipped: taskResult({ outcome: 'failed', accepted: false, error: networkError('Not found.') }),
  // What may have happened is no stop.
  noCredential: taskResult({
    outcome: 'failed',
    accepted: false,
    error: networkError('Reset.', { operation: 'sts', mayHaveHappened: true }),
  }),
  nothingKnown: taskResult({ outcome: 'failed', accepted: false }),
} satisfies Record<string, TaskResult>;

describe('the headline', () => {
  test.each<[keyof typeof RESULTS, string]>([
    ['stopped', 'Scan 0a1b stopped'],
    ['requested', 'Stop requested for scan 0a1b'],
    ['idle', 'Scan 0a1b was not running; nothing to stop'],
    ['failed', 'Could not stop scan 0a1b'],
    ['accepted', 'Stop of scan 0a1b not confirmed'],
    ['uncertain', 'Stop of scan 0a1b not confirmed'],
    ['skipped', 'Could not stop scan 0a1b'],
    ['noCredential', 'Could not stop scan 0a1b'],
    ['nothingKnown', 'Could not stop scan 0a1b'],
  ])('names the one scan: %s', (result, words) => {
    expect(headline([RESULTS[result]])).toBe(words);
  });

  test('names the execution', () => {
    const target = { taskId: 'a', executionId: 'e1' };
    expect(headline([taskResult({ target, outcome: 'stopped' })])).toBe(
      'Scan a (execution e1) stopped',
    );
    expect(headline([{ ...RESULTS.failed, target }])).toBe('Could not stop scan a (execution e1)');
  });

  test.each<[(keyof typeof RESULTS)[], string]>([
    [['stopped', 'stopped'], 'All 2 scans stopped'],
    [['requested', 'requested', 'requested'], 'Stop requested for all 3 scans'],
    [['idle', 'idle'], 'None of the 2 scans was running; nothing to stop'],
    [['failed', 'failed', 'noCredential'], 'Could not stop any of the 3 scans'],
    [['accepted', 'uncertain'], 'Stop of all 2 scans not confirmed'],
    [['failed', 'stopped', 'stopped'], 'Could not stop 1 of 3 scans; 2 stopped'],
    [['requested', 'failed', 'failed'], 'Could not stop 2 of 3 scans; 1 stop requested'],
    [['accepted', 'stopped'], 'Stop of 1 of 2 scans not confirmed; 1 stopped'],
    [['failed', 'accepted'], 'Could not stop 1 of 2 scans; 1 not confirmed'],
    [['idle', 'stopped', 'stopped'], '2 of 3 scans stopped; 1 not running'],
    [['idle', 'requested'], 'Stop requested for 1 of 2 scans; 1 not running'],
    [
      ['failed', 'idle', 'requested', 'stopped', 'uncertain'],
      'Could not stop 1 of 5 scans; 1 not confirmed; 1 stopped; 1 stop requested; 1 not running',
    ],
  ])('counts several scans, the worst first: %j', (results, words) => {
    expect(headline(results.map((result) => RESULTS[result]))).toBe(words);
  });
});

describe('the line of a task', () => {
  test('has how long a stop took', () => {
    expect(resultLine(taskResult({ outcome: 'stopped', durationMs: 1_240 }), secrets)).toBe(
      'Scan 0a1b stopped, after 1.2 s',
    );
  });

  test('has why it failed', () => {
    const task = failedTask('0a1b', 'Authentication information expired.', {
      code: 'CC.00000003',
      status: 401,
    });
    expect(resultLine(task, secrets)).toBe(
      'Could not stop scan 0a1b: Authentication information expired. (CC.00000003, HTTP 401)',
    );
  });

  test('has what the API returned when nothing was running', () => {
    const task = taskResult({ outcome: 'not-running', error: apiError('It is over.') });
    expect(resultLine(task, secrets)).toBe(
      'Scan 0a1b was not running; nothing to stop: It is over. (HTTP 400)',
    );
  });
});

describe('an error', () => {
  test.each([
    [
      'all that is known',
      { code: 'CC.1', status: 400, requestId: 'r1' },
      'CC.1, HTTP 400, request ID r1',
    ],
    ['no code', { status: 502, requestId: 'r1' }, 'HTTP 502, request ID r1'],
    ['no request ID', { code: 'CC.1', status: 400 }, 'CC.1, HTTP 400'],
    ['a code without a status', { code: 'CC.1', status: null }, 'CC.1'],
  ])('has its message first, with %s', (_, details, facts) => {
    expect(formatError(apiError('Rejected.', details), secrets)).toBe(`Rejected. (${facts})`);
  });

  test('is its message alone if nothing else is known', () => {
    expect(formatError(networkError('The host x reset the connection'), secrets)).toBe(
      'The host x reset the connection',
    );
  });

  test('begins with the last response, if the last attempt had none', () => {
    const busy = apiError('Busy.', { code: 'CC.1', status: 503, requestId: 'r1' });
    const reset = networkError('The host x reset the connection').within('stop', busy);
    expect(formatError(reset, secrets)).toBe(
      'Busy. (CC.1, HTTP 503, request ID r1); then: The host x reset the connection',
    );
    // An attempt with a response is the last of them.
    expect(formatError(apiError('No.').within('stop', busy), secrets)).toBe('No. (HTTP 400)');
  });

  test('is one line, and not too long, whatever the API returns', () => {
    const words = formatError(
      apiError('x\n'.repeat(500), { code: `C\n${'c'.repeat(500)}`, requestId: '\u001b[2J' }),
      secrets,
    );
    expect(words).not.toMatch(/\p{Cc}/u);
    expect(words.length).toBeLessThan(700);
    expect(words).toMatch(/^x x .*… \(C c+…\)$/);
  });

  test('holds no part of a secret, not even at a cut', () => {
    const token = 'MIIEpAIBAAKCAQEA0123456789'.repeat(80);
    secrets.add(token);
    const error = apiError(`The token ${token} is bad.`, { code: token, requestId: token });
    expect(formatError(error, secrets)).toBe(
      'The token *** is bad. (***, HTTP 400, request ID ***)',
    );
  });
});
