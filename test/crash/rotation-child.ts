import { join } from 'node:path';
import { openSqliteCatalog } from '../../exporter/src/catalog/sqlite.ts';
import { systemClock } from '../../exporter/src/clock/system.ts';
import { fileKeystore } from '../../exporter/src/keys/file.ts';
import { Rotator } from '../../exporter/src/rotation/rotator.ts';
import { createSealPool } from '../../exporter/src/seal/pool.ts';
import { DirectoryStore } from '../../exporter/src/store/directory.ts';
import { steppingDisk } from './stepping-disk.ts';

/**
 * A process that rotates and dies: `rotation-child.ts FOLDER MODE STEPS` goes on with the last rotation, or begins one, and
 * ends itself with kill -9 before the disk's step of that number, or the first that begins like that; with `hold` it goes no further instead, and lives on. It
 * prints the step, or how the rotation ended.
 */
const [folder = '', mode = '', steps = '', hold = ''] = process.argv.slice(2);

let left = Number(steps);
const root = join(folder, 'backups');
const disk = steppingDisk(root, async (step) => {
  left -= 1;
  if (Number.isNaN(left) ? !step.startsWith(steps) : left > 0) return;
  process.stdout.write(`${step}\n`);
  if (hold === '') process.kill(process.pid, 'SIGKILL');
  await new Promise(() => setInterval(() => undefined, 60_000));
});

await using catalog = openSqliteCatalog(join(folder, 'state'));
await using pool = createSealPool({ threads: 1 });
const rotator = new Rotator({
  catalog,
  stores: new Map([['local', new DirectoryStore('local', root, disk)]]),
  keystore: fileKeystore({ folder: join(folder, 'keys'), passphrase: 'low tide', scryptLogN: 2 }),
  pool,
  clock: systemClock,
  recoveryRecipients: [],
  running: new Set(),
});
const { signal } = new AbortController();
const [last] = await catalog.rotations.list({ limit: 1 });
const rotation =
  last === undefined
    ? await rotator.rotate({ mode: mode === 'reencrypt' ? mode : 'rewrap', trigger: 'manual' }, { signal })
    : await rotator.resume(undefined, { signal });
process.stdout.write(`${JSON.stringify(rotation)}\n`);
