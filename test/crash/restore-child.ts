import type { Backup } from '../../exporter/src/catalog/catalog.ts';
import { TestInstallation } from '../conformance/sealed-backup.ts';

/**
 * A process to be killed, or to be measured: `restore-child.ts WORK FOLDER TARGET ID…`. `alternate` restores one backup after
 * the other into the same target until it is killed, and prints a line before each; `measure` verifies and restores one,
 * and prints its peak of resident memory in KiB.
 */
const [work, folder = '', target = '', ...ids] = process.argv.slice(2);

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function alternate(lowtide: TestInstallation, backups: readonly Backup[]): Promise<void> {
  for (;;) {
    for (const backup of backups) {
      say(backup.id);
      await lowtide.restore(backup, target, { force: true });
    }
  }
}

async function measure(lowtide: TestInstallation, [backup]: readonly Backup[]): Promise<void> {
  if (backup === undefined) throw new Error('one backup is to be given');
  const { copies } = await lowtide.verify(backup);
  await lowtide.restore(backup, target);
  say(`${copies.map(({ status }) => status).join(' ')} ${process.resourceUsage().maxRSS}`);
  // Not disposed of, which would remove the folder: the test does that.
  process.exit();
}

const lowtide = await TestInstallation.open(folder);
const backups = await Promise.all(ids.map((id) => lowtide.backup(id)));
await (work === 'measure' ? measure(lowtide, backups) : alternate(lowtide, backups));
