// Calls back once, when the action has printed a line that begins with FAIL_AFTER.
module.exports = (callback) => {
  const { write } = process.stdout;
  process.stdout.write = function (chunk, ...args) {
    if (String(chunk).startsWith(process.env.FAIL_AFTER)) {
      process.stdout.write = write;
      setTimeout(callback, 0);
    }
    return write.call(this, chunk, ...args);
  };
};
