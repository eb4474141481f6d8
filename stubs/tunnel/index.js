// @actions/http-client imports tunnel for the agents of its own that go through a proxy, which are
// unused here: src/http/tunnel-agent.ts keeps its connections. package.json puts this in its place.
function unused() {
  throw new Error('tunnel is not bundled: see stubs/tunnel');
}

export {
  unused as httpOverHttp,
  unused as httpOverHttps,
  unused as httpsOverHttp,
  unused as httpsOverHttps,
};
