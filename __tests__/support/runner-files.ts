// How the runner reads what a step writes, for all tests:
// https://github.com/actions/runner/blob/main/src/Runner.Worker/FileCommandManager.cs
// https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs

/** A workflow command, as the runner reads it off a line of the log. */
export interface ParsedCommand {
  /** 'error', 'warning', 'add-mask', 'group', … */
  readonly name: string;
  readonly properties: Readonly<Record<string, string>>;
  /** Its message or value, unescaped. */
  readonly data: string;
}

/**
 * Reads a file of outputs (`GITHUB_OUTPUT`).
 *
 * @throws Error for what the runner would reject
 */
export function readOutputFile(text: string): Record<string, string> {
  const values: Record<string, string> = {};
  const lines = splitLines(text);
  for (let line = lines.shift(); line !== undefined; line = lines.shift()) {
    if (line.text === '') continue;
    const equals = indexOrEnd(line.text, '=');
    const heredoc = indexOrEnd(line.text, '<<');
    if (equals === heredoc) throw new Error(`Invalid format '${line.text}'`);
    const name = line.text.slice(0, Math.min(equals, heredoc));
    if (name === '') throw new Error(`The name is empty in '${line.text}'`);
    values[name] =
      equals < heredoc
        ? line.text.slice(equals + 1)
        : readHeredoc(lines, line.text.slice(heredoc + 2));
  }
  return values;
}

/**
 * Reads a file of saved state (`GITHUB_STATE`), which has the format of outputs.
 *
 * @throws Error for what the runner would reject
 */
export const readStateFile: (text: string) => Record<string, string> = readOutputFile;

/**
 * Finds the workflow commands in the lines of a log. As in the runner, whitespace before a command
 * does not matter; commands of the old form `##[name]` are left out, since nothing here prints them.
 */
export function parseCommands(lines: readonly string[]): ParsedCommand[] {
  return lines.flatMap((line) => {
    const match = /^\s*::(?<name>[^\s:]+)(?: (?<properties>(?:(?!::).)*))?::(?<data>.*)$/s.exec(
      line,
    );
    const { name = '', properties = '', data = '' } = match?.groups ?? {};
    return match === null
      ? []
      : [{ name, properties: readProperties(properties), data: unescapeData(data) }];
  });
}

interface Line {
  readonly text: string;
  /** Empty for a last line that was not ended. */
  readonly end: string;
}

// The runner ends a line at CRLF on Windows only.
function splitLines(text: string): Line[] {
  const pattern = process.platform === 'win32' ? /(.*?)(\r\n|\n|$)/gs : /(.*?)(\n|$)/gs;
  return Array.from(text.matchAll(pattern), ([, line = '', end = '']) => ({ text: line, end }));
}

function readHeredoc(lines: Line[], delimiter: string): string {
  if (delimiter === '') throw new Error('The delimiter is empty');
  const length = lines.findIndex((line) => line.text === delimiter);
  if (length < 0) throw new Error(`The delimiter '${delimiter}' is not found`);
  const value = lines.splice(0, length + 1).slice(0, -1);
  return value
    .map((line, index) => (index === value.length - 1 ? line.text : line.text + line.end))
    .join('');
}

function indexOrEnd(text: string, part: string): number {
  const index = text.indexOf(part);
  return index < 0 ? text.length : index;
}

function readProperties(text: string): Record<string, string> {
  const pairs = text.split(',').map((pair) => pair.trim().split(/=(.*)/s));
  return Object.fromEntries(
    pairs.flatMap(([name = '', value = '']) =>
      name === '' || value === '' ? [] : [[name, unescapeProperty(value)]],
    ),
  );
}

function unescapeProperty(text: string): string {
  return unescapeData(text.replaceAll('%3A', ':').replaceAll('%2C', ','));
}

function unescapeData(text: string): string {
  return text.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%');
}
