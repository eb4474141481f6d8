import { expect, test } from '@jest/globals';
import { runBundle } from '../support/run-bundle.ts';
import { ACCESS_KEY, startMockApi, TOKEN } from '../support/with-mock-api.ts';

const CREDENTIALS = [
  { token: TOKEN },
  { 'access-key-id': ACCESS_KEY.accessKeyId, 'secret-access-key': ACCESS_KEY.secretAccessKey },
];

test.each([301, 302, 303, 307, 308])(
  'a redirect by %i to another host fails the step, and the other host sees nothing',
  async (status) => {
    const other = await startMockApi();
    for (const credential of CREDENTIALS) {
      const mockApi = await startMockApi();
      const location = `${other.endpoint}/v2/tasks/scan-1/stop?ticket=secret`;
      mockApi.inject({ kind: 'response', status, headers: { location } });
      const run = await runBundle({
        'task-id': 'scan-1',
        endpoint: mockApi.endpoint,
        ...credential,
      });
      expect(run.exitCode).toBe(1);
      expect(mockApi.requests).toHaveLength(1);
      expect(other.connections).toBe(0);
      expect(run.commands('error').join()).toContain(
        `redirect to ${other.endpoint}/v2/tasks/scan-1/stop, which is not followed`,
      );
      expect(run.outputs['status-code']).toBe(String(status));
      expect(run.visible).not.toContain('ticket=secret');
    }
  },
);

test.each(['/v2/tasks/scan-1/stop', '/login', undefined])(
  'a redirect on the same host, to %s, is not followed either',
  async (location) => {
    const mockApi = await startMockApi();
    mockApi.inject({
      kind: 'response',
      status: 307,
      headers: location === undefined ? {} : { location },
    });
    const run = await runBundle({ 'task-id': 'scan-1', token: TOKEN, endpoint: mockApi.endpoint });
    expect(run.exitCode).toBe(1);
    expect(mockApi.requests).toHaveLength(1);
    expect(run.outputs).toMatchObject({ outcome: 'failed', 'status-code': '307' });
  },
);
