import { InputError } from './input-error.ts';

/** Reads an input or a variable by its name: trimmed, empty if it is not set. */
export type Reader = (name: string) => string;

/** Reads a variable of the environment, trimmed. */
export const variable: Reader = (name) => process.env[name]?.trim() ?? '';

/** 1 to `max` visible ASCII characters. */
export function readSecret(read: Reader, name: string, max: number): string {
  const value = read(name);
  if (value.length <= max && /^[\x21-\x7e]+$/.test(value)) return value;
  // Never include the value: it is a secret.
  throw new InputError(
    name,
    `must be 1 to ${max} visible ASCII characters without whitespace; it has ${value.length} characters, ` +
      `${value.replace(/[\x21-\x7e]/g, '').length} of which are not allowed`,
  );
}

/** 1 to `max` letters, digits, `_` and `-`. */
export function readWord(read: Reader, name: string, max: number): string {
  const value = read(name);
  if (value.length <= max && /^[A-Za-z0-9_-]+$/.test(value)) return value;
  throw new InputError(name, `must be 1 to ${max} letters, digits, _ and -`);
}

/** One of several words. @param choices.fallback stands for an empty value */
export function readChoice<T extends string>(
  read: Reader,
  name: string,
  { choices, fallback }: { readonly choices: readonly T[]; readonly fallback: T },
): T {
  const value = read(name) || fallback;
  const choice = choices.find((one) => one === value);
  if (choice !== undefined) return choice;
  throw new InputError(name, `must be ${choices.join(' or ')}`, value);
}

/** A whole number within a range. @returns undefined if it is empty */
export function readInteger(
  read: Reader,
  name: string,
  { min, max }: { readonly min: number; readonly max: number },
): number | undefined {
  const value = read(name);
  if (value === '') return undefined;
  const number = /^\d{1,7}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw new InputError(name, `must be a whole number from ${min} to ${max}`, value);
}

/** A number with its noun: '1 task ID', '2 task IDs'. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** Names in a sentence: 'a, b and c'. */
export function list(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
