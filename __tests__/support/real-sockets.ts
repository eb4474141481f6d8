// To be imported before everything else by tests that speak to a server on loopback: nock would
// put sockets of its own in the place of the real ones, also where it lets a request through.
import nock from 'nock';

nock.restore();
