import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';

/** The certificate of a server, and of the authority that issued it. */
export interface Certificates {
  readonly tls: { readonly key: string; readonly cert: string };
  /** A file for `NODE_EXTRA_CA_CERTS`. */
  readonly authorityFile: string;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Issues a certificate for a host name and 127.0.0.1, by an authority that nobody knows.
 *
 * @param options.expired whether its time is over
 */
export async function issueCertificate(
  host: string,
  options: { readonly expired?: boolean } = {},
): Promise<Certificates> {
  const common = { algorithm: 'sha256', keyType: 'ec' } as const;
  const authority = await generate([{ name: 'commonName', value: 'Test Authority' }], {
    ...common,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  const now = Date.now();
  const [from, to] = options.expired === true ? [-20, -10] : [-1, 10];
  const server = await generate([{ name: 'commonName', value: host }], {
    ...common,
    ca: { key: authority.private, cert: authority.cert },
    notBeforeDate: new Date(now + from * DAY_MS),
    notAfterDate: new Date(now + to * DAY_MS),
    extensions: [
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: host },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  });
  const authorityFile = join(mkdtempSync(join(tmpdir(), 'authority-')), 'authority.pem');
  writeFileSync(authorityFile, authority.cert);
  return { tls: { key: server.private, cert: server.cert }, authorityFile };
}
