import { afterEach } from '@jest/globals';
import { ID_TOKEN_REQUEST_TOKEN, MockApi, type MockApiOptions } from '../../mock-api/mock-api.ts';

export const TOKEN = 'MIIF0AYJKoZIhvcNAQcCoIIFwTCCBb0CAQExDTALBglghkgBZQMEAgEwggPCBgkq';
export const EXPIRED_TOKEN = 'MIIExpiredAYJKoZIhvcNAQcCoIIFwTCCBb0CAQExDTALBglghkgBZQMEAgEwgg';
export const ACCESS_KEY = {
  accessKeyId: 'QTWAOYTTINDUT2QVKYUC',
  secretAccessKey: 'MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc',
};

const started: { close(): Promise<void> }[] = [];

/** Has something closed after the test. */
export function closeAfterTest<T extends { close(): Promise<void> }>(server: T): T {
  started.push(server);
  return server;
}

/** Starts a mock API with a running scan `scan-1` and a good token, until the end of the test. */
export async function startMockApi(options: MockApiOptions = {}): Promise<MockApi> {
  return closeAfterTest(
    await MockApi.start({
      scans: { 'scan-1': {} },
      tokens: [TOKEN],
      expiredTokens: [EXPIRED_TOKEN],
      accessKeys: { [ACCESS_KEY.accessKeyId]: ACCESS_KEY.secretAccessKey },
      ...options,
    }),
  );
}

/** What GitHub's ID-token service does with a request. */
export type IdTokenService = 'issues' | 'hangs' | { readonly redirectsTo: string };

/** The variables by which a job with `id-token: write` finds GitHub's ID-token service. */
export function idTokenEnv(api: MockApi, service: IdTokenService = 'issues') {
  let path = service === 'hangs' ? '/github/hanging/id-token?' : '/github/id-token?';
  if (typeof service === 'object') {
    path = `/github/redirecting/id-token?to=${encodeURIComponent(service.redirectsTo)}&`;
  }
  return {
    ACTIONS_ID_TOKEN_REQUEST_URL: `${api.endpoint}${path}api-version=2.0`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: ID_TOKEN_REQUEST_TOKEN,
  };
}

afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.close()));
});
