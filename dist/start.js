require('./bundle.js').start();
