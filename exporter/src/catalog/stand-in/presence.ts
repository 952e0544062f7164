import { LowtideError } from '../../errors/lowtide-error.ts';
import type { EpochMs } from '../../units/instant.ts';
import type { Catalog, Run } from '../catalog.ts';
import { isOpen } from '../sql/runs.ts';
import { SqlCatalog } from '../sql/catalog.ts';
import type { StateDatabase } from '../sql/transaction.ts';
import type { Absence, StandIn, StandInOptions } from '../stand-in.ts';
import type { Carried } from './carried.ts';
import { deliver } from './deliver.ts';
import { Journal } from './journal.ts';

/** Whether the catalog is there, and what is done where it is not: `catalog.ts` says for each method which of it. */
export class Presence implements Omit<StandIn, 'catalog'>, AsyncDisposable {
  onAway: StandIn['onAway'] = nothing;
  onRefused: StandIn['onRefused'] = nothing;
  readonly journal: Journal;
  readonly #options: StandInOptions;
  readonly #toDo: (() => Promise<void>)[] = [];
  /** Undefined before PostgreSQL was there once. */
  #state: { readonly database: StateDatabase; readonly catalog: Catalog } | undefined;
  #absence: Absence | undefined;
  #isOwed = false;
  /** Why what this host should know while the catalog is away could not be written down. */
  #trouble: LowtideError | undefined;

  private constructor(journal: Journal, options: StandInOptions) {
    this.journal = journal;
    this.#options = options;
  }

  static async open(options: StandInOptions): Promise<Presence> {
    const presence = new Presence(Journal.open(options.folder), options);
    try {
      await presence.#arrive();
    } catch (thrown) {
      const reason = LowtideError.from(thrown);
      if (!isAbsence(reason) || presence.journal.addedSchedules === undefined) {
        await presence[Symbol.asyncDispose]();
        throw reason;
      }
      presence.#absence = { since: options.now(), reason };
    }
    return presence;
  }

  isAway(): boolean {
    return this.#absence !== undefined;
  }

  get absence(): Absence | undefined {
    return this.#absence;
  }

  get isOwed(): boolean {
    return this.#isOwed;
  }

  get waiting(): number {
    return this.journal.size;
  }

  get refused(): number {
    return this.journal.refused;
  }

  get completed(): ReadonlyMap<string, EpochMs> {
    const ended = this.journal.runs().filter(({ status }) => status === 'completed');
    return new Map(ended.toReversed().map(({ schedule, finishedAt = NaN }) => [schedule, finishedAt]));
  }

  /** What keeps this host from being ready for an absence. */
  get findings(): readonly string[] {
    return this.#trouble === undefined ? [] : [this.#trouble.message];
  }

  whenBack(work: () => Promise<void>): void {
    this.#toDo.push(work);
  }

  async tryToReturn(): Promise<void> {
    if (this.#absence === undefined && !this.#isOwed) return;
    // What is noted while the last of it is delivered is delivered as well: there is no await behind the last look.
    do await this.#arrive();
    while (this.journal.size > 0);
    this.journal.forgetEnded();
    this.#absence = undefined;
    this.#isOwed = true;
    for (const work of this.#toDo) await work();
    this.#isOwed = false;
  }

  /** Runs that go on, as far as this host knows. */
  running(): readonly Run[] {
    return this.journal.runs().filter(({ status }) => status === 'running');
  }

  async ask<T>(ask: (catalog: Catalog) => Promise<T>): Promise<T> {
    if (this.#absence !== undefined || this.#state === undefined) throw this.reason;
    try {
      return await ask(this.#state.catalog);
    } catch (thrown) {
      if (isAbsence(thrown)) this.#leave(thrown);
      throw thrown;
    }
  }

  /** Where it is away, `here` says what is known of it; undefined where that is nothing. */
  async askOr<T>(ask: (catalog: Catalog) => Promise<T>, here: () => T | undefined): Promise<T> {
    try {
      return await this.ask(ask);
    } catch (thrown) {
      const known = isAbsence(thrown) ? here() : undefined;
      if (known === undefined) throw thrown;
      return known;
    }
  }

  /**
   * Asks, and does what `mirror` says here as well; where it cannot be asked, notes what was asked for, together with what
   * `here` does.
   */
  async carry<T>(
    carried: Carried,
    ask: (catalog: Catalog) => Promise<T>,
    here: () => T = () => undefined as T,
    mirror?: () => void,
  ): Promise<T> {
    let isUnsure = false;
    if (this.#absence === undefined && this.#state !== undefined) {
      try {
        const answer = await ask(this.#state.catalog);
        if (mirror !== undefined) this.mirror(mirror);
        return answer;
      } catch (thrown) {
        // Who has waited in vain for its turn has done nothing: it is done later, in order.
        if (!isAbsence(thrown) && !isBusy(thrown)) throw thrown;
        isUnsure = thrown.code === 'state_unknown';
        this.#leave(thrown);
      }
    }
    return this.journal.note(carried, isUnsure, here);
  }

  mirror(work: () => void): void {
    try {
      this.journal.mirror(work);
      this.#trouble = undefined;
    } catch (thrown) {
      this.#trouble = LowtideError.from(thrown);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#state?.database[Symbol.asyncDispose]();
    } finally {
      this.journal[Symbol.dispose]();
    }
  }

  /** Connects, and delivers what there is. */
  async #arrive(): Promise<void> {
    if (this.#state === undefined) {
      const database = await this.#options.connect();
      this.#state = { database, catalog: new SqlCatalog(database) };
    }
    const { database, catalog } = this.#state;
    await deliver(this.journal, database, ({ carried }, error) => this.onRefused(carried.name, error));
    for (const { id } of this.running()) {
      const known = await catalog.run(id);
      // Somebody else has ended it, and did not only take this host for dead: it is no business of this one any more.
      if (known !== undefined && !isOpen(known)) this.mirror(() => this.journal.forgetRun(id));
    }
  }

  #leave(reason: LowtideError): void {
    if (this.#absence !== undefined) return;
    this.#absence = { since: this.#options.now(), reason };
    this.onAway(this.#absence);
  }

  get reason(): LowtideError {
    return new LowtideError(
      'state_unavailable',
      this.#absence?.reason.message ?? 'the state has not been reached yet',
      {
        hint: 'Look at PostgreSQL and the network between. Critical schedules are backed up meanwhile; all else is made good afterwards.',
        retryable: true,
      },
    );
  }
}

function isAbsence(thrown: unknown): thrown is LowtideError {
  return (
    thrown instanceof LowtideError && (thrown.code === 'state_unavailable' || thrown.code === 'state_unknown')
  );
}

function isBusy(thrown: unknown): thrown is LowtideError {
  return thrown instanceof LowtideError && thrown.code === 'state_busy';
}

function nothing(): void {
  // Nobody listens.
}
