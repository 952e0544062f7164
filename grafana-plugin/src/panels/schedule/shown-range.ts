import type { EpochMs } from '../../format/format.ts';
import type { TimeRange } from '../../timeline/time-scale.ts';
import { hourMs } from '../../timeline/zone.ts';

/** The time of a dashboard, as far as the chart asks for it. */
export interface DashboardTime {
  readonly from: { valueOf(): EpochMs };
  readonly to: { valueOf(): EpochMs };
  readonly raw: { readonly to: unknown };
}

/** The dashboard's time. Most end now, where the coming begins: it is shown as well. */
export function shownRange({ from, to, raw }: DashboardTime, comingHours: number): TimeRange {
  const until = to.valueOf() + (raw.to === 'now' ? Math.max(0, comingHours) * hourMs : 0);
  return { from: from.valueOf(), until: Math.max(until, from.valueOf() + 60_000) };
}
