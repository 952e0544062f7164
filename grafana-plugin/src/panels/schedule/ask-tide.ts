import type { BackupRun } from 'lowtide/api';
import { allOf, type Exporter } from '../../api/client.ts';
import type { EpochMs } from '../../format/format.ts';
import type { TideAnswers } from '../../timeline/tide.ts';
import type { TimeRange } from '../../timeline/time-scale.ts';
import { dayMs, hourMs } from '../../timeline/zone.ts';

export type TideExporter = Pick<Exporter, 'schedules' | 'plan' | 'load' | 'runs'>;

export interface AskedTide extends TideAnswers {
  /** There are more past runs than are asked for. */
  readonly isTruncated: boolean;
}

/** What the exporter answers at most. */
const most = { planHours: 24 * 7, loadHours: 24 * 92, pages: 25 };

/** All that the chart shows of a stretch of time. What is not in it is not asked for. */
export async function askTide(exporter: TideExporter, range: TimeRange, now: EpochMs): Promise<AskedTide> {
  const back = hoursBetween(range.from, now, most.loadHours);
  const ahead = hoursBetween(now, range.until, most.planHours);
  const [schedules, plan, load, past] = await Promise.all([
    allOf((page) => exporter.schedules(page)),
    ahead === 0 ? undefined : exporter.plan({ hours: ahead }),
    exporter.load({ hours: Math.max(1, back) }),
    back === 0 ? undefined : runsSince(exporter, range.from),
  ]);
  return {
    schedules,
    ...(plan !== undefined && { plan }),
    load,
    runs: past?.runs ?? [],
    isTruncated: past?.isTruncated ?? false,
  };
}

/** Whole hours, for what is asked for again should be the same for a while. */
function hoursBetween(from: EpochMs, until: EpochMs, limit: number): number {
  return Math.min(limit, Math.max(0, Math.ceil((until - from) / hourMs)));
}

/** Those begun last come first. One that was begun a day before may still have run. */
async function runsSince(
  exporter: TideExporter,
  from: EpochMs,
): Promise<{ readonly runs: readonly BackupRun[]; readonly isTruncated: boolean }> {
  const runs: BackupRun[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < most.pages; page += 1) {
    const answer = await exporter.runs({ limit: 200, ...(cursor !== undefined && { cursor }) });
    runs.push(...answer.items);
    cursor = answer.nextCursor;
    const last = answer.items.at(-1);
    if (cursor === undefined || last === undefined || Date.parse(last.startedAt) < from - dayMs) {
      return { runs, isTruncated: false };
    }
  }
  return { runs, isTruncated: true };
}
