import { spawn } from 'node:child_process';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HttpClient } from '@actions/http-client';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ENTRIES } from '../../scripts/bundle.ts';
import { issueCertificate } from '../support/certificates.ts';
import { startMockApi, TOKEN } from '../support/with-mock-api.ts';

// Dropping what is unused depends on how the bundled packages are written. A new version of
// @actions/core or @actions/http-client may undo it, and nothing but the time of a step would show.

const pathOf = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const textOf = (path: string) => readFileSync(pathOf(path), 'utf8');

/** The builtins that the bundles name. */
const NAMED = {
  'index.js': ['crypto', 'fs', 'http', 'https', 'net', 'os', 'url', 'util'],
  'job.js': ['crypto', 'fs', 'http', 'https', 'net', 'os', 'path', 'url', 'util'],
};
/** Public builtins that a stop loads and a bare POST does not. */
const LOADED = ['http', 'os'];
const LIMIT_KIB = 200;

describe('dist', () => {
  test('has the bundles, and a line for each entry that has none of its own', () => {
    const entries = ENTRIES.map(({ file }) => file);
    expect(readdirSync(pathOf('dist')).sort()).toEqual(
      [...entries, ...Object.keys(NAMED), 'licenses.txt', 'package.json'].sort(),
    );
    for (const { file, call } of ENTRIES) {
      expect(textOf(`dist/${file}`)).toBe(`require('./job.js').${call}();\n`);
    }
  });

  test('loses no module of src that is imported for its effect alone', () => {
    const files = readdirSync(pathOf('src'), { recursive: true, encoding: 'utf8' });
    const withEffect = files
      .filter((file) => file.endsWith('.ts'))
      .filter((file) => /^import ['"]/m.test(textOf(`src/${file}`)));
    expect(files).toContain('index.ts');
    expect(withEffect).toEqual([]);
  });

  test(`has at most ${LIMIT_KIB} KiB`, () => {
    const sizes = readdirSync(pathOf('dist')).map((file) => statSync(pathOf(`dist/${file}`)).size);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(LIMIT_KIB * 1024);
  });
});

describe.each(Object.entries(NAMED))('the bundle %s', (file, builtins) => {
  const bundle = textOf(`dist/${file}`);

  test('names the expected builtins, and no package', () => {
    const names = [...bundle.matchAll(/\brequire\("([^"]+)"\)/g)].map(([, name = '']) => name);
    expect(names.filter((name) => !isBuiltin(name))).toEqual([]);
    expect([...new Set(names.map((name) => name.replace('node:', '')))].sort()).toEqual(builtins);
  });

  test.each([
    ['undici', /ProxyAgent extends|DispatcherBase|class (Pool|Agent|Client) extends|llhttp/],
    ['tunnel', /TunnelingAgent|Proxy-Authorization/],
    ['@actions/exec', /ToolRunner|windowsVerbatimArguments|ExecState|argStringToArray/],
    ['@actions/io', /\bmkdirP\b|\brmRF\b|cpSync/],
    ['the summary of @actions/core', /class Summary\b|SUMMARY_ENV_VAR|\.promises\b/],
  ])('has nothing of %s', (_, code) => {
    expect(bundle).not.toMatch(code);
  });
});

describe('a stop over https', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'loaded-'));
    writeFileSync(join(folder, 'output'), '');
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  test('loads little more of Node.js than a bare POST does', async () => {
    const { tls, authorityFile } = await issueCertificate('localhost');
    const { endpoint } = await startMockApi({ scans: { bare: {}, step: {} }, tls });
    const bare = await loadedBy('scripts/bare-post.cjs', {
      NODE_EXTRA_CA_CERTS: authorityFile,
      ENDPOINT: endpoint,
      TASK_ID: 'bare',
      TOKEN,
    });
    const step = await loadedBy('dist/index.js', {
      NODE_EXTRA_CA_CERTS: authorityFile,
      'INPUT_TASK-ID': 'step',
      INPUT_TOKEN: TOKEN,
      'INPUT_EXECUTION-ID': 'current',
      INPUT_ENDPOINT: endpoint,
      GITHUB_OUTPUT: join(folder, 'output'),
      GITHUB_STEP_SUMMARY: join(folder, 'summary'),
    });
    expect(bare).toContain('https');
    expect(step.filter((name) => !bare.includes(name)).sort()).toEqual(LOADED);
  });

  async function loadedBy(
    script: string,
    env: Readonly<Record<string, string>>,
  ): Promise<string[]> {
    const preload = pathOf('__tests__/scripts/loaded-builtins.cjs');
    const file = join(folder, 'loaded');
    const child = spawn(process.execPath, ['--require', preload, pathOf(script)], {
      env: { SystemRoot: process.env['SystemRoot'], LOADED_FILE: file, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    child.stdout.resume();
    const exitCode = await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    expect(exitCode).toBe(0);
    return JSON.parse(readFileSync(file, 'utf8'));
  }
});

describe.each([
  ['undici', 'getAgentDispatcher'],
  ['tunnel', 'getAgent'],
] as const)('the stub of %s', (name, use) => {
  test('is installed wherever the package would be', () => {
    expect(realpathSync(pathOf(`node_modules/${name}`))).toBe(pathOf(`stubs/${name}`));
    const lock: { packages: Record<string, unknown> } = JSON.parse(textOf('package-lock.json'));
    const installed = Object.entries(lock.packages).filter(([path]) =>
      path.endsWith(`node_modules/${name}`),
    );
    expect(installed).toEqual([
      [`node_modules/${name}`, { resolved: `stubs/${name}`, link: true }],
    ]);
  });

  test.each(['http://user:password@proxy.example.com:3128', 'https://proxy.example.com'])(
    'throws an error that names it, should it ever be used: %s',
    (proxy) => {
      process.env['https_proxy'] = proxy;
      try {
        expect(() => new HttpClient('test')[use]('https://check.example.com/')).toThrow(
          new Error(`${name} is not bundled: see stubs/${name}`),
        );
      } finally {
        delete process.env['https_proxy'];
      }
    },
  );
});
