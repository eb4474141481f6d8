import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A host whose name is never resolved. */
export interface SilentName {
  readonly host: string;
  /** Variables for the process that looks it up. */
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

const HOST = 'silent-name-server';
const PROBE = `
  require('node:dns').lookup('${HOST}', () => console.log('resolved'));
  setTimeout(() => {
    require('node:fs').writeSync(1, process.getActiveResourcesInfo().join());
    process.kill(process.pid, 'SIGKILL');
  }, 300);
`;

/**
 * Makes the lookup of a host name hang as it does while no name server responds: within
 * getaddrinfo(), on a thread of the pool, so that even process.exit() waits for it, here for good.
 *
 * The C library of Linux reads aliases of names without a dot from the file that HOSTALIASES names,
 * and this is a named pipe that nobody writes to: https://man7.org/linux/man-pages/man7/hostname.7.html
 * This takes neither root nor a namespace, and only the process with these variables is affected.
 */
export function silentName(): SilentName {
  const folder = mkdtempSync(join(tmpdir(), 'silent-name-'));
  const pipe = join(folder, 'pipe');
  const { status, error } = spawnSync('mkfifo', [pipe]);
  if (status !== 0) throw new Error('mkfifo failed', { cause: error });
  return {
    host: HOST,
    env: { HOSTALIASES: pipe },
    close: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** @returns why a lookup cannot be made to hang on this system; undefined if it can */
export function whyNoSilentName(): string | undefined {
  if (process.platform !== 'linux') return 'HOSTALIASES is of the C library of Linux';
  const name = silentName();
  const { stdout } = spawnSync(process.execPath, ['--eval', PROBE], {
    env: name.env,
    encoding: 'utf8',
  });
  void name.close();
  return stdout.includes('GetAddrInfoReqWrap')
    ? undefined
    : 'the C library does not read HOSTALIASES, or asks no name server';
}
