import { readFileSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { platform } from '@actions/core';
import { HttpClient } from '@actions/http-client';
import { afterEach, describe, expect, test } from '@jest/globals';

const pathOf = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const textOf = (path: string) => readFileSync(pathOf(path), 'utf8');

/** What takes the place of a package, and where it is. */
const STUBS = [
  ['undici', 'stubs/undici'],
  ['@actions/exec', 'stubs/exec'],
] as const;

describe('whoever comes to need a package that is not bundled', () => {
  afterEach(() => {
    delete process.env['https_proxy'];
  });

  test.each([true, false])('learns it of undici from an error (keepAlive: %s)', (keepAlive) => {
    process.env['https_proxy'] = 'http://user:password@proxy.example.com:3128';
    const client = new HttpClient('test', [], { keepAlive });
    expect(() => client.getAgentDispatcher('https://check.example.com/')).toThrow(
      new Error('undici is not bundled: see stubs/undici'),
    );
  });

  test('needs no undici where there is no proxy', () => {
    const client = new HttpClient('test');
    expect(client.getAgentDispatcher('https://check.example.com/')).toBeUndefined();
  });

  test('learns it of @actions/exec from an error', async () => {
    await expect(platform.getDetails()).rejects.toThrow(
      new Error('@actions/exec is not bundled: see stubs/exec'),
    );
  });
});

describe.each(STUBS)('%s', (name, stub) => {
  test('is the mock API, wherever it is installed', () => {
    expect(realpathSync(pathOf(`node_modules/${name}`))).toBe(pathOf(stub));
    const lock: { packages: Record<string, unknown> } = JSON.parse(textOf('package-lock.json'));
    const installed = Object.entries(lock.packages).filter(([path]) =>
      path.endsWith(`node_modules/${name}`),
    );
    expect(installed).toEqual([[`node_modules/${name}`, { resolved: stub, link: true }]]);
  });

  test('may not become the real one by an update: package.json overrides it', () => {
    const { devDependencies, overrides } = JSON.parse(textOf('package.json'));
    expect(devDependencies[name]).toBe(`file:${stub}`);
    expect(overrides[name]).toBe(`$${name}`);
  });
});

describe('the committed bundle', () => {
  const bundle = textOf('dist/index.js');

  test('has the mock API of undici', () => {
    expect(bundle.match(/class ProxyAgent\b/g)).toHaveLength(1);
    expect(bundle).toMatch(
      /class ProxyAgent\s*\{\s*constructor\(\)\s*\{\s*throw new Error\("undici is not bundled: see stubs\/undici"\);?\s*\}\s*\}/,
    );
  });

  test.each([
    ['undici', /ProxyAgent extends|DispatcherBase|class (Pool|Agent|Client) extends|kDispatch\b/],
    ['undici’s parser', /llhttp|WebAssembly/],
    [
      'undici’s inner modules',
      /undici\/(lib|index-fetch)|require\("node:(http2|sqlite|perf_hooks)"\)/,
    ],
    ['@actions/exec', /class ToolRunner|windowsVerbatimArguments|ExecState|argStringToArray/],
    ['what @actions/exec brings along', /@actions\/(exec|io)\/lib|child_process/],
  ])('has nothing of the real %s', (_, code) => {
    expect(bundle).not.toMatch(code);
  });

  test('is as small as it is without them', () => {
    expect(Buffer.byteLength(bundle)).toBeLessThan(100 * 1024);
  });
});
