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
import { CheckService, type CheckServiceOptions, type StopRequest } from './check-service.ts';
import { commit, type Fault, type Injection } from './faults.ts';
import { Identity, type IdentityOptions, type TemporaryKeys } from './identity.ts';
import type { MockResponse } from './response.ts';
import type { Task } from './tasks.ts';

export { ID_TOKEN_REQUEST_TOKEN, TEMPORARY_KEYS } from './identity.ts';

/** What the mock API knows at the start. */
export interface MockApiOptions extends CheckServiceOptions, IdentityOptions {
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

/** An execution as a test sees it. */
export interface ExecutionState {
  readonly id: string;
  /** `task_status` as it is, not as it may be reported for a moment after the start. */
  readonly status: unknown;
  /** Whether a stop request for it was accepted. */
  readonly stopRequested: boolean;
}

/**
 * A mock of the CodeArts Check API on loopback, with the parts of IAM's gateway, of STS and of
 * GitHub's ID-token service that the actions speak to: scans that are started, end and are stopped,
 * credentials that are good, expired or wrong, and faults to inject.
 */
export class MockApi {
  readonly requests: ReceivedRequest[] = [];
  /** Every stop request that arrived, whether it was accepted or not. */
  readonly stopRequests: StopRequest[] = [];
  readonly #options: MockApiOptions;
  readonly #service: CheckService;
  readonly #identity: Identity;
  readonly #server: Server;
  readonly #waiters = new Set<(request: ReceivedRequest) => void>();
  #injections: { injection: Injection; left: number }[] = [];
  #connections = 0;
  #open = 0;
  /** The most connections that were open at once. */
  maxOpen = 0;

  private constructor(options: MockApiOptions) {
    this.#options = options;
    this.#service = new CheckService(options);
    this.#identity = new Identity(options);
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

  /** As the input `endpoint` accepts it. */
  get endpoint(): string {
    return `${this.#options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${this.port}`;
  }

  /** How many connections there were so far. */
  get connections(): number {
    return this.#connections;
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
    const received = { method, path, headers, body };
    this.requests.push(received);
    for (const waiter of this.#waiters) waiter(received);
    const stopRequest = CheckService.stopRequestOf(method, path);
    if (stopRequest !== undefined) this.stopRequests.push(stopRequest);
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
        ...mocked.headers,
      })
      .end(mocked.body);
  }

  #route(request: IncomingMessage, body: string): MockResponse {
    const { method = '', url: path = '', headers } = request;
    const { pathname } = new URL(path, 'http://mock-api');
    if (pathname === '/github/id-token') return this.#identity.idToken(request);
    if (pathname === '/v5/agencies/assume-with-oidc') return this.#identity.assumeAgency(body);
    return this.#service.respond({ method, path, body }, headers['content-type'], () =>
      this.#identity.rejectCredential(request, body),
    );
  }
}
