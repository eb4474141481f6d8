import { isNativeError } from 'node:util/types';

// Jest runs tests in their own realm, so that `instanceof Error` is false for the errors that Node.js
// itself throws, such as a refused connection. In production there is only one realm.
const ordinary = Function.prototype[Symbol.hasInstance];

for (const type of [Error, AggregateError]) {
  Object.defineProperty(type, Symbol.hasInstance, {
    configurable: true,
    value(this: unknown, value: unknown): boolean {
      if (ordinary.call(this, value)) return true;
      // Subclasses inherit this method, and keep the ordinary rule.
      return this === type && isNativeError(value) && kindsOf(value).includes(type.name);
    },
  });
}

function kindsOf(error: Error): string[] {
  const kinds: string[] = [];
  let prototype: unknown = Object.getPrototypeOf(error);
  while (typeof prototype === 'object' && prototype !== null) {
    kinds.push(prototype.constructor.name);
    prototype = Object.getPrototypeOf(prototype);
  }
  return kinds;
}
