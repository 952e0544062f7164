import type { Backup, Catalog, Run } from '../catalog/catalog.ts';
import type { Clock } from '../clock/clock.ts';
import { unlessAway } from '../errors/away.ts';
import type { Launcher } from '../process/courtesy.ts';
import { Crew } from '../process/crew.ts';
import { runsLearnedFrom } from '../schedule/learned.ts';
import type { Pacer, Pacing } from './pacer.ts';
import { expectedWork, finishBy } from './run-time.ts';
import type { RunRequest } from './runner.ts';

export interface MakingWayOptions {
  readonly launcher: Launcher;
  readonly pacer: Pacer;
  readonly catalog: Pick<Catalog, 'runs' | 'backups'>;
  readonly clock: Clock;
}

/** What the schedule has completed before. */
interface Before {
  readonly runs: readonly Run[];
  readonly backup: Backup | undefined;
}

/** How one run stands back for the host: the courtesy of its programs, and its turns. */
export class MakingWay implements Disposable {
  readonly crew: Crew;
  readonly #pacing: Pacing | undefined;
  #doneBytes = 0;
  #expectedBytes: number;

  private constructor(
    run: Run,
    request: RunRequest,
    { launcher, pacer, clock }: MakingWayOptions,
    { runs, backup }: Before,
  ) {
    const { schedule, signal, onPace } = request;
    const { nice, io_priority: io, pause } = schedule.run;
    this.crew = new Crew({ launcher, courtesy: { nice, io }, work: run.id });
    this.#expectedBytes = backup?.storedBytes ?? 0;
    if (!pause) return;
    const expectedMs = expectedWork(runs, schedule.estimated_duration);
    this.#pacing = pacer.join({
      crew: this.crew,
      expectedMs,
      finishInMs: finishBy(schedule, { ...run, expectedMs }) - clock.now(),
      done: () => (this.#expectedBytes > 0 ? Math.min(1, this.#doneBytes / this.#expectedBytes) : undefined),
      onPace: (why) => onPace?.(why),
      signal,
    });
  }

  static async begin(run: Run, request: RunRequest, options: MakingWayOptions): Promise<MakingWay> {
    const before = { schedule: request.schedule.id, status: 'completed' } as const;
    const [backup] = (await unlessAway(options.catalog.backups({ ...before, limit: 1 }))) ?? [];
    const runs = (await unlessAway(options.catalog.runs({ ...before, limit: runsLearnedFrom }))) ?? [];
    return new MakingWay(run, request, options, { runs, backup });
  }

  get pausedSeconds(): number {
    return this.#pacing?.pausedSeconds ?? 0;
  }

  /** Resolves when the pipeline may go on. */
  async turn(): Promise<void> {
    await this.#pacing?.turn();
  }

  /** How much has been done so far; absent what is expected: as many bytes as the last backup has. */
  progress(doneBytes: number, expectedBytes = this.#expectedBytes): void {
    this.#doneBytes = doneBytes;
    this.#expectedBytes = expectedBytes;
  }

  [Symbol.dispose](): void {
    this.#pacing?.[Symbol.dispose]();
  }
}
