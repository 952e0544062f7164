import { openInstallation } from '../../exporter/src/compose.ts';
import { systemClock } from '../../exporter/src/clock/system.ts';
import { readConfig } from '../../exporter/src/config/read.ts';
import { findCompression } from '../../exporter/src/run/compression.ts';
import { Runner } from '../../exporter/src/run/runner.ts';
import { DirectoryStore } from '../../exporter/src/store/directory.ts';
import type { PutOptions, StoredObject } from '../../exporter/src/store/store.ts';
import { makingWay } from '../servers/pacing.ts';

/**
 * A process to be killed: `run-child.ts CONFIG SCHEDULE STEP`. It makes a backup, says each step that it has reached, and
 * goes no further than STEP. With `loop` for a step it makes backups until it dies.
 */
const [configFile = '', scheduleId = '', last = ''] = process.argv.slice(2);

async function reach(step: string): Promise<void> {
  process.stdout.write(`${step}\n`);
  if (step === last) await new Promise(() => setInterval(() => undefined, 60_000));
}

class SteppedStore extends DirectoryStore {
  override async put(
    name: string,
    body: AsyncIterable<Uint8Array>,
    options: PutOptions,
  ): Promise<StoredObject> {
    const kind = name.endsWith('.json') ? 'manifest' : 'part';
    await reach(`before ${kind}`);
    async function* watched(): AsyncGenerator<Uint8Array> {
      let pieces = 0;
      for await (const piece of body) {
        yield piece;
        pieces += 1;
        if (pieces === 2) await reach(`within ${kind}`);
      }
      await reach(`read ${kind}`);
    }
    const stored = await super.put(name, watched(), options);
    await reach(`stored ${kind}`);
    return stored;
  }
}

const loaded = await readConfig(configFile, {});
await using installation = await openInstallation(loaded, {});
const { config, catalog, keystore, pool, scratchRoot } = installation;
const runner = new Runner({
  config,
  version: 'test',
  catalog,
  stores: new Map(
    Object.entries(config.stores).flatMap(([id, store]) =>
      store.type === 'directory' ? [[id, new SteppedStore(id, store.path)]] : [],
    ),
  ),
  keystore,
  pool,
  compression: () => findCompression(new AbortController().signal),
  ...makingWay(config, 16_000),
  scratchRoot,
  clock: systemClock,
  elapsed: () => performance.now(),
});
const schedule = config.schedules.find((each) => each.id === scheduleId);
if (schedule === undefined) throw new Error(`there is no schedule ${scheduleId}`);
do {
  const run = await runner.run({ schedule, trigger: 'manual', signal: new AbortController().signal });
  process.stdout.write(`done ${run.status} ${run.backupId ?? ''}\n`);
  await reach('filed');
} while (last === 'loop');
