import { createHash, createHmac } from 'node:crypto';
import type { HttpRequest } from '../http/transport.ts';

const ALGORITHM = 'SDK-HMAC-SHA256';
const SIGNED_HEADERS: ReadonlySet<string> = new Set([
  'content-type',
  'host',
  'x-project-id',
  'x-sdk-date',
  'x-security-token',
]);

/** An access key ID, and the secret access key that belongs to it. */
export interface SigningKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/**
 * Signs a request: HWS/devg-apisign/api-sign-algorithm-002.html to -005.html
 *
 * @param request exactly as it will be sent, except for the headers that the signature adds
 * @param key the secret access key itself is the key of the HMAC
 * @param now the wall clock; the API accepts the signature for 15 minutes
 * @returns the headers to send: those of the request, `host`, `x-sdk-date` and `authorization`
 */
export function sign(request: HttpRequest, key: SigningKey, now: Date): Record<string, string> {
  const date = `${now.toISOString().replace(/[-:]|\.\d+Z$/g, '')}Z`;
  const headers = { ...request.headers, host: request.url.host, 'x-sdk-date': date };
  const { canonical, signedHeaders } = canonicalRequest({ ...request, headers });
  const stringToSign = [ALGORITHM, date, sha256(canonical)].join('\n');
  const signature = createHmac('sha256', key.secretAccessKey).update(stringToSign).digest('hex');
  return {
    ...headers,
    authorization: `${ALGORITHM} Access=${key.accessKeyId}, SignedHeaders=${signedHeaders}, Signature=${signature}`,
  };
}

/**
 * The text whose hash is signed: HWS/devg-apisign/api-sign-algorithm-002.html
 *
 * @param request with all the headers that are to be signed
 */
export function canonicalRequest(request: HttpRequest): {
  readonly canonical: string;
  readonly signedHeaders: string;
} {
  const headers = Object.entries(request.headers)
    .filter(([name]) => SIGNED_HEADERS.has(name))
    .sort(([a], [b]) => compare(a, b));
  const signedHeaders = headers.map(([name]) => name).join(';');
  const canonical = [
    request.method,
    canonicalPath(request.url),
    canonicalQuery(request.url),
    ...headers.map(([name, value]) => `${name}:${value.trim()}`),
    '',
    signedHeaders,
    sha256(request.body),
  ].join('\n');
  return { canonical, signedHeaders };
}

// It ends with a slash in the signature, whether or not the URL does.
function canonicalPath(url: URL): string {
  const path = url.pathname
    .split('/')
    .map((segment) => encode(decodeURIComponent(segment)))
    .join('/');
  return path.endsWith('/') ? path : `${path}/`;
}

function canonicalQuery(url: URL): string {
  return [...url.searchParams]
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([a, x], [b, y]) => compare(a, b) || compare(x, y))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

// RFC 3986 reserves four characters that encodeURIComponent leaves as they are.
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
