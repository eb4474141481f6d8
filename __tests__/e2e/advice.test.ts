import { expect, test } from '@jest/globals';
import type { Fault } from '../../mock-api/faults.ts';
import { expectFailure, runStep, startMockApi } from '../support/with-mock-api.ts';

const DOCS = 'https://github.com/owner/stop-codearts-check-task/blob/v1/docs/troubleshooting.md';
const ENV = {
  GITHUB_SERVER_URL: 'https://github.com',
  GITHUB_ACTION_REPOSITORY: 'owner/stop-codearts-check-task',
  GITHUB_ACTION_REF: 'v1',
};
const IAM = 'Incorrect IAM authentication information: ';

const rejection = (status: number, code: string, message: string): Fault => ({
  kind: 'response',
  status,
  body: JSON.stringify({ error_code: code, error_msg: message }),
});
const page = (status: number): Fault => ({
  kind: 'response',
  status,
  body: '<html><title>Gateway</title></html>',
});

/** What fails a stop, the entry of the troubleshooting page that it leads to, and its advice. */
const STOPS: readonly (readonly [Fault, string, string])[] = [
  [rejection(401, 'CC.00000003', 'Expired.'), 'credential-expired', 'valid for 24 hours'],
  [rejection(401, 'APIGW.0307', 'The token must be updated'), 'credential-expired', '24 hours'],
  [rejection(401, 'APIGW.0301', `${IAM}token expires`), 'credential-expired', '24 hours'],
  [
    rejection(401, 'APIGW.0301', `${IAM}decrypt token fail`),
    'token-malformed',
    'The token is malformed, truncated or from another region',
  ],
  [
    rejection(401, 'APIGW.0301', `${IAM}x-auth-token not found`),
    'credential-rejected',
    'valid for 24 hours',
  ],
  [
    rejection(401, 'APIGW.0301', `${IAM}verify aksk signature fail`),
    'access-key-wrong',
    'Check access-key-id and secret-access-key',
  ],
  [
    rejection(401, 'APIGW.0301', `${IAM}ak QTWA not exist`),
    'access-key-wrong',
    'Check access-key-id and secret-access-key',
  ],
  [
    rejection(401, 'APIGW.0301', `${IAM}AK access failed to reach the limit`),
    'access-key-locked',
    'locked for 5 minutes',
  ],
  [rejection(401, 'APIGW.0301', `${IAM}signature expired`), 'clock-off', "Set the runner's clock"],
  [rejection(200, 'CC.00050007', 'IAM failed'), 'credential-rejected', 'valid for 24 hours'],
  [rejection(200, 'CC.00050010', 'No'), 'permission', 'codeartscheck:task:execute'],
  [rejection(403, 'PAP5.0001', 'Denied'), 'permission', 'codeartscheck:task:execute'],
  [rejection(403, '', 'Denied'), 'permission', 'codeartscheck:task:execute'],
  [rejection(200, 'CC.00050011', 'No'), 'project-member', 'Add the user to the CodeArts project'],
  [
    rejection(400, 'CC.00050006', 'failed, service_error_code is: CC.00070403.403, msg'),
    'project-role',
    'a CodeArts project role that may execute tasks',
  ],
  [rejection(403, 'APIGW.0302', 'No'), 'account', 'the state of the account'],
  [rejection(400, 'CC.00000001.400', 'Bad parameter'), 'task-id', 'if-not-running: succeed'],
  [rejection(200, 'CC.00050013', 'No such project'), 'task-id', 'Check task-id'],
  [rejection(404, 'APIGW.0101', 'No such API'), 'wrong-host', 'Check region and endpoint'],
  [rejection(404, 'APIGW.0103', 'No such method'), 'wrong-host', 'Check region and endpoint'],
  [rejection(400, 'APIGW.0106', 'Bad type'), 'content-type', 'application/json'],
  [rejection(400, 'CC.00000000', 'Network busy'), 'busy', 'The API is busy.'],
  [rejection(503, 'APIGW.0602', 'Internal'), 'busy', 'The API is busy.'],
  [page(500), 'busy', 'The API is busy.'],
  [page(502), 'may-have-happened', 'Run the step again later'],
  [page(504), 'may-have-happened', 'Run the step again later'],
  [page(200), 'not-json', 'something other than the API'],
  [
    { kind: 'redirect', location: 'https://example.com' },
    'redirect',
    'something other than the API',
  ],
  [{ kind: 'switching-protocols' }, 'not-json', 'something other than the API'],
  [{ kind: 'reset-before-headers' }, 'may-have-happened', 'Run the step again later'],
  [{ kind: 'cut-short' }, 'may-have-happened', 'Run the step again later'],
  [{ kind: 'large-headers' }, 'may-have-happened', 'Run the step again later'],
  [{ kind: 'garbage' }, 'wrong-host', 'Check region and endpoint'],
];

test('each cause that is known has its advice, and a link to its entry', async () => {
  // A few at a time: each is a process.
  for (let from = 0; from < STOPS.length; from += 6) {
    await Promise.all(
      STOPS.slice(from, from + 6).map(async ([fault, topic, advice]) => {
        const mockApi = (await startMockApi()).inject(fault);
        const run = await runStep(mockApi, { retries: '0' }, { env: ENV });
        const annotation = expectFailure(run);
        const lines = annotation.split('\n');
        expect([fault, lines.at(-1)]).toEqual([fault, `${DOCS}#${topic}`]);
        expect([fault, lines.at(-2)]).toEqual([fault, expect.stringContaining(advice)]);
        // Whatever is no response that can be trusted leaves open what the API has done.
        const untrusted = ['may-have-happened', 'not-json'].includes(topic);
        expect([fault, annotation.includes('The stop may have happened')]).toEqual([
          fault,
          untrusted || fault.kind === 'garbage',
        ]);
        expect(lines.length).toBeLessThanOrEqual(4);
        expect(run.summary).toContain('<strong>What to do</strong>');
      }),
    );
  }
}, 60_000);

test('an action at a local path has no page to link to', async () => {
  const mockApi = (await startMockApi()).inject(rejection(401, 'CC.00000003', 'Expired.'));
  expect(expectFailure(await runStep(mockApi))).not.toContain('https://');
});

test('an error whose cause is not known has no advice', async () => {
  const mockApi = (await startMockApi()).inject(rejection(409, 'CC.99999999', 'Who knows'));
  const run = await runStep(mockApi, {}, { env: ENV });
  expect(expectFailure(run)).toBe('Could not stop scan scan-1: Who knows (CC.99999999, HTTP 409)');
});

test('with if-not-running: succeed, the advice does not propose it', async () => {
  const fault = rejection(400, 'CC.00000001.400', 'Bad parameter');
  const mockApi = (await startMockApi()).inject(fault, { path: '/stop' });
  const annotation = expectFailure(await runStep(mockApi, { 'if-not-running': 'succeed' }));
  expect(annotation).toContain('Check task-id, execution-id and region.');
  expect(annotation).not.toContain('if-not-running');
});

test('the same advice for several tasks is given once', async () => {
  const mockApi = await startMockApi({ scans: { a: {}, b: {}, c: {} } });
  mockApi.inject(rejection(403, 'PAP5.0001', 'Denied'), { path: '/a/' });
  mockApi.inject(rejection(403, 'PAP5.0001', 'Denied'), { path: '/b/' });
  mockApi.inject(rejection(400, 'CC.1.400', 'Bad'), { path: '/c/' });
  const run = await runStep(mockApi, { 'task-id': 'a b c' }, { env: ENV });
  const annotation = expectFailure(run);
  expect(annotation.match(/codeartscheck:task:execute/g)).toHaveLength(1);
  expect(annotation.split('\n').slice(-2)).toEqual([`${DOCS}#permission`, `${DOCS}#task-id`]);
  expect(run.summary.match(/codeartscheck:task:execute/g)).toHaveLength(1);
});
