import { run } from './actions/process.ts';
import { main } from './actions/stop.ts';
import { systemClock } from './clock.ts';
import { Report } from './report/report.ts';
import { Secrets } from './report/secrets.ts';

const secrets = new Secrets();
run(
  main,
  { clock: systemClock, random: Math.random, secrets, report: new Report(secrets) },
  {
    on: (event: string, listener: (error: unknown) => void) => process.on(event, listener),
    exit: (code) => process.exit(code),
    flush: (done) => process.stdout.write('', done),
  },
);
