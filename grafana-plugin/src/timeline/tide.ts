import type { Load } from 'lowtide/api';
import type { BackupRun, Schedule, Slot } from '../api/answers.ts';
import type { EpochMs } from '../format/format.ts';
import type { AskedPlan } from '../hosts/ask-plan.ts';
import { keyOf, named, type OfHost } from '../hosts/hosts.ts';
import { readLoad, type ResourceLoad } from './load-series.ts';
import { minuteOf, type DailyWindow, type Span } from './windows.ts';

/** What the tide chart shows, read from the answers of the API once each time they come. */
export interface Tide {
  readonly lanes: readonly Lane[];
  readonly load: readonly ResourceLoad[];
}

/** One schedule with all that happened and is to happen. */
export interface Lane {
  readonly schedule: string;
  /** What tells it apart: with its host, where there are several. */
  readonly name: string;
  readonly priority: Priority;
  readonly isPaused: boolean;
  /** When it may start on every day; absent where it may at any time. */
  readonly window?: DailyWindow;
  /** By start. */
  readonly events: readonly TideEvent[];
}

export type Priority = Schedule['priority'];
export type TideEvent = PlannedEvent | RunEvent;

/** A slot that was chosen for a backup to come. */
export interface PlannedEvent extends Span {
  readonly kind: 'planned';
  /** Stays the same as long as it is about the same thing, over refreshes. */
  readonly key: string;
  readonly deadline: EpochMs;
  readonly slot: Slot;
}

export interface RunEvent {
  readonly kind: 'run';
  readonly key: string;
  readonly start: EpochMs;
  /** Absent while it goes on. */
  readonly end?: EpochMs;
  readonly run: BackupRun;
}

export interface TideAnswers {
  readonly schedules: readonly Schedule[];
  readonly plan?: Partial<AskedPlan> & Pick<AskedPlan, 'slots'>;
  readonly runs: readonly BackupRun[];
  readonly load?: Load;
}

const ranks: Readonly<Record<Priority, number>> = { critical: 0, high: 1, medium: 2, low: 3 };

/** The weightiest schedules first. What belongs to a schedule that is gone is left out. */
export function readTide({ schedules, plan, runs, load }: TideAnswers): Tide {
  const events = new Map<string, TideEvent[]>(schedules.map((schedule) => [keyOf(schedule), []]));
  for (const run of runs) events.get(laneOf(run))?.push(runEvent(run));
  for (const slot of plan?.slots ?? []) events.get(laneOf(slot))?.push(plannedEvent(slot));
  const ordered = [...schedules].sort(
    (a, b) => ranks[a.priority] - ranks[b.priority] || (named(a.id, a.host) < named(b.id, b.host) ? -1 : 1),
  );
  return {
    lanes: ordered.map(({ id, host, priority, paused, window, timezone }) => ({
      schedule: id,
      name: named(id, host),
      priority,
      isPaused: paused,
      ...(window !== undefined && {
        window: { startMinute: minuteOf(window.start), endMinute: minuteOf(window.end), timezone },
      }),
      events: (events.get(keyOf({ id, host })) ?? []).sort((a, b) => a.start - b.start),
    })),
    load: load === undefined ? [] : readLoad(load),
  };
}

/** The event of a key; undefined where there is none, or none any more. */
export function eventOf({ lanes }: Tide, key: string | undefined): TideEvent | undefined {
  if (key === undefined) return undefined;
  for (const { events } of lanes) {
    const event = events.find((candidate) => candidate.key === key);
    if (event !== undefined) return event;
  }
  return undefined;
}

function laneOf({ schedule, host }: OfHost<{ readonly schedule: string }>): string {
  return keyOf({ id: schedule, host });
}

function plannedEvent(slot: Slot): PlannedEvent {
  return {
    kind: 'planned',
    key: `planned/${named(slot.schedule, slot.host)}/${slot.dueAt}`,
    start: Date.parse(slot.start),
    end: Date.parse(slot.end),
    deadline: Date.parse(slot.deadline),
    slot,
  };
}

function runEvent(run: BackupRun): RunEvent {
  return {
    kind: 'run',
    key: `run/${run.id}`,
    start: Date.parse(run.startedAt),
    ...(run.finishedAt !== undefined && { end: Date.parse(run.finishedAt) }),
    run,
  };
}
