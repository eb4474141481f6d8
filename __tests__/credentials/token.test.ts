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

test('what is told about a token says how to get another, and never the token', () => {
  const { name, hint } = tokenCredential('MIIF+token/==');
  expect(name).toBe('a token');
  expect(hint).toContain('24 hours');
  expect(name + hint).not.toContain('MIIF');
});
