import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path/posix';
import { describe, expect, test } from '@jest/globals';

// One direction: entries → actions → report → tasks, credentials → api → http → time. `inputs`
// imports no other room; `actions` reads them, and the others know only their types.
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  entries: ['actions', 'time'],
  actions: ['report', 'tasks', 'credentials', 'api', 'http', 'time', 'inputs'],
  report: ['tasks', 'credentials', 'api', 'http', 'time', 'inputs'],
  tasks: ['api', 'http', 'time', 'inputs'],
  credentials: ['api', 'http', 'time', 'inputs'],
  api: ['http', 'time', 'inputs'],
  http: ['time', 'version'],
  inputs: [],
  time: [],
  version: [],
};

// What a room may use from outside besides Node.js. Printing, outputs and saved state need
// @actions/core: nothing below `report` does that.
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  actions: ['@actions/core'],
  report: ['@actions/core'],
  http: ['@actions/http-client', 'p-limit'],
  inputs: ['@actions/core', '@actions/http-client'],
};

interface Import {
  readonly from: string;
  /** A path below `src/`, or the name of a package. */
  readonly to: string;
  /** Whether it is erased: of types alone. */
  readonly typesOnly: boolean;
}

/** The files below `src/`, by their paths. */
type Sources = ReadonlyMap<string, string>;

function readSources(): Sources {
  const folder = join(import.meta.dirname, '../src');
  const paths = globSync('**/*.ts', { cwd: folder }).map((path) => path.replaceAll('\\', '/'));
  return new Map(paths.map((path) => [path, readFileSync(join(folder, path), 'utf8')]));
}

/** `import … from`, `export … from`, `import '…'` and `import('…')`. */
function importsOf(sources: Sources): Import[] {
  return [...sources].flatMap(([from, text]) => {
    const code = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
    return [
      ...code.matchAll(/\b(?:(import|export)\b([^;'"]*?)\bfrom|import\s*\(?)\s*['"]([^'"]+)['"]/g),
    ].map(
      ([, , names = '', target = '']): Import => ({
        from,
        to: target.startsWith('.') ? join(dirname(from), target) : target,
        typesOnly: isErased(names),
      }),
    );
  });
}

// `import type { A }`, or `import { type A, type B }`.
function isErased(names: string): boolean {
  if (/^\s*type\b/.test(names)) return true;
  const inner = /^\s*\{([^}]*)\}\s*$/.exec(names)?.[1]?.split(',') ?? [];
  const given = inner.filter((name) => name.trim() !== '');
  return given.length > 0 && given.every((name) => /^\s*type\s/.test(name));
}

function roomOf(path: string): string {
  const [room = '', ...rest] = path.split('/');
  if (rest.length > 0) return room;
  const name = room.replace(/\.ts$/, '');
  return name in MAY_IMPORT ? name : 'entries';
}

const describeImport = ({ from, to }: Import) => `${from} imports ${to}`;

/** Imports between rooms that go in a wrong direction. */
function wrongDirections(sources: Sources): string[] {
  return importsOf(sources)
    .filter(({ to }) => sources.has(to))
    .filter(({ from, to, typesOnly }) => {
      const [room, other] = [roomOf(from), roomOf(to)];
      if (room === other) return false;
      const onlyTypes = other === 'inputs' && room !== 'actions';
      return !MAY_IMPORT[room]?.includes(other) || (onlyTypes && !typesOnly);
    })
    .map(describeImport);
}

/** Imports of packages that the room has no business with, and of files that do not exist. */
function wrongPackages(sources: Sources): string[] {
  return importsOf(sources)
    .filter(({ from, to }) => {
      if (sources.has(to) || to.startsWith('node:')) return false;
      const [scope = '', name = ''] = to.split('/');
      const packageName = scope.startsWith('@') ? `${scope}/${name}` : scope;
      return !PACKAGES[roomOf(from)]?.includes(packageName);
    })
    .map(describeImport);
}

/** Files that import each other, directly or by way of others; types count. */
function cycles(sources: Sources): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const targets = Map.groupBy(importsOf(sources), ({ from }) => from);
  const visit = (path: string, way: readonly string[]) => {
    const start = way.indexOf(path);
    if (start >= 0) found.push([...way.slice(start), path].join(' → '));
    if (start >= 0 || done.has(path)) return;
    for (const { to } of targets.get(path) ?? []) visit(to, [...way, path]);
    done.add(path);
  };
  for (const path of sources.keys()) visit(path, []);
  return found;
}

describe('the sources', () => {
  const sources = readSources();

  test('are all read', () => {
    const rooms = new Set([...sources.keys()].map(roomOf));
    expect([...rooms].sort()).toEqual(Object.keys(MAY_IMPORT).sort());
    expect(importsOf(sources).length).toBeGreaterThan(sources.size);
  });

  test('import each other in one direction only', () => {
    expect(wrongDirections(sources)).toEqual([]);
  });

  test('import no package that their room has no use for', () => {
    expect(wrongPackages(sources)).toEqual([]);
  });

  test('read the environment in one room only', () => {
    const readers = [...sources].filter(([, text]) => /\bprocess\.env\b/.test(text));
    expect([...new Set(readers.map(([path]) => roomOf(path)))]).toEqual(['inputs']);
  });

  test('have no cycles', () => {
    expect(cycles(sources)).toEqual([]);
  });
});

describe('the check of the sources finds', () => {
  const sourcesWith = (files: Readonly<Record<string, string>>): Sources =>
    new Map(Object.entries({ 'api/b.ts': '', 'inputs/b.ts': '', 'report/b.ts': '', ...files }));

  test.each([
    ['an import', "import { b } from '../report/b.ts';"],
    ['an import of several lines', "import {\n  a,\n  b,\n} from '../report/b.ts';"],
    ['an import of everything', "import * as b from '../report/b.ts';"],
    ['a default import', "import b from '../report/b.ts';"],
    ['an import of a type', "import type { B } from '../report/b.ts';"],
    ['an import of nothing', "import '../report/b.ts';"],
    ['a dynamic import', "const b = await import('../report/b.ts');"],
    ['the type of an import', "let b: import('../report/b.ts').B;"],
    ['an export', "export { b } from '../report/b.ts';"],
    ['an export of everything', "export * from '../report/b.ts';"],
    ['one after another', "import { c } from './c.ts';\nimport { b } from '../report/b.ts';"],
  ])('%s in a wrong direction', (_, text) => {
    expect(wrongDirections(sourcesWith({ 'api/a.ts': text }))).toEqual([
      'api/a.ts imports report/b.ts',
    ]);
  });

  test.each([
    ['a comment', "// import { b } from '../report/b.ts';\n/* import '../report/b.ts'; */"],
    ['the same room', "import { b } from './b.ts';"],
    ['types of the inputs', "import type { B } from '../inputs/b.ts';"],
    ['types of the inputs by name', "import { type A, type B } from '../inputs/b.ts';"],
  ])('nothing wrong with %s', (_, text) => {
    expect(wrongDirections(sourcesWith({ 'api/a.ts': text }))).toEqual([]);
  });

  test.each([
    ['inputs/a.ts', "import type { B } from '../api/b.ts';", 'api/b.ts'],
    ['api/a.ts', "import { b } from '../inputs/b.ts';", 'inputs/b.ts'],
    ['api/a.ts', "import { type A, b } from '../inputs/b.ts';", 'inputs/b.ts'],
    ['tasks/a.ts', "import type { B } from '../credentials/b.ts';", 'credentials/b.ts'],
    ['credentials/a.ts', "import type { B } from '../tasks/b.ts';", 'tasks/b.ts'],
    ['http/a.ts', "import type { B } from '../inputs/b.ts';", 'inputs/b.ts'],
    ['index.ts', "import { b } from './report/b.ts';", 'report/b.ts'],
    ['time.ts', "import { b } from './report/b.ts';", 'report/b.ts'],
  ])('%s: %s', (from, text, to) => {
    const sources = sourcesWith({ 'tasks/b.ts': '', 'credentials/b.ts': '', [from]: text });
    expect(wrongDirections(sources)).toEqual([`${from} imports ${to}`]);
  });

  test('a package in a wrong room, and a file that does not exist', () => {
    const text = "import { info } from '@actions/core';\nimport { b } from './missing.ts';";
    expect(wrongPackages(sourcesWith({ 'api/a.ts': text }))).toEqual([
      'api/a.ts imports @actions/core',
      'api/a.ts imports api/missing.ts',
    ]);
  });

  test('cycles of two and of three files, also of types', () => {
    const sources = sourcesWith({
      'api/a.ts': "import type { B } from './b.ts';",
      'api/b.ts': "import { a } from './a.ts';",
      'http/a.ts': "import './b.ts';",
      'http/b.ts': "export * from './c.ts';",
      'http/c.ts': "import { type A } from './a.ts';",
    });
    expect(cycles(sources).toSorted()).toEqual([
      'api/b.ts → api/a.ts → api/b.ts',
      'http/a.ts → http/b.ts → http/c.ts → http/a.ts',
    ]);
  });
});
