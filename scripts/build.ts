// Builds dist/ from src/: tsc strips the types, ncc bundles the result, terser drops what is unused.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { minifyBundle, writeEntries } from './bundle.ts';

const run = (tool: string, ...args: string[]) =>
  execFileSync(process.execPath, [`node_modules/${tool}`, ...args], { stdio: 'inherit' });

for (const folder of ['build', 'dist']) rmSync(folder, { recursive: true, force: true });
run('typescript/bin/tsc', '--project', 'tsconfig.build.json');
// ncc bundles in the format of the package.json nearest to its entry, and a CommonJS bundle starts
// faster than an ES module.
writeFileSync('build/package.json', '{}\n');
run(
  '@vercel/ncc/dist/ncc/cli.js',
  ...[
    'build',
    'build/index.js',
    '--out',
    'build/bundle',
    '--license',
    'licenses.txt',
    '--no-cache',
  ],
);
mkdirSync('dist');
writeFileSync('dist/bundle.js', await minifyBundle(readFileSync('build/bundle/index.js', 'utf8')));
writeFileSync('dist/package.json', '{ "type": "commonjs" }\n');
copyFileSync('build/bundle/licenses.txt', 'dist/licenses.txt');
writeEntries('dist');
