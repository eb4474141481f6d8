import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { CHECK_HOSTS } from '../src/inputs/endpoints.ts';
import { OUTPUT_NAMES } from '../src/report/outputs.ts';

interface Declared {
  readonly description: string;
  readonly default?: string;
}
const action = parse(readFileSync('action.yml', 'utf8')) as {
  readonly inputs: Readonly<Record<string, Declared>>;
  readonly outputs: Readonly<Record<string, Declared>>;
  readonly runs: { readonly using: string; readonly main: string };
};

test('every output that is declared is set, and every one that is set is declared', () => {
  expect(Object.keys(action.outputs)).toEqual(OUTPUT_NAMES);
});

test('no input is declared and ignored', () => {
  const source = readFileSync('src/inputs/inputs.ts', 'utf8');
  const ignored = Object.keys(action.inputs).filter((name) => !source.includes(`'${name}'`));
  expect(Object.keys(action.inputs)).toHaveLength(16);
  expect(ignored).toEqual([]);
});

test('the description of region names every region that is known', () => {
  const named = action.inputs['region']?.description.match(/`[a-z]+-[a-z]+-\d+`/g) ?? [];
  expect(new Set(named)).toEqual(new Set([...CHECK_HOSTS.keys()].map((name) => `\`${name}\``)));
});

test('nothing in it is an expression, which GitHub would evaluate', () => {
  expect(readFileSync('action.yml', 'utf8')).not.toContain('${{');
});

test('it runs the bundle on Node.js 24', () => {
  expect(action.runs).toEqual({ using: 'node24', main: 'dist/index.js' });
  expect(existsSync(action.runs.main)).toBe(true);
});
