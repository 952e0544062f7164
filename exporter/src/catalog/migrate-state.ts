import { createHash } from 'node:crypto';
import { LowtideError } from '../errors/lowtide-error.ts';
import { quotedName } from '../postgres/sql-text.ts';
import type { Row } from './sql/transaction.ts';

/**
 * A state as a whole, to be moved to where another keeps it. Which tables and columns there are the databases say: nothing here
 * does. Methods throw what the driver throws, `state_busy` while anybody has the state open, and `state_invalid` for a version
 * that is not the one of this Lowtide.
 */
export interface MovableState extends AsyncDisposable {
  /** Where it is, for messages; without a password. */
  readonly label: string;
  /** The same for two that are one and the same. */
  identity(): Promise<string>;
  /** Runs `work` on one unchanging view; nobody writes meanwhile. Throws `not_found` where there is no state. */
  read<T>(work: (view: StateView) => Promise<T>): Promise<T>;
  /**
   * Makes the state of what `work` puts there: whole and durable once this resolves; where it rejects, or the process ends, there is
   * nothing, as before. Throws `state_exists` where there is something.
   */
  fill<T>(work: (filling: StateFilling) => Promise<T>): Promise<T>;
}

export interface StateView {
  readonly tables: readonly StateTable[];
  /** About how much it is on its disk. */
  readonly sizeBytes: number;
  all(sql: string): Promise<readonly Row[]>;
  /** Every row by its key, a batch at a time. */
  rows(table: StateTable): AsyncIterable<readonly Row[]> | Iterable<readonly Row[]>;
}

export interface StateFilling extends Pick<StateView, 'tables' | 'rows'> {
  insert(table: StateTable, rows: readonly Row[]): Promise<void>;
  /** A text as it can be held. */
  storable(text: string): string;
}

export interface StateTable {
  readonly name: string;
  readonly columns: readonly string[];
  readonly key: readonly string[];
  /** The tables whose rows those of this one name: they are filled before. */
  readonly references: readonly string[];
}

/** So many rows are in memory at once. */
export const batchRows = 500;

export function selectOf({ name, columns, key }: StateTable): string {
  return `SELECT ${namesOf(columns)} FROM ${quotedName(name)} ORDER BY ${namesOf(key)}`;
}

export function namesOf(columns: readonly string[]): string {
  return columns.map(quotedName).join(', ');
}

export interface MoveOptions {
  readonly signal: AbortSignal;
  /** Everything is written, and then read back; `totalBytes` of what is written is a guess. */
  readonly onProgress?: (progress: MoveProgress) => void;
}

export interface MoveProgress {
  readonly step: 'writing' | 'reading_back';
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface MovedState {
  /** How many of each table, in the order they were written. */
  readonly rows: Readonly<Record<string, number>>;
  /** Texts that the target could not hold as they were. */
  readonly changedTexts: number;
}

/**
 * Copies one state to another that is empty, and has it there only once all of it was read back and is the same. The one it was read
 * from stays as it is. Throws `usage` where both are one, `run_active` where work of the source has not ended, `cancelled`.
 */
export async function moveState(
  from: MovableState,
  to: MovableState,
  options: MoveOptions,
): Promise<MovedState> {
  if ((await from.identity()) === (await to.identity())) {
    throw new LowtideError('usage', `${from.label} is both where the state is and where it shall go`);
  }
  let moved: MovedState | undefined;
  try {
    await from.read(async (view) => {
      await refuseUnfinished(view, from.label);
      moved = await to.fill((filling) => new Move({ from, to, view, filling }, options).done());
    });
  } catch (thrown) {
    // Once it is there, it does not matter any more what becomes of the reader.
    if (moved === undefined) throw thrown;
  }
  if (moved === undefined)
    throw new LowtideError('internal', 'the state was moved, and nothing was said of it');
  return moved;
}

/** What may be going on in a state, by the table that has it. */
const kindsOfWork = {
  runs: 'run',
  rotations: 'rotation',
  background_runs: 'verification or restore',
  drills: 'drill',
};

/** The process it belonged to is gone; whoever has its state ends it, and removes what it has left. */
async function refuseUnfinished(view: StateView, label: string): Promise<void> {
  const found: string[] = [];
  for (const [table, kind] of Object.entries(kindsOfWork)) {
    const rows = await view.all(`SELECT id FROM ${table} WHERE status = 'running' ORDER BY number LIMIT 5`);
    found.push(...rows.map(({ id }) => `${kind} ${String(id)}`));
  }
  if (found.length === 0) return;
  throw new LowtideError('run_active', `not ended yet, in ${label}: ${found.join(', ')}`, {
    hint: 'A process was killed over it. Start `lowtide serve` there once more: it puts that in order; then stop it, and try again.',
  });
}

interface Places {
  readonly from: MovableState;
  readonly to: MovableState;
  readonly view: StateView;
  readonly filling: StateFilling;
}

class Move {
  readonly #places: Places;
  readonly #options: MoveOptions;
  readonly #written = new Map<string, Digest>();
  #writtenBytes = 0;
  #changedTexts = 0;

  constructor(places: Places, options: MoveOptions) {
    this.#places = places;
    this.#options = options;
  }

  async done(): Promise<MovedState> {
    const { view, filling } = this.#places;
    const tables = parentsFirst(filling.tables);
    this.#refuseDifference(tables, view.tables);
    for (const table of tables) this.#written.set(table.name, await this.#write(table));
    let readBytes = 0;
    for (const table of tables) readBytes += await this.#compare(table, readBytes);
    return {
      rows: Object.fromEntries([...this.#written].map(([name, { rows }]) => [name, rows])),
      changedTexts: this.#changedTexts,
    };
  }

  async #write(table: StateTable): Promise<Digest> {
    const { view, filling } = this.#places;
    const digest = new Digest(table);
    for await (const found of view.rows(table)) {
      this.#options.signal.throwIfAborted();
      const rows = found.map((row) => this.#storable(row));
      await filling.insert(table, rows);
      digest.add(rows);
      this.#tell('writing', this.#writtenBytes + digest.bytes, view.sizeBytes);
    }
    this.#writtenBytes += digest.bytes;
    return digest;
  }

  async #compare(table: StateTable, readBytes: number): Promise<number> {
    const { to, filling } = this.#places;
    const digest = new Digest(table);
    for await (const rows of filling.rows(table)) {
      this.#options.signal.throwIfAborted();
      digest.add(rows);
      this.#tell('reading_back', readBytes + digest.bytes, this.#writtenBytes);
    }
    if (!digest.equals(this.#written.get(table.name))) {
      throw new LowtideError('state_invalid', `${table.name} of ${to.label} is not what was written there`, {
        hint: 'Nothing was moved. Look at the disk and the memory of that machine.',
      });
    }
    return digest.bytes;
  }

  #storable(row: Row): Row {
    let changed: Record<string, string> | undefined;
    for (const [column, value] of Object.entries(row)) {
      if (typeof value !== 'string') continue;
      const storable = this.#places.filling.storable(value);
      if (storable === value) continue;
      (changed ??= {})[column] = storable;
      this.#changedTexts += 1;
    }
    return changed === undefined ? row : { ...row, ...changed };
  }

  /** Of one version they have the same, unless somebody else has had a hand in it. */
  #refuseDifference(tables: readonly StateTable[], theirs: readonly StateTable[]): void {
    const { from, to } = this.#places;
    const shapes = [tables, theirs].map((each) => each.map(shapeOf).toSorted());
    const [ours = [], others = []] = shapes;
    const odd = [
      ...ours.filter((shape) => !others.includes(shape)),
      ...others.filter((shape) => !ours.includes(shape)),
    ];
    if (odd.length === 0) return;
    throw new LowtideError(
      'state_invalid',
      `${from.label} and ${to.label} differ in their tables: ${odd.join('; ')}`,
      { hint: 'Somebody has changed the tables of one of them: what is not of Lowtide has to go before.' },
    );
  }

  #tell(step: MoveProgress['step'], doneBytes: number, totalBytes: number): void {
    this.#options.onProgress?.({ step, doneBytes, totalBytes });
  }
}

function shapeOf({ name, columns }: StateTable): string {
  return `${name} (${columns.toSorted().join(', ')})`;
}

/** So that no row names one that is not there yet. */
function parentsFirst(tables: readonly StateTable[]): readonly StateTable[] {
  const ordered: StateTable[] = [];
  const place = (table: StateTable): void => {
    if (ordered.includes(table)) return;
    for (const parent of tables) {
      if (parent !== table && table.references.includes(parent.name)) place(parent);
    }
    ordered.push(table);
  };
  tables.forEach(place);
  return ordered;
}

/** The rows of a table in their order, whichever database they come from. */
class Digest {
  rows = 0;
  bytes = 0;
  readonly #columns: readonly string[];
  readonly #hash = createHash('sha256');
  #value: string | undefined;

  constructor({ columns }: StateTable) {
    this.#columns = columns;
  }

  add(rows: readonly Row[]): void {
    const text = rows
      .map((row) => `${this.#columns.map((column) => written(row[column])).join()}\n`)
      .join('');
    const bytes = Buffer.from(text);
    this.#hash.update(bytes);
    this.rows += rows.length;
    this.bytes += bytes.length;
  }

  equals(other: Digest | undefined): boolean {
    return this.rows === other?.rows && this.#digest() === other.#digest();
  }

  #digest(): string {
    return (this.#value ??= this.#hash.digest('hex'));
  }
}

function written(value: Row[string] | undefined): string {
  if (value instanceof Uint8Array) return `x${Buffer.from(value).toString('hex')}`;
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
