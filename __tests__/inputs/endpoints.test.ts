import { BlockList, isIP } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  CHECK_HOSTS,
  DEFAULT_REGION,
  isLoopback,
  newestHost,
  parseEndpoint,
  regionEndpoint,
} from '../../src/inputs/endpoints.ts';
import { InputError } from '../../src/inputs/input-error.ts';
import { outsideText } from '../support/fake-runner.ts';

function accepted(value: string): URL | undefined {
  try {
    return parseEndpoint(value, 'endpoint');
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    expect(error).toMatchObject({
      message: expect.stringMatching(/^endpoint must be a host name/),
    });
    return undefined;
  }
}

describe('the endpoint of a region', () => {
  test.each([
    ['cn-north-4', 'https://codearts-check.cn-north-4.myhuaweicloud.com/'],
    ['cn-north-1', 'https://codearts-check.cn-north-4.myhuaweicloud.com/'],
    ['cn-south-1', 'https://codearts-check.cn-south-1.myhuaweicloud.com/'],
    ['cn-east-2', 'https://codearts-check.cn-south-1.myhuaweicloud.com/'],
    ['cn-east-3', 'https://codearts-check.cn-south-1.myhuaweicloud.com/'],
    ['cn-southwest-2', 'https://codearts-check.cn-south-1.myhuaweicloud.com/'],
    ['ap-southeast-3', 'https://devcloud.ap-southeast-3.myhuaweicloud.com/'],
    ['la-north-2', 'https://devcloud.la-north-2.myhuaweicloud.com/'],
    ['sa-brazil-1', 'https://devcloud.sa-brazil-1.myhuaweicloud.com/'],
    ['eu-west-101', 'https://check.eu-west-101.myhuaweicloud.eu/'],
  ])('%s is %s', (region, href) => {
    expect(regionEndpoint(region, 'region', false).href).toBe(href);
  });

  test.each([
    ['ap-southeast-3', 'codearts-check.ap-southeast-3.myhuaweicloud.com'],
    ['la-north-2', 'codearts-check.la-north-2.myhuaweicloud.com'],
    ['sa-brazil-1', 'codearts-check.sa-brazil-1.myhuaweicloud.com'],
    ['cn-north-1', 'codearts-check.cn-north-4.myhuaweicloud.com'],
    ['cn-east-3', 'codearts-check.cn-south-1.myhuaweicloud.com'],
    ['eu-west-101', 'check.eu-west-101.myhuaweicloud.eu'],
  ])('for a call that old hosts do not know, %s is %s', (region, host) => {
    expect(regionEndpoint(region, 'region', true).href).toBe(`https://${host}/`);
    expect(newestHost(region)).toBe(host);
  });

  test('no region has an old host for the newest calls, or a host that is not a host', () => {
    expect([...CHECK_HOSTS.keys()]).toHaveLength(10);
    for (const region of CHECK_HOSTS.keys()) {
      const { host, href } = regionEndpoint(region, 'region', true);
      expect(href).toBe(`https://${host}/`);
      expect(host).toMatch(/^(codearts-)?check\.[a-z]+-[a-z]+-\d+\.myhuaweicloud\.(com|eu)$/);
    }
    expect(newestHost('mars-1')).toBeUndefined();
  });

  test('is known for the default region', () => {
    expect(regionEndpoint(DEFAULT_REGION, 'region', false).host).toContain('cn-north-4');
  });

  test.each(['cn-north-9', 'CN-NORTH-4', '', 'constructor', 'cn-north-4.evil.com'])(
    "'%s' is rejected, with the list of the known",
    (region) => {
      const known = [...CHECK_HOSTS.keys()].join(', ');
      for (const newest of [false, true]) {
        expect(() => regionEndpoint(region, 'region', newest)).toThrow(
          new InputError('region', `must be one of these regions: ${known}`, region),
        );
      }
    },
  );
});

describe('an endpoint that a user sets', () => {
  test.each([
    ['a host name', 'check.example.com', 'https://check.example.com/'],
    ['a host name in capitals', 'Check.Example.COM', 'https://check.example.com/'],
    ['a name without dots', 'localhost', 'https://localhost/'],
    ['a URL', 'https://check.example.com', 'https://check.example.com/'],
    ['a scheme in capitals', 'HTTPS://check.example.com', 'https://check.example.com/'],
    ['a port', 'https://check.example.com:8443', 'https://check.example.com:8443/'],
    ['a port of one digit', 'http://127.0.0.1:1', 'http://127.0.0.1:1/'],
    ['every character of a path', 'https://example.com/aZ09._~-', 'https://example.com/aZ09._~-'],
    ['the default port', 'https://check.example.com:443', 'https://check.example.com/'],
    ['a path', 'https://example.com/api/check', 'https://example.com/api/check'],
    ['a slash at the end', 'https://example.com/', 'https://example.com/'],
    ['slashes behind a path', 'https://example.com/check//', 'https://example.com/check'],
    ['an address', 'https://192.0.2.1', 'https://192.0.2.1/'],
    ['an IPv6 address', 'https://[2001:db8::1]:8443', 'https://[2001:db8::1]:8443/'],
    ['http to localhost', 'http://localhost:8080', 'http://localhost:8080/'],
    ['http to LOCALHOST', 'http://LOCALHOST', 'http://localhost/'],
    ['http to 127.0.0.1', 'http://127.0.0.1:8080/x', 'http://127.0.0.1:8080/x'],
    ['http to the whole of 127.0.0.0/8', 'http://127.255.0.3', 'http://127.255.0.3/'],
    ['http to ::1', 'http://[::1]:8080', 'http://[::1]:8080/'],
    ['http to ::1 in full', 'http://[0:0:0:0:0:0:0:1]', 'http://[::1]/'],
    ['http to ::1 with zeros before it', 'http://[::0001]:8080', 'http://[::1]:8080/'],
    ['http to ::1 with an address at its end', 'http://[::0.0.0.1]/x', 'http://[::1]/x'],
    [
      'http to ::1 at full length',
      'http://[0000:0000:0000:0000:0000:0000:0000:0001]',
      'http://[::1]/',
    ],
    ['an IPv6 address in capitals', 'https://[2001:DB8::00FF]', 'https://[2001:db8::ff]/'],
    ['an address without a scheme', '192.0.2.1', 'https://192.0.2.1/'],
    ['a name that looks like a number', 'https://1e3', 'https://1e3/'],
    ['a name that begins with a number', 'https://0x7f.example.com', 'https://0x7f.example.com/'],
  ])('may be %s: %s', (_, value, href) => {
    expect(parseEndpoint(value, 'endpoint').href).toBe(href);
  });

  test.each([
    ['http to another host', 'http://check.example.com'],
    ['http to an address outside', 'http://192.0.2.1'],
    ['http to the neighbor of loopback', 'http://128.0.0.1'],
    ['http to any address', 'http://0.0.0.0'],
    ['http to ::', 'http://[::]'],
    ['http to IPv4 within IPv6', 'http://[::ffff:127.0.0.1]'],
    ['http to a name that begins like loopback', 'http://127.0.0.1.example.com'],
    ['http to a name that begins like localhost', 'http://localhost.evil.com'],
    ['http to a name that ends like localhost', 'http://evil-localhost'],
    ['http to a name that has localhost in its path', 'http://evil.com/localhost'],
    ['http to a number outside of loopback', 'http://0x80.1'],
    ['another scheme', 'ftp://localhost'],
    ['no scheme', '//check.example.com'],
    ['a host and port without a scheme', 'check.example.com:8443'],
    ['a host and path without a scheme', 'check.example.com/api'],
    ['one slash', 'https:/check.example.com'],
    ['no slash', 'https:check.example.com'],
    ['three slashes', 'https:///check.example.com'],
    ['a back slash', 'https:\\\\check.example.com'],
    ['a back slash behind the host', 'https://check.example.com\\@evil.com'],
    ['a user', 'https://user@check.example.com'],
    ['a user and a password', 'https://user:password@check.example.com'],
    ['an empty user', 'https://@evil.com'],
    ['loopback as a user', 'http://127.0.0.1@evil.com'],
    ['loopback as a user and a password', 'http://127.0.0.1:80@evil.com'],
    ['a query', 'https://check.example.com/?x=1'],
    ['a fragment', 'https://check.example.com/#x'],
    ['a fragment that hides the host', 'http://localhost#@evil.com'],
    ['a query that hides the host', 'http://localhost?.evil.com'],
    ['a tab within it', 'http://127.0.0.1\t.evil.com'],
    ['a line break within it', 'http://local\nhost'],
    ['a line break at its end', 'https://check.example.com\n'],
    ['a space', 'https://check.example.com /'],
    ['a NUL', 'https://check.example.com\u0000'],
    ['percent encoding in the host', 'http://%6cocalhost'],
    ['percent encoding in the path', 'https://check.example.com/%2e%2e'],
    ['the dots of another script', 'http://127。0。0。1'],
    ['the digits of another script', 'http://１２７.0.0.1'],
    ['letters of another script', 'https://chеck.example.com'],
    ['circled letters', 'http://ⓛocalhost'],
    ['a soft hyphen', 'http://local\u00adhost'],
    ['a dot at the end of the host', 'http://localhost.'],
    ['a hyphen at the start of the host', '-check.example.com'],
    ['a port of no number', 'https://check.example.com:x'],
    ['an empty port', 'https://check.example.com:'],
    ['port 0', 'https://check.example.com:0'],
    ['a port that is none', 'https://check.example.com:65536'],
    ['two ports', 'https://check.example.com:80:90'],
    ['an address that is none', 'https://256.0.0.1'],
    ['127.0.0.1 in two numbers', 'http://127.1'],
    ['127.0.0.1 in hexadecimal', 'http://0x7f.1'],
    ['127.0.0.1 in one hexadecimal number', 'http://0X7F000001'],
    ['127.0.0.1 in one number', 'http://2130706433'],
    ['127.0.0.1 with a zero too many', 'http://127.0.0.01'],
    ['127.0.0.1 in octal', 'http://0177.0.0.1'],
    ['127.0.0.1 in two numbers, with a port and a path', 'http://127.1:8080/x'],
    ['127.0.0.1 in two numbers, over TLS', 'https://127.1'],
    ['127.0.0.1 in one number, without a scheme', '2130706433'],
    ['another address in octal', 'https://010.0.0.1'],
    ['another address in octal, without a scheme', '010.0.0.1'],
    ['another address in one number', 'https://134744072'],
    ['an address in three numbers', 'https://192.0.513'],
    ['an address with a dot at its end', 'http://127.0.0.1.'],
    ['http to IPv4 within IPv6, in capitals', 'http://[::FFFF:7F00:1]'],
    ['http to IPv4 at the end of IPv6', 'http://[::127.0.0.1]'],
    ['http to the neighbor of ::1', 'http://[::2]'],
    ['http to another IPv6 address that ends in 1', 'http://[2001:db8::1]'],
    ['an IPv6 address that is none', 'https://[::1::]'],
    ['a zone of an IPv6 address', 'http://[::1%25lo]'],
    ['nothing', ''],
    ['a template that was not filled in', '{{ vars.ENDPOINT }}'],
    ['more than 1024 characters', `https://example.com/${'x'.repeat(1_005)}`],
    ['more than 1024 characters after an address', `https://[::1]/${'x'.repeat(1_011)}`],
  ])('may not have %s', (_, value) => {
    expect(() => parseEndpoint(value, 'sts-endpoint')).toThrow(
      expect.objectContaining({
        name: 'InputError',
        message: expect.stringMatching(/^sts-endpoint must be a host name or https:\/\/host/),
      }),
    );
  });
});

describe('every endpoint that is accepted', () => {
  const piece = fc.constantFrom(
    ...['http', 'https', 'HTTP', '://', ':', '//', '/', '\\', '.', '..', '@', '?', '#', '%', '-'],
    ...['localhost', 'LocalHost', '127', '127.0.0.1', '0x7f', '0177', '1', '0', '2130706433'],
    ...['127.1', '0x7f.1', '010.0.0.1', '[0:0::1]', '[::0001]', '[::0.0.0.1]', '[2001:DB8::1]'],
    ...['[::1]', '[', ']', '::1', '[::ffff:127.0.0.1]', 'evil', 'example.com', 'xn--', '80', '443'],
    ...['\t', '\n', ' ', '\u0000', '。', '．', '｡', '１２７', 'ⓛ', 'ſ', 'K', '\u00ad', '\u200b'],
  );
  const likeUrl = fc.array(piece, { maxLength: 10 }).map((pieces) => pieces.join(''));
  const withScheme = fc
    .tuple(fc.constantFrom('http://', 'https://'), likeUrl)
    .map((two) => two.join(''));
  const host = [
    'localhost',
    '127.0.0.1',
    '127.1',
    '0177.0.0.1',
    '2130706433',
    '[::1]',
    '[0::1]',
    '.',
    'evil',
    'evil.com',
    ':80',
    '/',
    '@',
  ];
  const likeLoopback = fc
    .array(fc.constantFrom(...host), { minLength: 1, maxLength: 4 })
    .map((parts) => `http://${parts.join('')}`);
  const text = fc.oneof(likeUrl, withScheme, likeLoopback, fc.webUrl(), fc.domain(), outsideText());

  test('is https, or ends on this machine', () => {
    fc.assert(
      fc.property(text, (value) => {
        const url = accepted(value);
        if (url === undefined || url.protocol === 'https:') return;
        expect(url.protocol).toBe('http:');
        expect(value).toMatch(/^http:\/\/(localhost|127\.[\d.]+|\[[\da-f:.]+\])([:/]|$)/i);
        const { hostname } = url;
        const loopback =
          hostname === 'localhost' ||
          hostname === '[::1]' ||
          (isIP(hostname) === 4 && hostname.startsWith('127.'));
        expect({ hostname, loopback }).toEqual({ hostname, loopback: true });
      }),
      { numRuns: 2_000 },
    );
  });

  test('has no user, password, query or fragment, and no slash at its end', () => {
    fc.assert(
      fc.property(text, (value) => {
        const url = accepted(value);
        if (url === undefined) return;
        const { username, password, search, hash } = url;
        expect([username, password, search, hash]).toEqual(['', '', '', '']);
        expect(url.pathname).toMatch(/^\/$|[^/]$/);
      }),
      { numRuns: 2_000 },
    );
  });

  test('goes to the host that a reader sees in it', () => {
    fc.assert(
      fc.property(text, (value) => {
        const url = accepted(value);
        if (url === undefined) return;
        const seen = /^(?:https?:\/\/)?(\[.*?\]|[^/:]*)/i.exec(value)?.[1]?.toLowerCase() ?? '';
        // An address of IPv6 has many spellings, and all of them are seen to be one.
        const same = seen.startsWith('[') ? new BlockList() : undefined;
        same?.addAddress(seen.slice(1, -1), 'ipv6');
        if (same === undefined) expect(url.hostname).toBe(seen);
        else expect(same.check(url.hostname.slice(1, -1), 'ipv6')).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  test('is accepted again as it is', () => {
    fc.assert(
      fc.property(text, (value) => {
        const url = accepted(value);
        if (url !== undefined) expect(accepted(url.href)?.href).toBe(url.href);
      }),
      { numRuns: 2_000 },
    );
  });
});

test('every spelling of an address of IPv4 but the usual one is rejected', () => {
  const byte = fc.nat({ max: 255 });
  const spell = (n: number) =>
    fc.constantFrom(`${n}`, `0${n.toString(8)}`, `0x${n.toString(16)}`, `0X0${n.toString(16)}`);
  const address = fc
    .tuple(byte, byte, byte, byte)
    .chain(([a, b, c, d]) =>
      fc.oneof(
        fc.tuple(spell(a), spell(b), spell(c), spell(d)),
        fc.tuple(spell(a), spell(b), spell(c * 0x100 + d)),
        fc.tuple(spell(a), spell((b * 0x100 + c) * 0x100 + d)),
        fc.tuple(spell(((a * 0x100 + b) * 0x100 + c) * 0x100 + d)),
      ),
    );
  fc.assert(
    fc.property(address, fc.constantFrom('http://', 'https://', ''), (numbers, scheme) => {
      const host = numbers.join('.');
      const usual = isIP(host) === 4 && (scheme !== 'http://' || host.startsWith('127.'));
      expect(accepted(scheme + host)?.hostname).toBe(usual ? host : undefined);
    }),
    { numRuns: 2_000 },
  );
});

test('every host name is accepted', () => {
  fc.assert(
    fc.property(fc.domain(), (host) => {
      expect(accepted(host)?.href).toBe(`https://${host.toLowerCase()}/`);
    }),
  );
});

describe('the error for an invalid endpoint', () => {
  const errorOf = (value: string) => {
    try {
      parseEndpoint(value, 'endpoint');
    } catch (error) {
      return String(error);
    }
    throw new Error(`'${value}' was accepted`);
  };

  test.each(['http://check.example.com', 'ftp://localhost', 'check.example.com:8443', '127.1'])(
    'shows %s',
    (value) => {
      expect(errorOf(value).endsWith(`, not '${value}'`)).toBe(true);
    },
  );

  test.each([
    'https://jane:s3cret@check.example.com',
    'jane:s3cret@check.example.com',
    'https://check.example.com/?token=s3cret',
    'https://check.example.com/#s3cret',
    'https://check.example.com\\\\s3cret',
    'https://check.example.com/%73%33cret s3cret',
    "https://check.example.com/'s3cret",
    'https://jane:s3cret＠check.example.com',
    'https://check.example.com\ns3cret',
  ])('never shows a value that may hold a user, password, query or fragment: %j', (value) => {
    expect(errorOf(value)).not.toContain('s3cret');
    expect(errorOf(value)).not.toContain('example');
  });

  test('never shows a user, password, query or fragment, wherever they stand', () => {
    const part = fc.stringMatching(/^[!-~]{1,20}$/);
    const host = fc.constantFrom('check.example.com', '127.0.0.1', '[::1]', 'localhost');
    const url = fc.oneof(
      fc.tuple(part, part, host).map(([user, password, one]) => `//${user}:${password}@${one}`),
      fc.tuple(host, part).map(([one, query]) => `//${one}/?${query}`),
      fc.tuple(host, part).map(([one, fragment]) => `//${one}/#${fragment}`),
    );
    fc.assert(
      fc.property(fc.constantFrom('https:', 'http:', 'ftp:', ''), url, (scheme, rest) => {
        expect(errorOf(`${scheme}${rest}`)).not.toContain(', not ');
      }),
      { numRuns: 1_000 },
    );
  });
});

test('an endpoint may have 1024 characters', () => {
  const href = `https://example.com/${'x'.repeat(1_004)}`;
  expect(parseEndpoint(href, 'endpoint').href).toBe(href);
});

test.each([
  ['localhost', true],
  ['127.0.0.1', true],
  ['127.255.255.254', true],
  ['[::1]', true],
  ['128.0.0.1', false],
  ['1127.0.0.1', false],
  ['127.0.0.1.example.com', false],
  ['localhost.example.com', false],
  ['notlocalhost', false],
  ['[::2]', false],
  ['', false],
])("that the host name '%s' is this machine: %s", (hostname, loopback) => {
  expect(isLoopback(hostname)).toBe(loopback);
});
