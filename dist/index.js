require('./bundle.js').stop();
