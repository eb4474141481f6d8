// A fault of the action's own: an error that nobody catches.
setTimeout(() => {
  throw new Error('nobody catches this\n::error::forged');
}, 300);
