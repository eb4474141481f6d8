/** An object or a list of JSON. */
export type JsonRecord = Readonly<Record<string, unknown>>;

/**
 * Parses a body. Whitespace around it and a byte order mark, which `JSON.parse` rejects, do not count.
 *
 * @returns undefined if it is not JSON
 */
export function parseJson(body: string): unknown {
  try {
    return JSON.parse(body.trim());
  } catch {
    return undefined;
  }
}

/** Whether a value of JSON has named members (or numbered ones: an array). */
export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null;
}

/** A value of JSON to read members of: without any if it is a text, a number, or missing. */
export function asRecord(value: unknown): JsonRecord {
  return isRecord(value) ? value : {};
}
