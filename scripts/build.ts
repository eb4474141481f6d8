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
mkdirSync('dist');
for (const name of ['index', 'job']) {
  const out = `build/bundle-${name}`;
  const options = ['--out', out, '--license', 'licenses.txt', '--no-cache'];
  run('@vercel/ncc/dist/ncc/cli.js', 'build', `build/${name}.js`, ...options);
  const bundle = readFileSync(`${out}/index.js`, 'utf8');
  writeFileSync(`dist/${name}.js`, await minifyBundle(bundle));
}
// Both bundles are made of the same packages.
copyFileSync('build/bundle-job/licenses.txt', 'dist/licenses.txt');
writeFileSync('dist/package.json', '{ "type": "commonjs" }\n');
writeEntries('dist');
