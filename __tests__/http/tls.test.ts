import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import { Transport } from '../../src/http/transport.ts';
import {
  type CertificateOptions,
  type Certificates,
  issueCertificate,
} from '../support/certificates.ts';
import { afterThisTest, ClientSockets, startMockApi, trust, until } from '../support/loopback.ts';

let certificates: Certificates;

beforeAll(async () => {
  certificates = await issueCertificate('check.example.com');
});

const HEADERS = { 'x-auth-token': 'secret' };

function send(endpoint: string, { signal }: AbortController = new AbortController()) {
  return sendBy(new Transport(), endpoint, signal);
}

function sendBy(transport: Transport, endpoint: string, signal = new AbortController().signal) {
  return transport.send(
    { method: 'POST', url: new URL(endpoint), headers: HEADERS, body: '{}' },
    { signal, freshConnection: false },
  );
}

describe('a certificate', () => {
  test('of a trusted CA is accepted', async () => {
    trust(certificates.authority);
    const api = await startMockApi({ tls: certificates.tls });
    await expect(send(api.endpoint)).resolves.toMatchObject({ status: 404 });
    expect(api.requests).toMatchObject([{ headers: HEADERS }]);
  });

  test.each<[string, CertificateOptions, boolean, string, string]>([
    [
      'from an unknown CA',
      {},
      false,
      'certificate-intermediate',
      'presented a certificate without its intermediate, or from an unknown CA (UNABLE_TO_VERIFY_LEAF_SIGNATURE)',
    ],
    [
      'without its intermediate',
      { intermediate: 'missing' },
      true,
      'certificate-intermediate',
      'presented a certificate without its intermediate, or from an unknown CA (UNABLE_TO_VERIFY_LEAF_SIGNATURE)',
    ],
    [
      'with its intermediate, from an unknown CA',
      { intermediate: 'sent' },
      false,
      'certificate-unknown-ca',
      'presented a certificate from an unknown CA (UNABLE_TO_GET_ISSUER_CERT_LOCALLY)',
    ],
    [
      'that is self-signed',
      { selfSigned: true },
      false,
      'certificate-unknown-ca',
      'presented a self-signed certificate (DEPTH_ZERO_SELF_SIGNED_CERT)',
    ],
    [
      'that has expired',
      { expired: true },
      true,
      'certificate-expired',
      'presented an expired certificate (CERT_HAS_EXPIRED)',
    ],
    [
      'that is not valid yet',
      { notYetValid: true },
      true,
      'certificate-expired',
      'presented a certificate that is not valid yet (CERT_NOT_YET_VALID)',
    ],
    [
      'for another name',
      { hostOnly: true },
      true,
      'certificate-name',
      'presented a certificate for another name (ERR_TLS_CERT_ALTNAME_INVALID)',
    ],
  ])('%s gets no request', async (_, options, trusted, kind, words) => {
    const bad = await issueCertificate('check.example.com', options);
    if (trusted) trust(bad.authority);
    const api = await startMockApi({ tls: bad.tls });
    await expect(send(api.endpoint)).rejects.toMatchObject({
      kind,
      transient: false,
      mayHaveHappened: false,
      message: `The host 127.0.0.1:${api.port} ${words}`,
    });
    expect(api.requests).toEqual([]);
  });

  test('with its intermediate is accepted', async () => {
    const chained = await issueCertificate('check.example.com', { intermediate: 'sent' });
    trust(chained.authority);
    const api = await startMockApi({ tls: chained.tls });
    await expect(send(api.endpoint)).resolves.toMatchObject({ status: 404 });
  });
});

describe('a TLS connection', () => {
  test('is kept for the next request', async () => {
    trust(certificates.authority);
    const api = await startMockApi({ tls: certificates.tls });
    const transport = new Transport();
    for (const path of ['/a', '/b', '/c']) await sendBy(transport, api.endpoint + path);
    expect(api.requests).toHaveLength(3);
    expect(api.connections).toBe(1);
  });

  test.each(['reset-before-headers', 'close-before-headers'] as const)(
    'that ends after its first request is stale (%s)',
    async (kind) => {
      trust(certificates.authority);
      const api = await startMockApi({ tls: certificates.tls });
      api.inject({ kind }, { reusedOnly: true });
      const transport = new Transport();
      await sendBy(transport, api.endpoint);
      await expect(sendBy(transport, api.endpoint)).rejects.toMatchObject({
        kind: 'connection-reset',
        staleConnection: true,
        mayHaveHappened: true,
      });
    },
  );

  test.each(['reset-before-headers', 'close-before-headers'] as const)(
    'that came about has carried the request, even if no response arrives (%s)',
    async (kind) => {
      trust(certificates.authority);
      const api = await startMockApi({ tls: certificates.tls });
      api.inject({ kind });
      await expect(send(api.endpoint)).rejects.toMatchObject({
        kind: 'connection-reset',
        transient: true,
        staleConnection: false,
        mayHaveHappened: true,
      });
    },
  );

  test.each(['reset-after-accept', 'close-after-accept'] as const)(
    'that did not come about has carried nothing (%s)',
    async (kind) => {
      trust(certificates.authority);
      const api = await startMockApi({ tls: certificates.tls });
      api.inject({ kind });
      await expect(send(api.endpoint)).rejects.toMatchObject({
        kind: 'connection-reset',
        transient: true,
        mayHaveHappened: false,
      });
    },
  );

  test.each([
    [{ kind: 'reset-before-headers' }, 1],
    [{ kind: 'reset-after-accept' }, 0],
  ] as const)('with %j is reported as often as it came about: %i', async (fault, times) => {
    trust(certificates.authority);
    const api = await startMockApi({ tls: certificates.tls });
    api.inject(fault);
    const onConnected = jest.fn();
    const sending = new Transport().send(
      { method: 'POST', url: new URL(api.endpoint), headers: HEADERS, body: '{}' },
      { signal: new AbortController().signal, freshConnection: false, onConnected },
    );
    await expect(sending).rejects.toMatchObject({ mayHaveHappened: times === 1 });
    expect(onConnected).toHaveBeenCalledTimes(times);
  });

  test('that hangs before it comes about is closed when its attempt is given up', async () => {
    const api = await startMockApi({ tls: certificates.tls });
    api.inject({ kind: 'hang-after-accept' });
    const sockets = new ClientSockets();
    const controller = new AbortController();
    const sending = send(api.endpoint, controller);
    await until(() => api.open === 1);
    controller.abort();
    await expect(sending).rejects.toMatchObject({ mayHaveHappened: false });
    expect(sockets.open).toEqual([]);
    await until(() => api.open === 0);
  });

  test('is not agreed on with a host that does not speak it', async () => {
    const api = await startMockApi();
    const sending = send(api.endpoint.replace('http:', 'https:'));
    await expect(sending).rejects.toMatchObject({
      kind: 'tls',
      transient: false,
      mayHaveHappened: false,
    });
  });

  test('is not agreed on in an old version', async () => {
    const server = createServer({
      ...certificates.tls,
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
    });
    server.on('tlsClientError', () => undefined).listen(0, '127.0.0.1');
    afterThisTest(() => server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await expect(send(`https://127.0.0.1:${port}`)).rejects.toMatchObject({
      kind: 'tls',
      mayHaveHappened: false,
    });
  });

  test('to one host leaves the plain connection to another alone', async () => {
    trust(certificates.authority);
    const [plain, secure] = [await startMockApi(), await startMockApi({ tls: certificates.tls })];
    const transport = new Transport();
    for (const api of [plain, secure, plain]) {
      await expect(sendBy(transport, api.endpoint)).resolves.toMatchObject({ status: 404 });
    }
    expect([plain.requests.length, secure.requests.length]).toEqual([2, 1]);
  });
});
