import { expect, it } from 'vitest';
import { pgbackrestFailure } from './troubles.ts';

it.each([
  [
    "ERROR: [055]: unable to load info file '/r/backup/main/backup.info'\n HINT: has a stanza-create been performed?",
    'repository_missing',
    false,
  ],
  [
    "ERROR: [050]: unable to acquire lock on file '/l/main-backup.lock': Resource temporarily unavailable\n HINT: is another pgBackRest process running?",
    'repository_locked',
    true,
  ],
  [
    "ERROR: [050]: unable to acquire lock on file '/l/main-backup.lock': Permission denied\n HINT: does 'nobody:nogroup' have permissions",
    'repository_denied',
    false,
  ],
  ['ERROR: [062]: stop file exists for stanza main', 'repository_locked', false],
  [
    "WARN: unable to check pg1: [DbConnectError] unable to connect to 'dbname='\nERROR: [056]: unable to find primary cluster - cannot proceed",
    'source_unreachable',
    true,
  ],
  [
    'ERROR: [082]: WAL segment 000000010000000000000002 was not archived before the 60000ms timeout',
    'source_failed',
    false,
  ],
  ['ERROR: [087]: archive_mode must be enabled', 'source_failed', false],
  ['ERROR: [041]: unable to write: [28] No space left on device', 'store_full', false],
  ['runuser: failed to execute pgbackrest: No such file or directory', 'tool_missing', false],
  ['ERROR: [999]: something else', 'source_failed', false],
])('a pgBackRest that says no is understood: %s', (stderr, code, retryable) => {
  const error = pgbackrestFailure({ program: 'pgbackrest', exitCode: 1, signal: null, stderr });
  expect(error).toMatchObject({ code, retryable });
  if (!stderr.includes('999')) expect(error.hint).toBeDefined();
});
