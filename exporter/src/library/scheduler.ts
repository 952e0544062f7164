import { openSqliteCatalog } from '../catalog/sqlite.ts';
import { systemClock } from '../clock/system.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { resources, type LoadRecord, type Resource } from '../load/load.ts';
import { loadStatistics, type LoadStatistics } from '../load/statistics.ts';
import type { PlanJob } from '../schedule/planner.ts';
import { nextOccurrences } from '../schedule/recurrence.ts';
import { expectedLoad } from '../load/expected-load.ts';
import { planDue } from '../schedule/plan-due.ts';
import { planJobOf } from '../schedule/due-job.ts';
import { historyMs, HostOutlook } from '../service/host-outlook.ts';
import type { EpochMs } from '../units/instant.ts';

export const BackupPriority = Object.freeze({
  CRITICAL: 'critical',
  HIGH: 'high',
  MEDIUM: 'medium',
  LOW: 'low',
});
export type BackupPriority = (typeof BackupPriority)[keyof typeof BackupPriority];

/** A daily backup, as this library's callers describe it. */
export interface BackupSchedule {
  readonly backupId: string;
  readonly priority: BackupPriority;
  /** Hours of the day, 0 to 23, local to the scheduler's time zone. An end before the start lies on the next day. */
  readonly preferredWindowStart: number;
  readonly preferredWindowEnd: number;
  /** How long after the window it may still start. Default: 6. */
  readonly maxDelayHours?: number;
  /** Default: 30. */
  readonly estimatedDurationMinutes?: number;
  /** Shares of the host, 0 to 1. Default: cpu 0.25, memory 0.1. */
  readonly resourcesRequired?: { readonly cpu: number; readonly memory: number };
}

export interface ScheduledBackup {
  readonly backupId: string;
  readonly start: Date;
  readonly end: Date;
  /** A code for programs, a sentence for people. */
  readonly reason: { readonly code: string; readonly text: string };
}

export interface IntelligentBackupSchedulerOptions {
  /** Load in steps of five minutes, oldest first; for a program with measurements of its own. */
  readonly history?: readonly LoadRecord[];
  /** IANA name; default: the host's. */
  readonly timezone?: string;
  /** Milliseconds since 1970; default: the clock of the host. */
  readonly now?: () => EpochMs;
}

/** The state folder of a `lowtide serve` on this host, whose measurements are read. */
export interface RecordedHistory extends Omit<IntelligentBackupSchedulerOptions, 'history'> {
  readonly stateDir: string;
}

const dayMs = 86_400_000;

/** Finds the quiet hours for backups; what runs them is the caller's. Without any history a backup starts as its window opens. */
export class IntelligentBackupScheduler {
  readonly #schedules = new Map<string, BackupSchedule>();
  readonly #history: readonly LoadRecord[];
  readonly #timezone: string;
  readonly #now: () => EpochMs;

  constructor(options: IntelligentBackupSchedulerOptions = {}) {
    this.#timezone = options.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
    this.#now = options.now ?? (() => systemClock.now());
    this.#history = options.history ?? [];
  }

  /** Throws what the catalog throws, where `stateDir` cannot be read. */
  static async reading({ stateDir, ...options }: RecordedHistory): Promise<IntelligentBackupScheduler> {
    await using catalog = openSqliteCatalog(stateDir);
    const history = await catalog.load.records('coarse', 0, Number.MAX_SAFE_INTEGER);
    return new IntelligentBackupScheduler({ ...options, history });
  }

  /** Takes a schedule, in place of one with the same id. Throws `usage` for hours that no day has. */
  addSchedule(schedule: BackupSchedule): void {
    this.#job(schedule);
    this.#schedules.set(schedule.backupId, schedule);
  }

  /** The best start of the next backup, as if it were the only one. */
  getOptimalTime(schedule: BackupSchedule): Date {
    const [slot] = this.scheduleBackups([schedule]);
    if (slot === undefined) throw new LowtideError('internal', `no time was found for ${schedule.backupId}`);
    return slot.start;
  }

  /** The next backup of each schedule (default: of those added), placed beside one another, in the order of their starts. */
  scheduleBackups(
    schedules: readonly BackupSchedule[] = [...this.#schedules.values()],
  ): readonly ScheduledBackup[] {
    const now = this.#now();
    const past = this.#history.filter(({ at }) => at >= now - historyMs && at < now);
    const { forecasts } = new HostOutlook(this.#timezone).look(past, now);
    const plan = planDue({
      now,
      jobs: schedules.map((schedule) => this.#job(schedule)),
      load: expectedLoad(forecasts),
    });
    return plan.slots.map((slot) => {
      const { code, text } = plan.explain(slot);
      return {
        backupId: slot.schedule,
        start: asDate(slot.start),
        end: asDate(slot.end),
        reason: { code, text },
      };
    });
  }

  /** By resource; one that was never measured is left out. */
  getLoadStatistics(): Readonly<Partial<Record<Resource, LoadStatistics>>> {
    const times = this.#history.map(({ at }) => at);
    return Object.fromEntries(
      resources.flatMap((resource) => {
        const loads = this.#history.map((record) => record[resource]);
        const statistics = loadStatistics(times, loads, this.#timezone);
        return statistics === undefined ? [] : [[resource, statistics]];
      }),
    );
  }

  #job(schedule: BackupSchedule): PlanJob {
    const config = configOf(schedule, this.#timezone);
    const [occurrence] = nextOccurrences(config, this.#now(), this.#now() + 3 * dayMs);
    if (occurrence === undefined) {
      throw new LowtideError('internal', `${schedule.backupId} is due at no time`);
    }
    const { estimated_duration: durationMs, resources: taken } = config;
    return planJobOf({ schedule: config, occurrence }, { durationMs, resources: taken });
  }
}

function configOf(schedule: BackupSchedule, timezone: string): ScheduleConfig {
  const { backupId, preferredWindowStart, preferredWindowEnd } = schedule;
  for (const hour of [preferredWindowStart, preferredWindowEnd]) {
    if (Number.isInteger(hour) && hour >= 0 && hour <= 23) continue;
    throw new LowtideError('usage', `${backupId}: a window cannot begin or end at ${hour}`, {
      hint: 'Hours are whole numbers from 0 to 23; a window may cross midnight, as from 22 to 4.',
    });
  }
  return {
    id: backupId,
    // Never read: this scheduler runs nothing.
    source: { type: 'command', argv: [backupId], env: {} },
    every: dayMs,
    window: { startMinute: preferredWindowStart * 60, endMinute: preferredWindowEnd * 60 },
    timezone,
    priority: schedule.priority,
    max_delay: (schedule.maxDelayHours ?? 6) * 3_600_000,
    on_deadline: 'run',
    run: { nice: 0, io_priority: 'normal', pause: false },
    estimated_duration: (schedule.estimatedDurationMinutes ?? 30) * 60_000,
    resources: schedule.resourcesRequired ?? { cpu: 0.25, memory: 0.1 },
    stores: [],
    verify: { after_backup: true },
  };
}

function asDate(at: EpochMs): Date {
  return new Date(at);
}
