import type {
  Catalog,
  Missed,
  Run,
  RunStatus,
  ScheduleState,
} from '../../../exporter/src/catalog/catalog.ts';
import type { StoredEvent } from '../../../exporter/src/events/events.ts';

/** A run as it went: until when it took what it took, whatever the claims say. */
export interface RunOfHost extends Pick<Run, 'id' | 'schedule' | 'startedAt'> {
  readonly dueAt: number;
  readonly host: string;
  /** True time, where `startedAt` is that of the host's clock. */
  readonly from: number;
  until: number;
  status: RunStatus;
}

export interface MissedOfHost extends Missed {
  readonly schedule: string;
  /** Up to where the schedule was settled before: all that was due later, up to `dueAt`, is missed. */
  readonly after: number;
}

type Records = Pick<Catalog, 'runs' | 'schedule' | 'schedules' | 'recordMissed' | 'settleUpTo' | 'append'>;

/** What a host keeps of its schedules and runs, in memory: it outlives the host's death, as a catalog does. */
export class HostRecords implements Records {
  readonly ofRuns: RunOfHost[] = [];
  readonly ofMissed: MissedOfHost[] = [];
  readonly #settled = new Map<string, number>();
  readonly #bySchedule = new Map<string, RunOfHost[]>();

  begin(run: RunOfHost): void {
    this.ofRuns.push(run);
    const known = this.#bySchedule.get(run.schedule);
    if (known === undefined) this.#bySchedule.set(run.schedule, [run]);
    else known.push(run);
    this.#settle(run.schedule, run.dueAt);
  }

  running(): readonly RunOfHost[] {
    return this.ofRuns.filter(({ status }) => status === 'running');
  }

  /** To be run again. */
  offerAgain({ schedule, dueAt }: RunOfHost): void {
    if (this.#settled.get(schedule) === dueAt) this.#settled.set(schedule, dueAt - 1);
  }

  schedule(id: string): Promise<ScheduleState> {
    const settledUntil = this.#settled.get(id);
    return Promise.resolve({ paused: false, ...(settledUntil !== undefined && { settledUntil }) });
  }

  schedules(): Promise<ReadonlyMap<string, ScheduleState>> {
    const states = [...this.#settled].map(
      ([id, settledUntil]) => [id, { paused: false, settledUntil }] as const,
    );
    return Promise.resolve(new Map(states));
  }

  settleUpTo(schedule: string, until: number): Promise<void> {
    this.#settle(schedule, until);
    return Promise.resolve();
  }

  recordMissed(schedule: string, missed: Missed): Promise<void> {
    this.ofMissed.push({ ...missed, schedule, after: this.#settled.get(schedule) ?? -Infinity });
    this.#settle(schedule, missed.dueAt);
    return Promise.resolve();
  }

  runs({ schedule, limit }: { readonly schedule?: string; readonly limit: number }): Promise<readonly Run[]> {
    const own = schedule === undefined ? this.ofRuns : (this.#bySchedule.get(schedule) ?? []);
    const newest = own.slice(-limit).toReversed();
    return Promise.resolve(newest.map(asCatalog));
  }

  append(...[body, at]: Parameters<Catalog['append']>): Promise<StoredEvent> {
    return Promise.resolve({ sequence: 0, at, body });
  }

  #settle(schedule: string, until: number): void {
    this.#settled.set(schedule, Math.max(until, this.#settled.get(schedule) ?? -Infinity));
  }
}

/** As a catalog has it. */
export function asCatalog({ id, schedule, startedAt, dueAt, status, until }: RunOfHost): Run {
  return {
    ...{ id, schedule, startedAt, dueAt, status, type: 'files', trigger: 'schedule' },
    ...(status !== 'running' && { finishedAt: until }),
    ...{ objectPrefix: id, stores: [], warnings: [], pausedSeconds: 0 },
  };
}
