import { describe, expect, test } from '@jest/globals';
import { parseResponse } from '../../src/api/response.ts';
import { Deadline } from '../../src/deadline.ts';
import { type Attempt, HttpClient, type RequestOptions } from '../../src/http/client.ts';
import { ApiError, NetworkError, SkippedError } from '../../src/http/errors.ts';
import type { HttpRequest, HttpResponse } from '../../src/http/transport.ts';
import { FakeClock } from '../support/fake-clock.ts';

const ENDPOINT = 'https://check.example.com';
const OK: HttpResponse = { status: 200, headers: {}, body: 'good' };

const BUSY = new ApiError('busy', { kind: 'api-error', status: 503, transient: true });
const REFUSED = new ApiError('no', { kind: 'api-error', status: 400 });
const UNAUTHORISED = new ApiError('expired', {
  kind: 'api-error',
  status: 401,
  code: 'CC.00000003',
});
const RESET = new NetworkError('reset', { kind: 'reset', transient: true });

function throttled(retryAfterMs?: number): ApiError {
  return new ApiError('throttled', {
    kind: 'api-error',
    status: 429,
    code: 'APIGW.0308',
    transient: true,
    retryAfterMs,
  });
}

/** What a request gets: an answer, or an error that is thrown. */
type Reply = HttpResponse | Error;

interface Options {
  readonly seconds?: number;
  readonly random?: number;
  /** How long each exchange takes. */
  readonly exchangeMs?: number;
  readonly sideBySide?: boolean;
  /** The clock of the client, and of the deadline where that has none of its own. */
  readonly clock?: FakeClock;
  readonly deadlineClock?: FakeClock;
}

/** A client whose requests get replies to order, by their path. */
class Bench {
  readonly clock: FakeClock;
  readonly client: HttpClient;
  /** The path of each request, with the time when it was sent. */
  readonly sent: string[] = [];
  readonly attempts: Attempt[] = [];
  atOnce = 0;
  mostAtOnce = 0;
  readonly #replies: Readonly<Record<string, Reply[]>>;

  constructor(replies: Readonly<Record<string, Reply[]>>, options: Options = {}) {
    const {
      seconds = 60,
      random = 0.5,
      exchangeMs = 0,
      sideBySide = true,
      clock = new FakeClock(),
    } = options;
    this.clock = clock;
    this.#replies = replies;
    this.client = new HttpClient({
      sideBySide,
      clock,
      deadline: new Deadline(seconds, options.deadlineClock ?? clock),
      random: () => random,
      transport: { send: (request) => this.#exchange(request, exchangeMs) },
    });
  }

  send(path: string, call: Partial<RequestOptions<string>> = {}): Promise<string> {
    return this.client.send({
      request: { method: 'POST', url: new URL(path, ENDPOINT), headers: {}, body: '' },
      authorize: (request) => request,
      parse: (answer) => answer.body,
      retries: 3,
      onAttempt: (attempt) => this.attempts.push(attempt),
      ...call,
    });
  }

  async #exchange({ url }: HttpRequest, exchangeMs: number): Promise<HttpResponse> {
    this.sent.push(`${url.pathname} at ${this.clock.nowMs}`);
    this.atOnce += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.atOnce);
    if (exchangeMs > 0) await this.clock.sleep(exchangeMs);
    this.atOnce -= 1;
    const reply = this.#replies[url.pathname]?.shift() ?? OK;
    if (reply instanceof Error) throw reply;
    return reply;
  }
}

describe('a request', () => {
  test('gives what the parse makes of its answer', async () => {
    const bench = new Bench({});
    await expect(bench.send('/a', { parse: ({ body }) => `${body}!` })).resolves.toBe('good!');
    expect(bench.sent).toEqual(['/a at 0']);
  });

  test('has no queue before it where there is to be one at a time', async () => {
    const bench = new Bench({ '/0': [BUSY] }, { sideBySide: false, exchangeMs: 10 });
    await Promise.all(Array.from({ length: 20 }, (_, index) => bench.send(`/${index}`)));
    expect(bench.sent).toHaveLength(21);
    expect(bench.mostAtOnce).toBe(20);
  });

  test('is told to the log with its status and how long it took', async () => {
    const bench = new Bench({}, { exchangeMs: 120 });
    await bench.send('/a');
    expect(bench.attempts).toHaveLength(1);
    expect(bench.attempts[0]).toMatchObject({
      number: 1,
      status: 200,
      durationMs: 120,
      failure: undefined,
      nextInMs: undefined,
    });
    expect(bench.attempts[0]?.request.url.href).toBe(`${ENDPOINT}/a`);
  });

  test('that got no answer is told without a status', async () => {
    const bench = new Bench({ '/a': [new NetworkError('refused', { kind: 'refused' })] });
    await expect(bench.send('/a')).rejects.toMatchObject({ kind: 'refused' });
    expect(bench.attempts).toMatchObject([{ number: 1, status: null, nextInMs: undefined }]);
  });

  test('whose answer the parse refuses is told with the status of the refusal', async () => {
    const bench = new Bench({});
    const parse = () => {
      throw REFUSED;
    };
    await expect(bench.send('/a', { parse })).rejects.toBe(REFUSED);
    expect(bench.attempts).toMatchObject([{ status: 400, failure: REFUSED }]);
  });

  test('carries the credential, made anew for each attempt by the wall clock', async () => {
    const bench = new Bench({ '/a': [BUSY] }, { random: 0.25 });
    await bench.send('/a', {
      authorize: (request, now) => ({ ...request, headers: { now: now.toISOString() } }),
    });
    expect(bench.attempts.map(({ request }) => request.headers)).toEqual([
      { now: '2026-11-24T12:00:00.000Z' },
      { now: '2026-11-24T12:00:00.250Z' },
    ]);
  });

  test('is judged by the time of its answer', async () => {
    const bench = new Bench({}, { exchangeMs: 1_500 });
    const parse: RequestOptions<string>['parse'] = (_, now) => now.toISOString();
    await expect(bench.send('/a', { parse })).resolves.toBe('2026-11-24T12:00:01.500Z');
  });

  test('is not sent once the deadline has passed', async () => {
    const bench = new Bench({}, { seconds: 5 });
    await bench.clock.advance(5_000);
    await expect(bench.send('/a')).rejects.toMatchObject({
      kind: 'deadline',
      message: 'No answer within the deadline (timeout-seconds: 5)',
    });
    expect(bench.sent).toEqual([]);
    expect(bench.attempts).toEqual([]);
  });

  test.each(['authorize', 'parse'])(
    'that fails in %s for a reason nobody expected is not tried again',
    async (part) => {
      const bench = new Bench({});
      const bug = new TypeError('a bug');
      const broken = () => {
        throw bug;
      };
      await expect(bench.send('/a', { [part]: broken })).rejects.toBe(bug);
      expect(bench.attempts).toEqual([]);
    },
  );
});

describe('after a failure', () => {
  test.each([
    ['busy', BUSY],
    ['reset', RESET],
  ])('that may pass (%s), the request is tried again', async (_, failure) => {
    const bench = new Bench({ '/a': [failure] });
    await expect(bench.send('/a')).resolves.toBe('good');
    expect(bench.sent).toEqual(['/a at 0', '/a at 500']);
    expect(bench.attempts).toMatchObject([
      { number: 1, status: failure.status, failure, nextInMs: 500 },
      { number: 2, status: 200, failure: undefined, nextInMs: undefined },
    ]);
  });

  test('that does not pass, the request is not tried again', async () => {
    const bench = new Bench({ '/a': [REFUSED] });
    await expect(bench.send('/a')).rejects.toBe(REFUSED);
    expect(bench.sent).toHaveLength(1);
    expect(bench.attempts).toMatchObject([{ failure: REFUSED, nextInMs: undefined }]);
  });

  test('the waits double, and the last failure is told when the attempts are used up', async () => {
    const last = new ApiError('still busy', {
      kind: 'api-error',
      status: 500,
      transient: true,
    });
    const bench = new Bench({ '/a': [BUSY, RESET, BUSY, last] });
    await expect(bench.send('/a', { retries: 3 })).rejects.toBe(last);
    expect(bench.sent).toEqual(['/a at 0', '/a at 500', '/a at 1500', '/a at 3500']);
    expect(bench.attempts.map(({ nextInMs }) => nextInMs)).toEqual([500, 1_000, 2_000, undefined]);
  });

  test('nothing is tried again without retries', async () => {
    const bench = new Bench({ '/a': [BUSY] });
    await expect(bench.send('/a', { retries: 0 })).rejects.toBe(BUSY);
    expect(bench.sent).toHaveLength(1);
  });

  test('the API’s own wish comes before the backoff', async () => {
    const slow = new ApiError('busy', {
      kind: 'api-error',
      status: 503,
      transient: true,
      retryAfterMs: 7_000,
    });
    const bench = new Bench({ '/a': [slow] });
    await bench.send('/a');
    expect(bench.sent).toEqual(['/a at 0', '/a at 7000']);
  });

  test('a wish to come back at once is granted', async () => {
    const bench = new Bench({ '/a': [throttled(0)] });
    await bench.send('/a');
    expect(bench.sent).toEqual(['/a at 0', '/a at 0']);
  });

  test.each([60_000, 3_600_000, Number.POSITIVE_INFINITY])(
    'a wish that reaches to the deadline or past it (%d ms) ends the request at once',
    async (retryAfterMs) => {
      const failure = throttled(retryAfterMs);
      const bench = new Bench({ '/a': [failure] }, { seconds: 60 });
      await expect(bench.send('/a')).rejects.toBe(failure);
      expect(bench.clock.nowMs).toBe(0);
      expect(bench.attempts).toMatchObject([{ failure, nextInMs: undefined }]);
    },
  );

  test('a backoff that reaches past the deadline ends the request at once', async () => {
    const bench = new Bench({ '/a': [BUSY, BUSY] }, { seconds: 1, random: 0.75 });
    await expect(bench.send('/a')).rejects.toBe(BUSY);
    expect(bench.sent).toEqual(['/a at 0', '/a at 750']);
    expect(bench.clock.nowMs).toBe(750);
  });

  test('the failure is told when the deadline passes during the wait for another attempt', async () => {
    const clock = new FakeClock({ autoUpToMs: 0 });
    const deadlineClock = new FakeClock({ autoUpToMs: 0 });
    const bench = new Bench({ '/a': [BUSY] }, { clock, deadlineClock });
    const failed = expect(bench.send('/a')).rejects.toBe(BUSY);
    await deadlineClock.advance(60_000);
    await failed;
    expect(bench.attempts).toMatchObject([{ nextInMs: 500 }]);
    expect(bench.sent).toHaveLength(1);
  });
});

describe('while the API throttles', () => {
  test('every request is held back, not only its own', async () => {
    const bench = new Bench({ '/a': [throttled(5_000)] });
    const first = bench.send('/a');
    await bench.clock.advance(0);
    await Promise.all([first, bench.send('/b'), bench.send('/c')]);
    expect(bench.sent.toSorted()).toEqual(['/a at 0', '/a at 5000', '/b at 5000', '/c at 5000']);
  });

  test('not even the next in the queue slips through', async () => {
    const bench = new Bench({ '/0': [throttled(5_000)] }, { exchangeMs: 100 });
    await Promise.all(Array.from({ length: 18 }, (_, index) => bench.send(`/${index}`)));
    expect(bench.sent).toHaveLength(19);
    expect(bench.sent.slice(16)).toEqual(
      expect.arrayContaining(['/0 at 5100', '/16 at 5100', '/17 at 5100']),
    );
  });

  test('without a wish of the API they are held back as long as the backoff', async () => {
    const bench = new Bench({ '/a': [throttled()] }, { random: 0.75 });
    await expect(bench.send('/a', { retries: 0 })).rejects.toMatchObject({ status: 429 });
    await bench.send('/b');
    expect(bench.sent).toEqual(['/a at 0', '/b at 750']);
  });

  test('a shorter wish does not end a longer one', async () => {
    const bench = new Bench({ '/a': [throttled(9_000)], '/b': [throttled(2_000)] });
    await Promise.all([bench.send('/a'), bench.send('/b')]);
    expect(bench.sent.toSorted()).toEqual(['/a at 0', '/a at 9000', '/b at 0', '/b at 9000']);
  });

  test('who waits goes on waiting when it is told to wait for longer', async () => {
    const bench = new Bench(
      { '/a': [throttled(2_000)], '/b': [throttled(9_000)] },
      { exchangeMs: 100 },
    );
    const first = bench.send('/a', { retries: 0 });
    await bench.clock.advance(50);
    const second = bench.send('/b', { retries: 0 });
    await bench.clock.advance(50);
    await expect(first).rejects.toMatchObject({ status: 429 });
    const third = bench.send('/c');
    await expect(second).rejects.toMatchObject({ status: 429 });
    await third;
    expect(bench.sent).toEqual(['/a at 0', '/b at 50', '/c at 9150']);
  });

  test('other trouble holds back nobody else', async () => {
    const slow = new ApiError('busy', {
      kind: 'api-error',
      status: 503,
      transient: true,
      retryAfterMs: 5_000,
    });
    const bench = new Bench({ '/a': [slow] });
    const first = bench.send('/a');
    await bench.clock.advance(0);
    await bench.send('/b');
    await first;
    expect(bench.sent).toEqual(['/a at 0', '/b at 0', '/a at 5000']);
  });

  test('a request that would have to wait to the deadline is not sent, with the API’s reason', async () => {
    const bench = new Bench({ '/a': [throttled(60_000)] }, { seconds: 60 });
    await expect(bench.send('/a')).rejects.toBeInstanceOf(ApiError);
    await expect(bench.send('/b')).rejects.toMatchObject({
      name: 'SkippedError',
      message: 'Not sent, because the API asks to wait past the deadline: throttled',
      code: 'APIGW.0308',
      status: null,
      refusedCredential: false,
    });
    expect(bench.sent).toEqual(['/a at 0']);
    expect(bench.clock.nowMs).toBe(0);
  });

  test('who waits is told when the deadline passes', async () => {
    const clock = new FakeClock({ autoUpToMs: 0 });
    const deadlineClock = new FakeClock({ autoUpToMs: 0 });
    const bench = new Bench({ '/a': [throttled(5_000)] }, { clock, deadlineClock });
    await expect(bench.send('/a', { retries: 0 })).rejects.toMatchObject({ status: 429 });
    const failed = expect(bench.send('/b')).rejects.toMatchObject({ kind: 'deadline' });
    await deadlineClock.advance(60_000);
    await failed;
    expect(bench.sent).toEqual(['/a at 0']);
  });
});

describe('after a refused credential', () => {
  test('nothing more is sent, and everything else says why', async () => {
    const bench = new Bench({ '/a': [UNAUTHORISED] });
    await expect(bench.send('/a')).rejects.toBe(UNAUTHORISED);
    const later = bench.send('/b');
    await expect(later).rejects.toBeInstanceOf(SkippedError);
    await expect(later).rejects.toMatchObject({
      message: 'Not sent, because the credential was refused: expired',
      code: 'CC.00000003',
      status: null,
      refusedCredential: true,
    });
    expect(bench.sent).toEqual(['/a at 0']);
    expect(bench.attempts).toHaveLength(1);
  });

  test('a request that waits to be tried again is not', async () => {
    const bench = new Bench({ '/a': [BUSY], '/b': [UNAUTHORISED] });
    const first = bench.send('/a');
    await expect(bench.send('/b')).rejects.toBe(UNAUTHORISED);
    await expect(first).rejects.toMatchObject({ name: 'SkippedError', refusedCredential: true });
    expect(bench.sent).toEqual(['/a at 0', '/b at 0']);
  });

  test('a request that waits for its turn is not sent', async () => {
    const paths = Array.from({ length: 20 }, (_, index) => `/${index}`);
    const bench = new Bench(Object.fromEntries(paths.map((path) => [path, [UNAUTHORISED]])), {
      exchangeMs: 100,
    });
    const results = await Promise.allSettled(paths.map((path) => bench.send(path)));
    expect(bench.sent).toHaveLength(16);
    expect(
      results.map((result) => (result.status === 'rejected' ? result.reason.name : 'sent')),
    ).toEqual([...Array(16).fill('ApiError'), ...Array(4).fill('SkippedError')]);
  });

  test('the first refusal is the reason, whatever was refused after it', async () => {
    const second = new ApiError('locked', { kind: 'api-error', status: 401 });
    const bench = new Bench({ '/a': [UNAUTHORISED], '/b': [second] });
    await Promise.allSettled([bench.send('/a'), bench.send('/b')]);
    await expect(bench.send('/c')).rejects.toMatchObject({ cause: UNAUTHORISED });
  });

  test('another refusal leaves the others alone', async () => {
    const forbidden = new ApiError('no', { kind: 'api-error', status: 403 });
    const bench = new Bench({ '/a': [forbidden] });
    await expect(bench.send('/a')).rejects.toBe(forbidden);
    await expect(bench.send('/b')).resolves.toBe('good');
  });

  // The log would announce an attempt that nobody makes, and the failure would not be the API's.
  test.each(['CC.00000000', 'CC.00050012', 'CC.00050014'])(
    'the refusal itself is told, also where its code %s stands for a busy API',
    async (code) => {
      const busy: HttpResponse = {
        status: 401,
        headers: { 'retry-after': '1' },
        body: JSON.stringify({ error_code: code, error_msg: 'Network busy. Try again later.' }),
      };
      const parse = (answer: HttpResponse, now: Date) => parseResponse(answer, now).requestId;
      const bench = new Bench({ '/a': [busy] });
      const first = bench.send('/a', { parse });
      await expect(first).rejects.toBeInstanceOf(ApiError);
      await expect(first).rejects.toMatchObject({
        status: 401,
        code,
        message: 'Network busy. Try again later.',
        transient: false,
      });
      await expect(bench.send('/b', { parse })).rejects.toMatchObject({
        name: 'SkippedError',
        refusedCredential: true,
      });
      expect(bench.sent).toEqual(['/a at 0']);
      expect(bench.attempts).toMatchObject([{ number: 1, status: 401, nextInMs: undefined }]);
      expect(bench.clock.nowMs).toBe(0);
    },
  );
});

describe('many requests', () => {
  test('go side by side, at most 16 at once', async () => {
    const paths = Array.from({ length: 40 }, (_, index) => `/${index}`);
    const bench = new Bench({}, { exchangeMs: 100 });
    await Promise.all(paths.map((path) => bench.send(path)));
    expect(bench.mostAtOnce).toBe(16);
    expect(bench.sent).toHaveLength(40);
    expect(bench.clock.nowMs).toBe(300);
  });

  test('that wait to be tried again keep nobody else waiting', async () => {
    const slow = Array.from({ length: 16 }, (_, index) => `/slow/${index}`);
    const bench = new Bench(Object.fromEntries(slow.map((path) => [path, [BUSY]])));
    await Promise.all([...slow, '/quick'].map((path) => bench.send(path)));
    expect(bench.sent.indexOf('/quick at 0')).toBe(16);
  });
});
