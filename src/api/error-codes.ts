/** What is known of a code of the API, its gateway, or STS. */
export interface CodeFacts {
  /** The API is busy: another attempt makes sense under any HTTP status. */
  readonly transient?: true;
  /** The caller may not do it, with any task. */
  readonly denied?: true;
  /** The credential is not accepted. */
  readonly credential?: true;
  /** The entry of docs/troubleshooting.md that helps. */
  readonly topic: CodeTopic;
}

export type CodeTopic =
  | 'account'
  | 'already-running'
  | 'busy'
  | 'content-type'
  | 'credential-expired'
  | 'credential-rejected'
  | 'may-have-happened'
  | 'permission'
  | 'project-member'
  | 'project-role'
  | 'task-id'
  | 'throttled'
  | 'too-large'
  | 'trust-policy'
  | 'wrong-host';

// HWS/intl/en-us/api-codecheck/ErrorCode.html, HWS/devg-apisign/api-sign-errorcode.html and, for the
// last, HWS/api-iam5/AssumeAgencyWithOIDC.md, where HWS is https://support.huaweicloud.com. The
// service lists its codes CC.000500xx under HTTP 200.
const CODES: ReadonlyMap<string, CodeFacts> = new Map<string, CodeFacts>([
  ['CC.00000000', { transient: true, topic: 'busy' }],
  ['CC.00000003', { credential: true, topic: 'credential-expired' }],
  ['CC.00050006', { topic: 'task-id' }],
  ['CC.00050007', { credential: true, topic: 'credential-rejected' }],
  ['CC.00050010', { denied: true, topic: 'permission' }],
  ['CC.00050011', { denied: true, topic: 'project-member' }],
  ['CC.00050012', { transient: true, topic: 'busy' }],
  ['CC.00050013', { topic: 'task-id' }],
  ['CC.00050014', { transient: true, topic: 'busy' }],
  ['CC.00050015', { topic: 'already-running' }],
  ['APIGW.0101', { topic: 'wrong-host' }],
  ['APIGW.0103', { topic: 'wrong-host' }],
  ['APIGW.0106', { topic: 'content-type' }],
  ['APIGW.0301', { credential: true, topic: 'credential-rejected' }],
  ['APIGW.0302', { topic: 'account' }],
  ['APIGW.0304', { topic: 'account' }],
  ['APIGW.0306', { topic: 'account' }],
  ['APIGW.0307', { credential: true, topic: 'credential-expired' }],
  ['APIGW.0308', { topic: 'throttled' }],
  ['APIGW.0310', { topic: 'account' }],
  ['PAP5.0001', { denied: true, topic: 'permission' }],
  ['STS5.1001', { topic: 'trust-policy' }],
]);

const PROJECT_ROLE: CodeFacts = { denied: true, topic: 'project-role' };

/** The code of a call that this host does not know. */
export const UNKNOWN_CALL = 'APIGW.0101';

/** The code of a scan that is running already: HWS/intl/en-us/api-codecheck/ErrorCode.html. */
export const ALREADY_RUNNING = 'CC.00050015';

/**
 * What a code means.
 *
 * @param code as the API sent it
 * @param message beside it: a 403 of another service may be nested in its text
 * @returns undefined for an unknown code
 */
export function codeFacts(code: string, message: string): CodeFacts | undefined {
  // Seen: {"error_code":"CC.00050006","error_msg":"… service_error_code is: CC.00070403.403 …"}
  if (/^CC\./.test(code) && /\bCC\.\w+\.403\b/.test(`${code} ${message}`)) return PROJECT_ROLE;
  if (/^CC\..+\.400$/.test(code)) return { topic: 'task-id' };
  return CODES.get(code);
}
