import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openSqliteCatalog } from '../../exporter/src/catalog/sqlite.ts';
import { newManifest, newRun, noon, runEnd } from '../conformance/catalog-samples.ts';

/**
 * The catalog at 100,000 backups, beside a peer that does the least a durable record needs: node:sqlite, one table, one
 * insert a transaction, the same WAL and fsync. `node test/bench/catalog.ts [BACKUPS]`.
 */
const backups = Number(process.argv[2] ?? 100_000);
const samples = 500;
const schedules = 20;

/** Milliseconds of each call, sorted. */
async function time(count: number, work: (index: number) => unknown): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const before = performance.now();
    await work(index);
    times.push(performance.now() - before);
  }
  return times.sort((a, b) => a - b);
}

function at(times: readonly number[], share: number): number {
  return times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? NaN;
}

function print(name: string, times: readonly number[], peer?: readonly number[]): void {
  const ratio =
    peer === undefined ? '' : `  ${(at(times, 0.5) / at(peer, 0.5)).toFixed(2)}x of a bare insert`;
  const figures = [0.5, 0.99].map((share) => `${at(times, share).toFixed(3)} ms`.padStart(11)).join('');
  console.log(`${name.padEnd(36)}${figures}${ratio}`);
}

const folder = mkdtempSync(join(tmpdir(), 'lowtide-bench-catalog-'));
try {
  using peer = new DatabaseSync(join(folder, 'peer.db'));
  peer.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  peer.exec('CREATE TABLE backups (id TEXT PRIMARY KEY, manifest TEXT NOT NULL) STRICT');
  const insert = peer.prepare('INSERT INTO backups VALUES (?, ?)');
  const bare = await time(samples, (index) =>
    insert.run(`b${index}`, JSON.stringify(newManifest(`b${index}`))),
  );

  await using catalog = openSqliteCatalog(join(folder, 'state'));
  const started = performance.now();
  for (let index = 0; index < backups; index += 1) {
    const schedule = `schedule-${index % schedules}`;
    const run = newRun(`r${index}`, { schedule, startedAt: noon + index, dueAt: noon + index });
    await catalog.startRun(run);
    const manifest = newManifest(`b${index}`, {
      schedule,
      createdAt: noon + index,
      keyId: `key-${index % 5}`,
    });
    await catalog.finishRun(run.id, runEnd(run, { manifest }));
  }
  const seconds = (performance.now() - started) / 1000;
  const megabytes = statSync(join(folder, 'state', 'catalog.db')).size / 2 ** 20;
  console.log(
    `${backups} runs with a backup each: ${(backups / seconds).toFixed(0)} runs/s, ${megabytes.toFixed(0)} MiB`,
  );
  console.log(`${''.padEnd(36)}${'median'.padStart(11)}${'p99'.padStart(11)}`);
  print('peer: bare insert, committed', bare);

  const run = (index: number): ReturnType<typeof newRun> =>
    newRun(`more-${index}`, { schedule: `more-${index}`, startedAt: noon + backups + index });
  print('startRun', await time(samples, async (index) => await catalog.startRun(run(index))), bare);
  const finish = async (index: number): Promise<unknown> =>
    await catalog.finishRun(`more-${index}`, runEnd(run(index), { manifest: newManifest(`more-${index}`) }));
  print('finishRun with a backup', await time(samples, finish), bare);
  const copy = { store: 'offsite', path: 's3://bucket/backup', status: 'good' } as const;
  const adopt = async (index: number): Promise<unknown> =>
    await catalog.adoptBackup(
      newManifest(`b${index}`, { schedule: `schedule-${index % schedules}`, createdAt: noon + index }),
      copy,
    );
  print('adoptBackup, a second copy', await time(samples, adopt), bare);
  print(
    'append',
    await time(samples, async (index) => await catalog.append({ name: 'error', errorType: 'store' }, index)),
    bare,
  );

  print('totals', await time(samples, async () => await catalog.totals()));
  print('backups, newest 50', await time(samples, async () => await catalog.backups({ limit: 50 })));
  const middle = `b${Math.floor(backups / 2)}`;
  print(
    'backups, 50 from the middle on',
    await time(samples, async () => await catalog.backups({ limit: 50, after: middle })),
  );
  print(
    'backups, 50 of a schedule',
    await time(samples, async () => await catalog.backups({ limit: 50, schedule: 'schedule-7' })),
  );
  print(
    'backups, 50 pruned (there are none)',
    await time(samples, async () => await catalog.backups({ limit: 50, status: 'pruned' })),
  );
  print('runs, last 50', await time(samples, async () => await catalog.runs({ limit: 50 })));
  print(
    'runs, 50 failed (there are none)',
    await time(samples, async () => await catalog.runs({ limit: 50, status: 'failed' })),
  );
  print('orphanedRuns', await time(samples, async () => await catalog.orphanedRuns(new Set())));
  print(
    'schedule',
    await time(samples, async (index) => await catalog.schedule(`schedule-${index % schedules}`)),
  );
  print(
    'eventsAfter, last 100',
    await time(samples, async () => await catalog.eventsAfter(backups * 2 - 100, 100)),
  );
  print('check', await time(samples, async () => await catalog.check()));
} finally {
  rmSync(folder, { recursive: true });
}
