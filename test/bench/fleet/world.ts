import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readConfig } from '../../../exporter/src/config/read.ts';
import type { Config, ScheduleConfig } from '../../../exporter/src/config/schema.ts';
import type { HostLoad } from '../../../exporter/src/schedule/slot-grid.ts';
import { writeConfig } from '../../servers/installation.ts';
import { officeTrace, readTrace, type Trace } from '../tide/trace.ts';
import { seeded } from './seeded.ts';

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;
/** Of plans and forecasts, and of the simulation. */
export const stepMs = 5 * minuteMs;
/** How far a host looks ahead. */
const horizonMs = 48 * hourMs;
const stepsOfDay = dayMs / stepMs;
/** So many hosts are a pool's. */
const hostsOfPool = 20;

export interface WorldSize {
  readonly hosts: number;
  readonly schedules: number;
  readonly days: number;
}

export interface HostPlanOfWorld {
  readonly config: Config;
  readonly skewMs: number;
  /** A host that is away comes back, but not within a night. */
  readonly deaths: readonly Death[];
  readonly loadAt: (now: number) => HostLoad;
}

export interface Death {
  readonly from: number;
  readonly until: number;
}

export interface World {
  readonly start: number;
  readonly hosts: readonly HostPlanOfWorld[];
  readonly limits: { readonly bucketStreams: number; readonly networkBytes: number };
  readonly traces: number;
}

/** The bytes of one run; what it is expected to take is in its schedule. */
export const bytesPerSecond = 4e6;
/** The share of the schedules that belong to a pool, are stored in the bucket, and go over the network. */
const pooledShare = 0.05;
const bucketShare = 0.6;

/**
 * Every host has its own schedules, most of them by night; a tenth of them belong to a pool. What they share is wide enough for
 * two thirds again of what is expected, spread over half a day.
 */
export async function makeWorld({ hosts, schedules, days }: WorldSize): Promise<World> {
  const start = Date.UTC(2026, 10, 2);
  const template = await templateConfig();
  const [likeAll] = template.schedules;
  if (likeAll === undefined) throw new Error('the template has no schedule');
  const courses = coursesOfDays();
  const own = Array.from({ length: hosts }, (_, host) =>
    Array.from({ length: schedules }, (__, index) => scheduleOf(likeAll, host, index)),
  );
  const inBucket = own.flat().filter(({ stores }) => stores.includes('bucket'));
  const busyMs = inBucket.reduce((sum, { estimated_duration: duration }) => sum + duration, 0);
  const bucketStreams = Math.max(2, Math.ceil((busyMs / (12 * hourMs)) * 1.6));
  const networkBytes = (bucketStreams * bytesPerSecond * 2) / 3;
  const shared = {
    stores: { ...template.stores, bucket: withStreams(template.stores['bucket'], bucketStreams) },
    networks: { wan: { bandwidth: networkBytes } },
  };
  return {
    start,
    traces: courses.length,
    limits: { bucketStreams, networkBytes },
    hosts: own.map((mine, host) => {
      const pool = Math.floor(host / hostsOfPool);
      const mates = own.slice(pool * hostsOfPool, (pool + 1) * hostsOfPool).flat();
      const course = courses[host % courses.length];
      if (course === undefined) throw new Error('there is no trace');
      return {
        config: {
          ...template,
          ...shared,
          instance: `host-${host}`,
          pools: [`pool-${pool}`],
          schedules: [
            ...mine.filter(({ pool: label }) => label === undefined),
            ...mates.filter(({ pool: label }) => label !== undefined),
          ],
        },
        // On the grid of the simulation, so that no last call falls between two looks.
        skewMs: seeded('skew', host) < 0.1 ? [-10, -5, 5, 10][host % 4]! * minuteMs : 0,
        deaths: deathsOf(host, start, days),
        loadAt: (now) => courseAt(course, now),
      };
    }),
  };
}

function scheduleOf(likeAll: ScheduleConfig, host: number, index: number): ScheduleConfig {
  const random = (what: string): number => seeded(what, host, index);
  const isPooled = random('pool') < pooledShare;
  const startMinute = 5 * Math.floor(((18 * 60 + random('opens') * 600) % 1440) / 5);
  const length = 60 + 5 * Math.floor((random('length') * 420) / 5);
  const priorities = ['critical', 'high', 'medium', 'medium', 'low'] as const;
  const isInBucket = random('store') < bucketShare;
  return {
    ...likeAll,
    id: isPooled ? `pooled-${host}-${index}` : `own-${index}`,
    window: { startMinute, endMinute: (startMinute + length) % 1440 },
    max_delay: (1 + Math.floor(random('delay') * 4)) * hourMs,
    priority: priorities[Math.floor(random('priority') * priorities.length)] ?? 'medium',
    resources: { cpu: 0.05 + 0.15 * random('cpu'), memory: 0.02 + 0.08 * random('memory') },
    estimated_duration: Math.round((5 + random('duration') * 40) * minuteMs),
    stores: [isInBucket ? 'bucket' : 'local'],
    network: isInBucket && random('network') < 0.5 ? 'wan' : undefined,
    pool: isPooled ? `pool-${Math.floor(host / hostsOfPool)}` : undefined,
  };
}

/** Four of a thousand on each day, for two to eight hours; the last day all are there. */
function deathsOf(host: number, start: number, days: number): readonly Death[] {
  const deaths: Death[] = [];
  for (let day = 0; day < days; day += 1) {
    const isMeant = seeded('death', host, day) < 0.004 || (host === day % 7 && day % 2 === 0);
    if (!isMeant) continue;
    const from = start + day * dayMs + stepMs * Math.floor(seeded('when', host, day) * stepsOfDay * 0.6);
    const until = from + stepMs * Math.floor(24 + seeded('back', host, day) * 72);
    if ((deaths.at(-1)?.until ?? 0) < from) deaths.push({ from, until });
  }
  return deaths;
}

/** A real config, as an exporter reads it. */
async function templateConfig(): Promise<Config> {
  const folder = mkdtempSync(join(tmpdir(), 'lowtide-bench-fleet-'));
  try {
    const file = writeConfig(
      folder,
      '  - { id: all, source: { type: directory, path: ./data }, every: 1d, window: "00:00-06:00", timezone: UTC, stores: [local], pool: any }',
      {
        instance: 'template',
        state: 'postgres://localhost/lowtide',
        stores:
          '{ local: { type: directory, path: ./backups }, bucket: { type: s3, bucket: backups, region: eu-west-1, streams: 10 } }',
        more: 'local: ./local\npools: [any]\nnetworks: { wan: { bandwidth: 100MiB/s } }',
      },
    );
    return (await readConfig(file, {})).config;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function withStreams(store: Config['stores'][string] | undefined, streams: number): Config['stores'][string] {
  if (store === undefined) throw new Error('the template has no bucket');
  return { ...store, streams };
}

/** A day of each host of ../shared/loads, the mean of all its days at that hour; without them, an office's. */
function coursesOfDays(): readonly Course[] {
  const folder = fileURLToPath(new URL('../../../../shared/loads/', import.meta.url));
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json.gz')) : [];
  const traces = files.length === 0 ? [officeTrace()] : files.sort().map((name) => readTrace(folder + name));
  return traces.map((trace) => ({ cpu: meanDay(trace, trace.cpu), memory: meanDay(trace, trace.memory) }));
}

interface Course {
  /** From midnight on, four days long. */
  readonly cpu: Float64Array;
  readonly memory: Float64Array;
}

function meanDay({ startsAt }: Trace, loads: readonly number[]): Float64Array {
  const first = Math.round((startsAt % dayMs) / stepMs);
  const sums = new Float64Array(stepsOfDay);
  const counts = new Float64Array(stepsOfDay);
  for (const [index, load] of loads.entries()) {
    if (Number.isNaN(load)) continue;
    const step = (first + index) % stepsOfDay;
    sums[step] = (sums[step] ?? 0) + load;
    counts[step] = (counts[step] ?? 0) + 1;
  }
  return Float64Array.from({ length: 4 * stepsOfDay }, (_, index) => {
    const step = index % stepsOfDay;
    return counts[step] ? (sums[step] ?? 0) / counts[step] : 0.3;
  });
}

function courseAt({ cpu, memory }: Course, now: number): HostLoad {
  const startsAt = Math.floor(now / stepMs) * stepMs;
  const from = (startsAt % dayMs) / stepMs;
  const until = from + horizonMs / stepMs;
  return {
    startsAt,
    stepMs,
    cpu: cpu.subarray(from, until),
    memory: memory.subarray(from, until),
    isKnown: true,
  };
}
