import { randomUUID } from 'node:crypto';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { commit, type Fault, type Injection } from './faults.ts';
import { Scan, type ScanPlan } from './scan.ts';
import { findSignatureError } from './signature-verifier.ts';

/** What the mock API knows at the start. */
export interface MockApiOptions {
  readonly scans?: Readonly<Record<string, ScanPlan>>;
  /** Tokens that are good. */
  readonly tokens?: readonly string[];
  readonly expiredTokens?: readonly string[];
  /** The secret key of each access key ID. */
  readonly accessKeys?: Readonly<Record<string, string>>;
  /** The security token that goes with an access key ID. */
  readonly securityTokens?: Readonly<Record<string, string>>;
  /** ID tokens that GitHub gives and STS takes, by their audience. */
  readonly idTokens?: Readonly<Record<string, string>>;
  /** Milliseconds before each response. */
  readonly latencyMs?: number;
  /** For https. */
  readonly tls?: { readonly key: string; readonly cert: string };
  readonly port?: number;
}

/** A request as it came. */
export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface MockResponse {
  readonly status: number;
  readonly body: string;
}

/** The request token that GitHub's token service wants. */
export const ID_TOKEN_REQUEST_TOKEN = 'request-token-of-the-job';
/** The temporary key pair that STS hands out. */
export const TEMPORARY_KEYS = {
  access_key_id: 'HSTTEMPORARYKEYPAIR1',
  secret_access_key: 'temporarySecretAccessKey/0123456789+abcd',
  security_token: 'temporary-security-token-0123456789-abcdefghij',
  expiration: '2030-01-01T00:00:00.000Z',
};

/**
 * A mock of the CodeArts Check API on loopback, with the parts of IAM's gateway, of STS and of
 * GitHub's token service that the action speaks to: scans that run, finish and stop, credentials
 * that are good, expired or wrong, and faults to inject.
 *
 * What the live service says to the stop of a scan that does not run is not documented: the answer
 * here, 400 with a code of its own, is made up.
 */
export class MockApi {
  readonly requests: ReceivedRequest[] = [];
  readonly scans: ReadonlyMap<string, Scan>;
  readonly #options: MockApiOptions;
  readonly #server: Server;
  #injections: { injection: Injection; left: number }[] = [];
  #connections = 0;
  #open = 0;
  /** The most connections that were open at once. */
  maxOpen = 0;

  private constructor(options: MockApiOptions) {
    this.#options = options;
    this.scans = new Map(
      Object.entries(options.scans ?? {}).map(([id, plan]) => [id, new Scan(plan)]),
    );
    const listener = (request: IncomingMessage, response: ServerResponse) => {
      this.#respond(request, response).catch((error: unknown) => response.destroy(error as Error));
    };
    this.#server =
      options.tls === undefined ? createServer(listener) : createTlsServer(options.tls, listener);
    this.#server.keepAliveTimeout = 60_000;
    this.#server.on('connection', (socket) => {
      this.#connections += 1;
      this.#open += 1;
      this.maxOpen = Math.max(this.maxOpen, this.#open);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#open -= 1;
      });
    });
    this.#server.on('tlsClientError', () => undefined);
  }

  /** Starts one on a free port, or on `options.port`. */
  static async start(options: MockApiOptions = {}): Promise<MockApi> {
    const mockApi = new MockApi(options);
    await new Promise<void>((resolve, reject) => {
      mockApi.#server.once('error', reject);
      mockApi.#server.listen(options.port ?? 0, '127.0.0.1', resolve);
    });
    return mockApi;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** As the input `endpoint` takes it. */
  get endpoint(): string {
    return `${this.#options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${this.port}`;
  }

  /** How many connections there were so far. */
  get connections(): number {
    return this.#connections;
  }

  /** Requests whose path ends like this. */
  requestsTo(ending: string): ReceivedRequest[] {
    return this.requests.filter(({ path }) => path.split('?')[0]?.endsWith(ending));
  }

  /** From now on, matching requests get this fault instead of a response. */
  inject(fault: Fault, which: Omit<Injection, 'fault'> = {}): this {
    const injection = { fault, ...which };
    this.#injections.push({ injection, left: injection.times ?? Number.POSITIVE_INFINITY });
    return this;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const { method = '', url: path = '', headers } = request;
    this.requests.push({ method, path, headers, body });
    if (this.#options.latencyMs !== undefined) await setTimeout(this.#options.latencyMs);
    const due = this.#injections.find(
      ({ injection, left }) => left > 0 && path.includes(injection.path ?? ''),
    );
    if (due !== undefined) {
      due.left -= 1;
      await commit(due.injection.fault, request, response);
      return;
    }
    const mocked = this.#route(request, body);
    response
      .writeHead(mocked.status, {
        'content-type': 'application/json',
        'x-request-id': randomUUID().replaceAll('-', ''),
      })
      .end(mocked.body);
  }

  #route(request: IncomingMessage, body: string): MockResponse {
    const url = new URL(request.url ?? '', 'http://mock-api');
    if (url.pathname === '/github/id-token') return this.#idToken(request, url);
    if (url.pathname === '/v5/agencies/assume-with-oidc') return this.#assumeAgency(body);
    const call = /^\/v2\/tasks\/([^/]+)\/(stop|progress)$/.exec(url.pathname);
    if (call === null) return rejection(404, 'APIGW.0101', 'The API does not exist');
    const rejected = this.#rejectCredential(request, body);
    if (rejected !== undefined) return rejected;
    const [, taskId = '', action] = call;
    const scan = this.scans.get(taskId);
    const wants = action === 'stop' ? 'POST' : 'GET';
    if (request.method !== wants)
      return rejection(404, 'APIGW.0103', 'The method is not supported');
    if (action === 'stop') {
      if (body !== '{}') return rejection(400, 'PARSE_REQUEST_DATA_EXCEPTION', 'Parse error');
      return scan?.stop() === true
        ? { status: 200, body: '' }
        : rejection(400, 'CC.MOCKAPI0.400', 'The task is not being checked.');
    }
    if (scan === undefined) {
      return rejection(
        400,
        'CC.00000001.400',
        'Verify request parameter failed. Check whether the request parameters are correct.',
      );
    }
    return {
      status: 200,
      body: JSON.stringify({ task_status: scan.status, progress: scan.progress }),
    };
  }

  #rejectCredential(request: IncomingMessage, body: string): MockResponse | undefined {
    const { headers } = request;
    const { tokens = [], expiredTokens = [], accessKeys = {}, securityTokens = {} } = this.#options;
    if (headers.authorization !== undefined) {
      const all = new Map([
        ...Object.entries(accessKeys),
        [TEMPORARY_KEYS.access_key_id, TEMPORARY_KEYS.secret_access_key] as const,
      ]);
      const wrong = findSignatureError(request, body, all);
      if (wrong !== undefined) return rejection(401, 'APIGW.0301', wrong);
      const accessKeyId = /Access=(\w+)/.exec(headers.authorization)?.[1] ?? '';
      const wanted = new Map([
        ...Object.entries(securityTokens),
        [TEMPORARY_KEYS.access_key_id, TEMPORARY_KEYS.security_token] as const,
      ]).get(accessKeyId);
      return headers['x-security-token'] === wanted
        ? undefined
        : rejection(
            401,
            'APIGW.0301',
            'Incorrect IAM authentication information: verify aksk signature fail',
          );
    }
    const token = headers['x-auth-token'];
    if (typeof token !== 'string') {
      return rejection(
        401,
        'APIGW.0301',
        'Incorrect IAM authentication information: x-auth-token not found',
      );
    }
    if (tokens.includes(token)) return undefined;
    return expiredTokens.includes(token)
      ? rejection(401, 'CC.00000003', 'Authentication information expired.')
      : rejection(
          401,
          'APIGW.0301',
          'Incorrect IAM authentication information: decrypt token fail',
        );
  }

  #idToken(request: IncomingMessage, url: URL): MockResponse {
    const idToken = this.#options.idTokens?.[url.searchParams.get('audience') ?? ''];
    return request.headers.authorization === `Bearer ${ID_TOKEN_REQUEST_TOKEN}` && idToken
      ? { status: 200, body: JSON.stringify({ value: idToken }) }
      : { status: 401, body: JSON.stringify({ message: 'no ID token for this job' }) };
  }

  #assumeAgency(body: string): MockResponse {
    const wanted = ['provider_urn', 'agency_urn', 'agency_session_name', 'id_token'];
    const given = JSON.parse(body) as Record<string, string>;
    if (wanted.some((name) => !given[name])) {
      return rejection(400, 'STS5.0400', 'A parameter is missing.');
    }
    return Object.values(this.#options.idTokens ?? {}).includes(given['id_token'] ?? '')
      ? { status: 200, body: JSON.stringify({ credentials: TEMPORARY_KEYS }) }
      : rejection(403, 'STS5.1001', 'The trust policy of the agency does not allow it.');
  }
}

function rejection(status: number, code: string, message: string): MockResponse {
  return { status, body: JSON.stringify({ error_code: code, error_msg: message }) };
}
