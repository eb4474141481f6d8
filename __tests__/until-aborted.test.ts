import { getEventListeners } from 'node:events';
import { expect, test } from '@jest/globals';
import { abortable } from '../src/until-aborted.ts';

function pending(): Promise<string> {
  return new Promise(() => undefined);
}

test('a promise that is kept in time gives its value', async () => {
  const { signal } = new AbortController();
  await expect(abortable(Promise.resolve('value'), signal)).resolves.toBe('value');
});

test('a promise that is broken in time gives its error', async () => {
  const { signal } = new AbortController();
  const error = new Error('broken');
  await expect(abortable(Promise.reject(error), signal)).rejects.toBe(error);
});

test('a signal that aborts first ends the wait with its reason', async () => {
  const controller = new AbortController();
  const wait = abortable(pending(), controller.signal);
  const reason = new Error('time is up');
  controller.abort(reason);
  await expect(wait).rejects.toBe(reason);
});

test('a signal that has aborted leaves nothing to wait for', async () => {
  const reason = new Error('time was up');
  await expect(abortable(pending(), AbortSignal.abort(reason))).rejects.toBe(reason);
});

test('a promise that is broken after the wait has ended is nobody’s concern', async () => {
  const controller = new AbortController();
  const late = Promise.withResolvers<string>();
  const wait = abortable(late.promise, controller.signal);
  const reason = new Error('time is up');
  controller.abort(reason);
  late.reject(new Error('too late'));
  await expect(wait).rejects.toBe(reason);
});

test.each([
  ['kept', () => Promise.resolve('value')],
  ['broken', () => Promise.reject(new Error('broken'))],
])('nothing listens to the signal once the promise is %s', async (_, make) => {
  const { signal } = new AbortController();
  const wait = abortable(make(), signal);
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  await Promise.allSettled([wait]);
  await Promise.resolve();
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
});
