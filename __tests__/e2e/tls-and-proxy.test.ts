import { beforeAll, expect, test } from '@jest/globals';
import type { Fault } from '../../mock-api/faults.ts';
import { ConnectProxy, type ProxyOptions } from '../../mock-api/proxy.ts';
import { type Certificates, issueCertificate } from '../support/certificates.ts';
import { runBundle } from '../support/run-bundle.ts';
import { closeAfterTest, startMockApi, TOKEN } from '../support/with-mock-api.ts';

const HOST = 'check.example.com';
let good: Certificates;

beforeAll(async () => {
  good = await issueCertificate(HOST);
});

/** Runs a step against a mock API that speaks TLS. */
async function stepOverTls(certificates: Certificates, env: Readonly<Record<string, string>>) {
  const mockApi = await startMockApi({ tls: certificates.tls });
  const run = await runBundle(
    { 'task-id': 'scan-1', token: TOKEN, endpoint: mockApi.endpoint },
    { env },
  );
  return { mockApi, run, annotation: run.commands('error').join() };
}

test('a certificate of an authority that NODE_EXTRA_CA_CERTS names is trusted', async () => {
  const { run } = await stepOverTls(good, { NODE_EXTRA_CA_CERTS: good.authorityFile });
  expect(run.exitCode).toBe(0);
});

test.each([{}, { NODE_TLS_REJECT_UNAUTHORIZED: '0' }])(
  'a certificate of an unknown authority is not, and nothing is sent, with %j',
  async (env) => {
    const { run, mockApi, annotation } = await stepOverTls(good, env);
    expect(run.exitCode).toBe(1);
    expect(mockApi.requests).toEqual([]);
    expect(annotation).toContain('shows a certificate of an unknown authority');
    expect(annotation).toContain('NODE_EXTRA_CA_CERTS');
  },
);

test('an expired certificate is named as such', async () => {
  const expired = await issueCertificate(HOST, { expired: true });
  const { run, annotation } = await stepOverTls(expired, {
    NODE_EXTRA_CA_CERTS: expired.authorityFile,
  });
  expect(run.exitCode).toBe(1);
  expect(annotation).toContain('shows an expired certificate (CERT_HAS_EXPIRED)');
});

test('a TLS port that is spoken to in HTTP, and the reverse, are named', async () => {
  const tls = await startMockApi({ tls: good.tls });
  const plain = await startMockApi();
  const toPlain = await runBundle({
    'task-id': 'scan-1',
    token: TOKEN,
    endpoint: `https://127.0.0.1:${plain.port}`,
  });
  const toTls = await runBundle({
    'task-id': 'scan-1',
    token: TOKEN,
    endpoint: `http://127.0.0.1:${tls.port}`,
    retries: '0',
  });
  expect([toPlain.exitCode, toTls.exitCode]).toEqual([1, 1]);
  expect(toPlain.commands('error').join()).toContain('could not agree on TLS');
  expect(toTls.commands('error')).toHaveLength(1);
});

/** Runs a step against a host that only a proxy reaches. */
async function stepThroughProxy(
  options: Omit<ProxyOptions, 'target'>,
  user = '',
  inputs: Readonly<Record<string, string>> = {},
  fault?: Fault,
) {
  const mockApi = await startMockApi({ tls: good.tls });
  if (fault !== undefined) mockApi.inject(fault);
  const proxy = closeAfterTest(await ConnectProxy.start({ ...options, target: mockApi.port }));
  const run = await runBundle(
    { 'task-id': 'scan-1', token: TOKEN, endpoint: `https://${HOST}`, ...inputs },
    {
      env: {
        https_proxy: `http://${user}127.0.0.1:${proxy.port}`,
        NODE_EXTRA_CA_CERTS: good.authorityFile,
      },
    },
  );
  return { mockApi, proxy, run, annotation: run.commands('error').join() };
}

test('a proxy is used, by CONNECT, and sees neither path nor token', async () => {
  const { run, proxy, mockApi } = await stepThroughProxy({});
  expect(run.exitCode).toBe(0);
  expect(proxy.targets).toEqual([`${HOST}:443`]);
  expect(mockApi.requests).toHaveLength(1);
});

test('many tasks go through a proxy, also where the API closes each connection', async () => {
  const { run, mockApi } = await stepThroughProxy(
    {},
    '',
    { 'task-id': Array.from({ length: 100 }, (_, index) => `t${index}`).join(), wait: 'true' },
    { kind: 'response', status: 200, headers: { connection: 'close' }, body: '{"task_status":3}' },
  );
  expect(run.exitCode).toBe(0);
  expect(mockApi.requests).toHaveLength(200);
});

test('the certificate behind a proxy is verified against the name of the host', async () => {
  const { run, annotation, mockApi } = await stepThroughProxy({}, '', {
    endpoint: 'https://other.example.com',
  });
  expect(run.exitCode).toBe(1);
  expect(mockApi.requests).toEqual([]);
  expect(annotation).toContain('shows the certificate of another name');
});

test('a proxy with a password is used, and the password is not printed', async () => {
  const { run } = await stepThroughProxy({ credentials: 'user:p@ss:word' }, 'user:p%40ss%3Aword@');
  expect(run.exitCode).toBe(0);
  expect(run.visible).not.toMatch(/p(@|%40)ss/);
  // No warning of Node.js, either.
  expect(run.stderr).toBe('');
});

test('a proxy that wants a password says so, once', async () => {
  const { run, proxy, annotation } = await stepThroughProxy(
    { credentials: 'user:right-password' },
    'user:wrong-password@',
  );
  expect(run.exitCode).toBe(1);
  expect(proxy.targets).toHaveLength(1);
  expect(annotation).toContain('asks for a user and a password (HTTP 407)');
  expect(run.visible).not.toMatch(/(right|wrong)-password/);
});

test('a proxy that refuses is named', async () => {
  const { run, annotation } = await stepThroughProxy({ refuses: 403 });
  expect(run.exitCode).toBe(1);
  expect(annotation).toContain(`refused to connect to ${HOST} (HTTP 403)`);
});

test('a proxy that is in trouble for a moment is asked again', async () => {
  const { run, proxy, mockApi } = await stepThroughProxy({ first: ['reset', 'end', 503] });
  expect(run.exitCode).toBe(0);
  expect(proxy.targets).toHaveLength(4);
  expect(mockApi.requests).toHaveLength(1);
  expect(run.visible).toMatch(/cannot be used: read ECONNRESET; attempt 2 in/);
  expect(run.visible).toMatch(/cannot be used: socket hang up; attempt 3 in/);
  expect(run.visible).toMatch(/refused to connect to \S+ \(HTTP 503\); attempt 4 in/);
});

test('a proxy that is not there is named', async () => {
  const run = await runBundle(
    { 'task-id': 'scan-1', token: TOKEN, endpoint: HOST },
    { env: { https_proxy: 'http://user:password@127.0.0.1:1' } },
  );
  expect(run.exitCode).toBe(1);
  expect(run.commands('error').join()).toContain('The proxy 127.0.0.1:1 cannot be used');
  expect(run.visible).not.toContain('user:password');
});

test('a silent proxy ends with the deadline', async () => {
  const { run, annotation } = await stepThroughProxy({ silent: true }, '', {
    'timeout-seconds': '1',
  });
  expect(run.exitCode).toBe(1);
  expect(annotation).toContain('No answer within the deadline (timeout-seconds: 1)');
  expect(run.durationMs).toBeLessThan(3_000);
});

test.each(['http://user:p%ss@proxy', 'socks5://127.0.0.1:1080', 'http://'])(
  'https_proxy=%s is refused by name, since it would be passed by in silence',
  async (proxy) => {
    const run = await runBundle(
      { 'task-id': 'scan-1', token: TOKEN, endpoint: HOST },
      { env: { https_proxy: proxy } },
    );
    expect(run.exitCode).toBe(1);
    expect(run.commands('error').join()).toContain(
      '$https_proxy takes http://[user:password@]host',
    );
    expect(run.visible).not.toContain('p%ss');
  },
);

test('no_proxy goes past the proxy', async () => {
  const run = await runBundle(
    { 'task-id': 'scan-1', token: TOKEN, endpoint: 'check.invalid', 'timeout-seconds': '20' },
    { env: { https_proxy: 'http://127.0.0.1:1', no_proxy: '.invalid' } },
  );
  expect(run.commands('error').join()).toContain('The host check.invalid was not found');
});
