import type { HostProblem, Key, Load, Status } from 'lowtide/api';
import type { BackupRun, Schedule, Slot } from '../../api/answers.ts';
import { allOf, pagesOf } from '../../api/client.ts';
import { exporter } from '../../api/grafana.ts';
import { distinct, gathered } from '../../hosts/ask-hosts.ts';
import { askPlan } from '../../hosts/ask-plan.ts';
import type { Whose } from '../../hosts/hosts.ts';

export interface Seen {
  readonly status: Status;
  readonly schedules: readonly Schedule[];
  /** The one begun last first. */
  readonly runs: readonly BackupRun[];
  /** Of the host that answers, like its load. */
  readonly keys: readonly Key[];
  /** By start. */
  readonly slots: readonly Slot[];
  readonly load: Load;
  readonly problems: readonly HostProblem[];
}

export async function look(asked: readonly Whose[]): Promise<Seen> {
  const [status, schedules, runs, keys, plan, load] = await Promise.all([
    exporter.status(),
    gathered(asked, (host) => pagesOf((page) => exporter.schedules({ ...page, host }))),
    gathered(
      asked,
      (host) => exporter.runs({ limit: 200, host }),
      ({ startedAt }) => startedAt,
    ),
    allOf(exporter.keys),
    askPlan(exporter, asked, 48),
    exporter.load({ hours: 1 }),
  ]);
  return {
    status,
    schedules: schedules.items,
    runs: runs.items,
    keys,
    slots: plan.slots,
    load,
    problems: distinct(schedules.problems, runs.problems, plan.hostProblems),
  };
}
