import { expect, test } from '@jest/globals';
import { InputError } from '../../src/inputs/input-error.ts';

test('an invalid input is named, with what it must be and what it is', () => {
  const error = new InputError('wait', 'must be true or false', 'yes');
  expect(error).toMatchObject({
    name: 'InputError',
    message: "wait must be true or false, not 'yes'",
  });
});

test('a value that may be secret is left out', () => {
  expect(new InputError('token', 'must be visible ASCII characters').message).toBe(
    'token must be visible ASCII characters',
  );
});

test('a long value is shown whole: a secret in it can be hidden only before it is cut', () => {
  expect(new InputError('region', 'must be a region', 'x'.repeat(500)).message).toBe(
    `region must be a region, not '${'x'.repeat(500)}'`,
  );
});
