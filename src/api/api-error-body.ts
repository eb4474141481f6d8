import { isRecord, type JsonRecord } from './json.ts';

/** What the body of an error response tells. */
export interface ApiErrorBody {
  /** Empty without one. */
  readonly code: string;
  /** Empty without one. */
  readonly message: string;
}

/** What else shows that a response is an error. */
export interface ErrorRules {
  /** Whether the HTTP status is an error. */
  readonly errorStatus: boolean;
  /** Whether the body has an HTTP status of its own, `httpStatus`. */
  readonly innerStatus: boolean;
}

// The names by which the API, its gateway and IAM call the same two things. A success may have the
// last ones as well, so they count only if something else shows that the response is an error.
const SHAPES = [
  { code: 'error_code', message: 'error_msg', onlyInError: false },
  { code: 'errorCode', message: 'errorMsg', onlyInError: false },
  { code: 'code', message: 'message', onlyInError: true },
] as const;

const GOOD_INNER_STATUSES: readonly unknown[] = ['OK', 'ACCEPTED'];

/**
 * Finds an error in a response's JSON, at its top or one level down, as in
 * `{"error_code":"CC.00000003","error_msg":"…"}`, `{"error":{"code":401,"message":"…"}}` or
 * `{"httpStatus":"BAD_REQUEST","result":"…","status":"error"}`.
 *
 * @param json the parsed body
 * @returns undefined without one
 */
export function findError(json: unknown, rules: ErrorRules): ApiErrorBody | undefined {
  if (!isRecord(json)) return undefined;
  return findCode(json, rules.errorStatus) ?? findMark(json, rules.innerStatus);
}

function findCode(json: JsonRecord, inError: boolean): ApiErrorBody | undefined {
  const levels = levelsOf(json);
  for (const shape of SHAPES.filter(({ onlyInError }) => inError || !onlyInError)) {
    for (const level of levels) {
      const code = level[shape.code];
      const message = textOf(level[shape.message]);
      const onItsOwn = inError
        ? message !== ''
        : shape.message === 'error_msg' && isGiven(level[shape.message]);
      if (isCode(code) || onItsOwn) return { code: textOf(code), message };
    }
  }
  return undefined;
}

// Signs of an error without a code: HWS/api-codecheck/CancelPortalServiceJob.html for the last two.
function findMark(json: JsonRecord, innerStatus: boolean): ApiErrorBody | undefined {
  const { error, errors, status, httpStatus, result } = json;
  const isError =
    isGiven(error) ||
    isGiven(errors) ||
    (typeof status === 'string' && status.toLowerCase() === 'error') ||
    (innerStatus && ![undefined, null, ...GOOD_INNER_STATUSES].includes(httpStatus));
  if (!isError) return undefined;
  const held = [error, Array.isArray(errors) ? errors[0] : errors, textOf(result)];
  return held.map(describeHeld).find(Boolean) ?? findCode(json, true) ?? { code: '', message: '' };
}

/** An error that a member of the JSON holds: its code and message, or its text. */
function describeHeld(value: unknown): ApiErrorBody | undefined {
  if (isRecord(value)) return findCode(value, true);
  const message = textOf(value);
  return message === '' ? undefined : { code: '', message };
}

/** The `request_id` in a response's JSON, at its top or one level down; empty without one. */
export function requestIdIn(json: unknown): string {
  if (!isRecord(json)) return '';
  return (
    levelsOf(json)
      .map((level) => textOf(level['request_id']))
      .find(Boolean) ?? ''
  );
}

function levelsOf(json: JsonRecord): JsonRecord[] {
  return [json, ...Object.values(json).filter(isRecord)];
}

// A response with an error code of any type is no success.
function isCode(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '';
}

function isGiven(value: unknown): boolean {
  return isRecord(value) ? Object.keys(value).length > 0 : isCode(value) && value !== false;
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
