import { getEventListeners } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { parseResponse } from '../../src/api/response.ts';
import {
  ATTEMPT_TIMEOUT_MS,
  type Attempt,
  HttpClient,
  MAX_CONNECTIONS,
  type RequestOptions,
} from '../../src/http/client.ts';
import {
  ApiError,
  DeadlineError,
  NetworkError,
  type RequestError,
  SkippedError,
} from '../../src/http/errors.ts';
import type { HttpRequest, HttpResponse, Transport } from '../../src/http/transport.ts';
import { Deadline } from '../../src/time.ts';
import { FakeClock } from '../support/fake-clock.ts';

const ENDPOINT = 'https://check.example.com';
const OK: HttpResponse = { status: 200, headers: {}, body: 'good' };

function busy(retryAfterMs?: number): ApiError {
  return new ApiError('busy', { kind: 'rejected', status: 503, transient: true, retryAfterMs });
}

function throttled(retryAfterMs?: number): ApiError {
  return new ApiError('throttled', {
    kind: 'rejected',
    status: 429,
    code: 'APIGW.0308',
    retryAfterMs,
  });
}

function unauthorized(): ApiError {
  return new ApiError('expired', { kind: 'rejected', status: 401, code: 'CC.00000003' });
}

function invalid(): ApiError {
  return new ApiError('no', { kind: 'rejected', status: 400 });
}

function reset(details: { staleConnection?: boolean } = {}): NetworkError {
  return new NetworkError('reset', {
    kind: 'connection-reset',
    transient: true,
    mayHaveHappened: true,
    ...details,
  });
}

/** How a transport ends an attempt that was given up before any of a response arrived. */
const NO_RESPONSE = new NetworkError('aborted', { kind: 'unexpected', mayHaveHappened: true });

/** Nothing happens until the attempt is given up, which then ends with an error. */
interface Hang {
  readonly until: RequestError;
}

type Reply = HttpResponse | Error | Hang;

interface BenchOptions {
  readonly seconds?: number;
  readonly random?: number;
  /** How long each exchange takes. */
  readonly exchangeMs?: number;
  /** The clock of the client, and of the deadline unless that has its own. */
  readonly clock?: FakeClock;
  readonly deadlineClock?: FakeClock;
}

/** A client whose requests get given replies, by their path; all others succeed. */
class Bench {
  readonly clock: FakeClock;
  readonly deadline: Deadline;
  readonly client: HttpClient;
  /** The path of each request, with the time at which it was sent. */
  readonly sent: string[] = [];
  readonly freshConnections: boolean[] = [];
  readonly attempts: Attempt[] = [];
  readonly signals: AbortSignal[] = [];
  mostAtOnce = 0;
  #atOnce = 0;
  readonly #replies: Readonly<Record<string, Reply[]>>;

  constructor(replies: Readonly<Record<string, Reply[]>>, options: BenchOptions = {}) {
    const { seconds = 60, random = 0.5, exchangeMs = 0, clock = new FakeClock() } = options;
    this.clock = clock;
    this.#replies = replies;
    this.deadline = new Deadline(seconds, options.deadlineClock ?? clock);
    this.client = new HttpClient({
      clock,
      deadline: this.deadline,
      random: () => random,
      transport: { send: (request, how) => this.#exchange(request, how, exchangeMs) },
    });
  }

  send(path: string, options: Partial<RequestOptions<string>> = {}): Promise<string> {
    return this.client.send({
      operation: 'stop',
      request: { method: 'POST', url: new URL(path, ENDPOINT), headers: {}, body: '' },
      authorize: (request) => request,
      parse: (response) => response.body,
      retries: 3,
      onAttempt: (attempt) => this.attempts.push(attempt),
      ...options,
    });
  }

  async #exchange(
    { url }: HttpRequest,
    { signal, freshConnection, onConnected }: Parameters<Transport['send']>[1],
    exchangeMs: number,
  ): Promise<HttpResponse> {
    onConnected?.();
    this.sent.push(`${url.pathname} at ${this.clock.nowMs}`);
    this.freshConnections.push(freshConnection);
    this.signals.push(signal);
    this.#atOnce += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#atOnce);
    if (exchangeMs > 0) await this.clock.sleep(exchangeMs);
    this.#atOnce -= 1;
    const reply = this.#replies[url.pathname]?.shift() ?? OK;
    if (reply instanceof Error) throw reply;
    if ('status' in reply) return reply;
    if (!signal.aborted) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    }
    throw reply.until;
  }
}

function paths(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `/${index}`);
}

describe('a request', () => {
  test('returns what is parsed from its response', async () => {
    const bench = new Bench({});
    await expect(bench.send('/a', { parse: ({ body }) => `${body}!` })).resolves.toBe('good!');
    expect(bench.sent).toEqual(['/a at 0']);
    expect(bench.freshConnections).toEqual([false]);
  });

  test('is reported with its status and duration', async () => {
    const bench = new Bench({}, { exchangeMs: 120 });
    await bench.send('/a');
    expect(bench.attempts).toEqual([
      {
        request: expect.objectContaining({ url: new URL('/a', ENDPOINT) }),
        number: 1,
        status: 200,
        durationMs: 120,
        error: undefined,
        nextInMs: undefined,
      },
    ]);
  });

  test('is reported with the duration of each attempt', async () => {
    const bench = new Bench({ '/a': [busy()] }, { exchangeMs: 120 });
    await bench.send('/a');
    expect(bench.attempts.map(({ durationMs }) => durationMs)).toEqual([120, 120]);
  });

  test('without a response is reported without a status', async () => {
    const error = new NetworkError('refused', { kind: 'connection-refused' });
    const bench = new Bench({ '/a': [error] });
    await expect(bench.send('/a')).rejects.toBe(error);
    expect(bench.attempts).toMatchObject([{ number: 1, status: null, error, nextInMs: undefined }]);
  });

  test('whose response is an error is reported with its status', async () => {
    const error = invalid();
    const bench = new Bench({});
    const parse = () => {
      throw error;
    };
    await expect(bench.send('/a', { parse })).rejects.toBe(error);
    expect(bench.attempts).toMatchObject([{ status: 400, error }]);
  });

  test('reports each connection that it has', async () => {
    const bench = new Bench({ '/a': [busy()] });
    let connected = 0;
    const onConnected = () => {
      connected += 1;
    };
    await bench.send('/a', { onConnected });
    expect(connected).toBe(2);
  });

  test('is authorized for each attempt, by the wall clock', async () => {
    const bench = new Bench({ '/a': [busy()] }, { random: 0.25 });
    await bench.send('/a', {
      authorize: (request, now) => ({ ...request, headers: { now: now.toISOString() } }),
    });
    expect(bench.attempts.map(({ request }) => request.headers)).toEqual([
      { now: '2026-11-24T12:00:00.000Z' },
      { now: '2026-11-24T12:00:00.250Z' },
    ]);
  });

  test('is parsed by the time of its response', async () => {
    const bench = new Bench({}, { exchangeMs: 1_500 });
    const parse: RequestOptions<string>['parse'] = (_, now) => now.toISOString();
    await expect(bench.send('/a', { parse })).resolves.toBe('2026-11-24T12:00:01.500Z');
  });

  test.each(['stop', 'status', 'id-token'] as const)(
    'for %s has errors that belong to it',
    async (operation) => {
      const bench = new Bench({ '/a': [invalid()] });
      await expect(bench.send('/a', { operation })).rejects.toMatchObject({ operation });
    },
  );

  test('is not sent once the deadline has passed', async () => {
    const bench = new Bench({}, { seconds: 5 });
    await bench.clock.advance(5_000);
    const sending = bench.send('/a', { operation: 'status' });
    await expect(sending).rejects.toBeInstanceOf(DeadlineError);
    await expect(sending).rejects.toMatchObject({
      kind: 'deadline',
      operation: 'status',
      message: 'No response within 5 s (timeout-seconds)',
      mayHaveHappened: false,
      status: null,
      requestId: '',
    });
    expect(bench.sent).toEqual([]);
    expect(bench.attempts).toEqual([]);
  });

  test('that is too late names what sets the deadline', async () => {
    const clock = new FakeClock();
    const deadline = new Deadline(0, clock, '20 s');
    await clock.advance(0);
    const transport = { send: async () => OK };
    const client = new HttpClient({ clock, deadline, random: () => 0, transport });
    const sending = client.send({
      operation: 'status',
      request: { method: 'GET', url: new URL(ENDPOINT), headers: {}, body: '' },
      authorize: (request) => request,
      parse: () => undefined,
      retries: 0,
      onAttempt: () => undefined,
    });
    await expect(sending).rejects.toMatchObject({ message: 'No response within 20 s' });
  });

  test('is not sent once the step is interrupted', async () => {
    const bench = new Bench({});
    bench.deadline.interrupt('the step was cancelled (SIGTERM)');
    await expect(bench.send('/a')).rejects.toMatchObject({
      kind: 'interrupted',
      message: 'No response before the step was cancelled (SIGTERM)',
      mayHaveHappened: false,
    });
    expect(bench.sent).toEqual([]);
  });

  test('that is interrupted while it is authorized is given up from the start', async () => {
    const error = new NetworkError('aborted', { kind: 'unexpected' });
    const bench = new Bench({ '/a': [error] });
    const sending = bench.send('/a', {
      authorize: (request) => {
        bench.deadline.interrupt('the step was cancelled (SIGINT)');
        return request;
      },
    });
    await expect(sending).rejects.toMatchObject({ kind: 'interrupted', mayHaveHappened: false });
    expect(bench.signals.map(({ aborted }) => aborted)).toEqual([true]);
  });

  describe.each(['authorize', 'parse'])('with a bug in %s', (part) => {
    const bug = new TypeError('a bug');
    const broken = () => {
      throw bug;
    };

    test('is not retried', async () => {
      const bench = new Bench({});
      await expect(bench.send('/a', { [part]: broken })).rejects.toBe(bug);
      expect(bench.attempts).toEqual([]);
    });

    test('does not fail with the error of an earlier attempt', async () => {
      const bench = new Bench({ '/a': [busy()] });
      let later = false;
      const options: Partial<RequestOptions<string>> = {
        authorize: (request) => (later && part === 'authorize' ? broken() : request),
        parse: (response) => (part === 'parse' ? broken() : response.body),
        onAttempt: () => {
          later = true;
        },
      };
      await expect(bench.send('/a', options)).rejects.toBe(bug);
    });
  });
});

describe('after an error', () => {
  test.each([
    ['busy', busy()],
    ['reset', reset()],
  ])('that is transient (%s), the request is retried', async (_, error) => {
    const bench = new Bench({ '/a': [error] });
    await expect(bench.send('/a')).resolves.toBe('good');
    expect(bench.sent).toEqual(['/a at 0', '/a at 500']);
    expect(bench.freshConnections).toEqual([false, false]);
    expect(bench.attempts).toMatchObject([
      { number: 1, status: error.status, error, nextInMs: 500 },
      { number: 2, status: 200, error: undefined, nextInMs: undefined },
    ]);
  });

  test('that is final, the request is not retried', async () => {
    const error = invalid();
    const bench = new Bench({ '/a': [error] });
    await expect(bench.send('/a')).rejects.toBe(error);
    expect(bench.sent).toHaveLength(1);
    expect(bench.attempts).toMatchObject([{ error, nextInMs: undefined }]);
  });

  test('the delays double, and the last error is thrown when the retries are used up', async () => {
    const last = busy();
    const bench = new Bench({ '/a': [busy(), reset(), busy(), last] });
    await expect(bench.send('/a', { retries: 3 })).rejects.toBe(last);
    expect(bench.sent).toEqual(['/a at 0', '/a at 500', '/a at 1500', '/a at 3500']);
    expect(bench.attempts.map(({ nextInMs }) => nextInMs)).toEqual([500, 1_000, 2_000, undefined]);
    expect(bench.attempts.map(({ number }) => number)).toEqual([1, 2, 3, 4]);
  });

  test.each([0, 1, 10])('there are at most %i retries', async (retries) => {
    const bench = new Bench({ '/a': Array.from({ length: 20 }, () => busy(0)) });
    await expect(bench.send('/a', { retries })).rejects.toMatchObject({ status: 503 });
    expect(bench.sent).toHaveLength(retries + 1);
  });

  test('Retry-After comes before the backoff', async () => {
    const bench = new Bench({ '/a': [busy(7_000)] });
    await bench.send('/a');
    expect(bench.sent).toEqual(['/a at 0', '/a at 7000']);
  });

  test.each([60_000, 3_600_000, Number.POSITIVE_INFINITY])(
    'a Retry-After that reaches the deadline (%d ms) ends the request immediately',
    async (retryAfterMs) => {
      const error = busy(retryAfterMs);
      const bench = new Bench({ '/a': [error] }, { seconds: 60 });
      await expect(bench.send('/a')).rejects.toBe(error);
      expect(bench.clock.nowMs).toBe(0);
      expect(bench.attempts).toMatchObject([{ error, nextInMs: undefined }]);
    },
  );

  test('a Retry-After that ends right before the deadline is honored', async () => {
    const bench = new Bench({ '/a': [busy(59_999)] }, { seconds: 60 });
    await expect(bench.send('/a')).resolves.toBe('good');
    expect(bench.sent).toEqual(['/a at 0', '/a at 59999']);
  });

  test('a backoff that reaches past the deadline ends the request immediately', async () => {
    const [first, second] = [busy(), busy()];
    const bench = new Bench({ '/a': [first, second] }, { seconds: 1, random: 0.75 });
    await expect(bench.send('/a')).rejects.toBe(second);
    expect(bench.sent).toEqual(['/a at 0', '/a at 750']);
    expect(bench.clock.nowMs).toBe(750);
  });

  test('its error is thrown if the deadline passes before the next attempt', async () => {
    const clock = new FakeClock({ autoUpToMs: 0 });
    const deadlineClock = new FakeClock({ autoUpToMs: 0 });
    const error = busy();
    const bench = new Bench({ '/a': [error] }, { clock, deadlineClock });
    const failed = expect(bench.send('/a')).rejects.toBe(error);
    await deadlineClock.advance(60_000);
    await failed;
    expect(bench.attempts).toMatchObject([{ nextInMs: 500 }]);
    expect(bench.sent).toHaveLength(1);
  });

  test('other requests are not held back', async () => {
    const bench = new Bench({ '/a': [busy(5_000)] });
    const first = bench.send('/a');
    await bench.clock.advance(0);
    await bench.send('/b');
    await first;
    expect(bench.sent).toEqual(['/a at 0', '/b at 0', '/a at 5000']);
  });

  test('what an earlier attempt may have done is kept, and so is its response', async () => {
    const response = new ApiError('bad gateway', {
      kind: 'rejected',
      status: 502,
      requestId: 'request-1',
      transient: true,
      mayHaveHappened: true,
    });
    const last = new NetworkError('refused', { kind: 'connection-refused' });
    const bench = new Bench({ '/a': [response, last] });
    const sending = bench.send('/a');
    await expect(sending).rejects.toBe(last);
    expect(last.mayHaveHappened).toBe(true);
    expect(last.lastResponse).toBe(response);
  });

  test('nothing may have happened if no attempt may have done anything', async () => {
    const refused = () =>
      new NetworkError('refused', { kind: 'connection-refused', transient: true });
    const bench = new Bench({ '/a': [refused(), refused()] });
    await expect(bench.send('/a', { retries: 1 })).rejects.toMatchObject({
      mayHaveHappened: false,
      lastResponse: undefined,
    });
  });
});

describe('a stale connection', () => {
  test('is replaced by a fresh one immediately, without counting as a retry', async () => {
    const bench = new Bench({ '/a': [reset({ staleConnection: true })] });
    await expect(bench.send('/a', { retries: 0 })).resolves.toBe('good');
    expect(bench.sent).toEqual(['/a at 0', '/a at 0']);
    expect(bench.freshConnections).toEqual([false, true]);
    expect(bench.attempts).toMatchObject([{ number: 1, nextInMs: 0 }, { number: 2 }]);
  });

  test('leaves all retries to the errors after it, on fresh connections', async () => {
    const bench = new Bench({ '/a': [reset({ staleConnection: true }), busy(), busy()] });
    await expect(bench.send('/a', { retries: 1 })).rejects.toMatchObject({ status: 503 });
    expect(bench.freshConnections).toEqual([false, true, true]);
  });

  test('of one request leaves the connections of others alone', async () => {
    const bench = new Bench({ '/a': [reset({ staleConnection: true })] });
    await bench.send('/a');
    await bench.send('/b');
    expect(bench.freshConnections).toEqual([false, true, false]);
  });
});

describe('an attempt that takes too long', () => {
  test('is given up after 20 s and not before, then retried', async () => {
    expect(ATTEMPT_TIMEOUT_MS).toBe(20_000);
    const clock = new FakeClock({ autoUpToMs: 0 });
    const bench = new Bench({ '/a': [{ until: NO_RESPONSE }] }, { clock });
    const sending = bench.send('/a', { retries: 1 });
    await clock.advance(19_999);
    expect(bench.signals[0]?.aborted).toBe(false);
    await clock.advance(1);
    expect(bench.signals[0]?.aborted).toBe(true);
    await clock.advance(500);
    await expect(sending).resolves.toBe('good');
    expect(bench.attempts).toMatchObject([
      { number: 1, status: null, durationMs: 20_000, nextInMs: 500 },
      { number: 2, status: 200 },
    ]);
  });

  test.each<[string, RequestError, object]>([
    [
      'the host for no response',
      NO_RESPONSE,
      {
        kind: 'timeout',
        message: 'The host check.example.com did not respond within 20 s',
        status: null,
        requestId: '',
        mayHaveHappened: true,
      },
    ],
    [
      'the host for a connection that did not come about',
      new NetworkError('aborted', { kind: 'unexpected' }),
      { kind: 'timeout', mayHaveHappened: false },
    ],
    [
      'the host for half a response',
      new NetworkError('cut short', {
        kind: 'cut-short',
        status: 200,
        requestId: 'request-1',
        mayHaveHappened: true,
      }),
      {
        kind: 'timeout',
        message: 'The host check.example.com did not complete its response within 20 s',
        status: 200,
        requestId: 'request-1',
        mayHaveHappened: true,
      },
    ],
    [
      'the proxy for no tunnel',
      new NetworkError('aborted', { kind: 'proxy' }),
      {
        kind: 'proxy',
        message: 'The proxy did not respond within 20 s',
        mayHaveHappened: false,
      },
    ],
  ])('blames %s', async (_, until, expected) => {
    const bench = new Bench({ '/a': [{ until }] });
    const sending = bench.send('/a', { retries: 0 });
    await expect(sending).rejects.toBeInstanceOf(NetworkError);
    await expect(sending).rejects.toMatchObject({ ...expected, transient: true, cause: until });
  });

  test('ends the step if the half of its response rejects the credential', async () => {
    const until = new NetworkError('cut short', { kind: 'cut-short', status: 401 });
    const bench = new Bench({ '/a': [{ until }] });
    await expect(bench.send('/a')).rejects.toMatchObject({ kind: 'timeout', status: 401 });
    await expect(bench.send('/b')).rejects.toBeInstanceOf(SkippedError);
    expect(bench.sent).toEqual(['/a at 0']);
    expect(bench.attempts).toMatchObject([{ status: 401, nextInMs: undefined }]);
  });

  test('keeps the response that had arrived by then', async () => {
    const until = invalid();
    const bench = new Bench({ '/a': [{ until }] });
    await expect(bench.send('/a')).rejects.toBe(until);
  });

  test('leaves no timer and no listener behind', async () => {
    const clock = new FakeClock({ autoUpToMs: 0 });
    const bench = new Bench({ '/a': [invalid()] }, { clock });
    await expect(bench.send('/a')).rejects.toBeInstanceOf(ApiError);
    await bench.send('/b');
    // Only the deadline's own, and the client's listener on it.
    expect(clock.sleeping).toBe(1);
    expect(getEventListeners(bench.deadline.signal, 'abort')).toHaveLength(1);
  });
});

describe('an attempt at the deadline', () => {
  test.each<[string, string | undefined, RequestError, object]>([
    [
      'without a response names the time limit',
      undefined,
      NO_RESPONSE,
      {
        kind: 'deadline',
        message: 'No response within 5 s (timeout-seconds)',
        status: null,
        mayHaveHappened: true,
      },
    ],
    [
      'before its connection came about has done nothing',
      undefined,
      new NetworkError('aborted', { kind: 'unexpected' }),
      { kind: 'deadline', mayHaveHappened: false },
    ],
    [
      'with half a response keeps what is known of it',
      undefined,
      new NetworkError('cut short', {
        kind: 'cut-short',
        status: 200,
        requestId: 'request-1',
        mayHaveHappened: true,
      }),
      {
        kind: 'deadline',
        message: 'No complete response within 5 s (timeout-seconds)',
        status: 200,
        requestId: 'request-1',
        mayHaveHappened: true,
      },
    ],
    [
      'of an interrupted step names its reason',
      'the step was cancelled (SIGTERM)',
      NO_RESPONSE,
      {
        kind: 'interrupted',
        message: 'No response before the step was cancelled (SIGTERM)',
        mayHaveHappened: true,
      },
    ],
    [
      'of an interrupted step with half a response keeps what is known of it',
      'the log was closed',
      new NetworkError('cut short', { kind: 'cut-short', status: 200, requestId: 'request-1' }),
      {
        kind: 'interrupted',
        message: 'No complete response before the log was closed',
        status: 200,
        requestId: 'request-1',
      },
    ],
  ])('%s', async (_, interruption, until, expected) => {
    const clock = new FakeClock({ autoUpToMs: 0 });
    const bench = new Bench({ '/a': [{ until }] }, { seconds: 5, clock });
    const sending = bench.send('/a', { operation: 'start' });
    const failed = expect(sending).rejects.toMatchObject({
      ...expected,
      name: 'DeadlineError',
      operation: 'start',
      transient: false,
      cause: until,
    });
    await clock.advance(4_999);
    expect(bench.signals[0]?.aborted).toBe(false);
    if (interruption !== undefined) bench.deadline.interrupt(interruption);
    await clock.advance(1);
    await failed;
    expect(bench.sent).toHaveLength(1);
    expect(bench.attempts).toMatchObject([{ nextInMs: undefined }]);
  });

  test('keeps the response of an earlier attempt', async () => {
    const first = busy(0);
    const bench = new Bench({ '/a': [first, { until: NO_RESPONSE }] }, { seconds: 5 });
    await expect(bench.send('/a')).rejects.toMatchObject({ kind: 'deadline', lastResponse: first });
  });
});

describe('while the API throttles', () => {
  test('every request is held back, not only the one that it rejected', async () => {
    const bench = new Bench({ '/a': [throttled(5_000)] });
    const first = bench.send('/a');
    await bench.clock.advance(0);
    await Promise.all([first, bench.send('/b'), bench.send('/c')]);
    const times = bench.sent.map((line) => Number(line.split(' at ')[1]));
    expect(times[0]).toBe(0);
    expect(Math.min(...times.slice(1))).toBe(5_000);
    expect(bench.sent).toHaveLength(4);
  });

  test('the next request in the queue is held back as well', async () => {
    const bench = new Bench({ '/0': [throttled(5_000)] }, { exchangeMs: 100 });
    await Promise.all(paths(18).map((path) => bench.send(path)));
    expect(bench.sent).toHaveLength(19);
    for (const line of bench.sent.slice(16)) {
      expect(Number(line.split(' at ')[1])).toBeGreaterThanOrEqual(5_100);
    }
  });

  test('requests are repeated until the deadline, regardless of retries', async () => {
    const bench = new Bench({ '/a': Array.from({ length: 15 }, () => throttled(1_000)) });
    await expect(bench.send('/a', { retries: 0 })).resolves.toBe('good');
    expect(bench.sent).toHaveLength(16);
    expect(bench.attempts.at(-1)).toMatchObject({ number: 16, status: 200 });
  });

  test('being throttled leaves all retries to other errors', async () => {
    const bench = new Bench({ '/a': [throttled(), busy(), throttled(), busy()] });
    await expect(bench.send('/a', { retries: 1 })).rejects.toMatchObject({ status: 503 });
    expect(bench.sent).toHaveLength(4);
  });

  test('an attempt is announced for when its turn may come', async () => {
    const bench = new Bench({ '/a': [throttled(5_000), throttled(), throttled(0)] });
    await bench.send('/a');
    // 50 ms, then half as much again after each rejection; an admission is what makes it faster.
    expect(bench.attempts.map(({ nextInMs }) => nextInMs)).toEqual([5_000, 75, 112.5, undefined]);
    expect(bench.sent).toEqual(['/a at 0', '/a at 5000', '/a at 5075', '/a at 5187.5']);
  });

  test('a shorter Retry-After does not end a longer one', async () => {
    const bench = new Bench({ '/a': [throttled(9_000)], '/b': [throttled(2_000)] });
    await Promise.all([bench.send('/a'), bench.send('/b')]);
    expect(bench.sent.slice(0, 2)).toEqual(['/a at 0', '/b at 0']);
    for (const line of bench.sent.slice(2)) {
      expect(Number(line.split(' at ')[1])).toBeGreaterThanOrEqual(9_000);
    }
  });

  test('a request that waits goes on waiting if a later Retry-After is longer', async () => {
    const bench = new Bench(
      { '/a': [throttled(2_000)], '/b': [throttled(9_000)] },
      { exchangeMs: 100 },
    );
    const first = bench.send('/a');
    await bench.clock.advance(50);
    const second = bench.send('/b');
    await bench.clock.advance(50);
    const third = bench.send('/c');
    await Promise.all([first, second, third]);
    expect(bench.sent.slice(0, 2)).toEqual(['/a at 0', '/b at 50']);
    for (const line of bench.sent.slice(2)) {
      expect(Number(line.split(' at ')[1])).toBeGreaterThanOrEqual(9_150);
    }
  });

  test.each([60_000, 3_600_000, Number.POSITIVE_INFINITY])(
    'a Retry-After that reaches the deadline (%d ms) ends all requests immediately, with its message',
    async (retryAfterMs) => {
      const error = throttled(retryAfterMs);
      const bench = new Bench({ '/a': [error] }, { seconds: 60 });
      await expect(bench.send('/a')).rejects.toBe(error);
      await expect(bench.send('/b', { operation: 'status' })).rejects.toMatchObject({
        name: 'SkippedError',
        message: 'Not sent, because the API throttles requests past the deadline: throttled',
        code: 'APIGW.0308',
        status: null,
        cause: error,
        // Of the request that was throttled.
        operation: 'stop',
      });
      expect(bench.sent).toEqual(['/a at 0']);
      expect(bench.clock.nowMs).toBe(0);
    },
  );

  test('a Retry-After that ends right before the deadline is honored', async () => {
    const bench = new Bench({ '/a': [throttled(59_999)] }, { seconds: 60 });
    await expect(bench.send('/a')).resolves.toBe('good');
    expect(bench.sent).toEqual(['/a at 0', '/a at 59999']);
  });

  test('a request that waits is reported with the reason if the deadline passes', async () => {
    const clock = new FakeClock({ autoUpToMs: 0 });
    const deadlineClock = new FakeClock({ autoUpToMs: 0 });
    const error = throttled(5_000);
    const bench = new Bench({ '/a': [error] }, { clock, deadlineClock });
    const first = expect(bench.send('/a')).rejects.toBe(error);
    await clock.advance(0);
    const second = expect(bench.send('/b')).rejects.toMatchObject({
      name: 'SkippedError',
      cause: error,
    });
    await deadlineClock.advance(60_000);
    await Promise.all([first, second]);
    expect(bench.sent).toEqual(['/a at 0']);
  });

  test('a request after the deadline is not said to be throttled if its turn had come', async () => {
    const bench = new Bench({ '/a': [throttled()] }, { seconds: 5 });
    await bench.send('/a');
    await bench.clock.advance(5_000);
    await expect(bench.send('/b')).rejects.toMatchObject({ kind: 'deadline' });
  });

  test('a request that waits is reported as interrupted if the step is', async () => {
    const bench = new Bench(
      { '/a': [throttled(5_000)] },
      { clock: new FakeClock({ autoUpToMs: 0 }) },
    );
    const first = expect(bench.send('/a')).rejects.toMatchObject({ status: 429 });
    await bench.clock.advance(0);
    const second = expect(bench.send('/b')).rejects.toMatchObject({ kind: 'interrupted' });
    await bench.clock.advance(0);
    bench.deadline.interrupt('the step was cancelled (SIGTERM)');
    await Promise.all([first, second]);
  });

  test('half a response with HTTP 429 holds requests back as well', async () => {
    const half = new NetworkError('cut short', {
      kind: 'cut-short',
      status: 429,
      transient: true,
    });
    const bench = new Bench({ '/a': [half] });
    await expect(bench.send('/a', { retries: 0 })).resolves.toBe('good');
    expect(bench.sent).toEqual(['/a at 0', '/a at 50']);
  });
});

describe('after a rejected credential', () => {
  test('nothing more is sent, and every other request says why', async () => {
    const error = unauthorized();
    const bench = new Bench({ '/a': [error] });
    expect(bench.client.ended.aborted).toBe(false);
    await expect(bench.send('/a')).rejects.toBe(error);
    expect(bench.client.ended.aborted).toBe(true);
    await expect(bench.send('/b')).rejects.toMatchObject({
      name: 'SkippedError',
      message: 'Not sent, because the credential was rejected: expired',
      code: 'CC.00000003',
      status: null,
      cause: error,
    });
    expect(bench.sent).toEqual(['/a at 0']);
    expect(bench.attempts).toHaveLength(1);
  });

  test('a request that waits for its retry ends immediately, with what is known of it', async () => {
    const error = busy(50_000);
    const bench = new Bench({ '/a': [error], '/b': [unauthorized()] });
    const first = bench.send('/a');
    await bench.clock.advance(1_000);
    await expect(bench.send('/b')).rejects.toMatchObject({ status: 401 });
    await expect(first).rejects.toBe(error);
    expect(bench.sent).toEqual(['/a at 0', '/b at 1000']);
    expect(bench.clock.nowMs).toBe(1_000);
  });

  test('a request that waits while the API throttles ends immediately', async () => {
    const error = throttled(50_000);
    const bench = new Bench({ '/a': [error], '/b': [unauthorized()] }, { exchangeMs: 100 });
    const results = await Promise.allSettled([bench.send('/a'), bench.send('/b')]);
    expect(results).toMatchObject([{ reason: error }, { reason: { status: 401 } }]);
    expect(bench.clock.nowMs).toBe(100);
  });

  test('a request that waits in the queue is not sent', async () => {
    const all = paths(20);
    const bench = new Bench(Object.fromEntries(all.map((path) => [path, [unauthorized()]])), {
      exchangeMs: 100,
    });
    const results = await Promise.allSettled(all.map((path) => bench.send(path)));
    expect(bench.sent).toHaveLength(16);
    expect(
      results.map((result) => (result.status === 'rejected' ? result.reason.name : 'sent')),
    ).toEqual([...Array(16).fill('ApiError'), ...Array(4).fill('SkippedError')]);
  });

  test('the first rejection is the reason, whatever was rejected after it', async () => {
    const [first, second] = [unauthorized(), unauthorized()];
    const bench = new Bench({ '/a': [first], '/b': [second] });
    await Promise.allSettled([bench.send('/a'), bench.send('/b')]);
    const error = await bench.send('/c').catch((thrown: Error) => thrown);
    expect(error).toBeInstanceOf(SkippedError);
    expect((error as SkippedError).cause).toBe(first);
  });

  test.each([400, 403, 404, 407])('HTTP %i is no such rejection', async (status) => {
    const error = new ApiError('no', { kind: 'rejected', status });
    const bench = new Bench({ '/a': [error] });
    await expect(bench.send('/a')).rejects.toBe(error);
    await expect(bench.send('/b')).resolves.toBe('good');
    expect(bench.client.ended.aborted).toBe(false);
  });

  // The log would announce an attempt that nobody makes.
  test('half a response is not retried, although it was cut short', async () => {
    const half = new NetworkError('cut short', {
      kind: 'cut-short',
      status: 401,
      transient: true,
    });
    const bench = new Bench({ '/a': [half] });
    await expect(bench.send('/a')).rejects.toBe(half);
    expect(bench.attempts).toMatchObject([{ status: 401, nextInMs: undefined }]);
    expect(bench.clock.nowMs).toBe(0);
  });

  test.each(['CC.00000000', 'CC.00050012', 'CC.00050014'])(
    'the rejection is not retried, even with the code %s for a busy API',
    async (code) => {
      const response: HttpResponse = {
        status: 401,
        headers: { 'retry-after': '1' },
        body: JSON.stringify({ error_code: code, error_msg: 'Network busy. Try again later.' }),
      };
      const parse: RequestOptions<string>['parse'] = (received, now) =>
        parseResponse(received, now).requestId;
      const bench = new Bench({ '/a': [response] });
      await expect(bench.send('/a', { parse })).rejects.toMatchObject({
        status: 401,
        code,
        message: 'Network busy. Try again later.',
      });
      expect(bench.sent).toEqual(['/a at 0']);
      expect(bench.attempts).toMatchObject([{ number: 1, status: 401, nextInMs: undefined }]);
    },
  );
});

test('no further request is announced once the deadline has passed', async () => {
  const passed = new Bench({}, { seconds: 1 });
  await passed.clock.advance(1_000);
  expect(passed.client.ended.aborted).toBe(true);
  // A client that is created too late.
  const late = new HttpClient({
    clock: passed.clock,
    deadline: passed.deadline,
    random: () => 0,
    transport: { send: async () => OK },
  });
  expect(late.ended.aborted).toBe(true);
});

describe('a request that must not be made twice', () => {
  const once = (retryInMs: number | undefined, leastMs = 0) => ({
    once: { retryInMs: () => retryInMs, leastMs },
  });

  test('has a fresh connection for each attempt', async () => {
    const bench = new Bench({ '/a': [busy(), busy()] });
    await expect(bench.send('/a', once(10))).resolves.toBe('good');
    expect(bench.freshConnections).toEqual([true, true, true]);
  });

  test('is repeated by its own policy, regardless of retries and Retry-After', async () => {
    const errors = [busy(7_000), invalid(), busy()];
    const bench = new Bench({ '/a': [...errors] });
    const asked: RequestError[] = [];
    await bench.send('/a', {
      retries: 0,
      once: {
        leastMs: 0,
        retryInMs: (error) => {
          asked.push(error);
          return 1_000 * asked.length;
        },
      },
    });
    expect(asked).toEqual(errors);
    expect(bench.sent).toEqual(['/a at 0', '/a at 1000', '/a at 3000', '/a at 6000']);
    expect(bench.attempts.map(({ nextInMs }) => nextInMs)).toEqual([
      1_000,
      2_000,
      3_000,
      undefined,
    ]);
  });

  test.each([busy(0), throttled(0)])(
    'is not repeated if its policy says so, not even after a transient error: %s',
    async (error) => {
      const bench = new Bench({ '/a': [error] });
      await expect(bench.send('/a', once(undefined))).rejects.toBe(error);
      expect(bench.sent).toHaveLength(1);
    },
  );

  test('waits as long as its policy says while the API throttles, and at least for its turn', async () => {
    const bench = new Bench({ '/a': [throttled(), throttled(3_000)] });
    await bench.send('/a', once(2_000));
    expect(bench.sent).toEqual(['/a at 0', '/a at 2000', '/a at 5000']);
    expect(bench.attempts.map(({ nextInMs }) => nextInMs)).toEqual([2_000, 3_000, undefined]);
  });

  test('is awaited until the deadline, not for 20 s', async () => {
    const bench = new Bench({ '/a': [{ until: NO_RESPONSE }] }, { seconds: 120 });
    await expect(bench.send('/a', once(0))).rejects.toMatchObject({
      kind: 'deadline',
      message: 'No response within 120 s (timeout-seconds)',
      mayHaveHappened: true,
    });
    expect(bench.clock.nowMs).toBe(120_000);
    expect(bench.sent).toHaveLength(1);
  });

  test.each([
    [7_999, 2],
    [8_000, 1],
  ])(
    'is not begun with less time left than its policy requires: after %i of 10 s there are %i attempts',
    async (retryInMs, attempts) => {
      const bench = new Bench({ '/a': [busy()] }, { seconds: 10 });
      await bench.send('/a', once(retryInMs, 2_000)).catch(() => undefined);
      expect(bench.sent).toHaveLength(attempts);
    },
  );

  test('is not repeated after a rejected credential, whatever its policy says', async () => {
    const bench = new Bench({ '/a': [unauthorized()] });
    await expect(bench.send('/a', once(0))).rejects.toMatchObject({ status: 401 });
    expect(bench.sent).toHaveLength(1);
    expect(bench.attempts).toMatchObject([{ nextInMs: undefined }]);
  });
});

describe('many requests', () => {
  test('are sent side by side, at most 16 at once', async () => {
    expect(MAX_CONNECTIONS).toBe(16);
    const bench = new Bench({}, { exchangeMs: 100 });
    await Promise.all(paths(40).map((path) => bench.send(path)));
    expect(bench.mostAtOnce).toBe(16);
    expect(bench.sent).toHaveLength(40);
    expect(bench.clock.nowMs).toBe(300);
  });

  test.each(['id-token', 'sts'] as const)(
    'are at most 4 at once if only %s has responded before the API failed',
    async (operation) => {
      const all = paths(8);
      const replies = Object.fromEntries(['/first', ...all].map((path) => [path, [busy()]]));
      const bench = new Bench(replies, { exchangeMs: 100 });
      await bench.send('/exchange', { operation });
      const sendOnce = (path: string) => bench.send(path, { retries: 0 }).catch(() => undefined);
      await sendOnce('/first');
      await Promise.all(all.map(sendOnce));
      expect(bench.mostAtOnce).toBe(4);
    },
  );

  test('that wait for their retry keep no other waiting', async () => {
    const slow = Array.from({ length: 16 }, (_, index) => `/slow/${index}`);
    const bench = new Bench(Object.fromEntries(slow.map((path) => [path, [busy()]])));
    await Promise.all([...slow, '/quick'].map((path) => bench.send(path)));
    expect(bench.sent.indexOf('/quick at 0')).toBe(16);
  });

  test('that hang are given up, and make room for others', async () => {
    const hanging = Array.from({ length: 16 }, (_, index) => `/hanging/${index}`);
    const bench = new Bench(
      Object.fromEntries(hanging.map((path) => [path, [{ until: NO_RESPONSE }]])),
    );
    const all = [...hanging, '/next'].map((path) => bench.send(path, { retries: 0 }));
    await Promise.allSettled(all);
    expect(bench.sent.at(-1)).toBe('/next at 20000');
  });
});
