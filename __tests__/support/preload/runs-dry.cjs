// A fault of the action's own: it waits for something, and nothing keeps the process alive.
const http = require('node:http');
const { EventEmitter } = require('node:events');
const timers = require('node:timers/promises');

const [after, sleep] = [globalThis.setTimeout, timers.setTimeout];
globalThis.setTimeout = (...args) => after(...args).unref();
timers.setTimeout = (ms, value, options) => sleep(ms, value, { ...options, ref: false });
http.request = () =>
  Object.assign(new EventEmitter(), { setTimeout() {}, write() {}, end() {}, destroy() {} });
