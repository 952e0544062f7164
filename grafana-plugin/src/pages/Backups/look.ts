import type { HostProblem, Status } from 'lowtide/api';
import type { Backup } from '../../api/answers.ts';
import { exporter } from '../../api/grafana.ts';
import { pagesOf, type BackupsQuery } from '../../api/client.ts';
import { distinct, gathered } from '../../hosts/ask-hosts.ts';
import type { Whose } from '../../hosts/hosts.ts';

export interface BackupsSeen {
  readonly status: Status;
  /** The newest first. */
  readonly backups: readonly Backup[];
  /** There are older ones, which were not asked for. */
  readonly hasMore: boolean;
  readonly schedules: readonly string[];
  readonly problems: readonly HostProblem[];
}

const mostPages = 10;

/** The newest backups of what was asked for, at most some thousand of each host. */
export async function lookAtBackups(query: BackupsQuery, asked: readonly Whose[]): Promise<BackupsSeen> {
  const [status, schedules, listed] = await Promise.all([
    exporter.status(),
    gathered(asked, (host) => pagesOf((page) => exporter.schedules({ ...page, host }))),
    gathered(
      asked,
      (host) => pagesOf((page) => exporter.backups({ ...query, ...page, host }), mostPages),
      ({ createdAt }) => createdAt,
    ),
  ]);
  return {
    status,
    schedules: [...new Set(schedules.items.map(({ id }) => id))],
    backups: listed.items,
    hasMore: listed.hasMore,
    problems: distinct(schedules.problems, listed.problems),
  };
}
