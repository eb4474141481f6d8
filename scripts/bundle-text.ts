import { minify } from 'terser';

/**
 * Builtins of Node.js that the bundle loads when they are first used, and not before: ncc has all of
 * them loaded at the start, where TLS and cryptography alone take a fifth of the time of a stop.
 */
const BUILTINS = ['https', 'node:crypto', 'node:https', 'node:timers/promises'] as const;

const HELPERS = `\
const lazy = (load) => new Proxy({}, { get: (_target, name) => load()[name] });
`;

// What takes time at the start of every step, and what Node.js warns of; each in exactly one place.
const REPLACED = [
  {
    // Only a proxy needs it, and what it loads itself: TLS and assertions.
    what: /^var tunnel = (__nccwpck_require__\(\d+\));$/m,
    by: 'var tunnel = lazy(() => $1);',
  },
  {
    // https://nodejs.org/api/deprecations.html#dep0005-buffer-constructor
    what: /\bnew Buffer\((connectOptions\.proxyAuth)\)/m,
    by: 'Buffer.from($1)',
  },
  {
    // It has http-client read two builtins member by member through a copy of them.
    what: /^(var external_http_namespaceObject = ).*\.t\((external_http_), 2\);$/m,
    by: '$1$2;',
  },
  {
    what: /^(var external_https_namespaceObject = ).*\.t\((external_https_), 2\);$/m,
    by: '$1$2;',
  },
  {
    // What @actions/core takes of it, by the same rules: https://nodejs.org/api/os.html
    what: /^(const external_os_namespaceObject = )require\("os"\);$/m,
    by:
      '$1{ EOL: process.platform === "win32" ? "\\r\\n" : "\\n", ' +
      'platform: () => process.platform, arch: () => process.arch };',
  },
  {
    // It names the end of an output's value. @actions/core refuses a value that contains it, so that
    // it has to be unlikely, and need not be a secret.
    what: /^(const external_crypto_namespaceObject = )require\("crypto"\);$/m,
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

// All that there is of the builtins that are replaced above.
const MEMBERS = { os: ['EOL', 'platform', 'arch'], crypto: ['randomUUID'] } as const;

/**
 * Makes a bundle of ncc load {@link BUILTINS} when it first uses them, and puts others in the place of
 * the parts in {@link REPLACED}.
 *
 * @param bundle the text of a CommonJS bundle
 * @throws Error where the bundle does not load one of them in the way that is known, exactly once, or
 *   uses more of it than its replacement has
 */
export function adaptBundle(bundle: string): string {
  let text = bundle;
  for (const name of BUILTINS) {
    text = replaceOnce(
      text,
      new RegExp(`^(module\\.exports|const \\w+) = require\\("${name}"\\);$`, 'm'),
      `$1 = lazy(() => require("${name}"));`,
    );
  }
  for (const { what, by } of REPLACED) text = replaceOnce(text, what, by);
  for (const [name, members] of Object.entries(MEMBERS)) refuseOthers(text, name, members);
  return HELPERS + text;
}

function refuseOthers(bundle: string, name: string, members: readonly string[]): void {
  // With whatever comes after the name, so that a use of the whole is found, too.
  for (const [use, member] of bundle.matchAll(
    new RegExp(`\\bexternal_${name}_namespaceObject\\b(?! = )(?:\\.(\\w+))?`, 'g'),
  )) {
    if (member !== undefined && members.includes(member)) continue;
    throw new Error(`The bundle uses ${use}, which its replacement does not have`);
  }
}

/**
 * Makes a bundle short to compile. What is never used goes. A function that is used once moves to the
 * place of its use: V8 compiles one that is called where it stands at once, and scans any other twice.
 * Variables and private properties get short names. So that a person can read what a commit changes,
 * functions, classes and public properties keep theirs, and there is a line for each statement.
 *
 * @param bundle the text of a script
 * @throws Error where it is no JavaScript
 */
export async function condense(bundle: string): Promise<string> {
  const { code } = await minify(bundle, {
    ecma: 2020,
    toplevel: true,
    keep_classnames: true,
    keep_fnames: true,
    compress: {
      passes: 3,
      // These would make one long statement of several.
      conditionals: false,
      if_return: false,
      join_vars: false,
      sequences: false,
      // These would save bytes, and no time.
      booleans: false,
      comparisons: false,
    },
    format: {
      semicolons: false,
      preamble: '// Made by `npm run build`: see CONTRIBUTING.md.',
      // V8 reads a text of one-byte characters faster.
      ascii_only: true,
    },
  });
  return code as string;
}

function replaceOnce(text: string, pattern: RegExp, replacement: string): string {
  const count = text.match(new RegExp(pattern, 'gm'))?.length ?? 0;
  if (count !== 1) throw new Error(`The bundle has ${count} places like ${pattern}, not one`);
  return text.replace(pattern, replacement);
}
