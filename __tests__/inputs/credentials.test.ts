import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { getStopInputs, STEP_OPTIONS } from '../../src/inputs/inputs.ts';
import { FakeRunner, outsideText } from '../support/fake-runner.ts';
import {
  ACCESS_KEY,
  AGENCY,
  inputErrorOf,
  NO_CREDENTIAL,
  OIDC,
  PROVIDER,
  stopInputs,
  TOKEN,
} from './read-inputs.ts';

const runner = FakeRunner.forEachTest();

type Given = Readonly<Record<string, string>>;
const credentialOf = (inputs: Given) => stopInputs(runner, inputs).credential;
const errorOf = (inputs: Given) => inputErrorOf(() => stopInputs(runner, inputs));

const HINT =
  'If the value comes from a secret, check the name of the secret; ' +
  'runs triggered by a fork or by Dependabot cannot read repository secrets.';

describe('the credential', () => {
  test('may be an access key', () => {
    expect(credentialOf(ACCESS_KEY)).toEqual({
      kind: 'access-key',
      accessKeyId: 'AKID',
      secretAccessKey: 'sEcReT/+',
      securityToken: undefined,
      projectId: undefined,
      source: 'the inputs access-key-id and secret-access-key',
    });
  });

  test('may be a temporary access key of a project', () => {
    const inputs = { ...ACCESS_KEY, 'security-token': 'temporary', 'project-id': 'p1' };
    expect(credentialOf(inputs)).toMatchObject({ securityToken: 'temporary', projectId: 'p1' });
  });

  test('may be OIDC', () => {
    runner.variable('GITHUB_RUN_ID', '4711');
    runner.variable('GITHUB_RUN_ATTEMPT', '2');
    expect(credentialOf(OIDC)).toEqual({
      kind: 'oidc',
      providerUrn: PROVIDER,
      agencyUrn: AGENCY,
      audience: undefined,
      stsEndpoint: new URL('https://sts.cn-north-4.myhuaweicloud.com'),
      projectId: undefined,
      idTokenService: undefined,
      sessionName: 'github-4711-2',
      source: 'the inputs oidc-provider-urn and agency-urn',
    });
  });

  test('may be OIDC with all there is to say', () => {
    runner.variable('ACTIONS_ID_TOKEN_REQUEST_URL', 'https://example.com/token?a=b');
    runner.variable('ACTIONS_ID_TOKEN_REQUEST_TOKEN', 'x');
    const inputs = {
      ...OIDC,
      'oidc-audience': 'https://github.com/octo org',
      'sts-endpoint': 'sts.example.com',
      'project-id': 'p1',
      region: 'cn-south-1',
    };
    expect(credentialOf(inputs)).toMatchObject({
      audience: 'https://github.com/octo org',
      stsEndpoint: new URL('https://sts.example.com'),
      projectId: 'p1',
      idTokenService: { url: new URL('https://example.com/token?a=b'), requestToken: 'x' },
    });
    expect(credentialOf({ ...inputs, 'sts-endpoint': '' })).toMatchObject({
      stsEndpoint: new URL('https://sts.cn-south-1.myhuaweicloud.com'),
    });
  });

  test.each([
    ['https://example.com', undefined],
    [undefined, 'x'],
    ['not a URL', 'x'],
  ])('has no ID-token service if only a part of it is there: %j, %j', (url, token) => {
    runner.variable('ACTIONS_ID_TOKEN_REQUEST_URL', url);
    runner.variable('ACTIONS_ID_TOKEN_REQUEST_TOKEN', token);
    expect(credentialOf(OIDC)).toMatchObject({ idTokenService: undefined });
  });

  test('names its session in characters that STS accepts, and not too many', () => {
    runner.variable('GITHUB_RUN_ID', `7;x${'1'.repeat(200)}`);
    expect(credentialOf(OIDC)).toMatchObject({ sessionName: `github-7${'1'.repeat(120)}` });
  });

  test('is the access key of the job if no input sets one', () => {
    runner.variable('HUAWEI_CLOUD_ACCESS_KEY_ID', 'AKID');
    runner.variable('HUAWEI_CLOUD_SECRET_ACCESS_KEY', 'sEcReT');
    expect(credentialOf(NO_CREDENTIAL)).toEqual({
      kind: 'access-key',
      accessKeyId: 'AKID',
      secretAccessKey: 'sEcReT',
      securityToken: undefined,
      projectId: undefined,
      source: '$HUAWEI_CLOUD_ACCESS_KEY_ID and $HUAWEI_CLOUD_SECRET_ACCESS_KEY',
    });
    runner.variable('HUAWEI_CLOUD_PROJECT_ID', 'p1');
    expect(credentialOf(NO_CREDENTIAL)).toMatchObject({ projectId: 'p1' });
  });

  test.each([
    ['token', TOKEN],
    ['access-key', ACCESS_KEY],
    ['oidc', OIDC],
  ])('is the %s of the inputs also if the job has an access key', (kind, inputs) => {
    runner.variable('HUAWEI_CLOUD_ACCESS_KEY_ID', 'of the job');
    runner.variable('HUAWEI_CLOUD_SECRET_ACCESS_KEY', 'of the job');
    runner.variable('HUAWEI_CLOUD_PROJECT_ID', 'of the job');
    const credential = credentialOf(inputs);
    expect(credential.kind).toBe(kind);
    expect(JSON.stringify(credential)).not.toContain('of the job');
  });

  test.each([
    ['half an access key', { 'access-key-id': 'AKID' }],
    ['half of OIDC', { 'agency-urn': AGENCY }],
    ['a project', { 'project-id': 'p1' }],
  ])('is never completed by the access key of the job: %s', (_, inputs) => {
    runner.variable('HUAWEI_CLOUD_ACCESS_KEY_ID', 'AKID');
    runner.variable('HUAWEI_CLOUD_SECRET_ACCESS_KEY', 'sEcReT');
    expect(errorOf({ ...NO_CREDENTIAL, ...inputs })).toMatch(/must (not be empty|be set too)/);
  });

  test.each([
    [
      'every printable ASCII character',
      String.fromCharCode(...Array.from({ length: 95 }, (_, index) => index + 32)),
    ],
    ['1024 characters', 'x'.repeat(1024)],
  ])('may have an audience of %s', (_, audience) => {
    expect(credentialOf({ ...OIDC, 'oidc-audience': audience })).toMatchObject({
      audience: audience.trim(),
    });
  });

  test.each([
    ['access-key-id', ACCESS_KEY, 128, 'accessKeyId'],
    ['secret-access-key', ACCESS_KEY, 256, 'secretAccessKey'],
    ['security-token', ACCESS_KEY, 100_000, 'securityToken'],
    ['project-id', ACCESS_KEY, 64, 'projectId'],
    ['project-id', OIDC, 64, 'projectId'],
    ['token', TOKEN, 100_000, 'token'],
  ])('has a %s of as many characters as the API accepts', (name, inputs, max, property) => {
    const value = 'x'.repeat(max);
    expect(credentialOf({ ...inputs, [name]: value })).toMatchObject({ [property]: value });
    expect(errorOf({ ...inputs, [name]: `${value}x` })).toMatch(
      new RegExp(`^${name} must be 1 to ${max} `),
    );
  });

  test.each([
    ['access-key-id', 'accessKeyId'],
    ['project-id', 'projectId'],
  ])('has a %s of letters, digits, _ and -', (name, property) => {
    expect(credentialOf({ ...ACCESS_KEY, [name]: 'aZ09_-' })).toMatchObject({
      [property]: 'aZ09_-',
    });
  });

  test('has URNs of up to 512 characters', () => {
    const urn = AGENCY.padEnd(512, 'x');
    expect(credentialOf({ ...OIDC, 'agency-urn': urn })).toMatchObject({ agencyUrn: urn });
  });
});

const TOGETHER =
  'cannot be combined; use only one of token, access key (access-key-id and secret-access-key) or OIDC (oidc-provider-urn and agency-urn)';
const NONE =
  'token, access-key-id, secret-access-key, oidc-provider-urn and agency-urn are all empty: ' +
  `set token, or access-key-id and secret-access-key, or oidc-provider-urn and agency-urn. ${HINT}`;
const AK_SK = 'access-key-id and secret-access-key belong together.';

describe('a credential is rejected by name', () => {
  test.each<[string, Given, string]>([
    ['none', {}, NONE],
    ['an empty token', { token: ' ' }, NONE],
    ['an empty access key', { 'access-key-id': '', 'secret-access-key': '\n' }, NONE],
    [
      'a token and an access key',
      { ...TOKEN, ...ACCESS_KEY },
      `token, access-key-id and secret-access-key ${TOGETHER}`,
    ],
    [
      'a token and half an access key',
      { ...TOKEN, 'access-key-id': 'AKID' },
      `token and access-key-id ${TOGETHER}`,
    ],
    [
      'an access key and OIDC',
      { ...ACCESS_KEY, ...OIDC },
      `access-key-id, secret-access-key, oidc-provider-urn and agency-urn ${TOGETHER}`,
    ],
    [
      'a token and OIDC',
      { ...TOKEN, 'sts-endpoint': 'sts.example.com' },
      `token and sts-endpoint ${TOGETHER}`,
    ],
    [
      'all three',
      { ...TOKEN, 'security-token': 'x', 'oidc-audience': 'x' },
      `token, security-token and oidc-audience ${TOGETHER}`,
    ],
    [
      'a token with a project',
      { ...TOKEN, 'project-id': 'p1' },
      'project-id must be empty with token, which belongs to one project',
    ],
    [
      'a project alone',
      { 'project-id': 'p1' },
      'project-id goes with an access key: access-key-id and secret-access-key, or oidc-provider-urn and agency-urn, must be set too',
    ],
    [
      'an access key without its secret key',
      { 'access-key-id': 'AKID', 'secret-access-key': ' ' },
      `secret-access-key must not be empty: ${AK_SK} ${HINT}`,
    ],
    [
      'an access key without its ID',
      { 'access-key-id': '', 'secret-access-key': 'x' },
      `access-key-id must not be empty: ${AK_SK} ${HINT}`,
    ],
    [
      'a security token alone',
      { 'security-token': 'x' },
      `access-key-id and secret-access-key must not be empty: ${AK_SK}`,
    ],
    [
      'OIDC without an agency',
      { 'oidc-provider-urn': PROVIDER },
      'agency-urn must not be empty: oidc-provider-urn and agency-urn belong together.',
    ],
    ['OIDC without a provider', { 'agency-urn': AGENCY }, 'oidc-provider-urn must not be empty'],
    ['an audience alone', { 'oidc-audience': 'x' }, 'oidc-provider-urn and agency-urn must not be'],
    [
      'an access key ID with other characters',
      { ...ACCESS_KEY, 'access-key-id': 'AK ID' },
      'access-key-id must be 1 to 128 letters, digits, _ and -',
    ],
    [
      'a secret key with whitespace',
      { ...ACCESS_KEY, 'secret-access-key': 'sEc ReT' },
      'secret-access-key must be 1 to 256 visible ASCII characters without whitespace; it has 7 characters, 1 of which are not allowed',
    ],
    [
      'a security token with line breaks',
      { ...ACCESS_KEY, 'security-token': 'a\nb' },
      'security-token must be 1 to 100000 visible ASCII characters',
    ],
    [
      'a project with other characters',
      { ...ACCESS_KEY, 'project-id': 'p/1' },
      'project-id must be 1 to 64 letters, digits, _ and -',
    ],
    [
      'a project of OIDC with other characters',
      { ...OIDC, 'project-id': 'p/1' },
      'project-id must be 1 to 64 letters',
    ],
    [
      'a URN of another type',
      { ...OIDC, 'agency-urn': PROVIDER },
      `agency-urn must be a URN like iam::<account ID>:agency:<name>, not '${PROVIDER}'`,
    ],
    [
      'a URN that is none',
      { ...OIDC, 'oidc-provider-urn': 'github' },
      "oidc-provider-urn must be a URN like iam::<account ID>:oidcProvider:<name>, not 'github'",
    ],
    [
      'a URN without a name',
      { ...OIDC, 'agency-urn': 'iam::0123:agency:' },
      'agency-urn must be a URN',
    ],
    [
      'a URN without an account',
      { ...OIDC, 'agency-urn': 'iam:::agency:a' },
      'agency-urn must be a URN',
    ],
    [
      'a URN that is too long',
      { ...OIDC, 'agency-urn': AGENCY.padEnd(513, 'x') },
      'agency-urn must be a URN',
    ],
    [
      'an audience with other characters',
      { ...OIDC, 'oidc-audience': 'a\u0001b' },
      'oidc-audience must be up to 1024 visible ASCII characters',
    ],
    [
      'an audience that is too long',
      { ...OIDC, 'oidc-audience': 'x'.repeat(1025) },
      'oidc-audience must be up to 1024 visible ASCII characters',
    ],
  ])('%s', (_, inputs, message) => {
    expect(errorOf({ ...NO_CREDENTIAL, ...inputs }).startsWith(message)).toBe(true);
  });

  test.each([
    ['HUAWEI_CLOUD_ACCESS_KEY_ID', 'HUAWEI_CLOUD_SECRET_ACCESS_KEY'],
    ['HUAWEI_CLOUD_SECRET_ACCESS_KEY', 'HUAWEI_CLOUD_ACCESS_KEY_ID'],
  ])('the job has %s alone', (given, missing) => {
    runner.variable(given, 'x');
    expect(errorOf(NO_CREDENTIAL)).toBe(
      `${missing} must not be empty: HUAWEI_CLOUD_ACCESS_KEY_ID and HUAWEI_CLOUD_SECRET_ACCESS_KEY belong together. ${HINT}`,
    );
  });

  test.each([
    ['HUAWEI_CLOUD_ACCESS_KEY_ID', 'a/b'],
    ['HUAWEI_CLOUD_SECRET_ACCESS_KEY', 'a b'],
    ['HUAWEI_CLOUD_PROJECT_ID', 'a/b'],
  ])('the job has an invalid %s', (name, value) => {
    runner.variable('HUAWEI_CLOUD_ACCESS_KEY_ID', 'AKID');
    runner.variable('HUAWEI_CLOUD_SECRET_ACCESS_KEY', 'sEcReT');
    runner.variable(name, value);
    expect(errorOf(NO_CREDENTIAL)).toMatch(new RegExp(`^${name} must be 1 to `));
  });

  test('no part of it is an empty token, unless the token is what was set', () => {
    const halves = ['access-key-id', 'secret-access-key', 'security-token'];
    for (const name of halves) {
      expect(errorOf({ ...NO_CREDENTIAL, [name]: 'x' })).not.toMatch(/^token|token is/);
    }
  });
});

describe('a secret', () => {
  test.each([
    ['token', TOKEN, 100_000],
    ['secret-access-key', ACCESS_KEY, 256],
    ['security-token', ACCESS_KEY, 100_000],
  ] as const)(
    '%s is accepted as it is, or rejected by counting its characters, never by showing them',
    (name, inputs, max) => {
      const value = fc.oneof(outsideText('MII'), fc.stringMatching(/^[!-~]{1,200}$/), fc.string());
      fc.assert(
        fc.property(value, (given) => {
          fc.pre(given.trim() !== '');
          runner.inputs({ ...inputs, [name]: given });
          const isValid = /^[\x21-\x7e]+$/.test(given.trim()) && given.trim().length <= max;
          if (isValid) {
            expect(Object.values(getStopInputs(STEP_OPTIONS).credential)).toContain(given.trim());
          } else {
            const numbers = '\\d+ characters, \\d+ of which are not allowed';
            expect(inputErrorOf(() => getStopInputs(STEP_OPTIONS))).toMatch(
              new RegExp(
                `^${name} must be 1 to ${max} visible ASCII characters without whitespace; it has ${numbers}$`,
              ),
            );
          }
        }),
      );
    },
  );

  test('that is too long is counted', () => {
    expect(errorOf({ ...TOKEN, token: 'x'.repeat(100_001) })).toBe(
      'token must be 1 to 100000 visible ASCII characters without whitespace; ' +
        'it has 100001 characters, 0 of which are not allowed',
    );
  });
});
