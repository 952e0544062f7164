import { openInstallation } from '../../exporter/src/compose.ts';
import { systemClock } from '../../exporter/src/clock/system.ts';
import { readConfig } from '../../exporter/src/config/read.ts';
import { Healer } from '../../exporter/src/heal/heal.ts';
import { DirectoryStore } from '../../exporter/src/store/directory.ts';
import { deadlyDisk } from './stepping-disk.ts';

/**
 * A process that makes copies good and dies: `heal-child.ts CONFIG OFFSITE STEPS` ends itself with kill -9 before the disk's step
 * of that number in the folder of the store `offsite`. It prints the step, or what came of each copy.
 */
const [configFile = '', root = '', steps = ''] = process.argv.slice(2);

const disk = deadlyDisk(root, Number(steps));

await using installation = await openInstallation(await readConfig(configFile, {}), {});
const { catalog, stores, config } = installation;
const healer = new Healer({
  catalog,
  stores: new Map(stores).set('offsite', new DirectoryStore('offsite', root, disk)),
  schedules: config.schedules,
  clock: systemClock,
  healing: new Set(),
});
const { signal } = new AbortController();
await healer.recover(signal);
for (const task of (await healer.plan()).tasks) {
  process.stdout.write(`${(await healer.heal(task, { signal })).status}\n`);
}
