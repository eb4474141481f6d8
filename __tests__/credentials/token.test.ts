import { expect, test } from '@jest/globals';
import { tokenCredential } from '../../src/credentials/token.ts';
import type { HttpRequest } from '../../src/http/transport.ts';

const NOW = new Date('2026-11-24T12:00:00Z');

const request: HttpRequest = Object.freeze({
  method: 'POST',
  url: new URL('https://check.example.com/v2/tasks/abc/stop'),
  headers: Object.freeze({ 'content-type': 'application/json' }),
  body: '{}',
});

test('a token is sent as it is, and nothing else about the request changes', () => {
  expect(tokenCredential('MIIF+token/==').authorize(request, NOW)).toEqual({
    ...request,
    headers: { 'content-type': 'application/json', 'x-auth-token': 'MIIF+token/==' },
  });
});

test('the hint about a token says how long one is valid, and never the token', () => {
  const { hint } = tokenCredential('MIIF+token/==');
  expect(hint).toContain('24 hours');
  expect(hint).toContain('access-key-id, secret-access-key');
  expect(hint).not.toContain('MIIF');
});

// The step cannot request another one.
test('a token never counts as one that can be renewed', () => {
  expect(tokenCredential('MIIF+token/==').hasExpired(new Date(8.64e15))).toBe(false);
});
