import type { Catalog, Run } from '../catalog/catalog.ts';
import type { Clock } from '../clock/clock.ts';
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

/** How one run stands back for the host: the courtesy of its programs, and its turns. */
export class MakingWay implements Disposable {
  readonly crew: Crew;
  readonly #pacing: Pacing | undefined;
  #doneBytes = 0;
  #expectedBytes: number;

  constructor(run: Run, request: RunRequest, { launcher, pacer, catalog, clock }: MakingWayOptions) {
    const { schedule, signal, onPace } = request;
    const { nice, io_priority: io, pause } = schedule.run;
    this.crew = new Crew({ launcher, courtesy: { nice, io }, work: run.id });
    const before = { schedule: schedule.id, status: 'completed' } as const;
    this.#expectedBytes = catalog.backups({ ...before, limit: 1 })[0]?.storedBytes ?? 0;
    if (!pause) return;
    const runs = catalog.runs({ ...before, limit: runsLearnedFrom });
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
