require('./bundle.js').wait();
