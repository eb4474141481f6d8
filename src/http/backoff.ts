const BASE_MS = 1_000;
const CAP_MS = 16_000;

/**
 * How long to wait before another attempt: exponential, with full jitter.
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 *
 * @param attempt the attempt that failed, from 1
 * @param random from 0 up to, but without, 1
 * @returns milliseconds
 */
export function backoffMs(attempt: number, random: number): number {
  return random * Math.min(CAP_MS, BASE_MS * 2 ** (attempt - 1));
}
