import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { StartedWithError } from '../../src/api/check-api.ts';
import { connectionError } from '../../src/http/connection-error.ts';
import {
  NetworkError,
  RequestError,
  SkippedError,
  UnexpectedError,
} from '../../src/http/errors.ts';
import { MAX_RESPONSE_BYTES } from '../../src/http/transport.ts';
import { TunnelError } from '../../src/http/tunnel-agent.ts';
import { mayHaveStarted, startPolicy } from '../../src/tasks/start-task.ts';
import {
  noResponse,
  type Reply,
  rejected,
  response,
  ScriptedApi,
  type ScriptedApiOptions,
  silence,
} from '../support/scripted-api.ts';

const STARTED = response(200, { exec_id: 'e1' });
const RUNNING = rejected(400, 'CC.00050015', 'The task is being executed.');
const ID = { exec_id: 'e9' };

interface Options extends ScriptedApiOptions {
  /** Asks the step to end once so many requests have been sent. */
  readonly interruptAfter?: number;
}

/** Starts a scan by the policy, with the replies in their order; the last one stays. */
function start(replies: readonly Reply[], { interruptAfter, ...options }: Options = {}) {
  const scripted = new ScriptedApi({ 'POST a': replies }, options);
  const { deadline, sent } = scripted;
  const log: string[] = [];
  const started: string[] = [];
  const once = startPolicy({
    deadline,
    random: options.random ?? (() => 0.5),
    isInterrupted: () => sent.length === interruptAfter,
    onAlreadyRunning: () => log.push('already running'),
  });
  const end = scripted.api
    .start('a', {
      once,
      beforeSend: () => undefined,
      onAttempt: () => undefined,
      onStarted: (executionId) => started.push(executionId),
    })
    .then(
      () => undefined,
      (error: unknown) => {
        if (error instanceof RequestError) return error;
        throw error;
      },
    );
  return { scripted, log, started, end };
}

/** Pauses between the requests, in milliseconds. */
const pauses = ({ sentAtMs }: ScriptedApi) =>
  sentAtMs.slice(1).map((at, index) => at - (sentAtMs[index] ?? 0));

/** What a reply to the start means. */
type Meaning = 'repeated' | 'rejected' | 'may have been started';

async function meaningOf(reply: Reply): Promise<Meaning> {
  const { scripted, end } = start([reply, STARTED]);
  const error = await end;
  if (error === undefined) {
    expect(scripted.sent).toHaveLength(2);
    return 'repeated';
  }
  expect(scripted.sent).toHaveLength(1);
  return mayHaveStarted(error) ? 'may have been started' : 'rejected';
}

const cutShort = (status: number) =>
  new NetworkError('The response was cut short', { kind: 'cut-short', status, transient: true });
const tooLong = (status: number) =>
  new NetworkError(`longer than ${MAX_RESPONSE_BYTES}`, { kind: 'too-long', status });
const proxyFault = (status: number | null, code = 'ECONNREFUSED', hadPassword = false) =>
  connectionError(
    new TunnelError({ status, hadPassword, cause: Object.assign(new Error(code), { code }) }),
    {
      route: { host: 'check.example.com', proxy: 'proxy.example.com:3128' },
      mayHaveHappened: false,
      staleConnection: false,
      respondedBefore: false,
    },
  );

describe('a response to the start', () => {
  test.each<[Meaning, string, Reply]>([
    // What the API itself rejects started nothing, and nothing changes by itself.
    ['rejected', '400', rejected(400, 'CC.00000001.400')],
    ['rejected', '400 without a body', response(400)],
    ['rejected', '400 in which the API is busy', rejected(400, 'CC.00000000')],
    ['rejected', '401', rejected(401, 'CC.00000003')],
    ['rejected', '401 of a task that is running already', rejected(401, 'CC.00050015')],
    ['rejected', '403', rejected(403, 'PAP5.0001')],
    ['rejected', '404 of the gateway', rejected(404, 'APIGW.0101')],
    ['rejected', '404 that is a web page', response(404, '<html><title>Not found</title></html>')],
    ['rejected', '408', response(408)],
    ['rejected', '409', rejected(409, 'X.1')],
    ['rejected', '413 of the gateway', rejected(413, 'APIGW.0201')],
    ['rejected', '302', response(302, '', { location: 'https://login.example.com/' })],
    ['rejected', '307', response(307, '', { location: 'https://other.example.com/' })],
    ['rejected', '304', response(304)],
    ['rejected', '200 with an error code', rejected(200, 'CC.00050010')],
    ['rejected', '200 in which the API is busy', rejected(200, 'CC.00050012')],
    ['rejected', '200 with an error code one level down', response(200, { e: { error_code: 1 } })],
    ['rejected', 'a 400 that is too long', tooLong(400)],

    // It certainly started nothing, and that may change.
    ['repeated', '429', response(429)],
    ['repeated', '429 of the gateway', rejected(429, 'APIGW.0308')],
    ['repeated', '503 of the gateway', rejected(503, 'APIGW.0701')],
    ['repeated', 'already running under 400', RUNNING],
    ['repeated', 'already running under 200', rejected(200, 'CC.00050015')],
    ['repeated', 'already running under 409', rejected(409, 'CC.00050015')],
    ['repeated', 'already running under 500', rejected(500, 'CC.00050015')],
    [
      'repeated',
      'already running, with the ID of the other execution',
      response(400, { error_code: 'CC.00050015', ...ID }),
    ],

    // Everything else.
    ['may have been started', '500', response(500)],
    ['may have been started', '500 of the API', rejected(500, 'CC.00000000')],
    ['may have been started', '500 of the gateway', rejected(500, 'APIGW.0601')],
    ['may have been started', '501', response(501)],
    ['may have been started', '502', response(502, '<html><title>Bad Gateway</title></html>')],
    ['may have been started', '502 of the gateway', rejected(502, 'APIGW.0201')],
    ['may have been started', '503 of something else', response(503)],
    ['may have been started', '503 of the API', rejected(503, 'CC.00000000')],
    ['may have been started', '504 of the gateway', rejected(504, 'APIGW.0201')],
    ['may have been started', '520', response(520)],
    ['may have been started', '200 without a body', response(200)],
    ['may have been started', '204', response(204)],
    ['may have been started', '200 with null', response(200, 'null')],
    ['may have been started', '200 without an ID', response(200, {})],
    ['may have been started', '200 with an empty ID', response(200, { exec_id: '' })],
    ['may have been started', '200 with an ID that is a number', response(200, { exec_id: 7 })],
    // As an input, it would stop whichever scan the task is running.
    ['may have been started', '200 with the ID current', response(200, { exec_id: 'current' })],
    [
      'may have been started',
      '200 with an ID that is no ID',
      response(200, { exec_id: '../../v2/tasks/b' }),
    ],
    [
      'may have been started',
      '200 with an ID that is too long',
      response(200, { exec_id: 'e'.repeat(65) }),
    ],
    ['may have been started', '200 that is a web page', response(200, '<html>Log in</html>')],
    ['may have been started', '200 that is half an object', response(200, '{"exec_id":"e1"')],
    ['may have been started', '200 with an error and no code', response(200, { status: 'error' })],
    [
      'may have been started',
      '200 with an internal error and no code',
      response(200, { httpStatus: 'INTERNAL_SERVER_ERROR' }),
    ],
    ['may have been started', 'half a 200', cutShort(200)],
    ['may have been started', 'half a 400', cutShort(400)],
    ['may have been started', 'half a 429', cutShort(429)],
    ['may have been started', 'half a 500', cutShort(500)],
    ['may have been started', 'half a 503', cutShort(503)],
    ['may have been started', 'a 200 that is too long', tooLong(200)],
    [
      'may have been started',
      '101',
      new NetworkError('HTTP 101', { kind: 'upgrade', status: 101, mayHaveHappened: true }),
    ],
    [
      'may have been started',
      'a response whose headers are too long',
      noResponse('HPE_HEADER_OVERFLOW', true),
    ],
    [
      'may have been started',
      'a response that is no HTTP',
      noResponse('HPE_INVALID_CONSTANT', true),
    ],

    // An ID beside an error: the execution is stopped at the end of the job.
    ['may have been started', 'an ID beside a 400', response(400, { error_code: 'X', ...ID })],
    ['may have been started', 'an ID beside a 429', response(429, { error_code: 'X', ...ID })],
    [
      'may have been started',
      'an ID beside a 503 of the gateway',
      response(503, { error_code: 'APIGW.0701', ...ID }),
    ],
    [
      'may have been started',
      'an ID beside a 200',
      response(200, { error_code: 'CC.00050012', ...ID }),
    ],
  ])('means %s: %s', async (meaning, _, reply) => {
    await expect(meaningOf(reply)).resolves.toBe(meaning);
  });

  test('whose ID comes with an error keeps that ID', async () => {
    const { end, started } = start([response(429, { error_code: 'X', ...ID })]);
    await expect(end).resolves.toBeInstanceOf(StartedWithError);
    expect(started).toEqual(['e9']);
  });

  test('that is of a task running already has no ID of ours', async () => {
    const { end, started } = start([response(400, { error_code: 'CC.00050015', ...ID }), STARTED]);
    await end;
    expect(started).toEqual(['e1']);
  });
});

describe('a start without a response', () => {
  test.each<[Meaning, string, Reply]>([
    ['repeated', 'a connection that is refused', noResponse('ECONNREFUSED', false)],
    ['repeated', 'a name server that is not available', noResponse('EAI_AGAIN', false)],
    ['repeated', 'a reset before TLS came about', noResponse('ECONNRESET', false)],
    ['repeated', 'a timeout before TLS came about', noResponse('ETIMEDOUT', false)],
    ['repeated', 'a proxy that refuses the connection', proxyFault(null)],
    ['repeated', 'a proxy whose name is unknown', proxyFault(null, 'ENOTFOUND')],
    ['repeated', 'a proxy that denies the connection', proxyFault(403)],
    ['repeated', 'a proxy that cannot reach the host', proxyFault(502)],
    ['rejected', 'a proxy that wants a password', proxyFault(407)],
    ['rejected', 'a proxy that rejects the password', proxyFault(407, '', true)],
    ['rejected', 'an unknown host', noResponse('ENOTFOUND', false)],
    ['rejected', 'an expired certificate', noResponse('CERT_HAS_EXPIRED', false)],
    ['rejected', 'an unknown CA', noResponse('SELF_SIGNED_CERT_IN_CHAIN', false)],
    ['rejected', 'a port without TLS', noResponse('EPROTO', false)],
    ['rejected', 'an unreachable network', noResponse('ENETUNREACH', false)],
    ['may have been started', 'a reset after it was sent', noResponse('ECONNRESET', true)],
    ['may have been started', 'a timeout after it was sent', noResponse('ETIMEDOUT', true)],
    ['may have been started', 'a broken pipe', noResponse('EPIPE', true)],
    ['may have been started', 'an error without a name', noResponse('EWEIRD', true)],
  ])('means %s: %s', async (meaning, _, reply) => {
    await expect(meaningOf(reply)).resolves.toBe(meaning);
  });

  test.each([
    [true, 'deadline', 'may have been started'],
    [true, 'interrupted', 'may have been started'],
    [false, 'deadline', 'rejected'],
    [false, 'interrupted', 'rejected'],
  ])('that was sent (%s) until it ended (%s) means %s', async (sent, kind, meaning) => {
    const { scripted, end } = start([silence(sent)], { seconds: 60 });
    // An attempt is not given up after 20 s: it may have been started.
    await scripted.clock.advance(59_000);
    expect(scripted.sent).toHaveLength(1);
    if (kind === 'interrupted') scripted.deadline.interrupt('the step was cancelled (SIGTERM)');
    await scripted.clock.advance(1_000);
    const error = await end;
    expect(error).toMatchObject({ kind });
    expect(error && mayHaveStarted(error)).toBe(meaning === 'may have been started');
    expect(scripted.sent).toHaveLength(1);
  });

  test('because of a fault of ours started nothing', async () => {
    const error = new UnexpectedError(new TypeError('x is not a function'));
    expect(mayHaveStarted(error)).toBe(false);
    await expect(meaningOf(error)).resolves.toBe('rejected');
  });

  test('because it was skipped started nothing', async () => {
    const cause = new NetworkError('Busy.', { kind: 'rejected', status: 429 });
    const error = new SkippedError('the API throttles requests past the deadline', cause);
    expect(mayHaveStarted(error)).toBe(false);
    await expect(meaningOf(error)).resolves.toBe('rejected');
  });
});

describe('never two scans', () => {
  const body = fc.oneof(
    fc.constantFrom('', 'null', '[]', '{}', '<html>', '{"exec_id":"e1"', '{"status":"error"}'),
    fc
      .record(
        {
          exec_id: fc.constantFrom('e1', '', 7, 'no ID'),
          error_code: fc.constantFrom('', 'X', 'APIGW.0308', 'CC.00050015', 'CC.00000000'),
          httpStatus: fc.constantFrom('OK', 'INTERNAL_SERVER_ERROR'),
        },
        { requiredKeys: [] },
      )
      .map((value) => JSON.stringify(value)),
  );
  const anyResponse = fc
    .record({ status: fc.integer({ min: 200, max: 599 }), body })
    .map(({ status, body: text }) => response(status, text));
  const frequent = fc
    .record({ status: fc.constantFrom(200, 400, 429, 500, 503), body })
    .map(({ status, body: text }) => response(status, text));
  const codes = ['ECONNREFUSED', 'ECONNRESET', 'EAI_AGAIN', 'ENOTFOUND', 'EPROTO', 'ETIMEDOUT'];
  const fault = fc
    .record({ code: fc.constantFrom(...codes), sent: fc.boolean() })
    .map(({ code, sent }) => noResponse(code, sent));
  const reply = fc.oneof(anyResponse, frequent, fault);

  /** By the words of the contract: nothing but these certainly started nothing, and is repeated. */
  const isHarmless = (one: Reply): boolean => {
    if (one instanceof NetworkError) return !one.mayHaveHappened;
    const { status, body: text } = one as ReturnType<typeof response>;
    let code = '';
    let id: unknown;
    try {
      ({ error_code: code = '', exec_id: id } = JSON.parse(text) ?? {});
    } catch {
      // Not JSON.
    }
    if (code === 'CC.00050015') return true;
    if (id === 'e1') return false;
    return status === 429 || (status === 503 && code.startsWith('APIGW.'));
  };

  test('whatever the replies, every request but the last certainly started nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(reply, { minLength: 1, maxLength: 6 }), async (replies) => {
        const { scripted, end } = start([...replies, STARTED]);
        await end;
        const before = replies.slice(0, scripted.sent.length - 1);
        expect(before.filter((one) => !isHarmless(one))).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  test('whatever the reply, one that is repeated is none after which a scan may run', async () => {
    await fc.assert(
      fc.asyncProperty(reply, async (one) => {
        const { scripted, end } = start([one], { interruptAfter: 1 });
        const error = await end;
        expect(scripted.sent).toHaveLength(1);
        if (error !== undefined && mayHaveStarted(error)) {
          await expect(meaningOf(one)).resolves.toBe('may have been started');
        }
      }),
      { numRuns: 150 },
    );
  });
});

describe('the pause before a start is repeated', () => {
  test.each([
    [0, 2_000],
    [0.5, 3_500],
    [0.9999, 4_999.7],
  ])('is 2 to 5 s if the task is running already (random: %d)', async (random, pause) => {
    const { scripted, end } = start([RUNNING, RUNNING, STARTED], { random: () => random });
    await end;
    expect(pauses(scripted).map((ms) => Math.round(ms * 10) / 10)).toEqual([pause, pause]);
  });

  test('grows, with jitter, if no connection comes about or the gateway is busy', async () => {
    const busy = rejected(503, 'APIGW.0701');
    const { scripted, end } = start([noResponse('ECONNREFUSED', false), busy, busy, busy, STARTED]);
    await end;
    expect(pauses(scripted)).toEqual([500, 1_000, 2_000, 4_000]);
  });

  test.each<[string, Reply]>([
    ['the gateway is busy', rejected(503, 'APIGW.0701', 'Busy.', { 'retry-after': '7' })],
    ['the API throttles', rejected(429, 'APIGW.0308', 'Throttled.', { 'retry-after': '7' })],
    ['the task is running already', rejected(400, 'CC.00050015', 'No.', { 'retry-after': '7' })],
  ])('is what Retry-After asks for: %s', async (_, reply) => {
    const { scripted, end } = start([reply, STARTED]);
    await end;
    expect(pauses(scripted)).toEqual([7_000]);
  });

  test.each<[string, Reply, number]>([
    ['the gateway is busy', rejected(503, 'APIGW.0701', 'Busy.', { 'retry-after': '0' }), 20],
    [
      'the task is running already',
      rejected(400, 'CC.00050015', 'No.', { 'retry-after': '0' }),
      20,
    ],
  ])('is one also if Retry-After asks for none: %s', async (_, reply, most) => {
    const { scripted, end } = start([reply]);
    await end;
    expect(scripted.sent.length).toBeLessThan(most);
  });

  test('is explained once: that the task is running already', async () => {
    const { log, end } = start([RUNNING, RUNNING, RUNNING, STARTED]);
    await end;
    expect(log).toEqual(['already running']);
  });

  test('needs no explanation if nothing runs', async () => {
    const { log, end } = start([rejected(503, 'APIGW.0701'), STARTED]);
    await end;
    expect(log).toEqual([]);
  });
});

describe('the end of the time for a start', () => {
  test.each([
    [60, 58],
    [30, 28],
    [20, 18],
    // A tenth of the time, if that is less than 2 s.
    [10, 9],
    [5, 4.5],
  ])('comes before an attempt with less than 2 s left: of %d s, %d s', async (seconds, last) => {
    const { scripted, end } = start([RUNNING], { seconds, random: () => 0 });
    const error = await end;
    expect(error).toMatchObject({ code: 'CC.00050015', message: 'The task is being executed.' });
    const lastAt = scripted.sentAtMs.at(-1) ?? 0;
    expect(lastAt).toBeLessThan(last * 1_000);
    expect(lastAt).toBeGreaterThanOrEqual(last * 1_000 - 2_000);
    expect(error && mayHaveStarted(error)).toBe(false);
    expect(scripted.clock.nowMs).toBe(lastAt);
  });

  test('is not put off by the number of retries', async () => {
    const { scripted, end } = start([RUNNING], { retries: 0, seconds: 60 });
    await end;
    expect(scripted.sent.length).toBeGreaterThan(10);
  });

  test('comes immediately if Retry-After reaches past it', async () => {
    const busy = rejected(503, 'APIGW.0701', 'Busy.', { 'retry-after': '60' });
    const { scripted, end } = start([busy]);
    await expect(end).resolves.toMatchObject({ message: 'Busy.' });
    expect(scripted.sent).toHaveLength(1);
    expect(scripted.clock.nowMs).toBe(0);
  });
});

describe('a step that has been asked to end', () => {
  test.each<[string, Reply]>([
    ['running already', RUNNING],
    ['throttled', response(429)],
    ['busy', rejected(503, 'APIGW.0701')],
    ['refused', noResponse('ECONNREFUSED', false)],
  ])('sends no start after that: %s', async (_, reply) => {
    const { scripted, log, end } = start([reply], { interruptAfter: 1 });
    await expect(end).resolves.toBeInstanceOf(RequestError);
    expect(scripted.sent).toHaveLength(1);
    expect(log).toEqual([]);
  });

  test('sends none after a pause either', async () => {
    const { scripted, end } = start([RUNNING, RUNNING], { interruptAfter: 2 });
    await expect(end).resolves.toMatchObject({ code: 'CC.00050015' });
    expect(scripted.sent).toHaveLength(2);
  });
});

test('a rejected credential is final, whatever code comes with it', async () => {
  const { scripted, end } = start([rejected(401, 'CC.00050015'), STARTED]);
  await expect(end).resolves.toMatchObject({ status: 401 });
  expect(scripted.sent).toEqual(['POST a']);
});
