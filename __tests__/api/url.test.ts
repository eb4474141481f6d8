import { expect, test } from '@jest/globals';
import { callUrl } from '../../src/api/url.ts';

test.each([
  ['https://a.example.com', {}, 'https://a.example.com/v2/x'],
  ['https://a.example.com/', {}, 'https://a.example.com/v2/x'],
  ['https://a.example.com:8443/b/', {}, 'https://a.example.com:8443/b/v2/x'],
  ['http://[::1]:8080/b', {}, 'http://[::1]:8080/b/v2/x'],
  ['https://a.example.com', { job_id: 'e-1_2' }, 'https://a.example.com/v2/x?job_id=e-1_2'],
  ['https://a.example.com', { a: '1', b: 'x&y=z' }, 'https://a.example.com/v2/x?a=1&b=x%26y%3Dz'],
])('a call below %s with the query %j is %s', (endpoint, query, url) => {
  const given = new URL(endpoint);
  expect(callUrl(given, '/v2/x', query).href).toBe(url);
  expect(given.href).toBe(new URL(endpoint).href);
});

test('a call without a query has none', () => {
  expect(callUrl(new URL('https://a.example.com'), '/v2/x').href).toBe(
    'https://a.example.com/v2/x',
  );
});
