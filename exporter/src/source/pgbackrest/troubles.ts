import type { LowtideError } from '../../errors/lowtide-error.ts';
import type { ChildEnd } from '../../process/command.ts';
import { failure, type Trouble } from '../verdict.ts';

/** By pgBackRest's own numbers, which stand in front of its errors and are the same in all versions. */
const troubles: readonly Trouble[] = [
  {
    pattern: /\[055\].*(?:backup|archive)\.info|has a stanza-create been performed/,
    code: 'repository_missing',
    hint: '`pgbackrest --stanza=NAME stanza-create` makes it, as the user that pgBackRest runs as; Lowtide never does.',
  },
  {
    pattern: /\[050\].*(?:\n.*)*(?:Permission denied|have permissions)/,
    code: 'repository_denied',
    hint: "pgBackRest is run as another user elsewhere: set the source's user, or have Lowtide run as the same user.",
  },
  {
    pattern: /\[050\]/,
    code: 'repository_locked',
    retryable: true,
    hint: 'Another pgBackRest works on this stanza: wait for it to end. A lock goes with its process.',
  },
  {
    pattern: /\[062\]/,
    code: 'repository_locked',
    hint: 'Somebody has stopped pgBackRest with `pgbackrest stop`; `pgbackrest start` lets it work again.',
  },
  {
    pattern: /\[082\]|was not archived before/,
    hint: "PostgreSQL does not archive: look at archive_command and at the server's log; `pgbackrest check` tells more.",
  },
  {
    pattern: /\[087\]|archive_mode must be enabled/,
    hint: "pgBackRest needs PostgreSQL's archive_mode = on, and its own archive-push as archive_command.",
  },
  {
    pattern: /\[0(?:28|51)\]/,
    hint: 'The cluster is not the one that the stanza was made for; after an upgrade of PostgreSQL: `pgbackrest stanza-upgrade`.',
  },
  {
    pattern: /DbConnectError|\[056\]/,
    code: 'source_unreachable',
    retryable: true,
    hint: 'Is the server up, and do pg1-path, pg1-port, pg1-socket-path and pg1-user agree with it?',
  },
  {
    pattern: /no space left on device/i,
    code: 'store_full',
    hint: 'Make room where the repository lies, or let pgBackRest keep less (repo1-retention-full).',
  },
  {
    pattern: /failed to execute pgbackrest/,
    code: 'tool_missing',
    hint: 'On Debian or Ubuntu: apt-get install pgbackrest',
  },
  {
    pattern: /runuser: (?:user .* does not exist|may not be used)/,
    code: 'source_failed',
    hint: "The source's user has to be one of this host, and Lowtide has to run as root to become it.",
  },
  {
    pattern: /permission denied/i,
    code: 'repository_denied',
    hint: 'The user that pgBackRest runs as has to read the cluster and to write the repository.',
  },
];

/** The error for a pgBackRest that failed. */
export function pgbackrestFailure(end: ChildEnd): LowtideError {
  return failure(end, troubles);
}
