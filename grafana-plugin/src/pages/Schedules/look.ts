import type { Status } from 'lowtide/api';
import { exporter } from '../../api/grafana.ts';
import { now } from '../../lib/clock.ts';
import { askTide, type AskedTide } from '../../panels/schedule/ask-tide.ts';

export interface SchedulesSeen extends AskedTide {
  readonly status: Status;
}

/** `hours`: how far the chart looks back, and ahead. */
export async function lookAtSchedules(hours: number): Promise<SchedulesSeen> {
  const at = now();
  const range = { from: at - hours * 3_600_000, until: at + hours * 3_600_000 };
  const [status, asked] = await Promise.all([exporter.status(), askTide(exporter, range, at)]);
  return { status, ...asked };
}
