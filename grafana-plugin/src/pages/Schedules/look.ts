import type { Status } from 'lowtide/api';
import { exporter } from '../../api/grafana.ts';
import type { Whose } from '../../hosts/hosts.ts';
import { now } from '../../lib/clock.ts';
import { askTide, type AskedTide } from '../../panels/schedule/ask-tide.ts';

export interface SchedulesSeen extends AskedTide {
  readonly status: Status;
}

/** `hours`: how far the chart looks back, and ahead. */
export async function lookAtSchedules(hours: number, asked: readonly Whose[]): Promise<SchedulesSeen> {
  const at = now();
  const range = { from: at - hours * 3_600_000, until: at + hours * 3_600_000 };
  const [status, tide] = await Promise.all([exporter.status(), askTide(exporter, range, at, asked)]);
  return { status, ...tide };
}
