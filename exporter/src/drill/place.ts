import type { DrillContents } from '../catalog/drills.ts';
import type { RestoreTarget } from '../run/restore/target.ts';

/** Where a drill restores to, and what can be asked of what came out. Disposing removes all of it. */
export interface DrillPlace extends AsyncDisposable {
  readonly target: RestoreTarget;
  /** Looks at what was restored. Throws `drill_failed` where it is not sound. */
  look(restored: readonly string[]): Promise<DrillContents>;
  /** By which a command of the user's own finds what was restored. */
  environment(restored: readonly string[]): Readonly<Record<string, string>>;
  /** How many rows each table has; of databases. */
  readonly rows?: () => Promise<ReadonlyMap<string, number>>;
  /** What `pg_amcheck` says against it, if anything; of PostgreSQL. */
  readonly amcheck?: () => Promise<string | undefined>;
}

export function sumOf(rows: ReadonlyMap<string, number>): DrillContents {
  return { tables: rows.size, rows: [...rows.values()].reduce((sum, count) => sum + count, 0) };
}
