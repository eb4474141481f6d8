// Runs the bundle against gateways and proxies that nobody here wrote, with the mock API behind them:
//
//   sudo apt-get install nginx-light haproxy squid tinyproxy apache2 caddy
//   npm run gateways [-- nginx squid]
//
// Not part of the tests: it needs system packages. What is not installed is left out, and said so.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type CertificateOptions, issueCertificate } from '../__tests__/support/certificates.ts';
import { runBundle, type StepOptions, type StepRun } from '../__tests__/support/run-bundle.ts';
import { MockApi, type MockApiOptions } from '../mock-api/mock-api.ts';

const TOKEN = 'token-of-the-gateways';
// Loopback hosts are never reached through a proxy, so this one has a name. Only proxies resolve it.
const HOST = 'check.test';

/** What a scenario expects, as text that the annotation or the log must contain. */
interface Expected {
  readonly exitCode: number;
  readonly contains?: string | RegExp;
  readonly lacks?: string | RegExp;
}

const folder = mkdtempSync(join(tmpdir(), 'gateways-'));
// Some give up the rights of whoever starts them.
chmodSync(folder, 0o755);
const running: ChildProcess[] = [];
const results = { passed: 0, failed: 0, skipped: 0 };
const wanted = process.argv.slice(2);

/** A gateway in front of the mock API: how to configure and start it. */
interface Gateway {
  readonly program: string;
  /** @returns its arguments */
  readonly configure: (site: Site) => readonly string[];
}

interface Site {
  readonly folder: string;
  readonly port: number;
  /** Where the mock API listens. */
  readonly upstream: number;
  readonly cert: string;
  readonly key: string;
  /** More configuration, in the language of the gateway. */
  readonly extra: string;
}

const nginx: Gateway = {
  program: 'nginx',
  configure: ({ folder: at, port, upstream, cert, key, extra }) => {
    writeFileSync(
      join(at, 'nginx.conf'),
      `daemon off; pid ${at}/nginx.pid; error_log ${at}/error.log; events { worker_connections 512; }
http {
  access_log off; client_body_temp_path ${at}/body; proxy_temp_path ${at}/proxy;
  fastcgi_temp_path ${at}/f; uwsgi_temp_path ${at}/u; scgi_temp_path ${at}/s;
  limit_req_zone $server_name zone=rate:1m rate=20r/s; limit_conn_zone $server_name zone=many:1m;
  limit_req_status 429; limit_conn_status 429;
  server {
    listen 127.0.0.1:${port} ssl; server_name localhost; ssl_certificate ${cert}; ssl_certificate_key ${key};
    ${extra}
    location / { proxy_pass http://127.0.0.1:${upstream}; proxy_read_timeout 2s; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}`,
    );
    return ['-c', join(at, 'nginx.conf'), '-p', at, '-e', join(at, 'error.log')];
  },
};

const haproxy: Gateway = {
  program: 'haproxy',
  configure: ({ folder: at, port, upstream, cert, key, extra }) => {
    const pem = join(at, 'both.pem');
    writeFileSync(pem, [cert, key].map((file) => readFileSync(file, 'utf8')).join('\n'));
    writeFileSync(
      join(at, 'haproxy.cfg'),
      `defaults
  mode http
  timeout connect 1s
  timeout client 10s
  timeout server 2s
frontend f
  bind 127.0.0.1:${port} ssl crt ${pem}
  ${extra}
  default_backend b
backend b
  server s 127.0.0.1:${upstream}
`,
    );
    return ['-f', join(at, 'haproxy.cfg')];
  },
};

const apache: Gateway = {
  program: 'apache2',
  configure: ({ folder: at, port, upstream, cert, key, extra }) => {
    const modules = ['mpm_event', 'authz_core', 'proxy', 'proxy_http', 'ssl', 'socache_shmcb'];
    writeFileSync(
      join(at, 'apache.conf'),
      `ServerRoot ${at}
ServerName localhost
PidFile ${at}/apache.pid
ErrorLog ${at}/error.log
Mutex file:${at} default
Listen 127.0.0.1:${port}
${modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
SSLEngine on
SSLCertificateFile ${cert}
SSLCertificateKeyFile ${key}
ProxyPass / http://127.0.0.1:${upstream}/
ProxyTimeout 2
${extra}
`,
    );
    return ['-X', '-f', join(at, 'apache.conf')];
  },
};

const caddy: Gateway = {
  program: 'caddy',
  configure: ({ folder: at, port, upstream, cert, key, extra }) => {
    writeFileSync(
      join(at, 'Caddyfile'),
      `{
  admin off
  auto_https off
  default_sni localhost
}
https://127.0.0.1:${port} {
  bind 127.0.0.1
  tls ${cert} ${key}
  ${extra}
  reverse_proxy 127.0.0.1:${upstream} {
    transport http {
      response_header_timeout 2s
    }
  }
}
`,
    );
    return ['run', '--config', join(at, 'Caddyfile'), '--adapter', 'caddyfile'];
  },
};

interface Scene {
  readonly gateway: Gateway;
  readonly extra?: string;
  readonly certificate?: CertificateOptions;
  readonly api?: MockApiOptions;
  readonly tasks?: number;
  readonly inputs?: Readonly<Record<string, string>>;
  /** Called when the gateway listens, before the step runs. */
  readonly before?: (world: World) => void | Promise<void>;
  /** Called while the step runs. */
  readonly during?: (world: World) => Promise<void>;
  readonly options?: StepOptions;
  /** Whether every scan has been stopped at the end; undefined if that does not matter. */
  readonly allStopped?: boolean;
}

interface World {
  readonly api: MockApi;
  readonly gateway: ChildProcess;
  /** Ends the gateway and starts it again. */
  readonly restart: () => Promise<void>;
}

async function scene(name: string, expected: Expected, options: Scene): Promise<void> {
  const { gateway, tasks = 1 } = options;
  if (!selected(gateway.program, name)) return;
  const ids = Array.from({ length: tasks }, (_, index) => `task-${index + 1}`);
  const api = await MockApi.start({
    scans: Object.fromEntries(ids.map((id) => [id, {}])),
    tokens: [TOKEN],
    ...options.api,
  });
  const { tls, authorityFile } = await issueCertificate('localhost', options.certificate);
  const at = mkdtempSync(join(folder, 'site-'));
  const [cert, key] = [join(at, 'cert.pem'), join(at, 'key.pem')];
  writeFileSync(cert, tls.cert);
  writeFileSync(key, tls.key);
  const port = await freePort();
  const site = { folder: at, port, upstream: api.port, cert, key, extra: options.extra ?? '' };
  const args = gateway.configure(site);
  const start = async () => {
    const child = launch(gateway.program, args);
    await listening(port);
    return child;
  };
  let child = await start();
  const world: World = {
    api,
    get gateway() {
      return child;
    },
    restart: async () => {
      await end(child);
      await setTimeout(300);
      child = await start();
    },
  };
  await options.before?.(world);
  const [run] = await Promise.all([
    runBundle(
      {
        'task-id': ids.join(),
        'execution-id': 'current',
        token: TOKEN,
        endpoint: `https://127.0.0.1:${port}`,
        ...options.inputs,
      },
      { extraCaCerts: authorityFile, ...options.options },
    ),
    options.during?.(world),
  ]);
  const stopped = new Set(api.stopRequests.map(({ taskId }) => taskId)).size;
  const missing = options.allStopped === true && stopped < tasks;
  conclude(name, run, expected, missing ? `only ${stopped} of ${tasks} scans were stopped` : '');
  await end(child);
  await api.close();
}

function conclude(name: string, run: StepRun, expected: Expected, problem: string): void {
  const seen = [...run.commands('error'), ...run.commands('warning'), ...run.lines].join('\n');
  const has = (text: string | RegExp | undefined) =>
    text !== undefined && (typeof text === 'string' ? seen.includes(text) : text.test(seen));
  const problems = [
    problem,
    run.exitCode === expected.exitCode ? '' : `exit code ${run.exitCode}`,
    expected.contains === undefined || has(expected.contains) ? '' : `lacks ${expected.contains}`,
    has(expected.lacks) ? `has ${expected.lacks}` : '',
  ].filter(Boolean);
  results[problems.length === 0 ? 'passed' : 'failed'] += 1;
  console.log(
    `${problems.length === 0 ? 'ok  ' : 'FAIL'} ${name} (${Math.round(run.durationMs)} ms)`,
  );
  if (problems.length > 0)
    console.log(
      `     ${problems.join('; ')}\n     ${run.commands('error')[0] ?? seen.slice(-600)}`,
    );
}

/** A forward proxy, with the mock API behind it at {@link HOST}, over TLS. */
async function proxied(
  name: string,
  expected: Expected,
  options: {
    readonly program: string;
    readonly config: (at: string, port: number) => string;
    readonly args: (config: string) => readonly string[];
    readonly user?: string;
    readonly tasks?: number;
    readonly check?: (api: MockApi) => string;
  },
): Promise<void> {
  if (!selected(options.program, name)) return;
  const tasks = options.tasks ?? 1;
  const ids = Array.from({ length: tasks }, (_, index) => `task-${index + 1}`);
  const { tls, authorityFile } = await issueCertificate(HOST);
  const api = await MockApi.start({
    scans: Object.fromEntries(ids.map((id) => [id, {}])),
    tokens: [TOKEN],
    tls,
  });
  const at = mkdtempSync(join(folder, 'proxy-'));
  chmodSync(at, 0o755);
  const port = await freePort();
  writeFileSync(join(at, 'hosts'), `127.0.0.1 localhost ${HOST}\n`);
  const config = join(at, 'proxy.conf');
  writeFileSync(config, options.config(at, port));
  // In a mount namespace of its own, where the name of the host is known.
  const inside = `mount --bind ${join(at, 'hosts')} /etc/hosts && exec "$@"`;
  const program = [options.program, ...options.args(config)];
  const child = launch('unshare', ['--mount', 'sh', '-c', inside, 'sh', ...program]);
  await listening(port);
  const user = options.user === undefined ? '' : `${options.user}@`;
  const run = await runBundle(
    {
      'task-id': ids.join(),
      'execution-id': 'current',
      token: TOKEN,
      endpoint: `https://${HOST}:${api.port}`,
    },
    { extraCaCerts: authorityFile, proxy: `http://${user}127.0.0.1:${port}` },
  );
  conclude(name, run, expected, options.check?.(api) ?? '');
  await end(child);
  await api.close();
}

function selected(program: string, name: string): boolean {
  if (wanted.length > 0 && !wanted.includes(program)) return false;
  if (spawnSync('which', [program]).status === 0) return true;
  results.skipped += 1;
  console.log(`LEFT OUT ${name}: ${program} is not installed`);
  return false;
}

function launch(program: string, args: readonly string[]): ChildProcess {
  const log = spawn(program, args, { stdio: 'ignore', detached: true });
  running.push(log);
  return log;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  try {
    process.kill(-(child.pid ?? 0), 'SIGKILL');
  } catch {
    // It has just ended.
  }
  await ended;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function listening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const open = await new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true));
      socket.once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (open === true) return;
    await setTimeout(100);
  }
  throw new Error(`Nothing listens at port ${port}`);
}

const GATEWAYS = [nginx, haproxy, apache, caddy];
const fine = { exitCode: 0 } as const;
const red = (contains: string | RegExp, lacks?: string | RegExp): Expected => ({
  exitCode: 1,
  contains,
  ...(lacks === undefined ? {} : { lacks }),
});
const MAY = 'The stop may have happened';

try {
  for (const gateway of GATEWAYS) {
    const { program } = gateway;
    await scene(`${program}: stops a scan, and waits for it`, fine, {
      gateway,
      inputs: { wait: 'true' },
      allStopped: true,
    });
    await scene(`${program}: the service is down`, red(/HTTP 50[23]/), {
      gateway,
      before: ({ api }) => api.close(),
      inputs: { retries: '1' },
    });
    await scene(`${program}: the service is silent`, red(MAY), {
      gateway,
      before: ({ api }) => void api.inject({ kind: 'silence' }),
      inputs: { retries: '0', 'timeout-seconds': '15' },
    });
    await scene(`${program}: an expired certificate`, red(/expired certificate[\s\S]*clock/, MAY), {
      gateway,
      certificate: { expired: true },
    });
    await scene(
      `${program}: a missing intermediate certificate`,
      red('without its intermediate', MAY),
      { gateway, certificate: { intermediate: 'missing' } },
    );
    await scene(`${program}: a certificate for another name`, red('for another name', MAY), {
      gateway,
      certificate: { hostOnly: true },
    });
    await scene(`${program}: an unknown CA`, red('unknown CA', MAY), {
      gateway,
      options: { extraCaCerts: '/dev/null' },
    });
    await scene(`${program}: a restart under 300 tasks loses none`, fine, {
      gateway,
      tasks: 300,
      api: { latencyMs: 30 },
      // Requests whose responses are lost have stopped their scans.
      inputs: { retries: '5', 'if-not-running': 'succeed' },
      during: async ({ api, restart }) => {
        while (api.requests.length < 100) await setTimeout(10);
        await restart();
      },
      allStopped: true,
    });
  }
  await scene('nginx: limit_req, 60 tasks at 20 a second', fine, {
    gateway: nginx,
    tasks: 60,
    extra: 'limit_req zone=rate;',
    allStopped: true,
  });
  await scene('nginx: limit_conn, 60 tasks over 4 connections', fine, {
    gateway: nginx,
    tasks: 60,
    api: { latencyMs: 30 },
    extra: 'limit_conn many 4;',
    allStopped: true,
  });
  await scene('nginx: a reload under 300 tasks loses none', fine, {
    gateway: nginx,
    tasks: 300,
    api: { latencyMs: 30 },
    during: async ({ api, gateway }) => {
      while (api.requests.length < 100) await setTimeout(10);
      gateway.kill('SIGHUP');
    },
    allStopped: true,
  });
  await scene('nginx: a token of 60 KB', red('Request Header Or Cookie Too Large'), {
    gateway: nginx,
    inputs: { token: 'x'.repeat(60_000) },
  });
  await scene('nginx: a client certificate is missing', red('No required SSL certificate'), {
    gateway: nginx,
    extra: 'ssl_verify_client on; ssl_client_certificate /etc/ssl/certs/ca-certificates.crt;',
  });
  await scene('nginx: a login page', red("the web page 'Log in'"), {
    gateway: nginx,
    extra: `default_type text/html; return 200 '<html><title>Log in</title></html>';`,
  });
  await scene('nginx: a redirect is not followed', red('redirect to https://elsewhere.test/'), {
    gateway: nginx,
    extra: 'return 302 https://elsewhere.test/;',
  });
  await scene('haproxy: 429 from a rate limit', fine, {
    gateway: haproxy,
    tasks: 40,
    extra: [
      'stick-table type ip size 1k expire 10s store http_req_rate(1s)',
      'http-request track-sc0 src',
      'http-request deny deny_status 429 if { sc_http_req_rate(0) gt 10 }',
    ].join('\n  '),
    allStopped: true,
  });

  const squid = (rules: string) => ({
    program: 'squid',
    config: (at: string, port: number) => {
      mkdirSync(join(at, 'cache'));
      return `http_port 127.0.0.1:${port}
pid_filename none
cache_log ${at}/cache.log
access_log none
coredump_dir ${at}
hosts_file ${at}/hosts
cache deny all
shutdown_lifetime 0 seconds
${rules}
`;
    },
    args: (config: string) => ['-N', '-f', config],
  });
  const connects = (api: MockApi) =>
    api.connections <= 16 ? '' : `${api.connections} connections for 100 tasks`;
  await proxied('squid: 100 tasks through tunnels that are kept alive', fine, {
    ...squid('http_access allow all'),
    tasks: 100,
    check: connects,
  });
  await proxied('squid: the host is not allowed', red(/denied the connection.*HTTP 403/, MAY), {
    ...squid('http_access deny all'),
  });
  const helper = join(folder, 'auth.sh');
  const accept = 'while read -r user _; do [ "$user" = user ] && echo OK || echo ERR; done';
  writeFileSync(helper, `#!/bin/sh\n${accept}\n`, { mode: 0o755 });
  const auth = [
    `auth_param basic program ${helper}`,
    'acl known proxy_auth REQUIRED',
    'http_access allow known',
    'http_access deny all',
  ].join('\n');
  await proxied('squid: a password is missing', red('requires a user and a password', MAY), {
    ...squid(auth),
  });
  await proxied('squid: a password is rejected', red('rejected the user or the password', MAY), {
    ...squid(auth),
    user: 'other:wrong',
  });
  await proxied('squid: a password is accepted', fine, { ...squid(auth), user: 'user:right' });
  const tinyproxy = (rules: string) => ({
    program: 'tinyproxy',
    config: (at: string, port: number) =>
      `Port ${port}\nListen 127.0.0.1\nTimeout 10\nMaxClients 50\nLogFile "${at}/log"\n${rules}\n`,
    args: (config: string) => ['-d', '-c', config],
  });
  await proxied('tinyproxy: 100 tasks', fine, { ...tinyproxy(''), tasks: 100, check: connects });
  await proxied('tinyproxy: the port is not allowed', red(/denied the connection.*HTTP 403/, MAY), {
    ...tinyproxy('ConnectPort 443'),
  });
} finally {
  for (const child of running) await end(child);
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${results.passed} passed, ${results.failed} failed, ${results.skipped} skipped`);
process.exitCode = results.failed === 0 ? 0 : 1;
