import { InputError } from './input-error.ts';

/**
 * The host of CodeArts Check for each region.
 *
 * HWS/api-codecheck/codecheck_api_0000.md, HWS/intl/api-codecheck/codecheck_api_0000.html and
 * HWS/eu/api-codecheck/codecheck_03_0003.html, where HWS is https://support.huaweicloud.com.
 * Some regions are served by the host of another one, with their own credentials.
 */
export const CHECK_HOSTS: ReadonlyMap<string, string> = new Map([
  ['cn-north-4', 'codearts-check.cn-north-4.myhuaweicloud.com'],
  ['cn-north-1', 'codearts-check.cn-north-4.myhuaweicloud.com'],
  ['cn-south-1', 'codearts-check.cn-south-1.myhuaweicloud.com'],
  ['cn-east-2', 'codearts-check.cn-south-1.myhuaweicloud.com'],
  ['cn-east-3', 'codearts-check.cn-south-1.myhuaweicloud.com'],
  ['cn-southwest-2', 'codearts-check.cn-south-1.myhuaweicloud.com'],
  ['ap-southeast-3', 'devcloud.ap-southeast-3.myhuaweicloud.com'],
  ['la-north-2', 'devcloud.la-north-2.myhuaweicloud.com'],
  ['sa-brazil-1', 'devcloud.sa-brazil-1.myhuaweicloud.com'],
  ['eu-west-101', 'check.eu-west-101.myhuaweicloud.eu'],
]);

export const DEFAULT_REGION = 'cn-north-4';

/**
 * The endpoint of CodeArts Check in a region.
 *
 * @param region a region of {@link CHECK_HOSTS}
 * @param source the input or variable that set it, for the error
 * @param newest whether a call is made that old hosts do not know: one execution is named or started.
 *   Hosts that begin with `devcloud.` were seen to reject those
 * @throws InputError for any other region, with the list of the known ones
 */
export function regionEndpoint(region: string, source: string, newest: boolean): URL {
  const host = CHECK_HOSTS.get(region);
  if (host === undefined) {
    const known = [...CHECK_HOSTS.keys()].join(', ');
    throw new InputError(source, `must be one of these regions: ${known}`, region);
  }
  return new URL(`https://${newest ? newestHost(region) : host}`);
}

/**
 * The host of a region that knows the newest calls.
 *
 * @returns undefined for an unknown region
 */
export function newestHost(region: string): string | undefined {
  return CHECK_HOSTS.get(region)?.replace(/^devcloud\./, 'codearts-check.');
}

const MUST_BE =
  'must be a host name or https://host[:port][/path], without user, query or fragment; ' +
  'http:// only for localhost, 127.0.0.0/8 and [::1]';
const MAX_LENGTH = 1_024;

// Stricter than a URL parser, which forgives back slashes, tabs, missing slashes and credentials:
// what a reader takes for the host must be the host that the credential goes to. Both cases are
// written out: ignoring the case takes longer to compile than all else here.
const HOST = /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/;
const URL_FORM =
  /^[Hh][Tt][Tt][Pp][Ss]?:\/\/([A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[1-9][0-9]{0,4})?(?:\/[A-Za-z0-9._~-]*)*$/;
// Of anything else, a part may be secret: a password before an '@' for one.
const PRINTABLE = /^[\w.:/[\]~-]*$/;

/**
 * Parses an endpoint that a user gave.
 *
 * @param value a host name, or a URL of the form `https://host[:port][/path]`
 * @param input the input it comes from, for the error
 * @returns the URL without a trailing slash in its path, unless the path is only that
 * @throws InputError for anything else, plain `http://` to a host that is not loopback included
 */
export function parseEndpoint(value: string, input: string): URL {
  const text = HOST.test(value) ? `https://${value}` : value;
  const host = value.length > MAX_LENGTH ? undefined : URL_FORM.exec(text)?.[1]?.toLowerCase();
  const url = host === undefined ? null : URL.parse(text);
  // A URL parser makes 8.0.0.1 of 010.0.0.1, and 127.0.0.1 of 0x7f.1.
  const sameHost = url !== null && (url.hostname === host || url.hostname.startsWith('['));
  if (!sameHost || (url.protocol === 'http:' && !isLoopback(url.hostname))) {
    throw new InputError(input, MUST_BE, PRINTABLE.test(value) ? value : undefined);
  }
  url.pathname = url.pathname.replace(/\/+$/, '');
  return url;
}

/** Whether a URL's `hostname` is this machine by its form alone: no name is looked up. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
