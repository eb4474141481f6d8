/** What an error answer of the API says. */
export interface ApiErrorBody {
  /** Empty where it has none. */
  readonly code: string;
  /** Empty where it has none. */
  readonly message: string;
}

// The names by which the API, its gateway and IAM call the same two things. The last are also those
// of things that are no error, so that they count only where the HTTP status is one.
const SHAPES = [
  { code: 'error_code', message: 'error_msg', refusalsOnly: false },
  { code: 'errorCode', message: 'errorMsg', refusalsOnly: false },
  { code: 'code', message: 'message', refusalsOnly: true },
] as const;

/**
 * Finds an error in an answer's JSON, at its top or one level down, as in
 * `{"error_code":"CC.00000003","error_msg":"…"}` or `{"error":{"code":401,"message":"…"}}`.
 *
 * @param json the parsed body
 * @param refused whether the HTTP status is an error: then a message without a code is one, too
 * @returns undefined where there is none
 */
export function findError(json: unknown, refused: boolean): ApiErrorBody | undefined {
  if (!isRecord(json)) return undefined;
  const levels = levelsOf(json);
  for (const shape of SHAPES.filter(({ refusalsOnly }) => refused || !refusalsOnly)) {
    for (const level of levels) {
      const code = level[shape.code];
      const message = textOf(level[shape.message]);
      if (isGiven(code) || (refused && message !== '')) return { code: textOf(code), message };
    }
  }
  return undefined;
}

/** The `request_id` in an answer's JSON, at its top or one level down; empty where it has none. */
export function requestIdIn(json: unknown): string {
  if (!isRecord(json)) return '';
  return (
    levelsOf(json)
      .map((level) => textOf(level['request_id']))
      .find(Boolean) ?? ''
  );
}

function levelsOf(json: Readonly<Record<string, unknown>>) {
  return [json, ...Object.values(json).filter(isRecord)];
}

/** Whether a value of JSON has named members (or numbered ones: an array). */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

// Whatever it is: an answer with an error code is no success.
function isGiven(code: unknown): boolean {
  return code !== undefined && code !== null && code !== '';
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
