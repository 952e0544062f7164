import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { TestInstallation, writeConfig } from '../servers/installation.ts';
import { TestChild } from './children.ts';

const stores =
  '{ local: { type: directory, path: ./backups }, offsite: { type: directory, path: ./offsite } }';
const schedule = (keep: string): string =>
  `  - { id: c, source: { type: command, argv: [date] }, every: 1d, stores: [local, offsite]${keep} }`;
const { signal } = new AbortController();

let installation: TestInstallation;
beforeEach(async () => {
  installation = await TestInstallation.make(schedule(''), { stores });
});
afterEach(() => installation[Symbol.asyncDispose]());

function namesIn(store: string): string[] {
  return readdirSync(join(installation.folder, store, 'c')).sort();
}

it('a prune that is killed anywhere leaves whole what is on file, and the next one completes it', async () => {
  const { folder, configFile, opened } = installation;
  const ids: string[] = [];
  for (let count = 0; count < 4; count += 1) ids.unshift((await installation.completed('c')).id);
  for (const store of ['backups', 'offsite']) {
    const orphan = join(folder, store, 'c', 'c-20260101T020000Z-3fa29c.bin.zst.age');
    mkdirSync(dirname(orphan), { recursive: true });
    writeFileSync(orphan, 'left by a run that was killed');
  }
  writeConfig(folder, schedule(', keep: { last: 1, stores: { offsite: { last: 2 } } }'), { stores });

  const killedAt = new Set<string>();
  for (let steps = 1; ; steps += 2) {
    await using child = new TestChild('prune-child.ts', [configFile, folder, String(steps)]);
    await child.ended();
    const last = child.lines.at(-1) ?? '';
    for (const backup of await opened.catalog.backups({ status: 'completed', limit: 9 })) {
      const { copies } = await opened.jobs.verify(backup, { signal });
      expect(new Set(copies.map(({ status }) => status)), last).toEqual(new Set(['passed']));
    }
    for (const store of ['backups', 'offsite']) {
      const names = namesIn(store);
      for (const id of ids.filter((each) => names.includes(`${each}.bin.zst.age`))) {
        expect(names, last).toContain(`${id}.bin.zst.age.json`);
      }
    }
    if (last === 'done') break;
    killedAt.add(last);
  }
  expect(killedAt.size).toBeGreaterThan(3);
  const objectsOf = (...of: (string | undefined)[]): string[] =>
    of.flatMap((id) => [`${id ?? ''}.bin.zst.age`, `${id ?? ''}.bin.zst.age.json`]).sort();
  expect(namesIn('backups')).toEqual(objectsOf(ids[0]));
  expect(namesIn('offsite')).toEqual(objectsOf(ids[0], ids[1]));
});
