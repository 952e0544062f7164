import { setImmediate } from 'node:timers/promises';
import { errorCodes } from '../errors/codes.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { isWaitedFor, type EventBody, type StoredEvent } from '../events/events.ts';
import type { WatchedSchedule, WatchedStore } from '../health/facts.ts';
import type { EpochMs } from '../units/instant.ts';
import type { Collector } from './collector.ts';
import type { MetricName } from './names.ts';
import { recordFinishedBackup, runStatuses } from './record.ts';
import type { Metrics } from './registry.ts';

const rotationStatuses = ['running', 'completed', 'failed', 'cancelled', 'interrupted'] as const;

const eventMetricNames = [
  'backup_total',
  'backup_errors_total',
  'backup_verification_total',
  'backup_restore_total',
  'backup_copies_healed_total',
  'backup_full_read_bytes_total',
  'backup_duration_seconds',
  'backup_size_bytes',
  'backup_encryption_time_seconds',
  'backup_upload_time_seconds',
  'backup_missed_total',
  'backup_deferred_total',
  'backup_skipped_total',
  'backup_run_paused_seconds_total',
  'backup_start_delay_seconds',
  'backup_last_failure_timestamp_seconds',
  'backup_run_started_timestamp_seconds',
  'backup_restore_drill_total',
  'backup_unusual_runs_total',
  'backup_load_peaks_total',
  'backup_key_rotations_total',
  'backup_key_rotation_status',
  'backup_key_rotation_backups_total',
  'backup_key_rotation_bytes_total',
] as const satisfies readonly MetricName[];

export type EventMetrics = Metrics<(typeof eventMetricNames)[number]>;

export interface EventSources {
  /** As the catalog's: events with a greater sequence, oldest first, at most `limit`. */
  readonly eventsAfter: (sequence: number, limit: number) => Promise<readonly StoredEvent[]>;
  readonly schedules: () => readonly WatchedSchedule[];
  readonly stores: () => readonly WatchedStore[];
}

/** Read in one go, some 2 ms; between batches the event loop gets its turn. */
const batchSize = 250;

const errorTypes = new Set(Object.values(errorCodes).map((facts) => facts.errorType));

/**
 * Counters and histograms follow the event log from its first event on, each event once, so that they are right again
 * after a restart and count what other processes append. `rate()` needs a counter to be there before it first moves: label
 * sets known from the configuration begin at 0.
 */
export function followEvents(metrics: EventMetrics, sources: EventSources): Collector {
  let sequence = 0;
  /** Half a log would show as a jump once the rest is read, so until the end was reached once there is nothing. */
  let reachedEnd = false;
  let following: Promise<void> | undefined;
  let seen = nothingSeen();

  const follow = async (): Promise<void> => {
    if (sequence === 0) metrics.backup_encryption_time_seconds.zero({});
    beginAtZero(metrics, sources, seen);
    const unreadable: { readonly sequence: number; readonly cause: unknown }[] = [];
    for (;;) {
      const batch = await sources.eventsAfter(sequence, batchSize);
      for (const event of batch) {
        if (event.sequence <= sequence) continue;
        sequence = event.sequence;
        try {
          applyEvent(metrics, event, seen);
        } catch (cause) {
          unreadable.push({ sequence, cause });
        }
      }
      if (batch.length < batchSize) break;
      await setImmediate();
    }
    reachedEnd = true;
    showLatest(metrics, sources.schedules(), seen);
    const [first] = unreadable;
    if (first === undefined) return;
    throw new LowtideError(
      'state_invalid',
      `${unreadable.length} of the new events could not be counted, the first is ${first.sequence}`,
      { hint: 'A newer Lowtide may have written them. All others are counted.', cause: first.cause },
    );
  };

  return {
    name: 'events',
    collect: () =>
      (following ??= follow().finally(() => {
        following = undefined;
      })),
    clear: () => {
      if (reachedEnd) return;
      sequence = 0;
      seen = nothingSeen();
      for (const name of eventMetricNames) metrics[name].reset();
    },
  };
}

/** What was seen of schedules is kept also where they are no longer configured. */
interface Seen {
  readonly schedules: Set<string>;
  readonly types: Set<string>;
  readonly providers: Set<string>;
  /** Schedule → seconds. */
  readonly startDelays: Map<string, number>;
  /** Schedule → when. */
  readonly failures: Map<string, EpochMs>;
  /** Schedule → the run that goes on. */
  readonly running: Map<string, { readonly runId: string; readonly since: EpochMs }>;
  rotation?: (typeof rotationStatuses)[number];
}

function nothingSeen(): Seen {
  return {
    schedules: new Set(),
    types: new Set(),
    providers: new Set(),
    startDelays: new Map(),
    failures: new Map(),
    running: new Map(),
  };
}

/** The gauges that tell of what happened last. */
function showLatest(metrics: EventMetrics, schedules: readonly WatchedSchedule[], seen: Seen): void {
  metrics.backup_start_delay_seconds.reset();
  metrics.backup_last_failure_timestamp_seconds.reset();
  metrics.backup_run_started_timestamp_seconds.reset();
  for (const { id: schedule } of schedules) {
    const delay = seen.startDelays.get(schedule);
    if (delay !== undefined) metrics.backup_start_delay_seconds.set({ schedule }, delay);
    const failedAt = seen.failures.get(schedule);
    if (failedAt !== undefined) {
      metrics.backup_last_failure_timestamp_seconds.set({ schedule }, failedAt / 1000);
    }
    const running = seen.running.get(schedule);
    if (running !== undefined) {
      metrics.backup_run_started_timestamp_seconds.set({ schedule }, running.since / 1000);
    }
  }
  if (seen.rotation === undefined) return;
  for (const status of rotationStatuses) {
    metrics.backup_key_rotation_status.set({ status }, status === seen.rotation ? 1 : 0);
  }
}

function beginAtZero(metrics: EventMetrics, sources: EventSources, seen: Seen): void {
  for (const error_type of errorTypes) metrics.backup_errors_total.inc({ error_type }, 0);
  for (const status of ['passed', 'failed']) metrics.backup_verification_total.inc({ status }, 0);
  for (const status of ['completed', 'failed']) metrics.backup_restore_total.inc({ status }, 0);
  beginRotations(metrics);
  for (const { id, type, drillIntervalSeconds } of sources.schedules()) {
    if (drillIntervalSeconds !== undefined) beginDrills(metrics, id);
    beginSchedule(metrics, id, seen);
    beginType(metrics, type, seen);
  }
  for (const { id: store, provider } of sources.stores()) {
    beginProvider(metrics, provider, seen);
    metrics.backup_full_read_bytes_total.inc({ store }, 0);
    for (const status of ['completed', 'failed'])
      metrics.backup_copies_healed_total.inc({ store, status }, 0);
  }
}

function beginSchedule(metrics: EventMetrics, schedule: string, seen: Seen): void {
  if (seen.schedules.has(schedule)) return;
  seen.schedules.add(schedule);
  metrics.backup_missed_total.inc({ schedule }, 0);
  metrics.backup_run_paused_seconds_total.inc({ schedule }, 0);
  for (const figure of ['duration', 'size']) metrics.backup_unusual_runs_total.inc({ schedule, figure }, 0);
  for (const start of ['chosen', 'fixed']) metrics.backup_load_peaks_total.inc({ schedule, start }, 0);
}

function beginDrills(metrics: EventMetrics, schedule: string): void {
  for (const status of ['passed', 'failed']) metrics.backup_restore_drill_total.inc({ schedule, status }, 0);
}

/** Once per type: `zero` on a histogram that has values would take them away. */
function beginType(metrics: EventMetrics, type: string, seen: Seen): void {
  if (seen.types.has(type)) return;
  seen.types.add(type);
  for (const status of runStatuses) {
    metrics.backup_total.inc({ type, status }, 0);
    metrics.backup_duration_seconds.zero({ type, status });
  }
  metrics.backup_size_bytes.zero({ type });
}

function beginRotations(metrics: EventMetrics): void {
  for (const mode of ['rotate', 'rewrap', 'reencrypt']) {
    for (const status of ['completed', 'failed', 'cancelled', 'interrupted']) {
      metrics.backup_key_rotations_total.inc({ mode, status }, 0);
    }
    if (mode === 'rotate') continue;
    for (const status of ['completed', 'skipped', 'failed']) {
      metrics.backup_key_rotation_backups_total.inc({ mode, status }, 0);
    }
    metrics.backup_key_rotation_bytes_total.inc({ mode }, 0);
  }
}

function beginProvider(metrics: EventMetrics, provider: string, seen: Seen): void {
  if (seen.providers.has(provider)) return;
  seen.providers.add(provider);
  metrics.backup_upload_time_seconds.zero({ cloud_provider: provider });
}

function applyEvent(metrics: EventMetrics, event: StoredEvent, seen: Seen): void {
  const body: EventBody = event.body;
  switch (body.name) {
    case 'run:started':
      seen.running.set(body.schedule, { runId: body.runId, since: event.at });
      if (body.dueAt === undefined) return;
      seen.startDelays.set(body.schedule, Math.max(0, event.at - body.dueAt) / 1000);
      return;
    case 'run:finished':
      beginType(metrics, body.type, seen);
      for (const { provider } of body.uploads ?? []) beginProvider(metrics, provider, seen);
      recordFinishedBackup(metrics, {
        ...body,
        status: body.status === 'interrupted' ? 'failed' : body.status,
      });
      if (seen.running.get(body.schedule)?.runId === body.runId) seen.running.delete(body.schedule);
      if (body.status === 'failed' || body.status === 'interrupted') {
        seen.failures.set(body.schedule, event.at);
      }
      if (body.errorType !== undefined) metrics.backup_errors_total.inc({ error_type: body.errorType });
      if (body.pausedSeconds !== undefined) {
        metrics.backup_run_paused_seconds_total.inc({ schedule: body.schedule }, body.pausedSeconds);
      }
      return;
    case 'run:missed': {
      const { schedule, occurrences, reason } = body;
      metrics.backup_missed_total.inc({ schedule }, occurrences);
      if (reason !== undefined && isWaitedFor(reason)) metrics.backup_skipped_total.inc({ schedule, reason });
      return;
    }
    case 'run:deferred':
      metrics.backup_deferred_total.inc({ schedule: body.schedule, reason: body.reason });
      return;
    case 'backup:verified':
      metrics.backup_verification_total.inc({ status: body.status });
      return;
    case 'backup:read':
      metrics.backup_full_read_bytes_total.inc({ store: body.store }, body.bytes);
      return;
    case 'backup:healed': {
      const { store, status, errorType } = body;
      metrics.backup_copies_healed_total.inc({ store, status });
      if (errorType !== undefined) metrics.backup_errors_total.inc({ error_type: errorType });
      return;
    }
    case 'backup:restored':
      metrics.backup_restore_total.inc({ status: body.status });
      return;
    case 'drill:finished': {
      const { schedule, status, errorType } = body;
      metrics.backup_restore_drill_total.inc({ schedule, status });
      if (errorType !== undefined) metrics.backup_errors_total.inc({ error_type: errorType });
      return;
    }
    case 'error':
      metrics.backup_errors_total.inc({ error_type: body.errorType });
      return;
    case 'rotation:backups': {
      const { mode, done, skipped, failed, bytes } = body;
      metrics.backup_key_rotation_backups_total.inc({ mode, status: 'completed' }, done);
      metrics.backup_key_rotation_backups_total.inc({ mode, status: 'skipped' }, skipped);
      metrics.backup_key_rotation_backups_total.inc({ mode, status: 'failed' }, failed);
      metrics.backup_key_rotation_bytes_total.inc({ mode }, bytes);
      return;
    }
    case 'rotation:started':
      seen.rotation = 'running';
      return;
    case 'rotation:finished':
      seen.rotation = body.status;
      metrics.backup_key_rotations_total.inc({ mode: body.mode, status: body.status });
      return;
    case 'run:unusual':
      metrics.backup_unusual_runs_total.inc({ schedule: body.schedule, figure: body.figure });
      return;
    case 'run:reviewed': {
      const { schedule, metPeak, fixedMetPeak } = body;
      // Compared are only runs of which both are known.
      if (metPeak === undefined || fixedMetPeak === undefined) return;
      metrics.backup_load_peaks_total.inc({ schedule, start: 'chosen' }, metPeak ? 1 : 0);
      metrics.backup_load_peaks_total.inc({ schedule, start: 'fixed' }, fixedMetPeak ? 1 : 0);
      return;
    }
    case 'backup:pruned':
    case 'drill:started':
    case 'key:changed':
      return;
  }
}
