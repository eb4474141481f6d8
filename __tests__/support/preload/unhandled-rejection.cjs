// A fault of the action's own: a promise that nobody waits for is rejected.
setTimeout(() => Promise.reject(new Error('nobody waits for this')), 300);
