import { HttpClient } from '@actions/http-client';
import { expect, test } from '@jest/globals';
import nock from 'nock';

test('a request that no test has announced fails, and reaches no network', async () => {
  await expect(
    new HttpClient('test').post('https://codearts-check.example.com/', '{}'),
  ).rejects.toThrow('Nock: Disallowed net connect');
  await expect(new HttpClient('test').post('http://127.0.0.1:9/', '{}')).rejects.toThrow(
    'Nock: Disallowed net connect',
  );
});

test('a request that a test has announced gets its response', async () => {
  nock('https://codearts-check.example.com').post('/').reply(418, 'a teapot');
  const response = await new HttpClient('test').post('https://codearts-check.example.com/', '{}');
  expect(response.message.statusCode).toBe(418);
  expect(await response.readBody()).toBe('a teapot');
});
