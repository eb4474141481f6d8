// Serves the mock API on loopback until it is ended, for workflows that try the actions and for
// whoever wants to play with it:
//
//   npm run mock-api -- --port 8080 --scan my-task --token my-token
//   curl http://127.0.0.1:8080/mock/state
import { renameSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { MockApi, type MockApiOptions } from './mock-api.ts';
import type { ScanPlan } from './tasks.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '8080' },
    /** A file that the endpoint is written to once the mock API listens. */
    'endpoint-file': { type: 'string' },
    /** The ID of a task that is executing a scan. */
    scan: { type: 'string', multiple: true, default: [] },
    /** The ID of a task whose scan has ended. */
    'ended-scan': { type: 'string', multiple: true, default: [] },
    /** The IDs of a task and of an execution of it that is running, with a colon between them. */
    execution: { type: 'string', multiple: true, default: [] },
    /** The ID of a task and how it behaves, as `task={"endsAfterMs":2000}`. */
    plan: { type: 'string', multiple: true, default: [] },
    token: { type: 'string', multiple: true, default: [] },
    'expired-token': { type: 'string', multiple: true, default: [] },
    /** ID and secret, with a colon between them. */
    'access-key': { type: 'string', multiple: true, default: [] },
    /** All other options of the mock API, as JSON. */
    options: { type: 'string', default: '{}' },
  },
});

// Long enough that a scan that is being stopped is seen running once.
const STOPS_AFTER_MS = 300;

const more = JSON.parse(values.options) as MockApiOptions;
const scans: Record<string, ScanPlan> = { ...more.scans };
for (const id of values.scan) scans[id] = { stopsAfterMs: STOPS_AFTER_MS };
for (const id of values['ended-scan']) scans[id] = { status: 2, stopsAfterMs: STOPS_AFTER_MS };
for (const [id = '', plan = ''] of pairs(values.plan, '=')) {
  scans[id] = { stopsAfterMs: STOPS_AFTER_MS, ...(JSON.parse(plan) as ScanPlan) };
}
for (const [id = '', execution = ''] of pairs(values.execution, ':')) {
  const plan = scans[id] ?? { stopsAfterMs: STOPS_AFTER_MS };
  scans[id] = { ...plan, executions: { ...plan.executions, [execution]: {} } };
}

const mockApi = await MockApi.start({
  ...more,
  port: Number(values.port),
  scans,
  tokens: [...(more.tokens ?? []), ...values.token],
  expiredTokens: [...(more.expiredTokens ?? []), ...values['expired-token']],
  accessKeys: { ...more.accessKeys, ...Object.fromEntries(pairs(values['access-key'], ':')) },
});
const file = values['endpoint-file'];
if (file !== undefined) {
  // Whole or not at all, for whoever waits for it.
  writeFileSync(`${file}.part`, mockApi.endpoint);
  renameSync(`${file}.part`, file);
}
console.log(`The mock API listens at ${mockApi.endpoint}`);

/** Splits each text at the first separator. */
function pairs(texts: readonly string[], separator: string): [string, string][] {
  return texts.map((text) => {
    const index = text.indexOf(separator);
    if (index < 0) throw new Error(`'${text}' has no '${separator}'`);
    return [text.slice(0, index), text.slice(index + 1)];
  });
}
