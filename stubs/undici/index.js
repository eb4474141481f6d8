// @actions/http-client imports undici for one method, getAgentDispatcher, which is unused here. undici
// is ten times as large as the rest of the bundle and cannot be dropped from it, because it is a
// CommonJS package: package.json puts this in its place.
export class ProxyAgent {
  constructor() {
    throw new Error('undici is not bundled: see stubs/undici');
  }
}
