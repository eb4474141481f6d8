import { afterEach } from '@jest/globals';
import { StandIn, type StandInOptions } from '../stand-in/stand-in.ts';

export const TOKEN = 'MIIF0AYJKoZIhvcNAQcCoIIFwTCCBb0CAQExDTALBglghkgBZQMEAgEwggPCBgkq';
export const EXPIRED_TOKEN = 'MIIExpiredAYJKoZIhvcNAQcCoIIFwTCCBb0CAQExDTALBglghkgBZQMEAgEwgg';
export const KEY_PAIR = {
  accessKeyId: 'QTWAOYTTINDUT2QVKYUC',
  secretAccessKey: 'MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc',
};

const started: { close(): Promise<void> }[] = [];

/** Has something closed after the test. */
export function closeLater<T extends { close(): Promise<void> }>(server: T): T {
  started.push(server);
  return server;
}

/** Starts a stand-in with a running scan `scan-1` and a good token, until the end of the test. */
export async function startStandIn(options: StandInOptions = {}): Promise<StandIn> {
  return closeLater(
    await StandIn.start({
      scans: { 'scan-1': {} },
      tokens: [TOKEN],
      expiredTokens: [EXPIRED_TOKEN],
      keyPairs: { [KEY_PAIR.accessKeyId]: KEY_PAIR.secretAccessKey },
      ...options,
    }),
  );
}

afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.close()));
});
