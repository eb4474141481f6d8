const { STATE_pid: pid } = process.env;

try {
  process.kill(Number(pid));
} catch (error) {
  // It has ended by itself, which start.js has reported.
  if (error.code !== 'ESRCH') throw error;
}
