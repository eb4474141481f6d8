require('./job.js').startPost();
