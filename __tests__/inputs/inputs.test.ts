import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { InputError } from '../../src/inputs/input-error.ts';
import { getInputs, type Inputs } from '../../src/inputs/inputs.ts';
import { FakeRunner, outsideText } from '../support/fake-runner.ts';

const step = FakeRunner.forEachTest();
const TOKEN = { 'task-id': '0a1b', token: 'MIIabc' };
const ACCESS_KEY = { 'task-id': '0a1b', 'access-key-id': 'AKID', 'secret-access-key': 'sEcReT/+' };
const PROVIDER = 'iam::0123:oidcProvider:github';
const AGENCY = 'iam::0123:agency:stop-scans';
const OIDC = { 'task-id': '0a1b', 'oidc-provider-urn': PROVIDER, 'agency-urn': AGENCY };

function settingsOf(inputs: Readonly<Record<string, string>>): Inputs {
  step.inputs(inputs);
  return getInputs(() => undefined);
}

/** What is said about bad inputs. */
function refusalOf(inputs: Readonly<Record<string, string>>): InputError {
  try {
    settingsOf(inputs);
  } catch (error) {
    if (error instanceof InputError) return error;
    throw error;
  }
  throw new Error('The inputs were accepted');
}

test('with a task and a token alone, everything else has its default', () => {
  expect(settingsOf(TOKEN)).toEqual({
    taskIds: ['0a1b'],
    credential: { kind: 'token', token: 'MIIabc' },
    endpoint: new URL('https://codearts-check.cn-north-4.myhuaweicloud.com'),
    wait: false,
    notRunningSucceeds: false,
    timeoutSeconds: 60,
    retries: 3,
    hasSummary: true,
  });
});

test('white space around an input does not count', () => {
  const padded = { 'task-id': ' 0a1b\n', token: '\tMIIabc\n', wait: ' true ', retries: ' 0 ' };
  expect(settingsOf(padded)).toMatchObject({
    taskIds: ['0a1b'],
    credential: { token: 'MIIabc' },
    wait: true,
    retries: 0,
  });
});

test('the inputs cannot be changed afterwards', () => {
  const inputs = settingsOf(TOKEN);
  expect(Object.isFrozen(inputs)).toBe(true);
  expect(Object.isFrozen(inputs.taskIds)).toBe(true);
});

describe('secrets', () => {
  test('are masked each, before anything is refused', () => {
    step.inputs({
      token: 'MIIabc',
      'secret-access-key': 'sEcReT',
      'security-token': 'temporary',
    });
    step.variable('HUAWEI_CLOUD_SECRET_ACCESS_KEY', 'inherited');
    const masked: string[] = [];
    expect(() => getInputs((secret) => masked.push(secret))).toThrow(InputError);
    expect(masked).toEqual(['MIIabc', 'sEcReT', 'temporary', 'inherited']);
  });

  test('that are empty are not masked: that would mask everything', () => {
    step.inputs({ ...TOKEN, 'secret-access-key': ' ' });
    const masked: string[] = [];
    getInputs((secret) => masked.push(secret));
    expect(masked).toEqual(['MIIabc']);
  });
});

describe('task-id', () => {
  test.each([
    ['one', '0a1b', ['0a1b']],
    ['commas', 'a,b,c', ['a', 'b', 'c']],
    ['white space', 'a b\n  c\td\r\ne', ['a', 'b', 'c', 'd', 'e']],
    ['both, also around them', ' ,a , b,,c, ', ['a', 'b', 'c']],
    ['duplicates, the first of which counts', 'b,a,b,c,a', ['b', 'a', 'c']],
    ['capitals, which make a difference', 'a,A', ['a', 'A']],
    ['as long as can be', 'x'.repeat(32), ['x'.repeat(32)]],
    ['every character there is', 'aZ09_-', ['aZ09_-']],
  ])('takes %s', (_, value, taskIds) => {
    expect(settingsOf({ ...TOKEN, 'task-id': value }).taskIds).toEqual(taskIds);
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
  ])('refuses %s, and shows it', (_, value, bad) => {
    expect(refusalOf({ ...TOKEN, 'task-id': value })).toMatchObject({
      input: 'task-id',
      message:
        'task-id takes one or more task IDs, separated by commas or white space, ' +
        `each of 1 to 32 letters, digits, _ and -, not '${bad}'`,
    });
  });

  test.each(['', ' ', ',', ' ,\n, '])('must not be empty, as %j is', (value) => {
    const { input, message } = refusalOf({ ...TOKEN, 'task-id': value });
    expect(input).toBe('task-id');
    expect(message).toContain('it is empty. Did the step that starts the scan set its output?');
  });

  test('takes a thousand, and no more', () => {
    const thousand = Array.from({ length: 1000 }, (_, index) => `t${index}`);
    expect(settingsOf({ ...TOKEN, 'task-id': thousand.join() }).taskIds).toEqual(thousand);
    expect(settingsOf({ ...TOKEN, 'task-id': `${thousand},t0` }).taskIds).toHaveLength(1000);
    expect(refusalOf({ ...TOKEN, 'task-id': `${thousand},one-more` }).message).toBe(
      'task-id takes at most 1000 task IDs, not 1001',
    );
  });

  test('gives back whatever list of IDs was joined, each once', () => {
    const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,32}$/);
    const separator = fc.stringMatching(/^[ \t\r\n,]{1,4}$/);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(id, separator), { minLength: 1, maxLength: 30 }),
        separator,
        (pairs, before) => {
          const value = before + pairs.flat().join('');
          const ids = pairs.map(([one]) => one);
          expect(settingsOf({ ...TOKEN, 'task-id': value }).taskIds).toEqual([...new Set(ids)]);
        },
      ),
    );
  });

  test('is refused by name or makes good IDs, whatever it is', () => {
    fc.assert(
      fc.property(fc.oneof(outsideText(), outsideText('a', ',', '_-')), (value) => {
        step.inputs({ ...TOKEN, 'task-id': value });
        let taskIds: readonly string[] = [];
        try {
          ({ taskIds } = getInputs(() => undefined));
        } catch (error) {
          expect(error).toMatchObject({ name: 'InputError', input: 'task-id' });
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

// Whoever prints it hides the secrets in it, which cannot be done any more when it has been cut.
test.each([
  'task-id',
  'region',
  'endpoint',
  'wait',
  'if-not-running',
  'timeout-seconds',
  'retries',
])('a bad %s is told whole, however long it is', (name) => {
  const value = 'x'.repeat(70_000);
  const { input, message } = refusalOf({ ...TOKEN, [name]: `${value}/` });
  expect(input).toBe(name);
  expect(message.endsWith(`, not '${value}/'`)).toBe(true);
});

describe('region and endpoint', () => {
  test('the region of the input counts more than the one of the job', () => {
    step.variable('HUAWEI_CLOUD_REGION', 'cn-south-1');
    expect(settingsOf({ ...TOKEN, region: 'eu-west-101' }).endpoint.host).toBe(
      'check.eu-west-101.myhuaweicloud.eu',
    );
  });

  test('the region of the job counts where there is no input', () => {
    step.variable('HUAWEI_CLOUD_REGION', 'cn-south-1');
    expect(settingsOf(TOKEN).endpoint.host).toBe('codearts-check.cn-south-1.myhuaweicloud.com');
  });

  test('an unknown region is refused, with the known ones', () => {
    const { input, message } = refusalOf({ ...TOKEN, region: 'mars-1' });
    expect(input).toBe('region');
    expect(message).toMatch(/^region takes one of these regions: cn-north-4, .*, not 'mars-1'$/);
  });

  test('an unknown region of the job is refused by the name of its variable', () => {
    step.variable('HUAWEI_CLOUD_REGION', 'mars-1');
    expect(refusalOf(TOKEN).message).toMatch(/^region \(from \$HUAWEI_CLOUD_REGION\) takes one of/);
  });

  test('the endpoint counts more than the region', () => {
    const inputs = { ...TOKEN, region: 'cn-south-1', endpoint: 'http://127.0.0.1:8080/check/' };
    expect(settingsOf(inputs).endpoint.href).toBe('http://127.0.0.1:8080/check');
  });

  test.each(['endpoint', 'sts-endpoint'])('a bad %s is refused by name', (name) => {
    expect(refusalOf({ ...OIDC, [name]: 'http://example.com' })).toMatchObject({ input: name });
  });
});

describe('the credential', () => {
  test('may be a key pair', () => {
    expect(settingsOf(ACCESS_KEY).credential).toEqual({
      kind: 'access-key',
      accessKeyId: 'AKID',
      secretAccessKey: 'sEcReT/+',
      securityToken: undefined,
      projectId: undefined,
    });
  });

  test('may be a temporary key pair of a project', () => {
    const inputs = { ...ACCESS_KEY, 'security-token': 'temporary', 'project-id': 'p1' };
    expect(settingsOf(inputs).credential).toMatchObject({
      securityToken: 'temporary',
      projectId: 'p1',
    });
  });

  test('may be oidc', () => {
    step.variable('GITHUB_RUN_ID', '4711');
    step.variable('GITHUB_RUN_ATTEMPT', '2');
    expect(settingsOf(OIDC).credential).toEqual({
      kind: 'oidc',
      providerUrn: PROVIDER,
      agencyUrn: AGENCY,
      audience: undefined,
      stsEndpoint: new URL('https://sts.cn-north-4.myhuaweicloud.com'),
      projectId: undefined,
      idTokenAvailable: false,
      sessionName: 'github-4711-2',
    });
  });

  test('may be oidc with all there is to say', () => {
    step.variable('ACTIONS_ID_TOKEN_REQUEST_URL', 'https://example.com');
    step.variable('ACTIONS_ID_TOKEN_REQUEST_TOKEN', 'x');
    const inputs = {
      ...OIDC,
      'oidc-audience': 'https://github.com/octo org',
      'sts-endpoint': 'sts.example.com',
      'project-id': 'p1',
      region: 'cn-south-1',
    };
    expect(settingsOf(inputs).credential).toMatchObject({
      audience: 'https://github.com/octo org',
      stsEndpoint: new URL('https://sts.example.com'),
      projectId: 'p1',
      idTokenAvailable: true,
    });
    expect(settingsOf({ ...inputs, 'sts-endpoint': '' }).credential).toMatchObject({
      stsEndpoint: new URL('https://sts.cn-south-1.myhuaweicloud.com'),
    });
  });

  test.each(['ACTIONS_ID_TOKEN_REQUEST_URL', 'ACTIONS_ID_TOKEN_REQUEST_TOKEN'])(
    'cannot be oidc with %s alone',
    (name) => {
      step.variable(name, 'https://example.com');
      expect(settingsOf(OIDC).credential).toMatchObject({ idTokenAvailable: false });
    },
  );

  test('names its session in characters that STS takes, and not too many', () => {
    step.variable('GITHUB_RUN_ID', `7;x${'1'.repeat(200)}`);
    const { credential } = settingsOf(OIDC);
    expect(credential).toMatchObject({ sessionName: `github-7${'1'.repeat(120)}` });
  });

  test('is the key pair of the job where no input names one', () => {
    step.variable('HUAWEI_CLOUD_ACCESS_KEY_ID', 'AKID');
    step.variable('HUAWEI_CLOUD_SECRET_ACCESS_KEY', 'sEcReT');
    expect(settingsOf({ 'task-id': '0a1b' }).credential).toEqual({
      kind: 'access-key',
      accessKeyId: 'AKID',
      secretAccessKey: 'sEcReT',
      securityToken: undefined,
      projectId: undefined,
    });
    step.variable('HUAWEI_CLOUD_PROJECT_ID', 'p1');
    expect(settingsOf({ 'task-id': '0a1b' }).credential).toMatchObject({ projectId: 'p1' });
  });

  test.each([
    ['token', TOKEN],
    ['access-key', ACCESS_KEY],
    ['oidc', OIDC],
  ])('is the %s of the inputs also where the job has a key pair', (kind, inputs) => {
    step.variable('HUAWEI_CLOUD_ACCESS_KEY_ID', 'of the job');
    step.variable('HUAWEI_CLOUD_SECRET_ACCESS_KEY', 'of the job');
    step.variable('HUAWEI_CLOUD_PROJECT_ID', 'of the job');
    const { credential } = settingsOf(inputs);
    expect(credential.kind).toBe(kind);
    expect(JSON.stringify(credential)).not.toContain('of the job');
  });
});

describe('a credential is refused by name', () => {
  test.each<[string, Readonly<Record<string, string>>, string]>([
    ['none', {}, 'token is empty, and no other credential is given'],
    [
      'an empty one',
      { token: ' ', 'access-key-id': '' },
      'token is empty, and no other credential is given',
    ],
    [
      'a token and a key pair',
      { ...TOKEN, ...ACCESS_KEY },
      'token, access-key-id and secret-access-key belong to different kinds of credential',
    ],
    [
      'a token and half a key pair',
      { ...TOKEN, 'access-key-id': 'AKID' },
      'token and access-key-id belong to different kinds',
    ],
    [
      'a key pair and oidc',
      { ...ACCESS_KEY, ...OIDC },
      'access-key-id, secret-access-key, oidc-provider-urn and agency-urn belong to different kinds',
    ],
    [
      'a token and oidc',
      { ...TOKEN, 'sts-endpoint': 'sts.example.com' },
      'token and sts-endpoint belong to different kinds',
    ],
    [
      'a token with a project',
      { ...TOKEN, 'project-id': 'p1' },
      'project-id does not go with token',
    ],
    [
      'a project alone',
      { 'project-id': 'p1' },
      'project-id goes with access-key-id and secret-access-key, or with oidc-provider-urn',
    ],
    [
      'a key pair without its secret key',
      { 'access-key-id': 'AKID' },
      'secret-access-key must not be empty: access-key-id and secret-access-key go together',
    ],
    [
      'a key pair without its ID',
      { 'secret-access-key': 'x' },
      'access-key-id must not be empty: access-key-id and secret-access-key go together',
    ],
    [
      'a security token alone',
      { 'security-token': 'x' },
      'access-key-id and secret-access-key must not be empty',
    ],
    [
      'oidc without an agency',
      { 'oidc-provider-urn': PROVIDER },
      'agency-urn must not be empty: oidc-provider-urn and agency-urn go together',
    ],
    ['oidc without a provider', { 'agency-urn': AGENCY }, 'oidc-provider-urn must not be empty'],
    ['an audience alone', { 'oidc-audience': 'x' }, 'oidc-provider-urn and agency-urn must not be'],
    [
      'an access key ID with other characters',
      { ...ACCESS_KEY, 'access-key-id': 'AK ID' },
      'access-key-id takes 1 to 128 letters, digits, _ and -',
    ],
    [
      'an access key ID that is too long',
      { ...ACCESS_KEY, 'access-key-id': 'x'.repeat(129) },
      'access-key-id takes 1 to 128 letters',
    ],
    [
      'a secret key with white space',
      { ...ACCESS_KEY, 'secret-access-key': 'sEc ReT' },
      'secret-access-key takes 1 to 256 visible ASCII characters',
    ],
    [
      'a secret key that is too long',
      { ...ACCESS_KEY, 'secret-access-key': 'x'.repeat(257) },
      'secret-access-key takes 1 to 256 visible ASCII characters',
    ],
    [
      'a security token with line breaks',
      { ...ACCESS_KEY, 'security-token': 'a\nb' },
      'security-token takes 1 to 100000 visible ASCII characters',
    ],
    [
      'a project with other characters',
      { ...ACCESS_KEY, 'project-id': 'p/1' },
      'project-id takes 1 to 64 letters, digits, _ and -',
    ],
    [
      'a project of oidc with other characters',
      { ...OIDC, 'project-id': 'p/1' },
      'project-id takes 1 to 64 letters',
    ],
    [
      'a URN of another type',
      { ...OIDC, 'agency-urn': PROVIDER },
      `agency-urn takes a URN like iam::<account ID>:agency:<name>, not '${PROVIDER}'`,
    ],
    [
      'a URN that is none',
      { ...OIDC, 'oidc-provider-urn': 'github' },
      "oidc-provider-urn takes a URN like iam::<account ID>:oidcProvider:<name>, not 'github'",
    ],
    [
      'a URN without a name',
      { ...OIDC, 'agency-urn': 'iam::0123:agency:' },
      'agency-urn takes a URN',
    ],
    [
      'a URN that is too long',
      { ...OIDC, 'agency-urn': AGENCY.padEnd(513, 'x') },
      'agency-urn takes a URN',
    ],
    [
      'an audience with other characters',
      { ...OIDC, 'oidc-audience': 'a\u0000b' },
      'oidc-audience takes up to 1024 visible ASCII characters',
    ],
    [
      'an audience that is too long',
      { ...OIDC, 'oidc-audience': 'x'.repeat(1025) },
      'oidc-audience takes up to 1024 visible ASCII characters',
    ],
  ])('%s', (_, inputs, message) => {
    expect(refusalOf({ 'task-id': '0a1b', ...inputs }).message).toContain(message);
  });

  test.each([
    ['HUAWEI_CLOUD_ACCESS_KEY_ID', 'HUAWEI_CLOUD_SECRET_ACCESS_KEY'],
    ['HUAWEI_CLOUD_SECRET_ACCESS_KEY', 'HUAWEI_CLOUD_ACCESS_KEY_ID'],
  ])('the job has %s alone', (given, missing) => {
    step.variable(given, 'x');
    expect(refusalOf({ 'task-id': '0a1b' }).message).toContain(`${missing} must not be empty`);
  });

  test.each([
    ['HUAWEI_CLOUD_ACCESS_KEY_ID', 'a/b'],
    ['HUAWEI_CLOUD_SECRET_ACCESS_KEY', 'a b'],
    ['HUAWEI_CLOUD_PROJECT_ID', 'a/b'],
  ])('the job has a bad %s', (name, value) => {
    step.variable('HUAWEI_CLOUD_ACCESS_KEY_ID', 'AKID');
    step.variable('HUAWEI_CLOUD_SECRET_ACCESS_KEY', 'sEcReT');
    step.variable(name, value);
    expect(refusalOf({ 'task-id': '0a1b' })).toMatchObject({ input: name });
  });

  test('the token may come from a secret that this run does not see: the message says so', () => {
    expect(refusalOf({ 'task-id': '0a1b' }).message).toMatch(/from a fork or of Dependabot/);
  });
});

describe('a token', () => {
  test('may have up to 100,000 characters', () => {
    const token = 'x'.repeat(100_000);
    expect(settingsOf({ ...TOKEN, token }).credential).toEqual({ kind: 'token', token });
    expect(refusalOf({ ...TOKEN, token: `${token}x` }).message).toBe(
      'token takes 1 to 100000 visible ASCII characters, without white space; ' +
        'it has 100001 characters, 0 of them others',
    );
  });

  test('is taken as it is, or refused by counting its characters, never by showing them', () => {
    fc.assert(
      fc.property(
        fc.oneof(outsideText('MII'), fc.stringMatching(/^[!-~]{1,200}$/), fc.string()),
        (value) => {
          fc.pre(value.trim() !== '');
          step.inputs({ ...TOKEN, token: value });
          const good = /^[\x21-\x7e]+$/.test(value.trim());
          if (good) {
            expect(getInputs(() => undefined).credential).toEqual({
              kind: 'token',
              token: value.trim(),
            });
          } else {
            expect(() => getInputs(() => undefined)).toThrow(
              expect.objectContaining({
                input: 'token',
                message: expect.stringMatching(
                  /^token takes 1 to 100000 visible ASCII characters, without white space; it has \d+ characters, [1-9]\d* of them others$/,
                ),
              }),
            );
          }
        },
      ),
    );
  });
});

describe('what the step is to do', () => {
  test.each<[string, string, Partial<Inputs>]>([
    ['wait', 'true', { wait: true }],
    ['wait', 'false', { wait: false }],
    ['if-not-running', 'succeed', { notRunningSucceeds: true }],
    ['if-not-running', 'fail', { notRunningSucceeds: false }],
    ['timeout-seconds', '1', { timeoutSeconds: 1 }],
    ['timeout-seconds', '3600', { timeoutSeconds: 3600 }],
    ['retries', '0', { retries: 0 }],
    ['retries', '10', { retries: 10 }],
  ])('%s may be %s', (name, value, inputs) => {
    expect(settingsOf({ ...TOKEN, [name]: value })).toMatchObject(inputs);
  });

  test.each([
    ['wait', 'True', 'takes true or false'],
    ['wait', 'yes', 'takes true or false'],
    ['if-not-running', 'ignore', 'takes fail or succeed'],
    ['timeout-seconds', '0', 'takes a whole number from 1 to 3600'],
    ['timeout-seconds', '3601', 'takes a whole number from 1 to 3600'],
    ['timeout-seconds', '60s', 'takes a whole number from 1 to 3600'],
    ['timeout-seconds', '1.5', 'takes a whole number from 1 to 3600'],
    ['timeout-seconds', '1e2', 'takes a whole number from 1 to 3600'],
    ['timeout-seconds', '٣', 'takes a whole number from 1 to 3600'],
    ['retries', '-1', 'takes a whole number from 0 to 10'],
    ['retries', '11', 'takes a whole number from 0 to 10'],
    ['retries', '0x1', 'takes a whole number from 0 to 10'],
    ['retries', 'NaN', 'takes a whole number from 0 to 10'],
  ])('%s may not be %s', (name, value, takes) => {
    expect(refusalOf({ ...TOKEN, [name]: value }).message).toBe(`${name} ${takes}, not '${value}'`);
  });

  test.each([undefined, '', ' '])(
    'without a job summary to write to (%j) there is none',
    (file) => {
      step.variable('GITHUB_STEP_SUMMARY', file);
      expect(settingsOf(TOKEN).hasSummary).toBe(false);
    },
  );
});

test.each([
  ['0', undefined],
  ['1', '1'],
])('certificates are verified, whatever NODE_TLS_REJECT_UNAUTHORIZED says: %s', (value, left) => {
  step.variable('NODE_TLS_REJECT_UNAUTHORIZED', value);
  settingsOf(TOKEN);
  expect(process.env['NODE_TLS_REJECT_UNAUTHORIZED']).toBe(left);
});

describe('a proxy', () => {
  test.each(['http://proxy:3128', 'http://user:pass@proxy:3128', 'https://proxy', '10.0.0.1:3128'])(
    'may be %s',
    (proxy) => {
      step.variable('https_proxy', proxy);
      expect(settingsOf(TOKEN).taskIds).toEqual(['0a1b']);
    },
  );

  test.each(['https_proxy', 'HTTPS_PROXY'])(
    'that cannot be used is refused by the name of %s, and not shown: it may hold a password',
    (name) => {
      for (const proxy of ['socks5://u:pass@proxy', 'proxy:3128', 'u:pass@pro xy', 'http://:1']) {
        step.variable(name, proxy);
        expect(refusalOf(TOKEN).message).toBe(`$${name} takes http://[user:password@]host[:port]`);
      }
    },
  );

  test('is not polled at where it is passed by', () => {
    step.variable('https_proxy', 'socks5://proxy');
    step.variable('no_proxy', '.myhuaweicloud.com');
    expect(settingsOf(TOKEN).taskIds).toEqual(['0a1b']);
    expect(refusalOf({ ...OIDC, 'sts-endpoint': 'sts.example.com' }).input).toBe('$https_proxy');
  });

  test.each(
    ['https_proxy', 'HTTPS_PROXY'].flatMap((name) => [
      [name, '', TOKEN] as const,
      [name, ' ', TOKEN] as const,
      [name, ' \t\n', { ...TOKEN, endpoint: 'http://127.0.0.1:1' }] as const,
    ]),
  )('is none where %s is blank: %j', (name, value, inputs) => {
    step.variable(name, value);
    settingsOf(inputs);
    expect(process.env).not.toHaveProperty(name);
  });

  test('that is not blank stays as it is', () => {
    step.variable('https_proxy', '');
    step.variable('HTTPS_PROXY', 'http://proxy:3128');
    settingsOf(TOKEN);
    expect(process.env).not.toHaveProperty('https_proxy');
    expect(process.env['HTTPS_PROXY']).toBe('http://proxy:3128');
  });

  test('is the one that is not blank', () => {
    step.variable('https_proxy', ' ');
    step.variable('HTTPS_PROXY', 'socks5://proxy');
    expect(refusalOf(TOKEN).input).toBe('$HTTPS_PROXY');
  });

  test('is not polled at for plain HTTP, which is loopback', () => {
    step.variable('https_proxy', 'socks5://proxy');
    expect(settingsOf({ ...TOKEN, endpoint: 'http://127.0.0.1:1' }).taskIds).toEqual(['0a1b']);
  });
});
