import { runInNewContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import { adaptBundle, condense } from '../../scripts/bundle-text.ts';

/** The places that are changed, as ncc writes them. */
const PLACES = [
  'module.exports = require("https");',
  'const external_node_crypto_namespaceObject = require("node:crypto");',
  'const external_node_https_namespaceObject = require("node:https");',
  'const promises_namespaceObject = require("node:timers/promises");',
  'var tunnel = __nccwpck_require__(770);',
  'const proxyAuth = (connectOptions) => new Buffer(connectOptions.proxyAuth);',
  'var external_http_namespaceObject = /*#__PURE__*/__nccwpck_require__.t(external_http_, 2);',
  'var external_https_namespaceObject = /*#__PURE__*/__nccwpck_require__.t(external_https_, 2);',
  'const external_os_namespaceObject = require("os");',
  'const external_crypto_namespaceObject = require("crypto");',
  'const { access, appendFile, writeFile } = external_fs_namespaceObject.promises;',
] as const;

const bundleWith = (...lines: string[]) => [...PLACES, ...lines].join('\n');

describe('an adapted bundle', () => {
  test('loads nothing of what is named before it is used', () => {
    const text = adaptBundle(bundleWith());
    const loaded: string[] = [];
    const load = (name: string | number) => {
      loaded.push(`${name}`);
      return { request: `request of ${name}` };
    };
    const used = runInNewContext(`${text}; () => [module.exports.request, tunnel.request]`, {
      module: {},
      require: load,
      __nccwpck_require__: load,
      external_http_: {},
      external_https_: {},
      external_fs_namespaceObject: {},
      process,
    });
    expect(loaded).toEqual([]);
    expect(used()).toEqual(['request of https', 'request of 770']);
    expect(loaded).toEqual(['https', '770']);
  });

  test('has what @actions/core takes of node:os', () => {
    const text = adaptBundle(bundleWith());
    const line = text.split('\n').find((one) => one.includes('external_os_namespaceObject = '));
    for (const [platform, EOL] of [
      ['win32', '\r\n'],
      ['linux', '\n'],
    ]) {
      const os = runInNewContext(`${line}; external_os_namespaceObject`, {
        process: { platform, arch: 'arm64' },
      });
      expect([os.EOL, os.platform(), os.arch()]).toEqual([EOL, platform, 'arm64']);
    }
  });

  test.each(PLACES)('is not built without %s', (place) => {
    const others = PLACES.filter((one) => one !== place).join('\n');
    expect(() => adaptBundle(others)).toThrow(/^The bundle has 0 places like .+, not one$/);
  });

  test.each(PLACES)('is not built with two of %s', (place) => {
    expect(() => adaptBundle(bundleWith(place))).toThrow(
      /^The bundle has 2 places like .+, not one$/,
    );
  });

  test.each([
    ['another member of node:os', 'external_os_namespaceObject.cpus()', 'os_namespaceObject.cpus'],
    ['node:os as a whole', 'f(external_os_namespaceObject)', 'os_namespaceObject'],
    [
      'another member of node:crypto',
      'external_crypto_namespaceObject.randomBytes(16)',
      'crypto_namespaceObject.randomBytes',
    ],
  ])('is not built when it uses %s', (_, use, named) => {
    expect(() => adaptBundle(bundleWith(use))).toThrow(
      `The bundle uses external_${named}, which its replacement does not have`,
    );
  });

  test('may use what the replacements have', () => {
    const use = 'f(external_os_namespaceObject.EOL, external_crypto_namespaceObject.randomUUID());';
    expect(adaptBundle(bundleWith(use))).toContain(use);
  });
});

describe('a condensed bundle', () => {
  const SOURCE = `
    function neverUsed() { return 'never used'; }
    function usedOnce(name) { if (name === '') return 'nobody'; return 'Grüße an ' + name; }
    function usedTwice(name) { const longName = name.trim(); log(longName); return longName; }
    class Greeter { greet(name) { return usedOnce(usedTwice(name)); } }
    module.exports = { greet: (name) => new Greeter().greet(usedTwice(name)) };`;
  const greetingOf = (text: string) => {
    const logged: string[] = [];
    const module = { exports: { greet: (_name: string) => '' } };
    runInNewContext(text, { module, log: (line: string) => logged.push(line) });
    return [module.exports.greet(' Ada '), module.exports.greet(' '), ...logged];
  };

  test('does what it did', async () => {
    expect(greetingOf(await condense(SOURCE))).toEqual(greetingOf(SOURCE));
    expect(greetingOf(SOURCE)).toContain('Grüße an Ada');
  });

  test('lacks what is never used, and has what is used once where it is used', async () => {
    const text = await condense(SOURCE);
    expect(text).not.toMatch(/never/);
    expect(text).toMatch(/return function usedOnce\(/);
    expect(text).toMatch(/^function usedTwice\(/m);
  });

  test('can be read: names of functions, classes and properties, and a line a statement', async () => {
    const text = await condense(SOURCE);
    for (const name of ['usedOnce', 'usedTwice', 'Greeter', 'greet']) expect(text).toContain(name);
    expect(text).toMatch(/^log\(\w\)$/m);
    expect(text).not.toContain('longName');
  });

  test('is ASCII', async () => {
    expect(await condense(SOURCE)).toMatch(/^[\0-\x7f]*$/);
  });

  test('is not made of what is no JavaScript', async () => {
    await expect(condense('function (')).rejects.toThrow();
  });
});
