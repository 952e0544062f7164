import { openInstallation } from '../../exporter/src/compose.ts';
import { readConfig } from '../../exporter/src/config/read.ts';

/** A process to be killed: `run-remote-child.ts CONFIG SCHEDULE`. It makes a backup, and says how many bytes of it are sealed. */
const [configFile = '', id = ''] = process.argv.slice(2);

await using installation = await openInstallation(await readConfig(configFile, {}), {});
const schedule = installation.config.schedules.find((each) => each.id === id);
if (schedule === undefined) throw new Error(`there is no schedule ${id}`);
await installation.jobs.backUp({
  schedule,
  trigger: 'manual',
  signal: new AbortController().signal,
  onStart: () => process.stdout.write(`pid ${process.pid}\n`),
  onProgress: (bytes) => process.stdout.write(`sealed ${bytes}\n`),
});
process.stdout.write('done\n');
