// Preloaded into the bundle by run-bundle.ts: says at the end how much memory it took at most.
const { writeFileSync } = require('node:fs');

process.on('exit', () => {
  writeFileSync(process.env.MEMORY_FILE, String(process.resourceUsage().maxRSS));
});
