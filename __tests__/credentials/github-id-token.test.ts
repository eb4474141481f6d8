import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import nock from 'nock';
import { githubIdToken } from '../../src/credentials/github-id-token.ts';
import { Deadline } from '../../src/deadline.ts';
import { NetworkError } from '../../src/http/errors.ts';
import { FakeClock } from '../support/fake-clock.ts';

const GITHUB = 'https://token.example.com';
const ID_TOKEN = 'header.payload.signature';

let clock: FakeClock;
let deadline: Deadline;
let printed: string;

beforeEach(() => {
  clock = new FakeClock({ autoUpToMs: 0 });
  deadline = new Deadline(30, clock);
  printed = '';
  process.env['ACTIONS_ID_TOKEN_REQUEST_URL'] = `${GITHUB}/id-token?api-version=2.0`;
  process.env['ACTIONS_ID_TOKEN_REQUEST_TOKEN'] = 'request-token';
  // Whatever proxy there is where the tests run.
  process.env['no_proxy'] = '*';
  jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += text;
    return true;
  });
});

afterEach(() => {
  jest.restoreAllMocks();
  delete process.env['ACTIONS_ID_TOKEN_REQUEST_URL'];
  delete process.env['ACTIONS_ID_TOKEN_REQUEST_TOKEN'];
});

/** GitHub's token service, asked for an ID token of an audience. */
function github(audience?: string): nock.Interceptor {
  return nock(GITHUB, { reqheaders: { authorization: 'Bearer request-token' } })
    .get('/id-token')
    .query({ 'api-version': '2.0', ...(audience === undefined ? {} : { audience }) });
}

describe('the ID token of a job', () => {
  test('is what GitHub gives, and is masked before anything else can print it', async () => {
    github().reply(200, { value: ID_TOKEN });
    await expect(githubIdToken(undefined, true, deadline)).resolves.toBe(ID_TOKEN);
    expect(printed.indexOf(ID_TOKEN)).toBe(
      printed.indexOf(`::add-mask::${ID_TOKEN}`) + '::add-mask::'.length,
    );
  });

  test('is asked for with the audience that the identity provider wants', async () => {
    github('my audience & more').reply(200, { value: ID_TOKEN });
    await expect(githubIdToken('my audience & more', true, deadline)).resolves.toBe(ID_TOKEN);
  });

  test('is not asked for where the job may not have one', async () => {
    const asked = github().reply(200, { value: ID_TOKEN });
    const failure = githubIdToken(undefined, false, deadline);
    await expect(failure).rejects.toBeInstanceOf(NetworkError);
    await expect(failure).rejects.toMatchObject({
      kind: 'id-token',
      transient: false,
      status: null,
      message: 'GitHub gives this job no ID token',
    });
    expect(asked.isDone()).toBe(false);
  });

  test.each([
    ['is refused', 403, { message: 'not for this job' }, 'not for this job'],
    ['is not in the answer', 200, {}, 'Response json body do not have ID Token field'],
    ['is no text', 200, { value: 123 }, 'its answer holds none'],
    ['is asked for in the wrong place', 404, '', 'Response json body do not have ID Token field'],
  ])('that %s is told with the reason', async (_, status, body, reason) => {
    github().reply(status, body);
    const failure = githubIdToken(undefined, true, deadline);
    await expect(failure).rejects.toBeInstanceOf(NetworkError);
    await expect(failure).rejects.toMatchObject({
      kind: 'other',
      transient: false,
      message: expect.stringMatching(/^GitHub gave no ID token: /),
      cause: expect.any(Error),
    });
    await expect(failure).rejects.toThrow(reason);
  });

  test('that does not come before the deadline is not waited for', async () => {
    const asked = github().reply(() => new Promise(() => undefined));
    const failed = expect(githubIdToken(undefined, true, deadline)).rejects.toMatchObject({
      name: 'NetworkError',
      kind: 'deadline',
      message: 'No answer within the deadline (timeout-seconds: 30)',
    });
    await clock.advance(30_000);
    await failed;
    expect(asked.isDone()).toBe(true);
  });
});
