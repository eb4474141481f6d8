import { expect, test } from '@jest/globals';
import { InputError } from '../../src/inputs/input-error.ts';

test('a bad input is named, with what it takes and what it was given', () => {
  const error = new InputError('wait', 'takes true or false', 'yes');
  expect(error).toMatchObject({
    name: 'InputError',
    input: 'wait',
    message: "wait takes true or false, not 'yes'",
  });
});

test('a value that may be secret is left out', () => {
  expect(new InputError('token', 'takes visible ASCII characters').message).toBe(
    'token takes visible ASCII characters',
  );
});

test('a long value is given whole: a secret in it can be hidden only before it is cut', () => {
  expect(new InputError('region', 'takes a region', 'x'.repeat(500)).message).toBe(
    `region takes a region, not '${'x'.repeat(500)}'`,
  );
});
