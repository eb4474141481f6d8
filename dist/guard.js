require('./job.js').guard();
