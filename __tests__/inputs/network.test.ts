import { describe, expect, test } from '@jest/globals';
import { checkProxy, settleNetworkEnvironment } from '../../src/inputs/network.ts';
import { FakeRunner } from '../support/fake-runner.ts';
import { inputErrorOf, OIDC, stopInputs, TOKEN } from './read-inputs.ts';

const runner = FakeRunner.forEachTest();

// Names of variables have no case on Windows: https_proxy and HTTPS_PROXY are one variable there, so
// that none can hide the other.
const testIfCaseCounts = process.platform === 'win32' ? test.skip : test;

const CHECK = new URL('https://codearts-check.cn-north-4.myhuaweicloud.com');

test.each([
  ['0', undefined],
  [' 0 ', undefined],
  ['1', '1'],
])('certificates are verified, whatever NODE_TLS_REJECT_UNAUTHORIZED is: %j', (value, left) => {
  runner.variable('NODE_TLS_REJECT_UNAUTHORIZED', value);
  stopInputs(runner, TOKEN);
  expect(process.env['NODE_TLS_REJECT_UNAUTHORIZED']).toBe(left);
});

describe('a proxy', () => {
  test.each(['http://proxy:3128', 'http://user:pass@proxy:3128', 'https://proxy', '10.0.0.1:3128'])(
    'may be %s',
    (proxy) => {
      runner.variable('https_proxy', proxy);
      expect(() => checkProxy(CHECK)).not.toThrow();
    },
  );

  test.each(['http://[::1]:3128', 'http://u:p@[2001:db8::1]', '[::1]:3128'])(
    'may have an address of IPv6: %s',
    (proxy) => {
      runner.variable('https_proxy', proxy);
      expect(() => checkProxy(CHECK)).not.toThrow();
    },
  );

  test.each(['https_proxy', 'HTTPS_PROXY'])(
    'that cannot be used is rejected by the name of %s, and not shown: it may hold a password',
    (name) => {
      for (const proxy of [
        'socks5://u:pass@proxy',
        'proxy:3128',
        'u:pass@pro xy',
        'http://:1',
        'http://u:100%@proxy',
      ]) {
        runner.variable(name, proxy);
        const found = process.platform === 'win32' ? 'https_proxy' : name;
        expect(inputErrorOf(() => checkProxy(CHECK))).toBe(
          `$${found} must be http://[user:password@]host[:port]`,
        );
      }
    },
  );

  test('is checked for every host on the way', () => {
    runner.variable('https_proxy', 'socks5://proxy');
    const error = '$https_proxy must be http://[user:password@]host[:port]';
    expect(inputErrorOf(() => stopInputs(runner, TOKEN))).toBe(error);

    runner.variable('no_proxy', '.myhuaweicloud.com');
    expect(stopInputs(runner, TOKEN).targets).toHaveLength(1);
    expect(stopInputs(runner, OIDC).targets).toHaveLength(1);
    const sts = { ...OIDC, 'sts-endpoint': 'sts.example.com' };
    expect(inputErrorOf(() => stopInputs(runner, sts))).toBe(error);

    runner.variable('ACTIONS_ID_TOKEN_REQUEST_URL', 'https://token.example.com/x');
    runner.variable('ACTIONS_ID_TOKEN_REQUEST_TOKEN', 'x');
    expect(inputErrorOf(() => stopInputs(runner, OIDC))).toBe(error);
    runner.variable('no_proxy', '.myhuaweicloud.com,token.example.com');
    expect(stopInputs(runner, OIDC).targets).toHaveLength(1);
  });

  test('does not matter for plain HTTP, which is loopback', () => {
    runner.variable('https_proxy', 'socks5://proxy');
    const inputs = { ...TOKEN, endpoint: 'http://127.0.0.1:1' };
    expect(stopInputs(runner, inputs).targets).toHaveLength(1);
  });

  test.each(
    ['https_proxy', 'HTTPS_PROXY', 'no_proxy', 'NO_PROXY'].flatMap((name) =>
      ['', ' ', ' \t\n'].map((value) => [name, value] as const),
    ),
  )('is as if %s were absent if it is blank: %j', (name, value) => {
    runner.variable(name, value);
    stopInputs(runner, TOKEN);
    expect(process.env).not.toHaveProperty(name);
  });

  testIfCaseCounts('is that of the spelling that is not blank', () => {
    runner.variable('https_proxy', ' ');
    runner.variable('HTTPS_PROXY', 'http://proxy:3128');
    runner.variable('NO_PROXY', '*');
    runner.variable('no_proxy', '');
    stopInputs(runner, TOKEN);
    expect(process.env).toMatchObject({ HTTPS_PROXY: 'http://proxy:3128', NO_PROXY: '*' });
    expect(process.env).not.toHaveProperty('https_proxy');
    expect(process.env).not.toHaveProperty('no_proxy');

    runner.variable('NO_PROXY', '');
    runner.variable('HTTPS_PROXY', 'socks5://proxy');
    expect(inputErrorOf(() => stopInputs(runner, TOKEN))).toMatch(/^\$HTTPS_PROXY must be/);
  });

  testIfCaseCounts('is that in lower case if both spellings have one', () => {
    runner.variable('https_proxy', 'socks5://lower');
    runner.variable('HTTPS_PROXY', 'http://upper:3128');
    expect(inputErrorOf(() => checkProxy(CHECK))).toMatch(/^\$https_proxy must be/);
  });
});

describe('no_proxy', () => {
  test.each(['no_proxy', 'NO_PROXY'])('in %s may have addresses of IPv6 in any form', (name) => {
    runner.variable(
      name,
      'example.com, ::1,2001:DB8::00ff , [2001:db8:0::1],[::1]:8443,.internal,10.0.0.1,*',
    );
    settleNetworkEnvironment();
    expect(process.env[name]).toBe(
      'example.com,[::1],[2001:db8::ff],[2001:db8::1],[::1]:8443,.internal,10.0.0.1,*',
    );
  });

  test('is known by http-client then', () => {
    runner.variable('https_proxy', 'socks5://proxy');
    const endpoint = 'https://[2001:db8::1]:8443';
    for (const [noProxy, isBypassed] of [
      ['2001:db8::2', false],
      ['2001:db8::1', true],
      ['[2001:0DB8::1]', true],
      ['[2001:db8::1]:8443', true],
    ] as const) {
      runner.variable('no_proxy', noProxy);
      const read = () => stopInputs(runner, { ...TOKEN, endpoint });
      if (isBypassed) expect(read().endpoint.href).toBe(`${endpoint}/`);
      else expect(inputErrorOf(read)).toContain('https_proxy');
    }
  });
});
