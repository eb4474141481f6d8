require('./job.js').guardPost();
