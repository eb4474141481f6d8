// Preloaded by dist.test.ts: says at the end which public builtins the process has loaded since.
const { writeFileSync } = require('node:fs');

const before = new Set(process.moduleLoadList);

process.on('exit', () => {
  const loaded = process.moduleLoadList
    .filter((entry) => !before.has(entry))
    .map((entry) => /^NativeModule ((?!internal\/|_).*)$/.exec(entry)?.[1])
    .filter((name) => name !== undefined);
  writeFileSync(process.env.LOADED_FILE, JSON.stringify(loaded));
});
