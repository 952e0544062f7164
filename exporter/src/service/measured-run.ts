import { availableParallelism, totalmem } from 'node:os';
import type { RunReviews } from '../catalog/reviews.ts';
import type { Clock } from '../clock/clock.ts';
import { OwnUseMeter } from '../load/own-use.ts';
import type { BackupJobResult } from '../run/jobs.ts';

/** Measures what this process and its children take of this host. */
export function ownUseMeter(clock: Clock): OwnUseMeter {
  return new OwnUseMeter({
    host: { processors: availableParallelism(), memoryBytes: totalmem() },
    pid: process.pid,
    clock,
    elapsed: () => performance.now(),
  });
}

/**
 * Files with a backup run what it took of the host, its verification included. `onProblem` hears where that could not be filed:
 * the backup is none the worse for it.
 */
export async function measureRun(
  meter: OwnUseMeter,
  { reviews, onProblem }: { readonly reviews: RunReviews; readonly onProblem: (error: unknown) => void },
  work: () => Promise<BackupJobResult>,
): Promise<BackupJobResult> {
  const measured = await meter.begin();
  const attempt = work();
  const use = await attempt.then(
    () => measured.end(),
    () => measured.end(),
  );
  const result = await attempt;
  try {
    if (use !== undefined) await reviews.recordUse(result.run.id, use);
  } catch (thrown) {
    onProblem(thrown);
  }
  return result;
}
