import { afterAll, expect, test } from '@jest/globals';
import type { ConnectionFault, Fault } from '../../mock-api/faults.ts';
import { ConnectProxy } from '../../mock-api/proxy.ts';
import { issueCertificate } from '../support/certificates.ts';
import type { StepOptions, StepRun } from '../support/run-bundle.ts';
import { silentName, whyNoSilentName } from '../support/silent-name-server.ts';
import {
  closeAfterTests,
  expectFailure,
  idTokenEnv,
  runStep,
  startMockApi,
} from '../support/with-mock-api.ts';

const URN = 'iam::0123456789abcdef0123456789abcdef';
const OIDC = {
  token: '',
  'oidc-provider-urn': `${URN}:oidcProvider:github`,
  'agency-urn': `${URN}:agency:stop-scans`,
};
const MAY_HAVE_HAPPENED = 'The stop may have happened: check the task in CodeArts Check.';
const DEADLINE = 'No response within 2 s (timeout-seconds)';

// The step is to end within a second of its deadline. Whatever hangs here does so for a minute at
// least, so that a busy machine may take its time.
const IN_TIME_MS = 20_000;

const certificates = await issueCertificate('localhost');
const whyNot = whyNoSilentName();
const withSilentName = whyNot === undefined ? test.concurrent : test.skip;
const why = whyNot === undefined ? '' : ` (${whyNot})`;
const silent = whyNot === undefined ? silentName() : undefined;

afterAll(async () => {
  await silent?.close();
});

/** Runs a step of two seconds in which something hangs. */
async function hangingStep(
  inputs: Readonly<Record<string, string>>,
  { fault, options = {} }: { fault?: Fault | ConnectionFault; options?: StepOptions } = {},
) {
  const mockApi = await startMockApi({ idTokens: { '': 'id-token-of-the-job' } });
  if (fault !== undefined) mockApi.inject(fault);
  const run = await runStep(mockApi, { 'timeout-seconds': '2', ...inputs }, options);
  expect(run.durationMs).toBeGreaterThan(1_900);
  expect(run.durationMs).toBeLessThan(IN_TIME_MS);
  return { mockApi, run };
}

/** A step that is killed, because its process would not end by itself, has said everything before. */
function expectReport(run: StepRun, ...words: readonly string[]): void {
  expect([0, undefined]).not.toContain(run.exitCode);
  expect(run.outputs['outcome']).toBe('failed');
  expect(JSON.parse(run.outputs['results'] ?? '')).toHaveLength(1);
  const [annotation = '', ...others] = run.commands('error');
  expect(others).toEqual([]);
  for (const word of words) expect(annotation).toContain(word);
  expect(run.summary).toContain('<strong>What to do</strong>');
}

test.concurrent.each([
  ['silence', DEADLINE],
  ['drip', 'No complete response within 2 s (timeout-seconds) (HTTP 200)'],
] as const)('a response that never ends, %s, ends with the deadline', async (kind, message) => {
  const { mockApi, run } = await hangingStep({}, { fault: { kind } });
  const annotation = expectFailure(run);
  expect(annotation).toContain(`Stop of scan scan-1 not confirmed: ${message}`);
  expect(annotation).toContain('Increase timeout-seconds.');
  expect(annotation).toContain(MAY_HAVE_HAPPENED);
  expect(mockApi.requests).toHaveLength(1);
});

test.concurrent('a host that accepts connections and speaks no TLS cannot have stopped anything', async () => {
  const mockApi = await startMockApi({ tls: certificates.tls });
  mockApi.inject({ kind: 'hang-after-accept' });
  const run = await runStep(mockApi, { 'timeout-seconds': '2' });
  const annotation = expectFailure(run);
  expect(annotation).toContain(`Could not stop scan scan-1: ${DEADLINE}`);
  expect(annotation).not.toContain('may have happened');
  expect(run.durationMs).toBeLessThan(IN_TIME_MS);
});

test.concurrent("GitHub's ID-token service that hangs ends with the deadline", async () => {
  const mockApi = await startMockApi();
  const env = idTokenEnv(mockApi, 'hangs');
  const inputs = { ...OIDC, 'sts-endpoint': mockApi.endpoint, 'timeout-seconds': '2' };
  const run = await runStep(mockApi, inputs, { env });
  const annotation = expectFailure(run);
  expect(annotation).toContain(`Could not stop scan scan-1: ${DEADLINE}`);
  expect(annotation).not.toContain('may have happened');
  expect(run.durationMs).toBeLessThan(IN_TIME_MS);
});

test.concurrent('STS that hangs ends with the deadline', async () => {
  const mockApi = await startMockApi({ idTokens: { '': 'id-token-of-the-job' } });
  mockApi.inject({ kind: 'silence' }, { path: '/v5/' });
  const env = idTokenEnv(mockApi);
  const inputs = { ...OIDC, 'sts-endpoint': mockApi.endpoint, 'timeout-seconds': '2' };
  const run = await runStep(mockApi, inputs, { env });
  const annotation = expectFailure(run);
  expect(annotation).toContain(`Could not stop scan scan-1: ${DEADLINE}`);
  expect(annotation).not.toContain('may have happened');
  expect(mockApi.requestsTo('/stop')).toEqual([]);
  expect(run.durationMs).toBeLessThan(IN_TIME_MS);
});

test.concurrent('a proxy that hangs ends with the deadline, and cannot have stopped anything', async () => {
  const proxy = closeAfterTests(await ConnectProxy.start({ target: 1, silent: true }));
  const endpoint = 'check.example.com';
  const { run } = await hangingStep({ endpoint }, { options: { proxy: proxy.url() } });
  const annotation = expectFailure(run);
  expect(annotation).toContain(`Could not stop scan scan-1: ${DEADLINE}`);
  expect(annotation).not.toContain('may have happened');
  expect(proxy.connects).toBe(1);
});

test.concurrent('a status that hangs ends with the deadline, and what is known of the stop is kept', async () => {
  const mockApi = await startMockApi({ scans: { 'scan-1': { stopsAfterMs: 600_000 } } });
  mockApi.inject({ kind: 'silence' }, { path: '/progress', after: 1 });
  const run = await runStep(mockApi, { wait: 'true', 'timeout-seconds': '2' });
  const annotation = expectFailure(run);
  expect(annotation).toContain(
    'Stop of scan scan-1 not confirmed: The API accepted the stop request, but the scan was still running after 2 s',
  );
  expect(run.outputs).toMatchObject({
    'status-code': '200',
    'request-id': expect.stringMatching(/^[0-9a-f]{32}$/),
  });
  expect(run.durationMs).toBeLessThan(IN_TIME_MS);
});

// process.exit() waits for the thread of a lookup, which hangs for good here.
const named = { env: silent?.env ?? {}, killAfterMs: 60_000 };

withSilentName(
  `a name server that hangs does not hold the process past its deadline${why}`,
  async () => {
    const { run } = await hangingStep({ endpoint: silent?.host ?? '' }, { options: named });
    expectReport(run, `Could not stop scan scan-1: ${DEADLINE}`);
    expect(run.visible).not.toContain('may have happened');
  },
);

withSilentName(`a name server of the proxy that hangs does not hold it either${why}`, async () => {
  const options = { ...named, proxy: `http://${silent?.host}:3128` };
  const { run } = await hangingStep({ endpoint: 'check.example.com' }, { options });
  expectReport(run, `Could not stop scan scan-1: ${DEADLINE}`);
});

withSilentName(`a name server of STS that hangs does not hold it either${why}`, async () => {
  const mockApi = await startMockApi({ idTokens: { '': 'id-token-of-the-job' } });
  const inputs = { ...OIDC, 'sts-endpoint': silent?.host ?? '', 'timeout-seconds': '2' };
  const env = { ...named.env, ...idTokenEnv(mockApi) };
  const run = await runStep(mockApi, inputs, { ...named, env });
  expectReport(run, `Could not stop scan scan-1: ${DEADLINE}`);
  expect(run.durationMs).toBeLessThan(IN_TIME_MS);
});

for (const name of ['SIGINT', 'SIGTERM'] as const) {
  withSilentName(
    `a name server that hangs does not hold the process after ${name}${why}`,
    async () => {
      const mockApi = await startMockApi();
      const inputs = { endpoint: silent?.host ?? '', 'timeout-seconds': '600' };
      const signal = { name, onLine: 'Stopping', afterMs: 300 };
      const run = await runStep(mockApi, inputs, { ...named, signal });
      expectReport(run, `the step was cancelled (${name})`);
      expect(run.visible).not.toContain('may have happened');
      expect(run.endedAfterMs).toBeLessThan(IN_TIME_MS);
    },
  );
}

withSilentName(
  `a name server that hangs does not hold the process when nobody reads its log${why}`,
  async () => {
    const mockApi = await startMockApi();
    const inputs = { endpoint: silent?.host ?? '', 'timeout-seconds': '2' };
    const closeStdout = { onLine: 'Stopping' };
    const run = await runStep(mockApi, inputs, { ...named, closeStdout });
    expect(run.outputs['outcome']).toBe('failed');
    expect(run.durationMs).toBeLessThan(IN_TIME_MS);
  },
);
