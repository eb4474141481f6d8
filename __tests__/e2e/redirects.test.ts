import { expect, test } from '@jest/globals';
import {
  ACCESS_KEY,
  expectFailure,
  runStep,
  startMockApi,
  TOKEN,
} from '../support/with-mock-api.ts';

const CREDENTIALS = [
  { token: TOKEN },
  {
    token: '',
    'access-key-id': ACCESS_KEY.accessKeyId,
    'secret-access-key': ACCESS_KEY.secretAccessKey,
  },
];

test.each([301, 302, 303, 307, 308])(
  'a redirect by %i to another host fails the step, and the other host sees nothing',
  async (status) => {
    const other = await startMockApi();
    for (const credential of CREDENTIALS) {
      const mockApi = await startMockApi();
      const location = `${other.endpoint}/v2/tasks/scan-1/stop?ticket=secret`;
      mockApi.inject({ kind: 'redirect', status, location });
      const run = await runStep(mockApi, credential);
      const annotation = expectFailure(run);
      expect(mockApi.requests).toHaveLength(1);
      expect(other.connections).toBe(0);
      expect(annotation).toContain(
        `redirect to ${other.endpoint}/v2/tasks/scan-1/stop, which is not followed`,
      );
      expect(annotation).toContain('Could not stop scan scan-1');
      expect(annotation).not.toContain('may have happened');
      expect(run.outputs['status-code']).toBe(String(status));
      expect(run.visible).not.toContain('ticket=secret');
    }
  },
);

test.each(['/v2/tasks/scan-1/stop', '/login', undefined])(
  'a redirect on the same host, to %s, is not followed either',
  async (location) => {
    const mockApi = await startMockApi();
    const headers: Record<string, string> = location === undefined ? {} : { location };
    mockApi.inject({ kind: 'response', status: 307, headers });
    const run = await runStep(mockApi);
    expectFailure(run);
    expect(mockApi.requests).toHaveLength(1);
    expect(run.outputs['status-code']).toBe('307');
  },
);
