import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openInstallation, openKeystore } from '../../exporter/src/compose.ts';
import { readConfig } from '../../exporter/src/config/read.ts';
import { hostGauge } from '../../exporter/src/load/gauge.ts';
import { Pacer, turnMs } from '../../exporter/src/run/pacer.ts';
import { writeConfig } from '../servers/installation.ts';

/**
 * What it costs to make way for the host: the turns themselves, against half a hundredth of one core; and a folder that is backed
 * up as it is by default, against the same with normal priorities and no stops. The host is as busy as it is.
 * `node test/bench/pacing.ts [FOLDER] [ROUNDS]`.
 */
const [folder = '/usr/lib', rounds = '3'] = process.argv.slice(2);
const elapsed = (): number => performance.now();

async function costOfTurns(): Promise<number> {
  const short = 400;
  const turns = 50;
  const pacer = new Pacer({
    gauge: hostGauge({ proc: '/proc', pid: process.pid, elapsed }),
    // Any load is too much: each turn has its stop, and all that is read for it.
    marks: { cpu: 1e-9, pressure: { cpu: 1e-9, memory: 1e-9, disk: 1e-9 } },
    turnMs: short,
    elapsed,
    sleep: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => undefined),
  });
  const before = process.cpuUsage();
  const pacing = pacer.join({
    crew: { pause: () => undefined, resume: () => undefined, hurry: () => undefined },
    expectedMs: 1,
    finishInMs: 1e9,
    done: () => undefined,
    onPace: () => undefined,
    signal: new AbortController().signal,
  });
  await sleep(turns * short);
  pacing[Symbol.dispose]();
  const used = process.cpuUsage(before);
  return (used.user + used.system) / 1000 / turns / turnMs;
}

async function durations(): Promise<void> {
  const at = mkdtempSync(join(tmpdir(), 'lowtide-bench-pacing-'));
  const common = `source: { type: directory, path: ${folder}, unreadable: skip }, every: 1d, stores: [local], keep: { last: 1 }, verify: { after_backup: false }`;
  const configFile = writeConfig(
    at,
    `  - { id: gentle, ${common} }\n  - { id: plain, run: { nice: 0, io_priority: normal, pause: false }, ${common} }`,
  );
  try {
    const loaded = await readConfig(configFile, {});
    await openKeystore(loaded.config).create({ kind: 'x25519', now: 0 });
    await using installation = await openInstallation(loaded, {});
    const seconds: Record<string, number[]> = {};
    for (let round = 0; round < Number(rounds); round += 1) {
      for (const schedule of installation.config.schedules) {
        const signal = new AbortController().signal;
        const { run } = await installation.jobs.backUp({ schedule, trigger: 'manual', signal });
        const took = ((run.finishedAt ?? 0) - run.startedAt) / 1000;
        (seconds[schedule.id] ??= []).push(took);
        console.log(
          `${schedule.id}: ${run.status} in ${took.toFixed(1)} s, stopped ${run.pausedSeconds.toFixed(1)} s`,
        );
      }
    }
    const median = (id: string): number =>
      (seconds[id] ?? []).toSorted((a, b) => a - b)[Math.floor(Number(rounds) / 2)] ?? NaN;
    const ratio = median('gentle') / median('plain');
    console.log(`a backup that makes way takes ${ratio.toFixed(2)} of the time of one that does not`);
  } finally {
    rmSync(at, { recursive: true, force: true });
  }
}

const cost = await costOfTurns();
console.log(
  `turns take ${(100 * cost).toFixed(4)} % of a core (aim 0.5 %: ${(cost / 0.005).toFixed(3)} of it)`,
);
await durations();
