import type { Backup, Status } from 'lowtide/api';
import { exporter } from '../../api/grafana.ts';
import { allOf, type BackupsQuery } from '../../api/client.ts';

export interface BackupsSeen {
  readonly status: Status;
  /** The newest first. */
  readonly backups: readonly Backup[];
  /** There are older ones, which were not asked for. */
  readonly hasMore: boolean;
  readonly schedules: readonly string[];
}

const mostPages = 10;

/** The newest backups of what was asked for, at most some thousand. */
export async function lookAtBackups(query: BackupsQuery): Promise<BackupsSeen> {
  const [status, schedules, listed] = await Promise.all([
    exporter.status(),
    allOf(exporter.schedules),
    newest(query),
  ]);
  return { status, schedules: schedules.map(({ id }) => id), ...listed };
}

async function newest(query: BackupsQuery): Promise<Pick<BackupsSeen, 'backups' | 'hasMore'>> {
  const backups: Backup[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < mostPages; page += 1) {
    const answer = await exporter.backups({ ...query, limit: 200, ...(cursor !== undefined && { cursor }) });
    backups.push(...answer.items);
    cursor = answer.nextCursor;
    if (cursor === undefined) break;
  }
  return { backups, hasMore: cursor !== undefined };
}
