import { afterEach } from '@jest/globals';
import { MockApi, type MockApiOptions } from '../../mock-api/mock-api.ts';

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

afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.close()));
});
