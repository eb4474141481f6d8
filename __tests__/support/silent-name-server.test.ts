import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { silentName, whyNoSilentName } from './silent-name-server.ts';

const reason = whyNoSilentName();

(reason === undefined ? test : test.skip)(
  `a silent name server holds even process.exit()${reason === undefined ? '' : ` (${reason})`}`,
  async () => {
    const name = silentName();
    const script = `
      require('node:dns').lookup('${name.host}', () => console.log('resolved'));
      setTimeout(() => { console.log('exits'); process.exit(); }, 100);
    `;
    const child = spawn(process.execPath, ['--eval', script], { env: name.env });
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      printed += chunk;
    });
    await once(child.stdout, 'data');
    await setTimeout(500);
    expect([printed, child.exitCode]).toEqual(['exits\n', null]);
    child.kill('SIGKILL');
    await once(child, 'close');
    await name.close();
  },
);
