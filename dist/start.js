require('./job.js').start();
