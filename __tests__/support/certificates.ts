import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';

/** The certificate of a server, and of the authority that issued it. */
export interface Certificates {
  readonly tls: { readonly key: string; readonly cert: string };
  /** The authority's own certificate. */
  readonly authority: string;
  /** A file for `NODE_EXTRA_CA_CERTS`. */
  readonly authorityFile: string;
}

/** What may be wrong with a certificate. */
export interface CertificateOptions {
  /** Whether its time is over. */
  readonly expired?: boolean;
  /** Whether its time has not come. */
  readonly notYetValid?: boolean;
  /** Whether it is for the host only, and not for the addresses of loopback. */
  readonly hostOnly?: boolean;
  /** Whether the server itself issued it. */
  readonly selfSigned?: boolean;
  /** Whether an intermediate authority issued it, whose certificate the server sends or does not. */
  readonly intermediate?: 'sent' | 'missing';
}

interface Authority {
  readonly key: string;
  readonly cert: string;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const KEYS = { algorithm: 'sha256', keyType: 'ec' } as const;

/** Issues a certificate for a host name and loopback, by an authority that nobody knows. */
export async function issueCertificate(
  host: string,
  options: CertificateOptions = {},
): Promise<Certificates> {
  const root = await issueAuthority('Test Authority');
  const intermediate =
    options.intermediate && (await issueAuthority('Test Intermediate Authority', root));
  const ca = intermediate ?? root;
  const server = await generate([{ name: 'commonName', value: host }], {
    ...KEYS,
    ...(options.selfSigned === true ? {} : { ca }),
    ...validity(options),
    extensions: [
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: host },
          ...(options.hostOnly === true
            ? []
            : [{ type: 7, ip: '127.0.0.1' } as const, { type: 7, ip: '::1' } as const]),
        ],
      },
    ],
  });
  const chain = options.intermediate === 'sent' ? `${server.cert}\n${ca.cert}` : server.cert;
  const authorityFile = join(mkdtempSync(join(tmpdir(), 'authority-')), 'authority.pem');
  writeFileSync(authorityFile, root.cert);
  return {
    tls: { key: server.private, cert: chain },
    authority: root.cert,
    authorityFile,
  };
}

async function issueAuthority(name: string, issuer?: Authority): Promise<Authority> {
  const { private: key, cert } = await generate([{ name: 'commonName', value: name }], {
    ...KEYS,
    ...(issuer === undefined ? {} : { ca: issuer }),
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return { key, cert };
}

function validity({ expired, notYetValid }: CertificateOptions) {
  const [fromDays, toDays] =
    expired === true ? [-20, -10] : notYetValid === true ? [10, 20] : [-1, 10];
  const now = Date.now();
  return {
    notBeforeDate: new Date(now + fromDays * DAY_MS),
    notAfterDate: new Date(now + toDays * DAY_MS),
  };
}
