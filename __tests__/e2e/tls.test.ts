import { expect, test } from '@jest/globals';
import {
  type CertificateOptions,
  type Certificates,
  issueCertificate,
} from '../support/certificates.ts';
import { expectFailure, runStep, startMockApi } from '../support/with-mock-api.ts';

const HOST = 'check.example.com';
const good = await issueCertificate(HOST);

/** Runs a step against a mock API that speaks TLS. */
async function stepOverTls(
  certificates: Certificates,
  { env = {}, trusted = true }: { env?: Readonly<Record<string, string>>; trusted?: boolean } = {},
) {
  const mockApi = await startMockApi({ tls: certificates.tls });
  const run = await runStep(
    mockApi,
    {},
    { env, ...(trusted ? { extraCaCerts: certificates.authorityFile } : {}) },
  );
  return { mockApi, run };
}

test('a certificate from a CA that NODE_EXTRA_CA_CERTS names is trusted', async () => {
  const { run } = await stepOverTls(good);
  expect(run).toMatchObject({ exitCode: 0, stderr: '' });
});

test('a certificate with its intermediate is trusted', async () => {
  const { run } = await stepOverTls(await issueCertificate(HOST, { intermediate: 'sent' }));
  expect(run.exitCode).toBe(0);
});

test.each<[string, CertificateOptions, boolean, string, string]>([
  [
    'from an unknown CA',
    {},
    false,
    'presented a certificate without its intermediate, or from an unknown CA (UNABLE_TO_VERIFY_LEAF_SIGNATURE)',
    'if the network has its own CA, set NODE_EXTRA_CA_CERTS',
  ],
  [
    'from an unknown CA, with its chain',
    { intermediate: 'sent' },
    false,
    'presented a certificate from an unknown CA (',
    'If the network has its own CA, set NODE_EXTRA_CA_CERTS',
  ],
  [
    'that is self-signed',
    { selfSigned: true },
    false,
    'presented a self-signed certificate (DEPTH_ZERO_SELF_SIGNED_CERT)',
    'If the network has its own CA, set NODE_EXTRA_CA_CERTS',
  ],
  [
    'without its intermediate',
    { intermediate: 'missing' },
    true,
    'presented a certificate without its intermediate, or from an unknown CA (UNABLE_TO_VERIFY_LEAF_SIGNATURE)',
    'The host has to send its intermediate certificate.',
  ],
  [
    'that has expired',
    { expired: true },
    true,
    'presented an expired certificate (CERT_HAS_EXPIRED)',
    "Check the runner's clock. If it is right, the operator of the host has to renew the certificate.",
  ],
  [
    'that is not valid yet',
    { notYetValid: true },
    true,
    'presented a certificate that is not valid yet (CERT_NOT_YET_VALID)',
    "Check the runner's clock.",
  ],
  [
    'for another name',
    { hostOnly: true },
    true,
    'presented a certificate for another name (ERR_TLS_CERT_ALTNAME_INVALID)',
    'Set endpoint to a name that the certificate is for.',
  ],
])(
  'a certificate %s is rejected with advice of its own, and nothing is sent',
  async (_name, options, trusted, cause, advice) => {
    const { run, mockApi } = await stepOverTls(await issueCertificate(HOST, options), { trusted });
    const annotation = expectFailure(run);
    expect(annotation).toContain(`Could not stop scan scan-1: The host 127.0.0.1:${mockApi.port} `);
    expect(annotation).toContain(cause);
    expect(annotation).toContain(advice);
    expect(annotation).not.toContain('may have happened');
    // The authority is not what is wrong with these.
    if (options.expired || options.notYetValid || options.hostOnly) {
      expect(annotation).not.toContain('NODE_EXTRA_CA_CERTS');
    }
    expect(mockApi.requests).toEqual([]);
    expect(run.visible).not.toContain('attempt 2');
  },
);

test('verification cannot be turned off', async () => {
  const env = { NODE_TLS_REJECT_UNAUTHORIZED: '0' };
  const { run, mockApi } = await stepOverTls(good, { env, trusted: false });
  expectFailure(run);
  expect(mockApi.requests).toEqual([]);
  expect(run.stderr).not.toContain(HOST);
});

test('a port that does not speak TLS is named, and no stop can have happened', async () => {
  const mockApi = await startMockApi();
  const run = await runStep(mockApi, { endpoint: `https://127.0.0.1:${mockApi.port}` });
  const annotation = expectFailure(run);
  expect(annotation).toContain('Could not stop scan scan-1: The host 127.0.0.1');
  expect(annotation).toContain('could not agree on TLS');
  expect(annotation).toContain('Check the scheme and port of endpoint');
  expect(annotation).not.toContain('may have happened');
});

test('a TLS port that closes what is not TLS is named', async () => {
  const mockApi = await startMockApi({ tls: good.tls });
  const endpoint = `http://127.0.0.1:${mockApi.port}`;
  const annotation = expectFailure(await runStep(mockApi, { endpoint, retries: '0' }));
  expect(annotation).toContain(`The host 127.0.0.1:${mockApi.port} reset the connection`);
});

test.each([
  ['spoken to in HTTP', 'The plain HTTP request was sent to HTTPS port'],
  ['missing a client certificate', 'No required SSL certificate was sent'],
  ['given a token that is too long', 'Request Header Or Cookie Too Large'],
])('a gateway %s is quoted by the title of its page', async (_name, title) => {
  const mockApi = await startMockApi({ tls: good.tls, pageForPlainHttp: true });
  const page = `<html>\r\n<head><title>400 ${title}</title></head>\r\n<body>…</body></html>`;
  if (!title.includes('HTTPS port')) {
    mockApi.inject({
      kind: 'response',
      status: 400,
      headers: { 'content-type': 'text/html' },
      body: page,
    });
  }
  const run = await runStep(
    mockApi,
    title.includes('HTTPS port') ? { endpoint: `http://127.0.0.1:${mockApi.port}` } : {},
    { extraCaCerts: good.authorityFile },
  );
  expect(expectFailure(run)).toContain(
    `The host responded with the web page '400 ${title}' (HTTP 400)`,
  );
});

test('a token of 60 KB is sent', async () => {
  const token = 'MIIF'.repeat(15_000);
  const mockApi = await startMockApi({ tokens: [token] });
  const run = await runStep(mockApi, { token });
  expect(run.exitCode).toBe(0);
  expect(mockApi.requests[0]?.headers['x-auth-token']).toHaveLength(60_000);
});

test.each([413, 414, 431, 494])('HTTP %i means that the request is too large', async (status) => {
  const mockApi = await startMockApi();
  const title = `${status} Request Header Or Cookie Too Large`;
  const body = `<html><head><title>${title}</title></head></html>`;
  mockApi.inject({ kind: 'response', status, body });
  const annotation = expectFailure(await runStep(mockApi, { token: 'MIIF'.repeat(15_000) }));
  expect(annotation).toContain(`the web page '${title}' (HTTP ${status})`);
  expect(annotation).toContain(
    'The request is too large for the gateway: check token and endpoint.',
  );
});
