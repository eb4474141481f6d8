import './patch-instanceof.ts';
import { afterAll, afterEach, beforeEach } from '@jest/globals';
import fc from 'fast-check';
import nock from 'nock';

// fast-check prints the seed and the smallest case of a property that fails: keep that case in the
// `examples` of the property.
fc.configureGlobal({ numRuns: 200 });

// A proxy of whoever runs the tests is on no test's way.
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

// Jest gives each test file a nock of its own, and all of them the same node:net to patch: one that
// stays behind would intercept the next one's connections, which intercepts them back.
afterAll(() => {
  nock.restore();
});
