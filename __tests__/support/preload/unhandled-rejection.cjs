// A fault of the action's own: a promise that nobody waits for is rejected, after the line that
// FAIL_AFTER begins.
require('./after-line.cjs')(() => {
  Promise.reject(new Error('nobody waits for this'));
});
