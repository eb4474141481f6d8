/**
 * Builtins of Node.js that the bundle loads when they are first used, and not before: ncc has all of
 * them loaded at the start, where TLS and cryptography alone take a fifth of the time of a stop.
 */
const BUILTINS = [
  'assert',
  'https',
  'tls',
  'node:crypto',
  'node:https',
  'node:timers/promises',
] as const;

const HELPERS = `\
// Loaded when first used: see scripts/bundle-text.ts.
const lazy = (load, names) => new Proxy(Object.fromEntries(names.map((name) => [name])), {
	get: (_target, name) => load()[name] });
`;

// What @actions/core has two more modules for, each for one thing, both of which every step needs.
const REPLACED = [
  {
    // It names the end of an output's value. @actions/core refuses a value that contains it, so that
    // it has to be unlikely, and need not be a secret.
    what: /^(const \w+ = )require\("crypto"\);$/m,
    by: '$1{ randomUUID: () => Math.random() + "-" + Math.random() };',
  },
  {
    // It writes the job summary: a small file, once, at the end.
    what: /^(const \{ access, appendFile, writeFile \} = )(\w+)\.promises;$/m,
    by:
      '$1Object.fromEntries(["access", "appendFile", "writeFile"].map(' +
      '(name) => [name, async (...args) => $2[name + "Sync"](...args)]));',
  },
] as const;

/**
 * Makes a bundle of ncc load {@link BUILTINS} when it first uses them, and {@link REPLACED} never.
 *
 * @param bundle the text of a CommonJS bundle
 * @throws Error where the bundle does not load one of them in the way that is known, exactly once
 */
export function loadBuiltinsLazily(bundle: string): string {
  let text = bundle;
  for (const name of BUILTINS) {
    // The bundler copies a module that it hands on as a whole, member by member.
    const names = /https$/.test(name) ? Object.keys(process.getBuiltinModule(name)) : [];
    text = replaceOnce(
      text,
      new RegExp(`^(module\\.exports|const \\w+) = require\\("${name}"\\);$`, 'm'),
      `$1 = lazy(() => require("${name}"), ${JSON.stringify(names)});`,
    );
  }
  for (const { what, by } of REPLACED) text = replaceOnce(text, what, by);
  return HELPERS + text;
}

/**
 * Writes every character that is not ASCII as an escape, which JavaScript takes for the same: V8
 * reads a text of one-byte characters faster.
 */
export function escapeNonAscii(bundle: string): string {
  return bundle.replace(
    /[^\0-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function replaceOnce(text: string, pattern: RegExp, replacement: string): string {
  const count = text.match(new RegExp(pattern, 'gm'))?.length ?? 0;
  if (count !== 1) throw new Error(`The bundle has ${count} places like ${pattern}, not one`);
  return text.replace(pattern, replacement);
}
