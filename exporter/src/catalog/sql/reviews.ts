import { LowtideError } from '../../errors/lowtide-error.ts';
import type { EpochMs } from '../../units/instant.ts';
import type { Run } from '../catalog.ts';
import type {
  LatestLoad,
  NewReview,
  ReviewedLoad,
  RunReview,
  RunReviews,
  RunUse,
  UnusualFigure,
} from '../reviews.ts';
import type { Row, StateDatabase, Transaction } from './transaction.ts';
import { appendEvent } from './events.ts';
import { listLimit } from './page.ts';
import { toRun } from './rows.ts';

/** One method, one transaction, as the catalog itself. */
export class SqlRunReviews implements RunReviews {
  readonly #database: StateDatabase;

  constructor(database: StateDatabase) {
    this.#database = database;
  }

  async recordUse(runId: string, use: RunUse): Promise<void> {
    await this.#database.write((tx) => recordUse(tx, runId, use));
  }

  async open(limit: number): Promise<readonly Run[]> {
    return await this.#database.read(async (tx) =>
      (
        await tx.all(
          `SELECT runs.* FROM run_reviews JOIN runs ON runs.number = run_reviews.run
           WHERE run_reviews.is_final = 0 ORDER BY run_reviews.run LIMIT ?`,
          listLimit(limit),
        )
      ).map(toRun),
    );
  }

  async record(runId: string, review: NewReview, at: EpochMs): Promise<void> {
    await this.#database.write((tx) => recordReview(tx, runId, review, at));
  }

  async of(runIds: readonly string[]): Promise<ReadonlyMap<string, RunReview>> {
    return await this.#database.read(async (tx) => {
      const reviews = new Map<string, RunReview>();
      for (const id of runIds) {
        const row = await find(tx, id);
        if (row !== undefined && !isEmpty(row)) reviews.set(id, toReview(row));
      }
      return reviews;
    });
  }

  async uses(schedule: string, limit: number): Promise<readonly RunUse[]> {
    return await this.#database.read(async (tx) =>
      (
        await tx.all(
          `SELECT cpu, memory FROM run_reviews WHERE schedule = ? AND cpu IS NOT NULL ORDER BY run DESC LIMIT ?`,
          schedule,
          listLimit(limit),
        )
      ).map(({ cpu, memory }) => ({ cpu: Number(cpu), memory: Number(memory) })),
    );
  }

  async latest(): Promise<Readonly<Record<string, LatestLoad>>> {
    const rows = await this.#database.read((tx) =>
      tx.all(
        'SELECT id, run_load, best_load, fixed_load FROM schedules WHERE run_load IS NOT NULL ORDER BY id',
      ),
    );
    return Object.fromEntries(
      rows.map(({ id, run_load: load, best_load: best, fixed_load: fixed }) => [
        String(id),
        {
          load: Number(load),
          ...(best !== null && { best: Number(best) }),
          ...(fixed !== null && { fixed: Number(fixed) }),
        },
      ]),
    );
  }
}

export async function recordUse(tx: Transaction, runId: string, { cpu, memory }: RunUse): Promise<void> {
  await tx.run(
    'UPDATE run_reviews SET cpu = ?, memory = ? WHERE run = (SELECT number FROM runs WHERE id = ?)',
    cpu,
    memory,
    runId,
  );
}

async function recordReview(
  tx: Transaction,
  runId: string,
  { unusual, load, isFinal }: NewReview,
  at: EpochMs,
): Promise<void> {
  const row = await find(tx, runId);
  if (row === undefined) throw new LowtideError('not_found', `there is no completed run ${runId}`);
  if (row.is_final === 1) throw new LowtideError('run_ended', `run ${runId} has been reviewed already`);
  const { run, schedule } = row;
  const known = new Set(unusualIn(row).map(({ figure }) => figure));
  for (const each of unusual) {
    if (!known.has(each.figure)) await appendEvent(tx, { name: 'run:unusual', runId, schedule, ...each }, at);
  }
  await tx.run(
    'UPDATE run_reviews SET unusual = ?, load = ?, is_final = ? WHERE run = ?',
    JSON.stringify(unusual),
    load === undefined ? null : JSON.stringify(load),
    isFinal ? 1 : 0,
    run,
  );
  if (load !== undefined) await setLatest(tx, schedule, run, load);
  if (!isFinal) return;
  await appendEvent(tx, { name: 'run:reviewed', runId, schedule, ...summaryOf(load) }, at);
}

/** A review of an earlier run, finished late, says nothing about the last one. */
async function setLatest(
  tx: Transaction,
  schedule: string,
  run: number,
  { load, best, fixed }: ReviewedLoad,
): Promise<void> {
  await tx.run(
    `INSERT INTO schedules (id, reviewed_run, run_load, best_load, fixed_load) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET
       reviewed_run = excluded.reviewed_run, run_load = excluded.run_load,
       best_load = excluded.best_load, fixed_load = excluded.fixed_load
     WHERE coalesce(schedules.reviewed_run, 0) <= excluded.reviewed_run`,
    schedule,
    run,
    load,
    best?.load ?? null,
    fixed?.load ?? null,
  );
}

function summaryOf(load: ReviewedLoad | undefined): {
  load?: number;
  bestLoad?: number;
  fixedLoad?: number;
  metPeak?: boolean;
  fixedMetPeak?: boolean;
} {
  if (load === undefined) return {};
  const { best, fixed } = load;
  return {
    load: load.load,
    metPeak: load.metPeak,
    ...(best !== undefined && { bestLoad: best.load }),
    ...(fixed !== undefined && { fixedLoad: fixed.load, fixedMetPeak: fixed.metPeak }),
  };
}

interface ReviewRow {
  readonly run: number;
  readonly schedule: string;
  readonly is_final: 0 | 1;
  readonly cpu: number | null;
  readonly memory: number | null;
  readonly unusual: string | null;
  readonly load: string | null;
}

async function find(tx: Transaction, runId: string): Promise<ReviewRow | undefined> {
  const row: Row | undefined = await tx.get(
    'SELECT run_reviews.* FROM runs JOIN run_reviews ON run_reviews.run = runs.number WHERE runs.id = ?',
    runId,
  );
  return row as unknown as ReviewRow | undefined;
}

function isEmpty({ cpu, unusual }: ReviewRow): boolean {
  return cpu === null && unusual === null;
}

function unusualIn({ unusual }: ReviewRow): readonly UnusualFigure[] {
  return unusual === null ? [] : (JSON.parse(unusual) as UnusualFigure[]);
}

function toReview(row: ReviewRow): RunReview {
  const { cpu, memory, load } = row;
  return {
    unusual: unusualIn(row),
    ...(cpu !== null && memory !== null && { use: { cpu, memory } }),
    ...(load !== null && { load: JSON.parse(load) as ReviewedLoad }),
    isFinal: row.is_final === 1,
  };
}
