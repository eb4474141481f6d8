// @actions/core imports @actions/exec for one thing, platform.getDetails, which is not used here:
// package.json puts this in its place. Whoever comes to need the real one learns it from this error.
export function getExecOutput() {
  throw new Error('@actions/exec is not bundled: see stubs/exec');
}
