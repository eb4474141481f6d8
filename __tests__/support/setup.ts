import './patch-instanceof.ts';
import { afterAll, afterEach, beforeEach } from '@jest/globals';
import fc from 'fast-check';
import nock from 'nock';

// fast-check prints the smallest case of a property that fails: add it to the property's `examples`.
fc.configureGlobal({ numRuns: 200 });

// The machine that runs the tests may need a proxy for the internet, but loopback is reached directly.
for (const name of ['http_proxy', 'https_proxy', 'no_proxy']) {
  delete process.env[name];
  delete process.env[name.toUpperCase()];
}

beforeEach(() => {
  nock.disableNetConnect();
});

afterEach(() => {
  nock.cleanAll();
});

// Jest gives each test file its own nock, but all of them patch the same node:net: one that is not
// restored would intercept the connections of the next test file.
afterAll(() => {
  nock.restore();
});
