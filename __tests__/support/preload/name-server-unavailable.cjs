// A name server that cannot be reached for a while: the lookup of NAME fails NAME_FAILURES times, as
// getaddrinfo() does then, and gives the address of loopback after that.
const dns = require('node:dns');

const { lookup } = dns;
let failures = Number(process.env.NAME_FAILURES);

dns.lookup = (host, options, callback) => {
  if (host !== process.env.NAME) return lookup(host, options, callback);
  if (failures > 0) {
    failures -= 1;
    const error = new Error(`getaddrinfo EAI_AGAIN ${host}`);
    process.nextTick(callback, Object.assign(error, { code: 'EAI_AGAIN', syscall: 'getaddrinfo' }));
    return;
  }
  lookup('127.0.0.1', options, callback);
};
