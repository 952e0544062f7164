import type { HostProblem, Load } from 'lowtide/api';
import type { BackupRun } from '../../api/answers.ts';
import { pagesOf, type Exporter } from '../../api/client.ts';
import type { EpochMs } from '../../format/format.ts';
import { distinct, gathered, type ListOfHosts } from '../../hosts/ask-hosts.ts';
import { askPlan } from '../../hosts/ask-plan.ts';
import type { Whose } from '../../hosts/hosts.ts';
import type { TideAnswers } from '../../timeline/tide.ts';
import type { TimeRange } from '../../timeline/time-scale.ts';
import { dayMs, hourMs } from '../../timeline/zone.ts';

export type TideExporter = Pick<Exporter, 'schedules' | 'plan' | 'load' | 'runs'>;

export interface AskedTide extends TideAnswers {
  /** There are more past runs than are asked for. */
  readonly isTruncated: boolean;
  /** The load is left out: each of the hosts has one of its own. */
  readonly isOfSeveral: boolean;
  /** Hosts of which something is missing. */
  readonly hostProblems: readonly HostProblem[];
}

/** What the exporter answers at most. */
const most = { planHours: 24 * 7, loadHours: 24 * 92, pages: 25 };

const own: readonly Whose[] = [undefined];

/** All that the chart shows of a stretch of time, of the hosts that are asked. What is not in it is not asked for. */
export async function askTide(
  exporter: TideExporter,
  range: TimeRange,
  now: EpochMs,
  asked: readonly Whose[] = own,
): Promise<AskedTide> {
  const back = hoursBetween(range.from, now, most.loadHours);
  const ahead = hoursBetween(now, range.until, most.planHours);
  const [schedules, plan, load, past] = await Promise.all([
    gathered(asked, (host) => pagesOf((page) => exporter.schedules({ ...page, host }))),
    ahead === 0 ? undefined : askPlan(exporter, asked, ahead),
    loadOf(exporter, asked, Math.max(1, back)),
    back === 0
      ? undefined
      : gathered(
          asked,
          (host) => runsSince(exporter, host, range.from),
          ({ startedAt }) => startedAt,
        ),
  ]);
  return {
    schedules: schedules.items,
    ...(plan !== undefined && { plan }),
    ...(load !== undefined && { load }),
    runs: past?.items ?? [],
    isTruncated: past?.hasMore ?? false,
    isOfSeveral: load === undefined,
    hostProblems: distinct(schedules.problems, plan?.hostProblems ?? [], past?.problems ?? []),
  };
}

async function loadOf(
  exporter: TideExporter,
  [host, ...others]: readonly Whose[],
  hours: number,
): Promise<Load | undefined> {
  return host === '*' || others.length > 0 ? undefined : await exporter.load({ hours, host });
}

/** Whole hours, for what is asked for again should be the same for a while. */
function hoursBetween(from: EpochMs, until: EpochMs, limit: number): number {
  return Math.min(limit, Math.max(0, Math.ceil((until - from) / hourMs)));
}

/** Those begun last come first. One that was begun a day before may still have run. */
async function runsSince(
  exporter: TideExporter,
  host: Whose,
  from: EpochMs,
): Promise<ListOfHosts<BackupRun>> {
  const isLongAgo = (runs: readonly BackupRun[]): boolean =>
    Date.parse(runs.at(-1)?.startedAt ?? '') < from - dayMs;
  return await pagesOf((page) => exporter.runs({ ...page, host }), most.pages, isLongAgo);
}
