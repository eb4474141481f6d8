require('./bundle.js').guard();
