import { getProxyUrl } from '@actions/http-client';
import { checkBypass } from '@actions/http-client/lib/proxy';
import { InputError } from './input-error.ts';
import { variable } from './validators.ts';

const PROXY = ['https_proxy', 'HTTPS_PROXY'] as const;
const NO_PROXY = ['no_proxy', 'NO_PROXY'] as const;

/**
 * Settles the variables of the environment that http-client and Node.js read by themselves. Changes
 * `process.env`, and nothing else in this folder does.
 */
export function settleNetworkEnvironment(): void {
  const { env } = process;
  // Node.js would verify no certificate, and print only a warning: a credential could go anywhere.
  if (variable('NODE_TLS_REJECT_UNAUTHORIZED') === '0') delete env['NODE_TLS_REJECT_UNAUTHORIZED'];
  // A blank variable counts as absent, but not for http-client: it would hide the other spelling.
  for (const name of [...PROXY, ...NO_PROXY]) if (variable(name) === '') delete env[name];
  for (const name of NO_PROXY) {
    if (env[name] !== undefined) env[name] = env[name].split(',').map(withBrackets).join(',');
  }
}

// http-client compares with the host of a URL, which has brackets around an IPv6 address.
function withBrackets(entry: string): string {
  const host = entry.trim().replace(/^\[(.*)\]$/, '$1');
  return URL.canParse(`http://[${host}]`) ? new URL(`http://[${host}]`).hostname : entry;
}

/**
 * Checks the proxy on the way to a host: one that cannot be used would be passed by in silence.
 *
 * @throws InputError
 */
export function checkProxy(endpoint: URL): void {
  const name = PROXY.find((one) => variable(one) !== '');
  if (endpoint.protocol !== 'https:' || name === undefined || checkBypass(endpoint)) return;
  let proxy = '';
  try {
    proxy = getProxyUrl(endpoint.href);
  } catch {
    // Not even with http:// before it.
  }
  if (!/^https?:\/\/[^/]/.test(proxy)) {
    // Never include the value: it may hold a password.
    throw new InputError(`$${name}`, 'must be http://[user:password@]host[:port]');
  }
}
