// A fault of the action's own: it waits for something, and nothing keeps the process alive.
const http = require('node:http');
const { EventEmitter } = require('node:events');
const timers = require('node:timers/promises');

const [after, sleep] = [globalThis.setTimeout, timers.setTimeout];
// All that waits for longer than the end of the process takes.
globalThis.setTimeout = (callback, ms, ...args) => {
  const timer = after(callback, ms, ...args);
  return ms > 1_000 ? timer.unref() : timer;
};
timers.setTimeout = (ms, value, options) => sleep(ms, value, { ...options, ref: false });
http.request = () =>
  Object.assign(new EventEmitter(), { setTimeout() {}, write() {}, end() {}, destroy() {} });
