import { openInstallation } from '../../exporter/src/compose.ts';
import { readConfig } from '../../exporter/src/config/read.ts';
import { findCompression } from '../../exporter/src/run/compression.ts';
import { Runner } from '../../exporter/src/run/runner.ts';
import { makingWay } from '../servers/pacing.ts';

/** A process to be killed: `pacing-child.ts CONFIG SCHEDULE`. It makes a backup in short turns, and says which run that is. */
const [configFile = '', scheduleId = ''] = process.argv.slice(2);

await using installation = await openInstallation(await readConfig(configFile, {}), {});
const schedule = installation.config.schedules.find(({ id }) => id === scheduleId);
if (schedule === undefined) throw new Error(`there is no schedule ${scheduleId}`);
const runner = new Runner({
  ...installation,
  version: 'test',
  compression: () => findCompression(new AbortController().signal),
  elapsed: () => performance.now(),
  ...makingWay(installation.config, 800),
});
await runner.run({
  schedule,
  trigger: 'manual',
  signal: new AbortController().signal,
  onStart: ({ id }) => process.stdout.write(`${id}\n`),
});
