import type { ScheduleConfig } from '../../../exporter/src/config/schema.ts';
import type { Queue } from '../../../exporter/src/queue/queue.ts';
import { latestStart } from '../../../exporter/src/schedule/due-job.ts';
import { nextOccurrences } from '../../../exporter/src/schedule/recurrence.ts';
import { firstAfter } from '../../../exporter/src/schedule/standing.ts';
import type { SimulatedHost } from './host.ts';
import type { MissedOfHost, RunOfHost } from './records.ts';
import type { HostPlanOfWorld } from './world.ts';

export interface Verdict {
  readonly occurrences: number;
  readonly ranOnce: number;
  readonly interrupted: number;
  /** Behind its deadline, and may still run until the next one is due. */
  readonly waiting: number;
  /** How many for each reason. */
  readonly missed: ReadonlyMap<string, number>;
  /** What should not be, as sentences. */
  readonly broken: readonly string[];
}

/**
 * Every occurrence whose time is over ran exactly once, or is reported as missed or lost with a reason. Of a host that was
 * away, that it was.
 */
export async function judge(
  hosts: readonly SimulatedHost[],
  queue: Queue,
  span: { readonly from: number; readonly until: number },
): Promise<Verdict> {
  const missed = new Map<string, number>();
  const broken: string[] = [];
  const verdict = { occurrences: 0, ranOnce: 0, interrupted: 0, waiting: 0 };
  const runs = Map.groupBy(
    hosts.flatMap(({ records }) => records.ofRuns),
    nameOf,
  );
  const reports = Map.groupBy(
    hosts.flatMap(({ instance, records }) => records.ofMissed.map((each) => ({ ...each, host: instance }))),
    ({ host, schedule }) => `${host} ${schedule}`,
  );
  const pools = new Map<string, ScheduleConfig>();
  for (const host of hosts) {
    const jobs = new Map(
      (await queue.jobs([{ host: host.instance }])).map((job) => [`${job.schedule} ${job.dueAt}`, job]),
    );
    for (const schedule of host.world.config.schedules) {
      if (schedule.pool !== undefined) {
        pools.set(schedule.id, schedule);
        continue;
      }
      const told = reports.get(`${host.instance} ${schedule.id}`) ?? [];
      for (const occurrence of nextOccurrences(schedule, span.from, span.until)) {
        const latest = latestStart({ schedule, occurrence });
        if (latest >= span.until) continue;
        const { dueAt } = occurrence;
        const job = jobs.get(`${schedule.id} ${dueAt}`);
        judgeOne(
          `${host.instance} ${schedule.id} ${new Date(dueAt).toISOString()}`,
          runs.get(`${host.instance} ${schedule.id} ${dueAt}`) ?? [],
          told.filter((each) => each.after < dueAt && dueAt <= each.dueAt),
          {
            reason:
              job?.reason?.code ??
              (wasAway(host.world, occurrence.windowStart, latest) ? 'its host was away' : undefined),
            mayStillRun: mayStillRun(schedule, dueAt, span.until),
          },
        );
      }
    }
  }
  await judgePools();
  return { ...verdict, missed, broken };

  async function judgePools(): Promise<void> {
    const byPool = Map.groupBy(pools.values(), ({ pool = '' }) => pool);
    const all = Map.groupBy(
      hosts.flatMap(({ records }) => records.ofRuns),
      ({ schedule, dueAt }) => `${schedule} ${dueAt}`,
    );
    for (const [pool, schedules] of byPool) {
      const jobs = new Map(
        (await queue.jobs([{ pool }])).map((job) => [`${job.schedule} ${job.dueAt}`, job]),
      );
      for (const schedule of schedules) {
        for (const occurrence of nextOccurrences(schedule, span.from, span.until)) {
          if (latestStart({ schedule, occurrence }) >= span.until) continue;
          const key = `${schedule.id} ${occurrence.dueAt}`;
          const job = jobs.get(key);
          const isOver = job?.state === 'missed' || job?.state === 'lost';
          const told = isOver ? [{ reason: job.reason?.code ?? job.state }] : [];
          judgeOne(`${pool} ${key}`, all.get(key) ?? [], told, {
            reason: undefined,
            mayStillRun: mayStillRun(schedule, occurrence.dueAt, span.until),
          });
        }
      }
    }
  }

  function judgeOne(
    name: string,
    ofIt: readonly RunOfHost[],
    told: readonly Pick<MissedOfHost, 'reason'>[],
    {
      reason: otherReason,
      mayStillRun,
    }: { readonly reason: string | undefined; readonly mayStillRun: boolean },
  ): void {
    verdict.occurrences += 1;
    const ended = ofIt.filter(({ status }) => status === 'completed' || status === 'failed');
    verdict.interrupted += ofIt.filter(({ status }) => status === 'interrupted').length;
    const [report] = told;
    if (ended.length === 1 && told.length === 0) verdict.ranOnce += 1;
    else if (ended.length > 1) broken.push(`${name} ran ${ended.length} times`);
    else if (ended.length === 1) broken.push(`${name} ran and is reported as missed (${report?.reason})`);
    else if (report === undefined && mayStillRun) verdict.waiting += 1;
    else if (report === undefined)
      broken.push(`${name} did not run, and nobody tells of it: ${states(ofIt)}`);
    else {
      const reason = report.reason ?? otherReason;
      if (reason === undefined) broken.push(`${name} was missed without a reason`);
      else missed.set(reason, (missed.get(reason) ?? 0) + 1);
    }
  }
}

/** Late ones wait for room until the next one is due. */
function mayStillRun(schedule: ScheduleConfig, dueAt: number, now: number): boolean {
  return now <= (firstAfter(schedule, dueAt)?.windowStart ?? Infinity);
}

function states(runs: readonly RunOfHost[]): string {
  return runs.map(({ status }) => status).join(', ') || 'it never began';
}

function wasAway({ deaths }: HostPlanOfWorld, from: number, until: number): boolean {
  return deaths.some((death) => death.from <= until && from <= death.until);
}

function nameOf({ host, schedule, dueAt }: RunOfHost): string {
  return `${host} ${schedule} ${dueAt}`;
}

export interface Collisions {
  /** How often more ran than may. */
  readonly moments: number;
  readonly minutes: number;
  /** Of the limit, at the worst moment. */
  readonly most: number;
}

/** When what ran together was more than a shared limit. */
export function collisionsOf(
  runs: readonly { readonly from: number; readonly until: number; readonly amount: number }[],
  limit: number,
): Collisions {
  const changes = runs
    .flatMap(({ from, until, amount }) => [
      { at: from, by: amount },
      { at: until, by: -amount },
    ])
    .sort((a, b) => a.at - b.at || a.by - b.by);
  let used = 0;
  let over: number | undefined;
  let moments = 0;
  let ms = 0;
  let most = 0;
  for (const { at, by } of changes) {
    used += by;
    most = Math.max(most, used);
    // Sums of fractions are not exact.
    const isOver = used > limit * (1 + 1e-9);
    if (isOver && over === undefined) {
      over = at;
      moments += 1;
    } else if (!isOver && over !== undefined) {
      ms += at - over;
      over = undefined;
    }
  }
  return { moments, minutes: ms / 60_000, most: most / limit };
}
