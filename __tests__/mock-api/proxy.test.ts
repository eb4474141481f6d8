import '../support/real-sockets.ts';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { expect, test } from '@jest/globals';
import { ConnectProxy, type ProxyOptions } from '../../mock-api/proxy.ts';
import { type CertificateOptions, issueCertificate } from '../support/certificates.ts';
import { closeAfterTests, startMockApi } from '../support/with-mock-api.ts';

async function startProxy(options: Partial<ProxyOptions> = {}): Promise<ConnectProxy> {
  const target = (await startMockApi()).port;
  return closeAfterTests(await ConnectProxy.start({ target, ...options }));
}

async function tunnel(proxy: ConnectProxy, path: string, authorization?: string) {
  const { hostname, port } = new URL(proxy.url());
  const connecting = request({
    host: hostname.replaceAll(/[[\]]/g, ''),
    port,
    path,
    method: 'CONNECT',
    headers: authorization === undefined ? {} : { 'proxy-authorization': authorization },
  }).end();
  const [response, socket] = (await once(connecting, 'connect')) as [IncomingMessage, Socket];
  return { status: response.statusCode, headers: response.headers, socket };
}

test('a target has a port, and an IPv6 address has brackets', async () => {
  const proxy = await startProxy();
  const targets = ['check.example.com:443', '[2001:db8::1]:443', '2001:db8::1:443', 'a'];
  const statuses: unknown[] = [];
  for (const target of targets) statuses.push((await tunnel(proxy, target)).status);
  expect(statuses).toEqual([200, 200, 400, 400]);
  expect([proxy.connects, proxy.targets]).toEqual([4, targets]);
});

test('a wrong password is asked for again', async () => {
  const proxy = await startProxy({ credentials: 'user:right' });
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
  const wrong = await tunnel(proxy, 'a:1', basic('user:wrong'));
  expect(wrong.status).toBe(407);
  expect(wrong.headers['proxy-authenticate']).toMatch(/^Basic /);
  expect((await tunnel(proxy, 'a:1', basic('user:right'))).status).toBe(200);
});

test('tunnels that are open at once are counted', async () => {
  const proxy = await startProxy();
  const first = await tunnel(proxy, 'a:1');
  await tunnel(proxy, 'a:1');
  first.socket.destroy();
  while (proxy.open === 2) await setTimeout(10);
  await tunnel(proxy, 'a:1');
  expect([proxy.connects, proxy.maxOpen]).toEqual([3, 2]);
});

const withIpv6 = (await hasIpv6()) ? test : test.skip;

withIpv6('it listens at ::1 (if the system has it)', async () => {
  const proxy = await startProxy({ host: '::1' });
  expect(proxy.url('user:p%20w')).toBe(`http://user:p%20w@[::1]:${proxy.port}`);
  expect((await tunnel(proxy, 'a:1')).status).toBe(200);
});

test.each<[CertificateOptions, string]>([
  [{}, ''],
  [{ intermediate: 'sent' }, ''],
  [{ intermediate: 'missing' }, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  [{ expired: true }, 'CERT_HAS_EXPIRED'],
  [{ notYetValid: true }, 'CERT_NOT_YET_VALID'],
  [{ selfSigned: true }, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  [{ hostOnly: true }, 'ERR_TLS_CERT_ALTNAME_INVALID'],
])('a certificate with %j fails with the code %j', async (options, code) => {
  const { tls, authority } = await issueCertificate('check.example.com', options);
  const api = await startMockApi({ tls });
  const socket = connectTls({ host: '127.0.0.1', port: api.port, ca: authority });
  const error = await Promise.race([
    once(socket, 'secureConnect').then(() => ({ code: '' })),
    new Promise((resolve) => socket.once('error', resolve)),
  ]);
  expect(error).toMatchObject({ code });
  socket.destroy();
});

async function hasIpv6(): Promise<boolean> {
  const socket = connect(1, '::1');
  const [error] = await new Promise<NodeJS.ErrnoException[]>((resolve) => {
    socket.once('error', (...args) => resolve(args));
  });
  return error?.code === 'ECONNREFUSED';
}
