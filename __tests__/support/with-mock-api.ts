import { afterAll, expect } from '@jest/globals';
import { ID_TOKEN_REQUEST_TOKEN, MockApi, type MockApiOptions } from '../../mock-api/mock-api.ts';
import { runBundle, type StepOptions, type StepRun } from './run-bundle.ts';

export const TOKEN = 'MIIF0AYJKoZIhvcNAQcCoIIFwTCCBb0CAQExDTALBglghkgBZQMEAgEwggPCBgkq';
export const EXPIRED_TOKEN = 'MIIExpiredAYJKoZIhvcNAQcCoIIFwTCCBb0CAQExDTALBglghkgBZQMEAgEwgg';
export const ACCESS_KEY = {
  accessKeyId: 'QTWAOYTTINDUT2QVKYUC',
  secretAccessKey: 'MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc',
};

const started: { close(): Promise<void> }[] = [];
let over = false;

/** Has something closed after the tests of the file, of which several may run at the same time. */
export function closeAfterTests<T extends { close(): Promise<void> }>(server: T): T {
  // A test that has failed may have left work behind, which would keep Jest from its end.
  if (over) void server.close();
  started.push(server);
  return server;
}

/** Starts a mock API with a running scan `scan-1` and a good token. */
export async function startMockApi(options: MockApiOptions = {}): Promise<MockApi> {
  return closeAfterTests(
    await MockApi.start({
      scans: { 'scan-1': {} },
      tokens: [TOKEN],
      expiredTokens: [EXPIRED_TOKEN],
      accessKeys: { [ACCESS_KEY.accessKeyId]: ACCESS_KEY.secretAccessKey },
      ...options,
    }),
  );
}

/** Runs the step that stops `scan-1` of a mock API with its good token, unless `inputs` differ. */
export function runStep(
  mockApi: MockApi,
  inputs: Readonly<Record<string, string>> = {},
  options: StepOptions = {},
): Promise<StepRun> {
  const common = { 'task-id': 'scan-1', token: TOKEN, endpoint: mockApi.endpoint };
  return runBundle({ ...common, ...inputs }, options);
}

/**
 * Expects a step to have failed as a runner sees it.
 *
 * @returns the text of its one annotation
 */
export function expectFailure(run: StepRun): string {
  expect({ exitCode: run.exitCode, outcome: run.outputs['outcome'] }).toEqual({
    exitCode: 1,
    outcome: 'failed',
  });
  const [annotation = '', ...others] = run.commands('error');
  expect(others).toEqual([]);
  expect(annotation).not.toBe('');
  return annotation;
}

/** The output `results` of a step, parsed. */
export function resultsOf(run: StepRun): readonly Readonly<Record<string, unknown>>[] {
  return JSON.parse(run.outputs['results'] ?? '') as readonly Readonly<Record<string, unknown>>[];
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

afterAll(async () => {
  over = true;
  await Promise.all(started.splice(0).map((server) => server.close()));
});
