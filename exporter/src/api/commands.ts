import type { BackgroundRun } from '../catalog/background.ts';
import type { Backup, CatalogReader, Run } from '../catalog/catalog.ts';
import type { Drill as StoredDrill } from '../catalog/drills.ts';
import type { StoredEvent } from '../events/events.ts';
import type { HostSummary } from '../fleet/fleet.ts';
import type { HealthCheck } from '../health/health.ts';
import type { EpochMs } from '../units/instant.ts';
import type {
  BackupRun,
  Drill,
  Key,
  LostKey,
  Load,
  NewSchedule,
  Own,
  OwnPlan,
  Progress,
  ProgressEvent,
  RestoreRun,
  Rotation,
  RotationPlan,
  Schedule,
  ScheduleChange,
  Status,
  VerificationRun,
} from './contract.ts';
import type { Locate } from './views.ts';

/** Work that goes on in the background. */
export interface Begun<T> {
  /** As it stands now. */
  readonly run: Own<T>;
  /** As it ended; never rejects. */
  readonly ended: Promise<Own<T>>;
}

export interface RotationWish {
  readonly mode: RotationPlan['mode'];
  readonly daysBack?: number | undefined;
  readonly atLowTide: boolean;
  readonly bytesPerSecond?: number | undefined;
}

/** What the API lets others do: the service hands it in. Everything may throw a LowtideError, which is the answer then. */
export interface Commands {
  readonly version: string;
  readonly instance: () => string;
  readonly startedAt: EpochMs;
  now(): EpochMs;
  /** Where it listens: `127.0.0.1:10210`. */
  address(): string;
  /** What others see at a glance. */
  summary(): Promise<HostSummary>;
  checks(): Promise<readonly HealthCheck[]>;
  restoreTargets(): readonly string[];
  encryption(): Promise<Status['encryption']>;

  /** In order. */
  scheduleIds(): readonly string[];
  /** Throws `not_found`. */
  schedules(ids: readonly string[]): Promise<readonly Own<Schedule>[]>;
  addSchedule(id: string, body: NewSchedule): Promise<Own<Schedule>>;
  changeSchedule(id: string, change: ScheduleChange): Promise<Own<Schedule>>;
  removeSchedule(id: string): Promise<void>;
  setPaused(id: string, paused: boolean): Promise<Own<Schedule>>;
  skipNext(id: string): Promise<Own<Schedule>>;

  /** With the schedules that are paused, as if they were not, where asked for. */
  plan(hours: number, withPaused: boolean): Promise<OwnPlan>;
  /** `host`: one of load.hosts. Throws `not_found` where the config does not name it. */
  load(hours: number, host: string | undefined): Promise<Own<Load>>;

  /** What another host has measured, and what may be expected of it. */
  loadOf(catalog: CatalogReader, hours: number): Promise<Own<Load>>;

  /** Where a person finds an object of a store. */
  readonly locate: Locate;

  run(schedule: string): Promise<Begun<BackupRun>>;
  verify(backup: Backup): Promise<Begun<VerificationRun>>;
  restore(backup: Backup, target: string, force: boolean): Promise<Begun<RestoreRun>>;
  /** Throws what keeps it from being begun. */
  drill(schedule: string): Promise<Begun<Drill>>;
  progressOf(runId: string): Progress | undefined;
  /** Throws `run_ended`, `run_active` (another process works on it). */
  cancel(run: Run | BackgroundRun): void;
  cancelDrill(drill: StoredDrill): void;

  planRotation(wish: RotationWish): Promise<RotationPlan>;
  /** `id`: where it was agreed on before. Throws `rotation_active`, and what keeps it from being begun. */
  rotate(wish: RotationWish, by: string, id?: string): Promise<Begun<Rotation>>;
  resumeRotation(id: string): Promise<Begun<Rotation>>;
  /** What keeps a rotation of this process waiting, as part of a sentence. */
  rotationWaitsFor(id: string): string | undefined;

  /** Those that are here, and those that backups need and are not. */
  keys(): Promise<{ readonly keys: readonly Key[]; readonly lost: readonly LostKey[] }>;
  retireKey(id: string, by: string): Promise<Key>;
}

/** What a progress event says, but for the time. */
export type LiveProgress =
  | Omit<Extract<ProgressEvent, { name: 'run:progress' }>, 'at'>
  | Omit<Extract<ProgressEvent, { name: 'rotation:progress' }>, 'at'>
  | Omit<Extract<ProgressEvent, { name: 'drill:progress' }>, 'at'>;

/** What GET events follows. */
export interface EventSource {
  /** The sequence of the newest event; 0 where there is none. */
  latest(): Promise<number>;
  eventsAfter(sequence: number, limit: number): Promise<readonly StoredEvent[]>;
  /** Of the work that goes on. */
  progress(): readonly LiveProgress[];
  /** Changes whenever the plan has. */
  planVersion(): number;
}
