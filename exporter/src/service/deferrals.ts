import type { Catalog } from '../catalog/catalog.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import type { NoRoom } from '../run/admission.ts';
import type { DueJob } from '../schedule/due-job.ts';
import type { Occurrence } from '../schedule/recurrence.ts';
import type { EpochMs } from '../units/instant.ts';

/** A start that was put off. */
export interface Deferral {
  readonly dueAt: EpochMs;
  /** Its first slot. */
  readonly since: EpochMs;
  /** What it waits for now. */
  readonly reason: string;
}

interface ToldDeferral extends Deferral {
  readonly occurrence: Occurrence;
  readonly told: ReadonlySet<string>;
}

/** Puts something on record. */
export type Telling = () => Promise<unknown>;

const room: readonly string[] = ['capacity', 'store', 'network', 'server'] satisfies NoRoom[];

/** Whether what waits for it would not fit beside the runs that go on. */
export function isForRoom(reason: string): boolean {
  return room.includes(reason);
}

/** Whether what waits for it may still start behind its deadline: where nobody knows what others do as well, late is better than not at all. */
export function outlastsDeadline(reason: string): boolean {
  return isForRoom(reason) || reason === 'cut_off';
}

/** What the starts of schedules wait for. Of each the last one that was put off is known, of whatever occurrence. */
export class Deferrals {
  readonly #catalog: Pick<Catalog, 'append'>;
  readonly #last = new Map<string, ToldDeferral>();

  constructor(catalog: Pick<Catalog, 'append'>) {
    this.#catalog = catalog;
  }

  /** Of this occurrence of the schedule. */
  of(schedule: string, dueAt: EpochMs | undefined): Deferral | undefined {
    const deferral = this.#last.get(schedule);
    return deferral?.dueAt === dueAt ? deferral : undefined;
  }

  /** Told once for each occurrence and reason, not at every look. */
  defer(
    { schedule, occurrence }: DueJob,
    reason: string,
    { now, slot }: { readonly now: EpochMs; readonly slot: EpochMs },
  ): readonly Telling[] {
    const last = this.#last.get(schedule.id);
    const told = last?.dueAt === occurrence.dueAt ? last.told : new Set<string>();
    this.#last.set(schedule.id, {
      dueAt: occurrence.dueAt,
      since: slot,
      reason,
      occurrence,
      told: new Set([...told, reason]),
    });
    if (told.has(reason)) return [];
    return [() => this.#catalog.append({ name: 'run:deferred', schedule: schedule.id, reason }, now)];
  }

  /** An occurrence whose deadline has passed while there was no room for it, or the state was away. */
  waitingForRoom(
    { id, on_deadline: onDeadline }: ScheduleConfig,
    missed: EpochMs | undefined,
  ): Occurrence | undefined {
    const deferral = this.#last.get(id);
    if (deferral === undefined || onDeadline === 'skip' || !outlastsDeadline(deferral.reason))
      return undefined;
    return deferral.dueAt === missed ? deferral.occurrence : undefined;
  }
}
