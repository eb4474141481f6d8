// Serves the stand-in of the CodeArts Check API on loopback until it is ended, for workflows that
// try the action and for whoever wants to play with it:
//
//   npm run stand-in -- --port 8080 --scan my-scan --token my-token
import { parseArgs } from 'node:util';
import { StandIn } from '../__tests__/stand-in/stand-in.ts';

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
    'key-pair': { type: 'string', multiple: true, default: [] },
  },
});

const standIn = await StandIn.start({
  port: Number(values.port),
  scans: Object.fromEntries([
    ...values.scan.map((id) => [id, { stopsAfterMs: 300 }]),
    ...values['ended-scan'].map((id) => [id, { status: 2 }]),
  ]),
  tokens: values.token,
  expiredTokens: values['expired-token'],
  keyPairs: Object.fromEntries(values['key-pair'].map((pair) => pair.split(/:(.*)/s))),
});
console.log(`The stand-in of the CodeArts Check API listens at ${standIn.endpoint}`);
