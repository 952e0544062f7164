import type { BackupRun, Key, Load, Schedule, Slot, Status } from 'lowtide/api';
import { allOf } from '../../api/client.ts';
import { exporter } from '../../api/grafana.ts';

export interface Seen {
  readonly status: Status;
  readonly schedules: readonly Schedule[];
  /** The one begun last first. */
  readonly runs: readonly BackupRun[];
  readonly keys: readonly Key[];
  /** By start. */
  readonly slots: readonly Slot[];
  readonly load: Load;
}

export async function look(): Promise<Seen> {
  const [status, schedules, runs, keys, plan, load] = await Promise.all([
    exporter.status(),
    allOf(exporter.schedules),
    exporter.runs({ limit: 200 }),
    allOf(exporter.keys),
    exporter.plan({ hours: 48 }),
    exporter.load({ hours: 1 }),
  ]);
  return { status, schedules, runs: runs.items, keys, slots: plan.slots, load };
}
