require('./bundle.js').startPost();
