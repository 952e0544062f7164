import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { openSqliteCatalog } from '../../exporter/src/catalog/sqlite.ts';
import { systemClock } from '../../exporter/src/clock/system.ts';
import { fileKeystore } from '../../exporter/src/keys/file.ts';
import { Rotator } from '../../exporter/src/rotation/rotator.ts';
import { createSealPool } from '../../exporter/src/seal/pool.ts';
import { S3Store } from '../../exporter/src/store/s3.ts';
import type { S3Options } from '../../exporter/src/store/s3/options.ts';
import { retryOnce } from '../integration/object-stores.ts';

/** What the process is told by a line on its standard input; until then it waits, all loaded. */
export interface RotationTask {
  readonly folder: string;
  readonly mode: 'rewrap' | 'reencrypt';
  readonly options: Omit<S3Options, 'retry' | 'now'>;
  /** It is killed by the server at the request that follows so many changes. */
  readonly changes: number;
}

/** A process that rotates backups in a bucket, and prints how the rotation ended should it live. */
for await (const line of createInterface({ input: process.stdin })) {
  const { folder, mode, options, changes } = JSON.parse(line) as RotationTask;
  await using catalog = openSqliteCatalog(join(folder, 'state'));
  await using pool = createSealPool({ threads: 1 });
  const store = new S3Store({ ...options, retry: retryOnce, now: () => Date.now() });
  const fault = { times: 1, afterChanges: changes, effect: { kind: 'kill', pid: process.pid } };
  await fetch(`${options.endpoint ?? ''}/-/fault`, { method: 'POST', body: JSON.stringify(fault) });
  const rotator = new Rotator({
    catalog,
    stores: new Map([[store.id, store]]),
    keystore: fileKeystore({ folder: join(folder, 'keys'), passphrase: 'low tide', scryptLogN: 2 }),
    pool,
    clock: systemClock,
    recoveryRecipients: [],
    running: new Set(),
  });
  const { signal } = new AbortController();
  const rotation = await rotator.rotate({ mode, trigger: 'manual' }, { signal });
  process.stdout.write(`${JSON.stringify(rotation)}\n`);
  process.stdin.destroy();
  break;
}
