/**
 * The URL of a call below an endpoint.
 *
 * @param endpoint may have a path of its own
 * @param path begins with a slash
 */
export function callUrl(
  endpoint: URL,
  path: string,
  query: Readonly<Record<string, string>> = {},
): URL {
  const url = new URL(endpoint);
  url.pathname = `${url.pathname.replace(/\/$/, '')}${path}`;
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url;
}
