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
import type { Row, StateDatabase } from './database.ts';
import { appendEvent } from './events.ts';
import { listLimit } from './page.ts';
import { toRun } from './rows.ts';

/** One method, one transaction, as the catalog itself. */
export class SqliteRunReviews implements RunReviews {
  readonly #database: StateDatabase;

  constructor(database: StateDatabase) {
    this.#database = database;
  }

  async recordUse(runId: string, { cpu, memory }: RunUse): Promise<void> {
    this.#database.write(() =>
      this.#database.run(
        'UPDATE run_reviews SET cpu = ?, memory = ? WHERE run = (SELECT number FROM runs WHERE id = ?)',
        cpu,
        memory,
        runId,
      ),
    );
  }

  async open(limit: number): Promise<readonly Run[]> {
    return this.#database.read(() =>
      this.#database
        .all(
          `SELECT runs.* FROM run_reviews JOIN runs ON runs.number = run_reviews.run
           WHERE run_reviews.is_final = 0 ORDER BY run_reviews.run LIMIT ?`,
          listLimit(limit),
        )
        .map(toRun),
    );
  }

  async record(runId: string, review: NewReview, at: EpochMs): Promise<void> {
    this.#database.write(() => recordReview(this.#database, runId, review, at));
  }

  async of(runIds: readonly string[]): Promise<ReadonlyMap<string, RunReview>> {
    return this.#database.read(
      () =>
        new Map(
          runIds.flatMap((id) => {
            const row = find(this.#database, id);
            return row === undefined || isEmpty(row) ? [] : [[id, toReview(row)] as const];
          }),
        ),
    );
  }

  async uses(schedule: string, limit: number): Promise<readonly RunUse[]> {
    return this.#database.read(() =>
      this.#database
        .all(
          `SELECT cpu, memory FROM run_reviews WHERE schedule = ? AND cpu IS NOT NULL ORDER BY run DESC LIMIT ?`,
          schedule,
          listLimit(limit),
        )
        .map(({ cpu, memory }) => ({ cpu: Number(cpu), memory: Number(memory) })),
    );
  }

  async latest(): Promise<Readonly<Record<string, LatestLoad>>> {
    const rows = this.#database.read(() =>
      this.#database.all(
        'SELECT id, run_load, best_load, fixed_load FROM schedules WHERE run_load IS NOT NULL',
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

function recordReview(
  database: StateDatabase,
  runId: string,
  { unusual, load, isFinal }: NewReview,
  at: EpochMs,
): void {
  const row = find(database, runId);
  if (row === undefined) throw new LowtideError('not_found', `there is no completed run ${runId}`);
  if (row.is_final === 1) throw new LowtideError('run_ended', `run ${runId} has been reviewed already`);
  const { run, schedule } = row;
  const known = new Set(unusualIn(row).map(({ figure }) => figure));
  for (const each of unusual) {
    if (!known.has(each.figure)) appendEvent(database, { name: 'run:unusual', runId, schedule, ...each }, at);
  }
  database.run(
    'UPDATE run_reviews SET unusual = ?, load = ?, is_final = ? WHERE run = ?',
    JSON.stringify(unusual),
    load === undefined ? null : JSON.stringify(load),
    isFinal ? 1 : 0,
    run,
  );
  if (load !== undefined) setLatest(database, schedule, run, load);
  if (!isFinal) return;
  appendEvent(database, { name: 'run:reviewed', runId, schedule, ...summaryOf(load) }, at);
}

/** A review of an earlier run, finished late, says nothing about the last one. */
function setLatest(
  database: StateDatabase,
  schedule: string,
  run: number,
  { load, best, fixed }: ReviewedLoad,
): void {
  database.run(
    `INSERT INTO schedules (id, reviewed_run, run_load, best_load, fixed_load) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET
       reviewed_run = excluded.reviewed_run, run_load = excluded.run_load,
       best_load = excluded.best_load, fixed_load = excluded.fixed_load
     WHERE ifnull(reviewed_run, 0) <= excluded.reviewed_run`,
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

function find(database: StateDatabase, runId: string): ReviewRow | undefined {
  const row: Row | undefined = database.get(
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
