import { createServer } from 'node:net';
import { expect, test } from '@jest/globals';
import { ConnectProxy, type ProxyOptions } from '../../mock-api/proxy.ts';
import { issueCertificate } from '../support/certificates.ts';
import type { StepOptions } from '../support/run-bundle.ts';
import {
  closeAfterTests,
  expectFailure,
  resultsOf,
  runStep,
  startMockApi,
} from '../support/with-mock-api.ts';

const HOST = 'check.example.com';
const good = await issueCertificate(HOST);

const whyNoIpv6 = await new Promise<string | undefined>((resolve) => {
  const server = createServer().once('error', ({ message }) => resolve(message));
  server.listen(0, '::1', () => server.close(() => resolve(undefined)));
});
const onIpv6 = whyNoIpv6 === undefined ? test : test.skip;
// Names of variables have no case on Windows, so that none can hide the other.
const ifCaseCounts = process.platform === 'win32' ? test.skip : test;
const why = whyNoIpv6 === undefined ? '' : ` (${whyNoIpv6})`;

interface ProxiedStep {
  readonly proxy?: Omit<ProxyOptions, 'target'>;
  /** 'user:password', percent-encoded. */
  readonly user?: string;
  readonly inputs?: Readonly<Record<string, string>>;
  readonly options?: StepOptions;
  readonly scans?: readonly string[];
}

/** Runs a step against a host that only a proxy reaches. */
async function stepThroughProxy(step: ProxiedStep = {}) {
  const { user, inputs, options, scans = ['scan-1'] } = step;
  const mockApi = await startMockApi({
    tls: good.tls,
    scans: Object.fromEntries(scans.map((id) => [id, {}])),
  });
  const proxy = closeAfterTests(await ConnectProxy.start({ ...step.proxy, target: mockApi.port }));
  const run = await runStep(
    mockApi,
    { endpoint: `https://${HOST}`, ...inputs },
    { proxy: proxy.url(user), extraCaCerts: good.authorityFile, ...options },
  );
  return { mockApi, proxy, run };
}

test('a proxy is used, by CONNECT, and sees neither path nor token', async () => {
  const { run, proxy, mockApi } = await stepThroughProxy();
  expect(run).toMatchObject({ exitCode: 0, stderr: '' });
  expect(proxy.targets).toEqual([`${HOST}:443`]);
  expect(mockApi.requests).toHaveLength(1);
});

test('tunnels are kept alive: 200 requests take at most 16 of them', async () => {
  const scans = Array.from({ length: 100 }, (_, index) => `t${index + 1}`);
  const { run, proxy, mockApi } = await stepThroughProxy({
    scans,
    inputs: { 'task-id': scans.join(), wait: 'true' },
  });
  expect(run.exitCode).toBe(0);
  expect(resultsOf(run).filter(({ outcome }) => outcome !== 'stopped')).toEqual([]);
  expect(mockApi.requests.length).toBeGreaterThanOrEqual(200);
  expect(proxy.connects).toBeLessThanOrEqual(16);
  expect(mockApi.maxOpen).toBeLessThanOrEqual(16);
});

test('many tasks go through a proxy even if the API closes each connection', async () => {
  const scans = Array.from({ length: 100 }, (_, index) => `t${index + 1}`);
  const mockApi = await startMockApi({ tls: good.tls });
  mockApi.inject({
    kind: 'response',
    status: 200,
    headers: { connection: 'close' },
    body: '{"task_status":3}',
  });
  const proxy = closeAfterTests(await ConnectProxy.start({ target: mockApi.port }));
  const run = await runStep(
    mockApi,
    { endpoint: HOST, 'task-id': scans.join(), wait: 'true' },
    { proxy: proxy.url(), extraCaCerts: good.authorityFile },
  );
  expect(run.exitCode).toBe(0);
  expect(mockApi.requests).toHaveLength(200);
  // The next tunnel may be open before the end of the last one is noticed.
  expect(proxy.maxOpen).toBeLessThanOrEqual(32);
});

test('a tunnel that the API has closed meanwhile costs no retry', async () => {
  const scans = Array.from({ length: 40 }, (_, index) => `t${index + 1}`);
  const mockApi = await startMockApi({
    tls: good.tls,
    scans: Object.fromEntries(scans.map((id) => [id, {}])),
  });
  mockApi.inject({ kind: 'reset-before-headers' }, { reusedOnly: true, times: 10 });
  const proxy = closeAfterTests(await ConnectProxy.start({ target: mockApi.port }));
  const run = await runStep(
    mockApi,
    { endpoint: HOST, 'task-id': scans.join(), retries: '0' },
    { proxy: proxy.url(), extraCaCerts: good.authorityFile },
  );
  expect(run.exitCode).toBe(0);
  expect(mockApi.requests).toHaveLength(50);
});

test('the certificate behind a proxy is verified against the name of the host', async () => {
  const { run, mockApi } = await stepThroughProxy({
    inputs: { endpoint: 'https://other.example.com' },
  });
  const annotation = expectFailure(run);
  expect(mockApi.requests).toEqual([]);
  expect(annotation).toContain(
    'The host other.example.com presented a certificate for another name',
  );
  expect(annotation).not.toContain('may have happened');
});

test('a proxy with a password is used, and the password is not printed', async () => {
  const { run } = await stepThroughProxy({
    proxy: { credentials: 'user:p@ss:word' },
    user: 'user:p%40ss%3Aword',
  });
  expect(run.exitCode).toBe(0);
  expect(run.visible).not.toMatch(/p(@|%40)ss/);
  // No warning of Node.js either.
  expect(run.stderr).toBe('');
});

test('a proxy that rejects a password says so, once, and does not ask for one', async () => {
  const { run, proxy } = await stepThroughProxy({
    proxy: { credentials: 'user:right-password' },
    user: 'user:wrong-password',
  });
  const annotation = expectFailure(run);
  expect(proxy.targets).toHaveLength(1);
  expect(annotation).toContain('rejected the user or the password (HTTP 407)');
  expect(annotation).toContain('Check the user and the password in https_proxy');
  expect(annotation).not.toContain('may have happened');
  expect(run.visible).not.toMatch(/(right|wrong)-password/);
});

test('a proxy that requires a password says so, once', async () => {
  const { run, proxy } = await stepThroughProxy({ proxy: { credentials: 'user:password' } });
  const annotation = expectFailure(run);
  expect(proxy.targets).toHaveLength(1);
  expect(annotation).toContain('requires a user and a password (HTTP 407)');
  expect(annotation).toContain('Set them in https_proxy: http://user:password@host:port');
});

test('a proxy that denies the connection is named, and no stop can have happened', async () => {
  const { run } = await stepThroughProxy({ proxy: { refuses: 403 } });
  const annotation = expectFailure(run);
  expect(annotation).toContain(`denied the connection to ${HOST} (HTTP 403)`);
  expect(annotation).toContain('Check the variables https_proxy and no_proxy of this runner.');
  expect(annotation).not.toContain('may have happened');
});

test('a proxy that is in trouble for a moment is asked again', async () => {
  const { run, proxy, mockApi } = await stepThroughProxy({
    proxy: { first: ['reset', 'end', 503] },
  });
  expect(run.exitCode).toBe(0);
  expect(proxy.targets).toHaveLength(4);
  expect(mockApi.requests).toHaveLength(1);
  expect(run.visible).toMatch(/The proxy \S+ reset the connection .*; attempt 2 in/);
  expect(run.visible).toMatch(/The proxy \S+ reset the connection .*; attempt 3 in/);
  expect(run.visible).toMatch(/denied the connection to \S+ \(HTTP 503\); attempt 4 in/);
});

test('a proxy that stays in trouble says no word of a stop that may have happened', async () => {
  for (const trouble of ['reset', 'end', 503] as const) {
    const { run } = await stepThroughProxy({
      proxy: { first: [trouble, trouble] },
      inputs: { retries: '1' },
    });
    const annotation = expectFailure(run);
    expect(annotation).toContain('Could not stop scan scan-1: The proxy ');
    expect(annotation).not.toContain('may have happened');
  }
});

test('a proxy that is not there is named', async () => {
  const mockApi = await startMockApi();
  const proxy = 'http://user:password@127.0.0.1:1';
  const run = await runStep(mockApi, { endpoint: HOST }, { proxy });
  expect(expectFailure(run)).toContain('The proxy 127.0.0.1:1 refused the connection');
  expect(run.visible).not.toContain('user:password');
});

test.each(['http://user:p%ss@proxy', 'socks5://127.0.0.1:1080', 'http://'])(
  'https_proxy=%s is rejected by name, since it would be passed by in silence',
  async (proxy) => {
    const mockApi = await startMockApi();
    const run = await runStep(mockApi, { endpoint: HOST }, { proxy });
    expect(expectFailure(run)).toContain('$https_proxy must be http://[user:password@]host');
    expect(run.visible).not.toContain('p%ss');
  },
);

test('no_proxy goes past the proxy', async () => {
  const { run, proxy } = await stepThroughProxy({
    inputs: { endpoint: 'check.invalid', 'timeout-seconds': '20', retries: '0' },
    options: { noProxy: 'other.example.com, .invalid' },
  });
  // Without a network, there is no name server either.
  expect(expectFailure(run)).toMatch(
    /The host check\.invalid (was not found|could not be looked up)/,
  );
  expect(proxy.connects).toBe(0);
});

ifCaseCounts.each([
  ['a blank no_proxy', { no_proxy: ' ', NO_PROXY: HOST }],
  ['an empty no_proxy', { no_proxy: '', NO_PROXY: HOST }],
])('%s does not hide NO_PROXY', async (_name, env) => {
  const { run, proxy } = await stepThroughProxy({
    inputs: { 'timeout-seconds': '20', retries: '0' },
    options: { env },
  });
  expectFailure(run);
  expect(proxy.connects).toBe(0);
});

ifCaseCounts.each([
  ['a blank https_proxy', ' '],
  ['an empty https_proxy', ''],
])('%s does not hide HTTPS_PROXY', async (_name, blank) => {
  const mockApi = await startMockApi({ tls: good.tls });
  const proxy = closeAfterTests(await ConnectProxy.start({ target: mockApi.port }));
  const env = { https_proxy: blank, HTTPS_PROXY: proxy.url() };
  const run = await runStep(mockApi, { endpoint: HOST }, { env, extraCaCerts: good.authorityFile });
  expect(run.exitCode).toBe(0);
  expect(proxy.connects).toBe(1);
});

test('a blank no_proxy does not go past the proxy', async () => {
  for (const noProxy of ['', ' ', ',', ' , ']) {
    const { run, proxy } = await stepThroughProxy({ options: { noProxy } });
    expect([noProxy, run.exitCode, proxy.connects]).toEqual([noProxy, 0, 1]);
  }
});

onIpv6(`a proxy at an IPv6 address is used${why}`, async () => {
  const { run, proxy } = await stepThroughProxy({ proxy: { host: '::1' } });
  expect(proxy.url()).toMatch(/^http:\/\/\[::1\]:/);
  expect(run.exitCode).toBe(0);
  expect(proxy.targets).toEqual([`${HOST}:443`]);
});

test('an IPv6 address has brackets in CONNECT', async () => {
  const { run, proxy } = await stepThroughProxy({ inputs: { endpoint: 'https://[2001:db8::1]' } });
  expect(proxy.targets).toEqual(['[2001:db8::1]:443']);
  // The tunnel was opened, and TLS came about in it.
  expect(expectFailure(run)).toContain(
    'The host [2001:db8::1] presented a certificate for another',
  );
});

test('an IPv6 address in no_proxy goes past the proxy', async () => {
  const entries = ['2001:db8::1', '[2001:db8::1]', ' 2001:DB8::1 ', 'example.com, 2001:db8:0::0:1'];
  await Promise.all(
    entries.map(async (noProxy) => {
      const { run, proxy } = await stepThroughProxy({
        inputs: { endpoint: 'https://[2001:db8::1]', 'timeout-seconds': '2', retries: '0' },
        options: { noProxy },
      });
      expectFailure(run);
      expect([noProxy, proxy.connects]).toEqual([noProxy, 0]);
    }),
  );
  const others = await stepThroughProxy({
    inputs: { endpoint: 'https://[2001:db8::1]', 'timeout-seconds': '20', retries: '0' },
    options: { noProxy: '2001:db8::2, db8::1' },
  });
  expect(others.proxy.connects).toBe(1);
});
