// Has the process stand still for longer than an action waits for its last words to leave it, at the
// moment when that wait begins.
const { setTimeout } = globalThis;
globalThis.setTimeout = (callback, ms, ...rest) => {
  const timer = setTimeout(callback, ms, ...rest);
  if (ms === 300) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400);
  return timer;
};
