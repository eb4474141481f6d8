import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { USER_AGENT, VERSION } from '../src/version.ts';

const manifest: unknown = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
);

test('the version that the action claims is that of package.json', () => {
  expect(manifest).toMatchObject({ version: VERSION });
});

test('the user agent names the action and its version', () => {
  expect(manifest).toMatchObject({ name: USER_AGENT.split('/')[0] });
  expect(USER_AGENT).toBe(`stop-codearts-check-task/${VERSION}`);
});
