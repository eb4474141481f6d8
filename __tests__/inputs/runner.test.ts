import { describe, expect, test } from '@jest/globals';
import { getRunnerFacts } from '../../src/inputs/runner.ts';
import { FakeRunner } from '../support/fake-runner.ts';

const runner = FakeRunner.forEachTest();

test('the runner tells where job summaries and temporary files go', () => {
  runner.variable('RUNNER_TEMP', '/tmp/runner');
  expect(getRunnerFacts()).toMatchObject({
    summaryFile: runner.summaryFile,
    tempFolder: '/tmp/runner',
  });
});

test.each([undefined, '', ' '])('a runner may have none of them: %j', (value) => {
  runner.variable('GITHUB_STEP_SUMMARY', value);
  runner.variable('RUNNER_TEMP', value);
  expect(getRunnerFacts()).toEqual({
    summaryFile: undefined,
    tempFolder: undefined,
    docsUrl: undefined,
  });
});

describe('the troubleshooting page', () => {
  const docsUrl = (server?: string, repository?: string, ref?: string) => {
    runner.variable('GITHUB_SERVER_URL', server);
    runner.variable('GITHUB_ACTION_REPOSITORY', repository);
    runner.variable('GITHUB_ACTION_REF', ref);
    return getRunnerFacts().docsUrl;
  };
  const GITHUB = 'https://github.com';
  const REPOSITORY = 'owner/stop-codearts-check-task';

  test.each([
    [GITHUB, REPOSITORY, 'v1'],
    [GITHUB, REPOSITORY, '3d3c42e5aac5ba805825da76410c181273ba90b1'],
    [GITHUB, REPOSITORY, 'feature/some_branch-1.x'],
    ['https://github.example.com', 'Some.Owner/repo_1', 'main'],
    ['https://github.example.com:8443', REPOSITORY, 'v1'],
  ])('is that of the version that runs: %s, %s, %s', (server, repository, ref) => {
    expect(docsUrl(server, repository, ref)).toBe(
      `${server}/${repository}/blob/${ref}/docs/troubleshooting.md`,
    );
  });

  test.each([
    ['a local path', GITHUB, '', ''],
    ['nothing', undefined, undefined, undefined],
    ['no ref', GITHUB, REPOSITORY, undefined],
    ['no server', undefined, REPOSITORY, 'v1'],
    ['another scheme', 'javascript:alert(1)', REPOSITORY, 'v1'],
    ['plain HTTP', 'http://github.com', REPOSITORY, 'v1'],
    ['a server with a user', 'https://a@github.com', REPOSITORY, 'v1'],
    ['a server with a path', 'https://github.com/x', REPOSITORY, 'v1'],
    ['a repository without an owner', GITHUB, 'repo', 'v1'],
    ['a repository with markup', GITHUB, 'owner/re"po', 'v1'],
    ['a ref with markup', GITHUB, REPOSITORY, 'v1"><script>'],
    ['a ref with a fragment', GITHUB, REPOSITORY, 'v1#x'],
    ['a ref with a line break', GITHUB, REPOSITORY, 'v1\nx'],
  ])('is not linked with %s', (_, server, repository, ref) => {
    expect(docsUrl(server, repository, ref)).toBeUndefined();
  });
});
