// Import this before everything else in a test that connects to a server on loopback: nock would
// replace the real sockets, even those of requests that it lets through.
import nock from 'nock';

nock.restore();
