import { LowtideError } from '../../errors/lowtide-error.ts';
import { versionOf } from '../../postgres/migrate.ts';
import type { Postgres } from '../../postgres/postgres.ts';
import type { EpochMs } from '../../units/instant.ts';
import type { Run } from '../catalog.ts';
import { migrations } from '../migrations/postgres/migrations.ts';
import { finishRun, listRuns, orphanedRuns } from '../sql/runs.ts';
import { lockOf, ownerOf } from './owners.ts';
import { schemaOf } from './schema-name.ts';

/** More do not run at once. */
const mostRunning = 10_000;

export interface SilentRuns {
  readonly ended: readonly Run[];
  /** None is left that may turn out to be cut off. */
  readonly isDone: boolean;
}

/**
 * Says of the runs of a host that nobody has heard of that they were interrupted, so that nobody waits for them. What they have
 * stored is left alone: it lies on that host, which looks at it when it is back, and then has the last word.
 */
export async function interruptRunsOf(
  postgres: Postgres,
  instance: string,
  now: EpochMs,
): Promise<SilentRuns> {
  const schema = schemaOf(instance);
  return await postgres.write(
    async (transaction) => {
      // How a newer Lowtide ends a run, or an older one, is not known here: it is left to the host.
      const { version } = await versionOf(transaction, schema, postgres.label);
      if (version !== migrations.length) return { ended: [], isDone: true };
      const isAlive = async (id: string): Promise<boolean> =>
        (await ownerOf(transaction, id))?.isSeen ?? false;
      const tx = {
        owner: { id: 'nobody', isAlive },
        get: transaction.get.bind(transaction),
        all: transaction.all.bind(transaction),
        run: transaction.run.bind(transaction),
      };
      const running = await listRuns(tx, { status: 'running', limit: mostRunning });
      const orphans = await orphanedRuns(tx, new Set());
      const ended: Run[] = [];
      for (const run of orphans.filter(({ status }) => status === 'running')) {
        const { id: runId, schedule, type, startedAt } = run;
        const durationSeconds = Math.max(0, now - startedAt) / 1000;
        const { code, message, hint } = silent(instance);
        ended.push(
          await finishRun(tx, runId, {
            status: 'interrupted',
            finishedAt: now,
            warnings: [],
            error: { code, message, ...(hint !== undefined && { hint }) },
            event: {
              ...{ name: 'run:finished', runId, schedule, type, durationSeconds },
              status: 'interrupted',
              errorType: 'internal',
            },
          }),
        );
      }
      return { ended, isDone: ended.length === running.length };
    },
    { schema, lock: lockOf(schema) },
  );
}

function silent(instance: string): LowtideError {
  return new LowtideError('host_silent', `nothing was heard of its host ${instance} for more than a minute`, {
    hint: 'It is made again by its host, once that one is back.',
  });
}
