import { type MockResponse, rejection } from './response.ts';

/** A token bucket, as of the gateway's or of nginx's `limit_req` without delay. */
export interface ThrottleOptions {
  /** Requests that are admitted in a second. */
  readonly ratePerSecond: number;
  /** Requests that are admitted at once after a pause. Default: 1. */
  readonly burst?: number;
  /** `Retry-After`, in seconds or as a date. Default: none. */
  readonly retryAfter?: number | string;
  /** Default: 429; that of nginx is 503. */
  readonly status?: number;
  /** Responds with a web page as nginx does, instead of the gateway's JSON. */
  readonly page?: boolean;
}

/** A limit of requests that are served at once, as nginx's `limit_conn`. */
export interface ConcurrencyLimit {
  readonly max: number;
  /** Default: 503, as that of nginx. */
  readonly status?: number;
}

export class Throttle {
  /** How many requests it rejected. */
  rejections = 0;
  readonly #options: ThrottleOptions;
  #tokens: number;
  #filledMs = performance.now();

  constructor(options: ThrottleOptions) {
    this.#options = options;
    this.#tokens = options.burst ?? 1;
  }

  /** @returns the rejection; undefined if the request is admitted */
  reject(): MockResponse | undefined {
    const { ratePerSecond, burst = 1, status = 429, page, retryAfter } = this.#options;
    const now = performance.now();
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#filledMs) / 1000) * ratePerSecond);
    this.#filledMs = now;
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return undefined;
    }
    this.rejections += 1;
    const rejected =
      page === true
        ? nginxPage(status)
        : rejection(status, 'APIGW.0308', 'The throttling threshold has been reached');
    return retryAfter === undefined
      ? rejected
      : { ...rejected, headers: { ...rejected.headers, 'retry-after': String(retryAfter) } };
  }
}

export class ConcurrencyLimiter {
  /** How many requests it rejected. */
  rejections = 0;
  readonly #limit: ConcurrencyLimit;
  #serving = 0;

  constructor(limit: ConcurrencyLimit) {
    this.#limit = limit;
  }

  /**
   * Counts a request until its response is over.
   *
   * @param onOver has a callback called at that time
   * @returns the rejection; undefined if the request is admitted
   */
  reject(onOver: (callback: () => void) => void): MockResponse | undefined {
    const { max, status = 503 } = this.#limit;
    if (this.#serving >= max) {
      this.rejections += 1;
      return nginxPage(status);
    }
    this.#serving += 1;
    onOver(() => {
      this.#serving -= 1;
    });
    return undefined;
  }
}

const REASONS: Readonly<Record<number, string>> = {
  400: 'The plain HTTP request was sent to HTTPS port',
  429: 'Too Many Requests',
  503: 'Service Temporarily Unavailable',
};

/** A page as nginx makes it. */
export function nginxPage(status: number): MockResponse {
  const title = `${status} ${REASONS[status] ?? 'Error'}`;
  return {
    status,
    headers: { 'content-type': 'text/html' },
    body:
      `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n` +
      `<center><h1>${title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n`,
  };
}
