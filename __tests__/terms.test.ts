import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';

// Names that were replaced by the field's own.
const REPLACED_NAMES =
  /\b(?:HttpAnswer|readAnswer|RequestFailure|ApiRefusal|NoAnswer|NotSent|heldUntil|refusedBy|untilClear|[A-Z]\w+Parts|nextLookMs|settleStop|hasEnded|readSettings|notRunningSucceeds|obtainCredential|keyPair\w*|KeyPair\w*|failRest|noCommand|oneLine|failureWords|ownWords|sortOf|untilAborted|[Ss]tandIn|closeLater|adaptBundle|condense|checkTwins|sideBySide)\b/g;
// Words of a private vocabulary, in comments and texts.
const REPLACED_WORDS =
  /\b(?:stand-ins?|keyless|key pairs?|tried again|white space|what (?:became|becomes) of|in vain|all the same|verdicts?|anew|authoris\w+|behaviour)\b/gi;

const files = execFileSync('git', ['ls-files'], { encoding: 'utf8' })
  .split('\n')
  .filter((file) =>
    /^(?:src|__tests__|mock-api|scripts|\.github)\/.*\.(?:ts|cjs|js|sh|yml)$/.test(file),
  )
  // They list the words themselves.
  .filter((file) => !['__tests__/terms.test.ts', 'scripts/docs.ts'].includes(file));

test('code, tests and scripts speak the terms of the field', () => {
  expect(files.length).toBeGreaterThan(100);
  const found = files.flatMap((file) => {
    const text = readFileSync(file, 'utf8');
    const terms = [REPLACED_NAMES, REPLACED_WORDS].flatMap((pattern) => text.match(pattern) ?? []);
    return terms.map((term) => `${file}: ${term}`);
  });
  expect(found).toEqual([]);
});
