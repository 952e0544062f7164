import { LowtideError } from '../../errors/lowtide-error.ts';
import { describeEnd } from '../../process/child.ts';
import type { ChildEnd } from '../../process/command.ts';
import { failure, type Trouble } from '../verdict.ts';

/** Exit codes from restic 0.17 on; the words are those of all versions since 0.12. */
const exitCodes = { noRepository: 10, locked: 11, wrongPassword: 12 } as const;

const noRepository: Trouble = {
  // "Is there a repository at the following location?" it asks whatever was in the way.
  pattern:
    /unable to open config file: .*(?:no such file or directory|does not exist|not found|NoSuchKey|NoSuchBucket|404)|repository does not exist/i,
  code: 'repository_missing',
  hint: 'Is it mounted, and spelt right? `restic init` makes a new one; Lowtide never does.',
};

const locked: Trouble = {
  pattern: /repository is already locked|unable to create lock/i,
  code: 'repository_locked',
  retryable: true,
  hint: 'Where another restic works on it, wait for that to end. Where the process named there is gone (it was killed, its host is down), `restic unlock` takes the lock away; Lowtide never does that by itself.',
};

const wrongPassword: Trouble = {
  pattern: /wrong password or no key found/i,
  code: 'repository_denied',
  hint: "Check the source's password or password_file; `restic key list` tells which keys there are.",
};

const troubles: readonly Trouble[] = [
  wrongPassword,
  noRepository,
  locked,
  {
    pattern:
      /Resolving password failed|password.*(?:does not exist|no such file)|reading from password file/i,
    code: 'repository_denied',
    hint: "restic cannot read the source's password_file: is it there, and may Lowtide's user read it?",
  },
  {
    pattern: /permission denied|access denied|AccessDenied|Forbidden|403/i,
    code: 'repository_denied',
    hint: 'The user that Lowtide runs as has to read and write the repository; credentials of one elsewhere belong into env.',
  },
  {
    pattern: /no space left on device|disk quota exceeded/i,
    code: 'store_full',
    hint: 'Make room where the repository lies (a full one cannot even be pruned), or keep less.',
  },
  {
    pattern:
      /dial tcp|connection refused|no such host|i\/o timeout|connection reset|unable to open config file/i,
    code: 'store_unavailable',
    retryable: true,
    hint: 'The repository does not answer: is its host up, and its address right?',
  },
];

const byExitCode: Readonly<Record<number, Trouble>> = {
  [exitCodes.noRepository]: noRepository,
  [exitCodes.locked]: locked,
  [exitCodes.wrongPassword]: wrongPassword,
};

/** The error for a restic that failed. */
export function resticFailure(end: ChildEnd): LowtideError {
  const known = end.exitCode === null ? undefined : byExitCode[end.exitCode];
  if (known === undefined) return failure(end, troubles);
  const { code, hint, retryable = false } = known;
  return new LowtideError(code ?? 'source_failed', describeEnd(end), { hint, retryable });
}

/** What check says where it has found damage, as against what kept it from looking. */
export function isDamage(end: ChildEnd): boolean {
  return /repository contains errors|LoadIndex returned errors|(?:pack|blob|tree|index) .*(?:does not match|missing|damaged)|ciphertext verification failed/i.test(
    end.stderr,
  );
}
