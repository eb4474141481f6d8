require('./bundle.js').guardPost();
