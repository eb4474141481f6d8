// The categories Cc and Cf of Unicode, and line and paragraph separators: what controls, reorders or
// hides text. Written out, because the names of categories take a millisecond to look up.
const CONTROL = new RegExp(
  '[\\x00-\\x1f\\x7f-\\x9f\\xad\\u0600-\\u0605\\u061c\\u06dd\\u070f\\u0890\\u0891\\u08e2\\u180e' +
    '\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2064\\u2066-\\u206f\\ufeff\\ufff9-\\ufffb]' +
    '|\\ud804[\\udcbd\\udccd]|\\ud80d[\\udc30-\\udc3f]|\\ud82f[\\udca0-\\udca3]' +
    '|\\ud834[\\udd73-\\udd7a]|\\udb40[\\udc01\\udc20-\\udc7f]',
  'g',
);

// Most text consists of these alone, and needs no pass over the long list.
const PLAIN = /^[ -~→…]*$/;

/** Makes text from outside one line, without control characters. */
export function stripControls(text: string): string {
  if (PLAIN.test(text)) return text.trim();
  return text.toWellFormed().replace(CONTROL, ' ').trim();
}

/**
 * Makes a line one that the runner does not take for a command: `::` at its start, or `##[` anywhere
 * in it. https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs
 */
export function escapeCommands(line: string): string {
  return line.replaceAll('##[', '# #[').replace(/^\s*::/, ': :');
}

/** Cuts text at a number of UTF-16 code units, never within a character. */
export function truncate(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

/** Makes text safe within the HTML of a job summary. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** A duration for people: '85 ms', '1.3 s', '2 min 5 s', '1 h 12 min'. */
export function formatDuration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}
