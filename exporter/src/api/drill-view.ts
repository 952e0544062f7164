import type { Drill as StoredDrill } from '../catalog/drills.ts';
import { toRfc3339 } from '../units/instant.ts';
import type { Drill, Own, Progress } from './contract.ts';
import { toldFailure } from './views.ts';

export function drillView(drill: StoredDrill, progress: Progress | undefined): Own<Drill> {
  const { id, schedule, backupId, trigger, status, startedAt, finishedAt, store, error, contents } = drill;
  return {
    id,
    schedule,
    backupId,
    trigger,
    status,
    startedAt: toRfc3339(startedAt),
    ...(finishedAt !== undefined && { finishedAt: toRfc3339(finishedAt) }),
    dataAgeSeconds: drill.dataAgeSeconds,
    ...(drill.restoreSeconds !== undefined && { restoreSeconds: drill.restoreSeconds }),
    ...(store !== undefined && { store }),
    ...(contents !== undefined && { contents }),
    checks: drill.checks.map((check) => ({ ...check })),
    ...(error !== undefined && { error: toldFailure(error) }),
    warnings: [...drill.warnings],
    ...(progress !== undefined && status === 'running' && { progress }),
  };
}
