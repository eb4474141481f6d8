// @actions/http-client imports undici for one method, getAgentDispatcher, which is not used here, and
// undici is ten times as large as everything else that is bundled: package.json puts this in its
// place. Whoever comes to need the real one learns it from this error.
export class ProxyAgent {
  constructor() {
    throw new Error('undici is not bundled: see stubs/undici');
  }
}
