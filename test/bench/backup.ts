import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { openInstallation, openKeystore, type Installation } from '../../exporter/src/compose.ts';
import { readConfig } from '../../exporter/src/config/read.ts';
import { startPostgres } from '../servers/postgres.ts';

/**
 * A whole backup (dump, compress, seal, two hashes, fsync, manifest, catalog) beside the pipeline of a careful admin:
 * `tar | zstd -3 -T0 | age -r … > file` and `pg_dump -Fc -Z0 | zstd -3 -T0 | age -r … > file`, in turns.
 * `node test/bench/backup.ts [ROUNDS] [MIB OF FILES] [PGBENCH SCALE]`.
 */
const rounds = Number(process.argv[2] ?? 5);
const fileMiB = Number(process.argv[3] ?? 1024);
const scale = Number(process.argv[4] ?? 20);

const folder = mkdtempSync(join(tmpdir(), 'lowtide-bench-backup-'));
await using server = await startPostgres();

function shell(command: string, env: Record<string, string> = {}): void {
  const end = spawnSync('bash', ['-o', 'pipefail', '-c', command], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  if (end.status !== 0) throw new Error(`${command}: ${end.stderr}`);
}

/** A quarter of bytes that do not compress, the rest programs, libraries and texts of this machine. */
function makeFiles(target: string): void {
  mkdirSync(target);
  for (let index = 0; index < fileMiB / 4 / 16; index += 1) {
    writeFileSync(join(target, `noise-${index}`), randomBytes(16 * 2 ** 20));
  }
  let wanted = (fileMiB * 3) / 4;
  for (const from of ['/usr/bin', '/usr/share', '/usr/lib']) {
    const list = spawnSync(
      'bash',
      ['-c', `find ${from} -xdev -type f -size -20M -printf '%s %p\\n' | sort -k2`],
      {
        encoding: 'utf8',
        maxBuffer: 2 ** 28,
      },
    ).stdout;
    for (const line of list.split('\n')) {
      const [size, path] = /^(\d+) (.+)$/.exec(line)?.slice(1) ?? [];
      if (path === undefined || wanted <= 0) continue;
      cpSync(path, join(target, path));
      wanted -= Number(size) / 2 ** 20;
    }
  }
}

async function install(files: string): Promise<Installation> {
  const configFile = join(folder, 'lowtide.yaml');
  writeFileSync(
    configFile,
    `state: ./state
encryption: { keystore: ./keys, passphrase: bench-passphrase }
stores: { local: { type: directory, path: ./backups } }
schedules:
  - { id: files, source: { type: directory, path: ${files} }, every: 1d, stores: [local], verify: { after_backup: false }, keep: { last: 1 } }
  - { id: db, source: { type: postgres, url: '${server.url('bench')}', globals: none }, every: 1d, stores: [local], verify: { after_backup: false }, keep: { last: 1 } }
`,
  );
  const loaded = await readConfig(configFile, {});
  await openKeystore(loaded.config).create({ kind: 'x25519', now: 0 });
  return await openInstallation(loaded, {});
}

/** The most memory that a `lowtide backup` of its own process takes, in MiB, as the kernel counts it. */
async function peakMemory(schedule: string): Promise<number> {
  const main = fileURLToPath(new URL('../../exporter/src/cli/main.ts', import.meta.url));
  const child = spawn(process.execPath, [main, 'backup', schedule], { cwd: folder, stdio: 'ignore' });
  let peak = 0;
  const look = setInterval(() => {
    try {
      const status = readFileSync(`/proc/${child.pid ?? 0}/status`, 'utf8');
      peak = Math.max(peak, Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0));
    } catch {
      // It has just ended.
    }
  }, 20);
  await once(child, 'exit');
  clearInterval(look);
  return peak / 1024;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

async function timed(work: () => unknown): Promise<number> {
  const before = performance.now();
  await work();
  return (performance.now() - before) / 1000;
}

async function compare(
  name: string,
  schedule: string,
  peer: string,
  env: Record<string, string>,
): Promise<void> {
  const ours: number[] = [];
  const theirs: number[] = [];
  const synced: number[] = [];
  const delay = monitorEventLoopDelay({ resolution: 5 });
  const found = installation.config.schedules.find((each) => each.id === schedule);
  if (found === undefined) throw new Error(`no schedule ${schedule}`);
  const out = join(folder, 'peer.age');
  for (let round = 0; round < rounds; round += 1) {
    rmSync(out, { force: true });
    theirs.push(await timed(() => shell(`${peer} > ${out}`, env)));
    rmSync(out, { force: true });
    synced.push(await timed(() => shell(`${peer} > ${out}; sync ${out}`, env)));
    delay.enable();
    ours.push(
      await timed(async () => {
        const { run } = await installation.jobs.backUp({
          schedule: found,
          trigger: 'manual',
          signal: new AbortController().signal,
        });
        if (run.status !== 'completed') throw new Error(run.error?.message);
      }),
    );
    delay.disable();
  }
  const [run] = await installation.catalog.runs({ schedule, limit: 1 });
  const megabytes = (bytes: number | undefined): string => `${((bytes ?? 0) / 2 ** 20).toFixed(0)} MiB`;
  console.log(
    `${name}: ${megabytes(run?.sizeBytes)} to ${megabytes(run?.storedBytes)} (shell ${megabytes(statSync(out).size)}), ${rounds} rounds
  lowtide ${median(ours).toFixed(2)} s, shell ${median(theirs).toFixed(2)} s, shell with sync ${median(synced).toFixed(2)} s (medians)
  ratio ${(median(ours) / median(theirs)).toFixed(2)}x of the shell, ${(median(ours) / median(synced)).toFixed(2)}x of the shell with sync
  peak memory ${(await peakMemory(schedule)).toFixed(0)} MiB, event loop delay p99 ${(delay.percentile(99) / 1e6).toFixed(1)} ms`,
  );
}

const files = join(folder, 'files');
makeFiles(files);
server.query('CREATE DATABASE bench');
shell(`pgbench -i -q -s ${scale} '${server.url('bench')}'`);
const installation = await install(files);
try {
  const recipient = (await installation.keystore.active()).recipient;
  await compare('files', 'files', `tar -C ${files} -cf - . | zstd -3 -T0 -q | age -r ${recipient}`, {});
  await compare('PostgreSQL', 'db', `pg_dump -Fc -Z0 "$URL" | zstd -3 -T0 -q | age -r ${recipient}`, {
    URL: server.url('bench'),
  });
} finally {
  await installation[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
}
