import { isNativeError } from 'node:util/types';

// Jest runs tests in a realm of their own, so that `instanceof Error` is false for what Node.js
// itself throws, a refused connection for one. In production there is one realm only.
const ordinary = Function.prototype[Symbol.hasInstance];

for (const type of [Error, AggregateError]) {
  Object.defineProperty(type, Symbol.hasInstance, {
    configurable: true,
    value(this: unknown, value: unknown): boolean {
      if (ordinary.call(this, value)) return true;
      // Subclasses inherit this method, and keep to the ordinary rule.
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
