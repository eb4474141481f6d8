/** The version in package.json. */
export const VERSION = '1.0.0';

/** How the action names itself to the API. */
export const USER_AGENT = `stop-codearts-check-task/${VERSION}`;
