import * as http from 'node:http';
import * as https from 'node:https';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { urlToHttpOptions } from 'node:url';

/** A proxy did not open a tunnel: nothing was sent to the host. */
export class TunnelError extends Error {
  override readonly name = 'TunnelError';
  /** HTTP status of the proxy's response to CONNECT; null without one. */
  readonly status: number | null;
  /** Whether the proxy was given a user and a password. */
  readonly hadPassword: boolean;

  constructor(details: { status: number | null; hadPassword: boolean; cause?: unknown }) {
    super('The proxy did not open a tunnel', { cause: details.cause });
    this.status = details.status;
    this.hadPassword = details.hadPassword;
  }
}

/** Host and port of a proxy, without its user and password. */
export function proxyHost(proxy: string): string {
  return new URL(proxy).host;
}

interface TunnelOptions extends https.RequestOptions {
  /** Gives up a tunnel that is being opened. */
  readonly tunnelSignal: AbortSignal;
  /** Milliseconds for each address of the proxy. */
  readonly autoSelectFamilyAttemptTimeout: number;
}

/**
 * An agent for https whose connections go through a proxy, by CONNECT, and are kept alive. The agent
 * of http-client opens a tunnel for each request, and cannot speak to a proxy at an IPv6 address.
 */
export class TunnelAgent extends https.Agent {
  readonly #proxy: URL;

  /** @param proxy `http://[user:password@]host[:port]`, or the same with `https://` */
  constructor(proxy: string) {
    super({ keepAlive: true });
    this.#proxy = new URL(proxy);
  }

  override createConnection(
    options: TunnelOptions,
    callback: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    const { auth, ...proxy } = urlToHttpOptions(this.#proxy);
    const { tunnelSignal: signal, autoSelectFamilyAttemptTimeout } = options;
    const hadPassword = typeof auth === 'string';
    const host = `${options.host}`.includes(':') ? `[${options.host}]` : options.host;
    const target = `${host}:${options.port}`;
    const fail = (status: number | null, cause?: unknown) =>
      callback(new TunnelError({ status, hadPassword, cause }), undefined as unknown as Duplex);
    // Node.js would expect the certificate of the host in the header.
    const servername = isIP(`${proxy.hostname}`) === 0 ? `${proxy.hostname}` : '';
    const connect = (this.#proxy.protocol === 'https:' ? https : http).request({
      ...proxy,
      ...{ servername, autoSelectFamilyAttemptTimeout },
      method: 'CONNECT',
      path: target,
      headers: {
        host: target,
        ...(hadPassword
          ? { 'proxy-authorization': `Basic ${Buffer.from(auth).toString('base64')}` }
          : {}),
      },
      agent: false,
      signal,
    });
    connect.once('connect', (response, socket) => {
      // Node.js sets it on every response that a client gets.
      const status = response.statusCode as number;
      if (status >= 200 && status < 300) {
        // Over the tunnel, TLS is what it would be over a direct connection.
        callback(
          null,
          super.createConnection({ ...options, socket } as https.RequestOptions) as Duplex,
        );
        return;
      }
      socket.destroy();
      fail(status);
    });
    connect.on('error', (cause) => fail(null, cause));
    connect.end();
    return undefined;
  }
}
