import { open, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { LowtideError, systemErrorCode } from '../errors/lowtide-error.ts';
import { syncFolder } from '../store/durable-file.ts';
import { formatIdentityFile } from './identity-file.ts';
import type { Identity, Key } from './keystore.ts';

/** A recovery file: an identity as stock `age -i` reads it, under comments that say what to do with it. */
export function formatRecoveryFile(key: Key, identity: Identity): string {
  const hybrid = identity.startsWith('AGE-SECRET-KEY-PQ-');
  const lines = [
    `Recovery file of Lowtide's ${key.id}.`,
    'Whoever has it can read every backup sealed to this key: keep it off this',
    'host, somewhere as safe as the backups are valuable. On paper it outlives',
    'disks: the last line alone is needed, and its checksum finds mistakes.',
    '',
    'A backup opens with nothing but age and zstd. With this file as KEY and a',
    `stored file BACKUP.age${hybrid ? ', by age 1.3 or newer (a post-quantum key)' : ''}:`,
    '',
    '    age -d -i KEY BACKUP.age | zstd -d > CONTENT',
    '',
    'BACKUP.age.json beside it names the kind of content (parts, format):',
    '    tar         tar -xpf CONTENT -C FOLDER',
    '    pg_custom   createdb NEW; pg_restore -1 -e -d NEW CONTENT',
    '    sql         psql or mariadb DATABASE < CONTENT',
    '    sqlite      CONTENT is the database',
    '    raw         CONTENT is what the command wrote',
    '',
    'Back into a keystore: lowtide keys import KEY',
  ];
  const comments = lines.map((line) => (line === '' ? '#' : `# ${line}`)).join('\n');
  return `${comments}\n#\n${formatIdentityFile(identity, key)}`;
}

/**
 * Writes a recovery file that only its owner may read, durably. Throws `output_exists` rather than replace anything, and
 * `output_failed`, which leaves nothing behind.
 */
export async function writeRecoveryFile(path: string, text: string): Promise<void> {
  const absolute = resolve(path);
  let made = false;
  try {
    const handle = await open(absolute, 'wx', 0o600);
    made = true;
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await syncFolder(dirname(absolute));
  } catch (thrown) {
    if (made) await rm(absolute, { force: true });
    if (systemErrorCode(thrown) === 'EEXIST') {
      throw new LowtideError('output_exists', `${absolute} exists already`, {
        hint: 'Name a new file: an identity is never written over another file.',
      });
    }
    throw new LowtideError(
      'output_failed',
      `cannot write ${absolute}: ${LowtideError.from(thrown).message}`,
      {
        ...(systemErrorCode(thrown) === 'ENOENT' && { hint: `Is there a folder ${dirname(absolute)}?` }),
        cause: thrown,
      },
    );
  }
}
