import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** The headers that have to be signed where they are sent. */
const MUST_BE_SIGNED = ['host', 'content-type', 'x-sdk-date', 'x-project-id', 'x-security-token'];
const MAX_CLOCK_DIFFERENCE_MS = 15 * 60 * 1000;

/**
 * Verifies the signature of a request as the gateway would, from what came over the wire, and
 * without any code of the action: HWS/devg-apisign/api-sign-algorithm-002.html to -005.html
 *
 * @param secretKeys the secret key of each access key ID
 * @returns the text that the gateway has for what is wrong; undefined where it is good
 */
export function findSignatureError(
  request: IncomingMessage,
  body: string,
  secretKeys: ReadonlyMap<string, string>,
): string | undefined {
  const authorization = request.headers.authorization ?? '';
  const parts =
    /^SDK-HMAC-SHA256 Access=(\w+), SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/.exec(
      authorization,
    );
  if (parts === null) return 'Incorrect IAM authentication information: verify aksk signature fail';
  const [, accessKeyId = '', signedHeaders = '', signature = ''] = parts;
  const secretKey = secretKeys.get(accessKeyId);
  if (secretKey === undefined) {
    return `Incorrect IAM authentication information: ak ${accessKeyId} not exist`;
  }
  const names = signedHeaders.split(';');
  const unsigned = MUST_BE_SIGNED.filter(
    (name) => name in request.headers && !names.includes(name),
  );
  const sorted = [...names].sort().join(';') === signedHeaders;
  const date = String(request.headers['x-sdk-date'] ?? '');
  if (unsigned.length > 0 || !sorted || !names.includes('x-sdk-date')) {
    return 'Incorrect IAM authentication information: verify aksk signature fail';
  }
  const time = Date.parse(
    date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'),
  );
  if (!(Math.abs(Date.now() - time) <= MAX_CLOCK_DIFFERENCE_MS)) {
    return 'Incorrect IAM authentication information: signature expired';
  }
  const [path = '', query = ''] = (request.url ?? '').split('?');
  let canonical = `${request.method}\n${path.replace(/\/?$/, '/')}\n`;
  canonical += `${sortedQuery(query)}\n`;
  for (const name of names) canonical += `${name}:${String(request.headers[name]).trim()}\n`;
  canonical += `\n${signedHeaders}\n${createHash('sha256').update(body).digest('hex')}`;
  const hash = createHash('sha256').update(canonical).digest('hex');
  const expected = createHmac('sha256', secretKey)
    .update(`SDK-HMAC-SHA256\n${date}\n${hash}`)
    .digest();
  return timingSafeEqual(expected, Buffer.from(signature, 'hex'))
    ? undefined
    : 'Incorrect IAM authentication information: verify aksk signature fail';
}

// By name, and then by value: 'a=2' comes before 'a-b=1', although '-' comes before '='.
function sortedQuery(query: string): string {
  return query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const [name = '', ...value] = pair.split('=');
      return { name, value: value.join('=') };
    })
    .sort((a, b) => compare(a.name, b.name) || compare(a.value, b.value))
    .map(({ name, value }) => `${name}=${value}`)
    .join('&');
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
