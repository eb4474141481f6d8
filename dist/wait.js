require('./job.js').wait();
