import { LowtideError } from '../../errors/lowtide-error.ts';
import type { Postgres } from '../../postgres/postgres.ts';
import type { EpochMs } from '../../units/instant.ts';
import type { Run } from '../catalog.ts';
import { finishRun, orphanedRuns } from '../sql/runs.ts';
import { lockOf, ownerOf } from './owners.ts';
import { schemaOf } from './schema-name.ts';

/**
 * Says of the runs of a host that nobody has heard of that they were interrupted, so that nobody waits for them. What they have
 * stored is left alone: it lies on that host, which looks at it when it is back, and then has the last word.
 */
export async function interruptRunsOf(
  postgres: Postgres,
  instance: string,
  now: EpochMs,
): Promise<readonly Run[]> {
  const schema = schemaOf(instance);
  return await postgres.write(
    async (transaction) => {
      const isAlive = async (id: string): Promise<boolean> =>
        (await ownerOf(transaction, id))?.isSeen ?? false;
      const tx = {
        owner: { id: 'nobody', isAlive },
        get: transaction.get.bind(transaction),
        all: transaction.all.bind(transaction),
        run: transaction.run.bind(transaction),
      };
      const ended: Run[] = [];
      for (const run of await orphanedRuns(tx, new Set())) {
        if (run.status !== 'running') continue;
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
      return ended;
    },
    { schema, lock: lockOf(schema) },
  );
}

function silent(instance: string): LowtideError {
  return new LowtideError('host_silent', `nothing was heard of its host ${instance} for more than a minute`, {
    hint: 'It is made again by its host, once that one is back.',
  });
}
