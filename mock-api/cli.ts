// Serves the mock API on loopback until it is ended, for workflows that
// try the action and for whoever wants to play with it:
//
//   npm run mock API -- --port 8080 --scan my-scan --token my-token
import { parseArgs } from 'node:util';
import { MockApi } from './mock-api.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '8080' },
    /** The ID of a scan that is being checked. */
    scan: { type: 'string', multiple: true, default: [] },
    /** The ID of a scan that has ended. */
    'ended-scan': { type: 'string', multiple: true, default: [] },
    token: { type: 'string', multiple: true, default: [] },
    'expired-token': { type: 'string', multiple: true, default: [] },
    /** ID and secret, with a colon between them. */
    'access-key': { type: 'string', multiple: true, default: [] },
  },
});

const mockApi = await MockApi.start({
  port: Number(values.port),
  scans: Object.fromEntries([
    ...values.scan.map((id) => [id, { stopsAfterMs: 300 }]),
    ...values['ended-scan'].map((id) => [id, { status: 2 }]),
  ]),
  tokens: values.token,
  expiredTokens: values['expired-token'],
  accessKeys: Object.fromEntries(values['access-key'].map((pair) => pair.split(/:(.*)/s))),
});
console.log(`The mock API listens at ${mockApi.endpoint}`);
