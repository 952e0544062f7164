import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { scheduleSchema } from '../../exporter/src/config/schedule-schema.ts';
import { coarseStepMs, type LoadRecord } from '../../exporter/src/load/load.ts';
import { replay, type Replay } from '../../exporter/src/load/replay/replay.ts';
import { choosers } from '../../exporter/src/load/replay/tally.ts';
import { readTrace, type Trace } from './tide/trace.ts';

/**
 * `lowtide plan --replay` over the hosts of ../shared/loads: one backup of 45 minutes every night, planned anew every five minutes while
 * its window is open. How much of the way from a start at random to the best one is closed, every host weighing the same; the
 * peers are the same planner with yesterday's curve, and a fixed 02:00. `node test/bench/replay.ts [FOLDER]`
 */
const [folder = join(import.meta.dirname, '../../../shared/loads')] = process.argv.slice(2);
const dayMs = 86_400_000;
const durationMs = 45 * 60_000;
const cases = [
  { window: '22:00-06:00', days: 14 },
  { window: '22:00-06:00', days: 28 },
  { window: '02:00-06:00', days: 28 },
];

const traces = readdirSync(folder)
  .filter((file) => file.endsWith('.json.gz'))
  .map((file) => readTrace(join(folder, file)));
for (const { window, days } of cases) {
  const began = process.cpuUsage();
  const replays: Replay[] = [];
  for (const trace of traces) replays.push(await replayed(trace, window, days));
  const hosts = replays.filter(({ total }) => total.runs > 0);
  const { user, system } = process.cpuUsage(began);
  const closed = choosers.map((chooser) => `${chooser} ${(100 * gapClosed(hosts, chooser)).toFixed(1)} %`);
  const each = (user + system) / 1e6 / traces.length;
  console.log(
    `${window}, last ${days} days of ${hosts.length} hosts: ${closed.join(', ')}; ${each.toFixed(2)} s of CPU each`,
  );
}

async function replayed(trace: Trace, window: string, days: number): Promise<Replay> {
  const records = recordsOf(trace);
  const until = (records.at(-1)?.at ?? 0) + coarseStepMs;
  const config = {
    id: 'db',
    source: { type: 'sqlite', path: '/srv/app.db' },
    every: '1d',
    window,
    max_delay: '1m',
    stores: ['local'],
  };
  const schedule = { ...scheduleSchema.parse(config), timezone: 'UTC', estimated_duration: durationMs };
  return await replay({
    jobs: [{ schedule, expected: { durationMs, resources: { cpu: 0.01, memory: 0.01 } } }],
    ...{ records, until, from: until - days * dayMs, timezone: 'UTC' },
    highWater: { cpu: 1, memory: 1, disk: 1 },
  });
}

function recordsOf({ startsAt, cpu, memory }: Trace): LoadRecord[] {
  return cpu.flatMap((share, step) => {
    const at = startsAt + step * coarseStepMs;
    return Number.isNaN(share) ? [] : [{ at, cpu: share, memory: memory[step] ?? NaN, disk: NaN }];
  });
}

function gapClosed(hosts: readonly Replay[], chooser: (typeof choosers)[number]): number {
  let made = 0;
  let whole = 0;
  for (const { total } of hosts) {
    made += total.random - total[chooser].load;
    whole += total.random - total.best;
  }
  return made / whole;
}
