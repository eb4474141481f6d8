// Builds dist/ from src/: tsc strips the types, ncc bundles what it leaves.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { adaptBundle, condense } from './bundle-text.ts';

const run = (tool: string, ...args: string[]) =>
  execFileSync(process.execPath, [`node_modules/${tool}`, ...args], { stdio: 'inherit' });

for (const folder of ['build', 'dist']) rmSync(folder, { recursive: true, force: true });
run('typescript/bin/tsc', '--project', 'tsconfig.build.json');
// ncc takes the format of the bundle from the package.json nearest to its entry, and a CommonJS
// entry starts sooner than an ES module.
writeFileSync('build/package.json', '{}\n');
run(
  '@vercel/ncc/dist/ncc/cli.js',
  ...['build', 'build/index.js', '--out', 'dist', '--license', 'licenses.txt', '--no-cache'],
);
const bundle = readFileSync('dist/index.js', 'utf8');
writeFileSync('dist/index.js', `${await condense(adaptBundle(bundle))}\n`);
writeFileSync('dist/package.json', '{ "type": "commonjs" }\n');
