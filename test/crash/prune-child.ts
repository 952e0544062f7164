import { openInstallation } from '../../exporter/src/compose.ts';
import { systemClock } from '../../exporter/src/clock/system.ts';
import { readConfig } from '../../exporter/src/config/read.ts';
import { pruneOrphans } from '../../exporter/src/retention/orphans.ts';
import { prune } from '../../exporter/src/retention/prune.ts';
import { DirectoryStore } from '../../exporter/src/store/directory.ts';
import { deadlyDisk } from './stepping-disk.ts';

/**
 * A process that prunes, then removes orphans, and dies: `prune-child.ts CONFIG FOLDER STEPS` ends itself with kill -9 before the
 * disk's step of that number below the folder, in which all stores lie. It prints the step, or `done`.
 */
const [configFile = '', folder = '', steps = ''] = process.argv.slice(2);

const disk = deadlyDisk(folder, Number(steps));

await using installation = await openInstallation(await readConfig(configFile, {}), {});
const { catalog, config } = installation;
const stores = new Map(
  Object.entries(config.stores).flatMap(([id, store]) =>
    store.type === 'directory' ? [[id, new DirectoryStore(id, store.path, disk)] as const] : [],
  ),
);
const { signal } = new AbortController();
const now = systemClock.now();
const { schedules } = config;
const pruned = await prune({ catalog, stores, schedules, scope: 'schedules', now, signal });
// As if a day had passed.
const orphans = await pruneOrphans({
  ...{ catalog, stores, remove: true, safeAgeMs: 86_400_000, signal },
  now: now + 2 * 86_400_000,
});
if (pruned.problems.length + orphans.problems.length > 0) throw new Error('a store refused');
process.stdout.write('done\n');
