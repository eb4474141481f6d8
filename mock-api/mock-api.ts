import { randomUUID } from 'node:crypto';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import type { TlsOptions } from 'node:tls';
import { CheckService, type CheckServiceOptions, type StopRequest } from './check-service.ts';
import {
  type ConnectionFault,
  type Fault,
  type Injection,
  isFaultKind,
  spoil,
  spoilConnection,
} from './faults.ts';
import { Identity, type IdentityOptions, type TemporaryKeys } from './identity.ts';
import { Injections, type MatchedRequest } from './injections.ts';
import { Listener } from './listener.ts';
import { json, type MockResponse } from './response.ts';
import type { Task } from './tasks.ts';
import {
  type ConcurrencyLimit,
  ConcurrencyLimiter,
  Throttle,
  type ThrottleOptions,
} from './throttle.ts';

export { ID_TOKEN_REQUEST_TOKEN, TEMPORARY_KEYS } from './identity.ts';

/** What the mock API knows at the start. */
export interface MockApiOptions extends CheckServiceOptions, IdentityOptions {
  /** Milliseconds before each response. */
  readonly latencyMs?: number;
  /** Limits the rate of requests to the check service. */
  readonly throttle?: ThrottleOptions;
  /** Limits how many requests to the check service are served at once. */
  readonly concurrencyLimit?: ConcurrencyLimit;
  /** For https. */
  readonly tls?: TlsOptions;
  /** With `tls`: responds to plain HTTP with a web page, as nginx does, instead of closing. */
  readonly pageForPlainHttp?: boolean;
  /** Milliseconds after which an idle connection is closed. Default: 60,000. */
  readonly keepAliveMs?: number;
  /** An address of loopback. Default: 127.0.0.1. */
  readonly host?: string;
  /** Default: a free one. */
  readonly port?: number;
}

/** A request as it came. */
export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** How a request arrived. */
export interface Arrival {
  readonly path: string;
  /** When it was read, as of `performance.now()`. */
  readonly atMs: number;
  /** Whether its connection had served a request before. */
  readonly reused: boolean;
}

// The documented 100,000 characters of a token, and room for the rest.
const MAX_HEADER_BYTES = 128 * 1024;

/** An execution as a test sees it. */
export interface ExecutionState {
  readonly id: string;
  /** `task_status` as it is, not as it may be reported for a moment after the start. */
  readonly status: unknown;
  /** Whether a stop request for it was accepted. */
  readonly stopRequested: boolean;
}

/** What `GET /mock/state` responds. */
export interface MockState {
  readonly tasks: Readonly<
    Record<string, { readonly status: unknown; readonly executions: readonly ExecutionState[] }>
  >;
  readonly stopRequests: readonly StopRequest[];
  readonly startedExecutions: number;
  readonly requests: readonly { readonly method: string; readonly path: string }[];
}

/**
 * A mock of the CodeArts Check API on loopback, with the parts of IAM's gateway, of STS and of
 * GitHub's ID-token service that the actions speak to: scans that are started, end and are stopped,
 * credentials that are good, expired or wrong, and faults to inject.
 *
 * Besides, it responds to whoever runs it: `GET /mock/state` tells what it has done, `POST
 * /mock/inject` injects a fault, and `DELETE /mock/inject` takes all faults back.
 */
export class MockApi {
  readonly requests: ReceivedRequest[] = [];
  /** How each of `requests` arrived, in the same order. */
  readonly arrivals: Arrival[] = [];
  /** Every stop request that arrived, whether it was accepted or not. */
  readonly stopRequests: StopRequest[] = [];
  readonly #options: MockApiOptions;
  readonly #service: CheckService;
  readonly #identity: Identity;
  readonly #throttle: Throttle | undefined;
  readonly #limiter: ConcurrencyLimiter | undefined;
  readonly #injections = new Injections();
  readonly #waiters = new Set<(request: ReceivedRequest) => void>();
  readonly #served = new WeakSet<Socket>();
  readonly #server: Server;
  readonly #listener: Listener;

  private constructor(options: MockApiOptions) {
    this.#options = options;
    this.#service = new CheckService(options);
    this.#identity = new Identity(options);
    this.#throttle = options.throttle && new Throttle(options.throttle);
    this.#limiter = options.concurrencyLimit && new ConcurrencyLimiter(options.concurrencyLimit);
    const onRequest = (request: IncomingMessage, response: ServerResponse) => {
      this.#respond(request, response).catch((error: unknown) => response.destroy(error as Error));
    };
    this.#server =
      options.tls === undefined
        ? createServer({ maxHeaderSize: MAX_HEADER_BYTES }, onRequest)
        : createTlsServer({ maxHeaderSize: MAX_HEADER_BYTES, ...options.tls }, onRequest);
    this.#server.keepAliveTimeout = options.keepAliveMs ?? 60_000;
    this.#server.on('tlsClientError', () => undefined);
    this.#listener = new Listener({
      server: this.#server,
      tls: options.tls !== undefined,
      pageForPlainHttp: options.pageForPlainHttp === true,
      host: options.host ?? '127.0.0.1',
      intercept: (connection) => {
        const fault = this.#injections.forConnection();
        if (fault !== undefined) spoilConnection(fault, connection);
        return fault !== undefined;
      },
    });
  }

  /** Starts one on a free port, or on `options.port`. */
  static async start(options: MockApiOptions = {}): Promise<MockApi> {
    const mockApi = new MockApi(options);
    await mockApi.#listener.listen(options.port ?? 0);
    return mockApi;
  }

  get port(): number {
    return this.#listener.port;
  }

  /** As the input `endpoint` accepts it. */
  get endpoint(): string {
    const { tls, host = '127.0.0.1' } = this.#options;
    const authority = `${host.includes(':') ? `[${host}]` : host}:${this.port}`;
    return `${tls === undefined ? 'http' : 'https'}://${authority}`;
  }

  /** How many connections there were so far. */
  get connections(): number {
    return this.#listener.connections;
  }

  /** The most connections that were open at once. */
  get maxOpen(): number {
    return this.#listener.maxOpen;
  }

  /** How many connections are open now. */
  get open(): number {
    return this.#listener.open;
  }

  /** How many requests were rejected by `throttle` or `concurrencyLimit`. */
  get throttled(): number {
    return (this.#throttle?.rejections ?? 0) + (this.#limiter?.rejections ?? 0);
  }

  /** The tasks that were given at the start, by their IDs. */
  get scans(): ReadonlyMap<string, Task> {
    return this.#service.tasks;
  }

  /** The executions of a task, oldest first. */
  executionsOf(taskId: string): ExecutionState[] {
    const executions = this.scans.get(taskId)?.executions ?? [];
    return executions.map(({ id, status, stopRequested }) => ({ id, status, stopRequested }));
  }

  /** How many executions were started by a run, of all tasks. */
  get startedExecutions(): number {
    return this.#service.startedExecutions;
  }

  /** The temporary access keys that STS has issued, in order. */
  get issuedKeys(): readonly TemporaryKeys[] {
    return this.#identity.issuedKeys;
  }

  /** Requests whose path ends like this. */
  requestsTo(ending: string): ReceivedRequest[] {
    return this.requests.filter(({ path }) => path.split('?')[0]?.endsWith(ending));
  }

  /**
   * The next request that arrives at a path that contains this, once it is read and before there is
   * a response.
   */
  nextRequest(pathPart: string): Promise<ReceivedRequest> {
    return new Promise((resolve) => {
      const waiter = (request: ReceivedRequest) => {
        if (!request.path.includes(pathPart)) return;
        this.#waiters.delete(waiter);
        resolve(request);
      };
      this.#waiters.add(waiter);
    });
  }

  /** From now on, matching requests or connections get this fault. */
  inject(fault: Fault | ConnectionFault, which: Omit<Injection, 'fault'> = {}): this {
    this.#injections.add({ ...which, fault });
    return this;
  }

  /** Takes back all faults that were injected. */
  clearFaults(): void {
    this.#injections.clear();
  }

  /** Closes the connections that serve no request. */
  closeIdleConnections(): void {
    this.#server.closeIdleConnections();
  }

  /** Closes all connections, and listens again after a while: until then, they are refused. */
  restart(downMs: number): Promise<void> {
    return this.#listener.restart(downMs);
  }

  async close(): Promise<void> {
    await this.#listener.close();
  }

  /** What `GET /mock/state` responds. */
  get state(): MockState {
    return {
      tasks: Object.fromEntries(
        Array.from(this.scans, ([id, { status }]) => [
          id,
          { status, executions: this.executionsOf(id) },
        ]),
      ),
      stopRequests: this.stopRequests,
      startedExecutions: this.startedExecutions,
      requests: this.requests.map(({ method, path }) => ({ method, path })),
    };
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const { url: path = '' } = request;
    if (path.startsWith('/mock/')) return write(response, this.#control(request, body));
    const received = this.#receive(request, body);
    const injection = this.#injections.forRequest(received);
    const limited = injection === undefined ? this.#limit(path, response) : undefined;
    if (this.#options.latencyMs !== undefined) await setTimeout(this.#options.latencyMs);
    if (injection === undefined) {
      const own = limited ?? this.#route(request, body);
      if (own !== undefined) write(response, own);
      return;
    }
    const { fault, handled } = injection;
    const own = handled === true || fault.kind === 'slow' ? this.#route(request, body) : undefined;
    await spoil(fault, {
      request,
      response,
      connection: this.#listener.connectionOf(request.socket),
      own: own && withHeaders(own),
      restart: (downMs) => void this.restart(downMs),
    });
  }

  #receive(request: IncomingMessage, body: string): MatchedRequest {
    const { method = '', url: path = '', headers, socket } = request;
    const reused = this.#served.has(socket);
    this.#served.add(socket);
    const received = { method, path, headers, body };
    this.requests.push(received);
    this.arrivals.push({ path, atMs: performance.now(), reused });
    const stopRequest = CheckService.stopRequestOf(method, path);
    if (stopRequest !== undefined) this.stopRequests.push(stopRequest);
    for (const waiter of this.#waiters) waiter(received);
    return { method, path, reused };
  }

  #limit(path: string, response: ServerResponse): MockResponse | undefined {
    if (!/^\/v[12]\//.test(path)) return undefined;
    return (
      this.#limiter?.reject((callback) => response.once('close', callback)) ??
      this.#throttle?.reject()
    );
  }

  /** @returns undefined if there is never to be a response */
  #route(request: IncomingMessage, body: string): MockResponse | undefined {
    const { method = '', url: path = '', headers } = request;
    const { pathname, searchParams } = new URL(path, 'http://mock-api');
    if (pathname === '/github/id-token') return this.#identity.idToken(request);
    if (pathname === '/github/hanging/id-token') return undefined;
    if (pathname === '/github/redirecting/id-token') {
      const location = searchParams.get('to') ?? '/github/id-token';
      return { status: 302, headers: { location }, body: '' };
    }
    if (pathname === '/v3/auth/tokens') return this.#identity.tokenByPassword(body);
    if (pathname === '/v5/agencies/assume-with-oidc') return this.#identity.assumeAgency(body);
    return this.#service.respond({ method, path, body }, headers['content-type'], () =>
      this.#identity.rejectCredential(request, body),
    );
  }

  #control({ method = '', url = '' }: IncomingMessage, body: string): MockResponse {
    switch (`${method} ${url}`) {
      case 'GET /mock/state':
        return json(this.state);
      case 'DELETE /mock/inject':
        this.clearFaults();
        return json({});
      case 'POST /mock/inject': {
        const injection = JSON.parse(body) as Injection;
        if (!isFaultKind(injection.fault?.kind))
          return json({ error: 'There is no such fault' }, 400);
        this.#injections.add(injection);
        return json({});
      }
      default:
        return json({ error: 'GET /mock/state, POST or DELETE /mock/inject' }, 404);
    }
  }
}

function write(response: ServerResponse, own: MockResponse): void {
  const { status, headers, body } = withHeaders(own);
  response.writeHead(status, headers).end(body);
}

function withHeaders(own: MockResponse): MockResponse {
  const headers = {
    'content-type': 'application/json',
    'x-request-id': randomUUID().replaceAll('-', ''),
    ...own.headers,
  };
  return { ...own, headers };
}
