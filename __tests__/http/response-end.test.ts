import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseResponse } from '../../src/api/response.ts';
import { NetworkError } from '../../src/http/errors.ts';
import { type HttpResponse, MAX_RESPONSE_BYTES, Transport } from '../../src/http/transport.ts';
import { type Certificates, issueCertificate } from '../support/certificates.ts';
import { type Accepted, startMockApi, startRawServer, trust, until } from '../support/loopback.ts';

let certificates: Certificates;

beforeAll(async () => {
  certificates = await issueCertificate('check.example.com');
});

/** What a server does after it has sent its bytes. */
type Ending = 'stays open' | 'closes' | 'resets' | 'closes without a TLS alert';

function end({ stream, tcp }: Accepted, ending: Ending): void {
  if (ending === 'closes') stream.end();
  if (ending === 'resets') tcp.resetAndDestroy();
  if (ending === 'closes without a TLS alert') tcp.end();
}

function send(endpoint: string, transport = new Transport()): Promise<HttpResponse> {
  return transport.send(
    { method: 'POST', url: new URL(endpoint), headers: {}, body: '{}' },
    { signal: new AbortController().signal, freshConnection: false },
  );
}

/** Sends a request to a server that sends these bytes, and ends like this. */
async function receive(bytes: string, ending: Ending, secure = false): Promise<HttpResponse> {
  if (secure) trust(certificates.authority);
  const server = await startRawServer(
    (connection) => connection.stream.write(bytes, () => end(connection, ending)),
    secure ? certificates.tls : undefined,
  );
  return send(server.endpoint);
}

function response(head: string, body: string): string {
  return `HTTP/1.1 ${head.replaceAll('|', '\r\n')}\r\n\r\n${body}`;
}

const COMPLETE: readonly (readonly [string, string, Ending])[] = [
  ['200 OK|Content-Length: 4', 'null', 'stays open'],
  ['200 OK|Content-Length: 4', 'null', 'closes'],
  ['200 OK|Content-Length: 4', 'null', 'resets'],
  ['200 OK|Content-Length: 0', '', 'stays open'],
  ['200 OK|Content-Length: 2', '12', 'stays open'],
  ['200 OK|Transfer-Encoding: chunked', '4\r\nnull\r\n0\r\n\r\n', 'stays open'],
  ['200 OK|Transfer-Encoding: chunked', '4\r\nnull\r\n0\r\n\r\n', 'resets'],
  ['200 OK|Transfer-Encoding: chunked', '0\r\n\r\n', 'stays open'],
  ['200 OK|Transfer-Encoding: Chunked', '1\r\n1\r\n0\r\n\r\n', 'stays open'],
  ['200 OK|Transfer-Encoding: gzip, chunked', '1\r\n1\r\n0\r\n\r\n', 'stays open'],
  ['204 No Content', '', 'stays open'],
  ['304 Not Modified', '', 'stays open'],
  ['200 OK', '{"a":1}', 'closes'],
  ['200 OK', ' [1] \r\n', 'closes'],
  ['200 OK', '"x"', 'closes'],
  ['200 OK', 'null', 'closes'],
  ['200 OK', 'true', 'closes'],
  ['200 OK', 'false', 'closes'],
  ['200 OK|Transfer-Encoding: identity', 'null', 'closes'],
  // Not JSON, and so no success in any case.
  ['200 OK', '<html>', 'closes'],
  ['200 OK', 'OK', 'closes'],
  ['200 OK', 'not found', 'closes'],
  ['200 OK', 'tru!', 'closes'],
  ['400 Bad Request', '{"error_code":"CC.1"', 'closes'],
  ['503 Service Unavailable', '', 'closes'],
  ['302 Found', '', 'closes'],
  ['300 Multiple Choices', '{', 'closes'],
];

const CUT_SHORT: readonly (readonly [string, string, Ending])[] = [
  ['200 OK|Content-Length: 5', 'null', 'closes'],
  ['200 OK|Content-Length: 5', 'null', 'resets'],
  ['200 OK|Content-Length: 1', '', 'closes'],
  ['200 OK|Transfer-Encoding: chunked', '4\r\nnull\r\n', 'closes'],
  ['200 OK|Transfer-Encoding: chunked', '4\r\nnull\r\n', 'resets'],
  ['200 OK|Transfer-Encoding: chunked', '', 'closes'],
  ['200 OK|Transfer-Encoding: chunked', '4\r\nnull\r\n0\r\n', 'closes'],
  ['200 OK|Transfer-Encoding: chunked', '4\r\nnull\r\nno chunk\r\n', 'stays open'],
  ['200 OK|Transfer-Encoding: chunked', '4\r\nnull\r\nno chunk\r\n', 'closes'],
  ['200 OK', '{"a":1}', 'resets'],
  ['200 OK', 'null', 'resets'],
  ['200 OK', '', 'resets'],
  ['200 OK', '<html>', 'resets'],
  ['200 OK', '', 'closes'],
  ['200 OK', ' \r\n', 'closes'],
  ['200 OK', '{"a":1', 'closes'],
  ['200 OK', '[1', 'closes'],
  ['200 OK', '"x', 'closes'],
  ['200 OK', 'nul', 'closes'],
  ['200 OK', 't', 'closes'],
  ['200 OK', 'fals', 'closes'],
  ['200 OK', '1', 'closes'],
  ['200 OK', '-', 'closes'],
  ['200 OK', '-1.5e3', 'closes'],
  // These end with the connection as well.
  ['200 OK|Transfer-Encoding: identity', '', 'closes'],
  ['200 OK|Transfer-Encoding: identity', 'null', 'resets'],
  ['200 OK|Transfer-Encoding: identity', '{"a":1', 'closes'],
  ['200 OK|Transfer-Encoding: chunked, gzip', '', 'resets'],
  ['200 OK|Transfer-Encoding: xchunked', '', 'closes'],
  ['200 OK|Transfer-Encoding: chunked, x-chunked', '', 'closes'],
  ['201 Created', '', 'closes'],
  ['299 Whatever', '', 'closes'],
  ['400 Bad Request', '{"error_code":"CC.1"}', 'resets'],
  ['503 Service Unavailable|Content-Length: 5', 'busy', 'closes'],
];

const CUT_SHORT_ERROR = {
  name: 'NetworkError',
  kind: 'cut-short',
  transient: true,
  message: 'The response was cut short',
};

describe.each([
  ['over TCP', false],
  ['over TLS', true],
])('a response %s', (_, secure) => {
  test.each(COMPLETE)('is complete: %j, %j, then the server %s', async (head, body, ending) => {
    const received = await receive(response(head, body), ending, secure);
    expect(received.status).toBe(Number(head.slice(0, 3)));
    if (!/chunked$/i.test(head)) expect(received.body).toBe(body);
  });

  test.each(CUT_SHORT)('is cut short: %j, %j, then the server %s', async (head, body, ending) => {
    await expect(receive(response(head, body), ending, secure)).rejects.toMatchObject({
      ...CUT_SHORT_ERROR,
      status: Number(head.slice(0, 3)),
    });
  });
});

test.each([
  ['{"a":1}', true],
  ['{"a":1', false],
  ['', false],
  ['12', false],
])('TLS that ends without an alert is judged by the body %j alone: %s', async (body, complete) => {
  const receiving = receive(response('200 OK', body), 'closes without a TLS alert', true);
  if (complete) await expect(receiving).resolves.toMatchObject({ body });
  else await expect(receiving).rejects.toMatchObject(CUT_SHORT_ERROR);
});

test('a response without a length is a success only if all of its JSON arrived', async () => {
  let bytes = '';
  let ending: Ending = 'closes';
  const server = await startRawServer((connection) =>
    connection.stream.write(bytes, () => end(connection, ending)),
  );
  const framing = fc.constantFrom('200 OK', '200 OK|Transfer-Encoding: identity');
  await fc.assert(
    fc.asyncProperty(
      fc.jsonValue(),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.constantFrom<Ending>('closes', 'resets'),
      framing,
      async (value, share, how, head) => {
        const whole = Buffer.from(JSON.stringify(value));
        const part = whole.subarray(0, Math.round(share * whole.length)).toString();
        bytes = response(head, part);
        ending = how;
        const accepted = await send(server.endpoint)
          .then((received) => parseResponse(received, new Date(0)).json)
          // A NetworkError, or the ApiError of the value of an object that means one.
          .catch(() => 'not accepted');
        if (accepted === 'not accepted') return;
        expect(how).toBe('closes');
        expect(JSON.stringify(accepted)).toBe(JSON.stringify(value));
        expect(typeof value).not.toBe('number');
      },
    ),
  );
});

describe('a response that was cut short', () => {
  test.each([
    [200, true],
    [299, true],
    [300, false],
    [302, false],
    [400, false],
    [401, false],
    [429, false],
    [500, false],
    [502, true],
    [503, false],
    [504, true],
  ])('with HTTP %i leaves it open whether the request was carried out: %s', async (status, may) => {
    const bytes = response(`${status} Whatever|Content-Length: 9|X-Request-Id: request-1`, '{');
    await expect(receive(bytes, 'closes')).rejects.toMatchObject({
      ...CUT_SHORT_ERROR,
      status,
      requestId: 'request-1',
      mayHaveHappened: may,
    });
  });

  test.each(['reset-after-headers', 'cut-short', 'cut-short-chunked', 'reset-unframed'] as const)(
    'by the mock API (%s) is not accepted',
    async (kind) => {
      const api = await startMockApi();
      api.inject({ kind });
      await expect(send(api.endpoint)).rejects.toMatchObject({ ...CUT_SHORT_ERROR, status: 200 });
    },
  );
});

describe('a response longer than 64 KiB', () => {
  const long = 'x'.repeat(MAX_RESPONSE_BYTES + 1);
  const chunked = `${long.length.toString(16)}\r\n${long}\r\n0\r\n\r\n`;

  test('is none that is exactly as long', async () => {
    expect(MAX_RESPONSE_BYTES).toBe(65_536);
    const body = 'x'.repeat(MAX_RESPONSE_BYTES);
    const bytes = response(`200 OK|Content-Length: ${body.length}`, body);
    await expect(receive(bytes, 'stays open')).resolves.toMatchObject({ body });
  });

  test.each([
    [`Content-Length: ${long.length}`, long],
    ['Transfer-Encoding: chunked', chunked],
    ['Connection: close', long],
  ])('is given up (%s)', async (header, body) => {
    const bytes = response(`500 No|${header}|X-Request-Id: request-1`, body);
    const receiving = receive(bytes, 'stays open');
    await expect(receiving).rejects.toBeInstanceOf(NetworkError);
    await expect(receiving).rejects.toMatchObject({
      kind: 'too-long',
      transient: false,
      message: 'The response is longer than 64 KiB',
      status: 500,
      requestId: 'request-1',
      mayHaveHappened: false,
    });
  });

  test('leaves it open whether the request was carried out, unless it is an error', async () => {
    const bytes = response(`200 OK|Content-Length: ${long.length}`, long);
    await expect(receive(bytes, 'stays open')).rejects.toMatchObject({ mayHaveHappened: true });
  });

  test('is not read to its end, and its connection is closed', async () => {
    const more = ({ stream }: Accepted) => {
      while (!stream.destroyed && stream.write(Buffer.alloc(16 * 1024, ' '))) {
        // As fast as it is read.
      }
    };
    const server = await startRawServer((connection) => {
      connection.stream.on('drain', () => more(connection));
      connection.stream.write(response('200 OK', ''));
      more(connection);
    });
    await expect(send(server.endpoint)).rejects.toMatchObject({ kind: 'too-long' });
    const tcp = server.accepted[0]?.tcp;
    await until(() => tcp?.destroyed === true);
    // What the buffers of the sockets held in the meantime.
    expect(tcp?.bytesWritten).toBeLessThan(16 * 1024 * 1024);
  });
});

describe('the text of a response', () => {
  test('is UTF-8, even if a character is split between two packets', async () => {
    const bytes = Buffer.from(response('200 OK|Content-Length: 10', '{"a":"é"}'));
    const server = await startRawServer(({ stream }) => {
      stream.write(bytes.subarray(0, -3), () =>
        setImmediate(() => setImmediate(() => stream.write(bytes.subarray(-3)))),
      );
    });
    await expect(send(server.endpoint)).resolves.toMatchObject({ body: '{"a":"é"}' });
  });

  test('keeps its byte order mark, which does not hide its end', async () => {
    const body = '\ufeff{"a":1}';
    await expect(receive(response('200 OK', body), 'closes')).resolves.toMatchObject({ body });
  });

  test('is read as far as possible if it is not UTF-8', async () => {
    const server = await startRawServer(({ stream }) => {
      stream.write(response('200 OK|Content-Length: 3', ''));
      stream.write(Buffer.from([0x61, 0xff, 0x62]));
    });
    await expect(send(server.endpoint)).resolves.toMatchObject({ body: 'a\ufffdb' });
  });
});
