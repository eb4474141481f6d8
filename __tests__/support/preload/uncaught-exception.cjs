// A fault of the action's own: an error that nobody catches, after the line that FAIL_AFTER begins.
require('./after-line.cjs')(() => {
  throw new Error('nobody catches this\n::error::forged');
});
