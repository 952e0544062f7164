import type { Load, Own, OwnPlan } from '../api/contract.ts';
import type { Catalog, CatalogReader } from '../catalog/catalog.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import type { ForecastAccuracy } from '../load/champion.ts';
import { coarseStepMs, fineStepMs, resources, type LoadRecord, type Resource } from '../load/load.ts';
import { recordsOf } from '../load/of-host.ts';
import type { HostPressure, Pressure } from '../load/pressure.ts';
import type { LoadRecorder } from '../load/recorder.ts';
import { loadStatistics, throughputStatistics } from '../load/statistics.ts';
import { toRfc3339, type EpochMs } from '../units/instant.ts';
import { historyMs, HostOutlook, type Accuracy, type Forecasts } from './host-outlook.ts';
import type { LearnedRun } from './learning.ts';
import type { PlanThread } from './plan-thread.ts';
import type { Planning } from './planning.ts';
import type { Tide } from './tide.ts';

const hourMs = 3_600_000;
/** Planning takes a while; many who watch cost no more than one. */
const planMaxAgeMs = 15_000;
/** Up to here every minute is told; the week beyond comes in steps of five, and longer times in coarser ones. */
const fineHours = 12;
const mostPoints = 2500;

interface KnownLoad {
  readonly records: readonly LoadRecord[];
  readonly coarse: readonly LoadRecord[];
  readonly forecasts: Forecasts;
  readonly accuracy: Accuracy;
  readonly pressure?: HostPressure | undefined;
}

/** What is to come, and what was, in the words of the API. */
export class Outlook {
  readonly #tide: Tide;
  readonly #thread: Pick<PlanThread, 'view'>;
  readonly #followed: Pick<Planning, 'startOf' | 'version'>;
  readonly #recorder: Pick<LoadRecorder, 'latest'>;
  #made: { readonly key: string; readonly plan: Promise<OwnPlan> } | undefined;

  /** `followed`: the plan by which the scheduler starts backups. */
  constructor(
    tide: Tide,
    thread: Pick<PlanThread, 'view'>,
    followed: Pick<Planning, 'startOf' | 'version'>,
    recorder: Pick<LoadRecorder, 'latest'>,
  ) {
    this.#tide = tide;
    this.#thread = thread;
    this.#followed = followed;
    this.#recorder = recorder;
  }

  async plan(schedules: readonly ScheduleConfig[], now: EpochMs, hours: number): Promise<OwnPlan> {
    const { version } = this.#followed;
    const key = JSON.stringify([hours, Math.floor(now / planMaxAgeMs), version, schedules]);
    if (this.#made?.key !== key) this.#made = { key, plan: this.#planAhead(schedules, now, hours) };
    const { plan } = this.#made;
    try {
      return await plan;
    } catch (thrown) {
      this.#made = undefined;
      throw thrown;
    }
  }

  async #planAhead(schedules: readonly ScheduleConfig[], now: EpochMs, hours: number): Promise<OwnPlan> {
    const asked = await this.#tide.requestToShow(schedules, now, hours);
    const starts = asked.jobs.map(({ schedule, occurrence: { dueAt } }) => ({
      ...{ schedule, dueAt },
      start: this.#followed.startOf(schedule, dueAt),
    }));
    const view = await this.#thread.view({
      ...asked,
      // What another host of the pool has, or has run, is to be asked of that one.
      jobs: asked.jobs.filter((_, index) => starts[index]?.start !== Infinity),
      previous: starts.flatMap(({ start, ...of }) =>
        start === undefined || start === Infinity ? [] : [{ ...of, start }],
      ),
      // The plan of all hosts knows what others take of what all share: here it would look free.
      isFollowed: true,
    });
    return { from: toRfc3339(now), until: toRfc3339(now + hours * hourMs), ...view };
  }

  /** What the next run of a schedule is expected to take. */
  async learned(schedule: ScheduleConfig, now: EpochMs): Promise<LearnedRun> {
    const { learning } = this.#tide;
    await learning.learn([schedule], now);
    return learning.of(schedule);
  }

  /** `host`: one of load.hosts; undefined: this one. */
  async load(
    catalog: Pick<Catalog, 'load' | 'hostLoads'>,
    now: EpochMs,
    { hours, host }: { readonly hours: number; readonly host: string | undefined },
  ): Promise<Own<Load>> {
    const from = now - hours * hourMs;
    const coarse = await recordsOf(catalog, host, from, now);
    return loadView(from, now, {
      records: host === undefined ? await shownRecords(catalog, from, now, coarse) : coarse,
      coarse,
      forecasts: await this.#tide.forecasts(now, host),
      accuracy: await this.#tide.accuracy(now, host),
      pressure: host === undefined ? this.#recorder.latest()?.pressure : undefined,
    });
  }

  /** The same of a host whose state is elsewhere. Its clock on the wall is taken to show the time of this one. */
  async loadOf({ load }: Pick<CatalogReader, 'load'>, now: EpochMs, hours: number): Promise<Own<Load>> {
    const from = now - hours * hourMs;
    const past = await load.records('coarse', now - historyMs, now);
    const { forecasts, accuracy } = new HostOutlook(Temporal.Now.timeZoneId()).look(past, now);
    const coarse = past.filter(({ at }) => at >= from);
    const records = await shownRecords({ load }, from, now, coarse);
    return loadView(from, now, { records, coarse, forecasts, accuracy });
  }
}

async function shownRecords(
  { load }: Pick<CatalogReader, 'load'>,
  from: EpochMs,
  now: EpochMs,
  coarse: readonly LoadRecord[],
): Promise<readonly LoadRecord[]> {
  return now - from <= fineHours * hourMs ? await load.records('fine', from, now) : coarse;
}

function loadView(from: EpochMs, now: EpochMs, known: KnownLoad): Own<Load> {
  const throughput = throughputStatistics(known.coarse);
  return {
    from: toRfc3339(from),
    until: toRfc3339(now),
    resources: resources.flatMap((resource) => resourceLoad(resource, known) ?? []),
    ...(throughput.length > 0 && { throughput: [...throughput] }),
  };
}

function resourceLoad(
  resource: Resource,
  { records, coarse, forecasts, accuracy: accuracies, pressure: present }: KnownLoad,
): Load['resources'][number] | undefined {
  const forecast = forecasts[resource];
  const accuracy = accuracyView(accuracies[resource]);
  const times = coarse.map(({ at }) => at);
  const loads = coarse.map((record) => record[resource]);
  const statistics = loadStatistics(times, loads, Temporal.Now.timeZoneId());
  const samples = pointsOf(records, resource);
  const waits = records.flatMap(({ at, pressure }) => (pressure === undefined ? [] : [{ at, ...pressure }]));
  const pressure = pointsOf(waits, resource);
  if (samples.length === 0 && forecast.basis === 'none' && present === undefined) return undefined;
  const { profile = [], quietHours = [], busyHours = [], ...figures } = statistics ?? {};
  const { low, high } = forecast.band();
  const stepsAhead = forecast.basis === 'none' ? [] : [...forecast.expected.keys()];
  return {
    resource,
    samples,
    ...(pressure.length > 0 && { pressure }),
    ...(present !== undefined && { presentPressure: pressureView(present[resource]) }),
    basis: forecast.basis,
    ...(accuracy !== undefined && { accuracy }),
    profile: profile.map((hour) => ({ ...hour })),
    quietHours: quietHours.map(({ weekday, hours }) => ({ weekday, hours: [...hours] })),
    busyHours: busyHours.map(({ weekday, hours }) => ({ weekday, hours: [...hours] })),
    forecast: stepsAhead.map((step) => ({
      at: toRfc3339(forecast.startsAt + step * forecast.stepMs),
      expected: forecast.expected[step] ?? 0,
      low: low[step] ?? 0,
      high: high[step] ?? 1,
    })),
    ...('samples' in figures && {
      statistics: { ...figures, maximumAt: toRfc3339(figures.maximumAt) },
    }),
  };
}

export function pressureView({
  some,
  full,
}: Pressure): NonNullable<Load['resources'][number]['presentPressure']> {
  return { some, full };
}

export function accuracyView({
  champion,
  days,
  figures,
}: ForecastAccuracy): Load['resources'][number]['accuracy'] {
  return figures === undefined ? undefined : { followed: champion, days, ...figures };
}

/** Means over as many steps as it takes; gaps are left out. */
function pointsOf(records: readonly LoadRecord[], resource: Resource): Load['resources'][number]['samples'] {
  const measured = records.filter((record) => !Number.isNaN(record[resource]));
  const [first] = measured;
  const last = measured.at(-1);
  if (first === undefined || last === undefined) return [];
  const stepMs =
    measured.length > 1 && (measured[1]?.at ?? 0) - first.at < coarseStepMs ? fineStepMs : coarseStepMs;
  const widthMs = stepMs * Math.max(1, Math.ceil((last.at - first.at) / stepMs / mostPoints));
  const groups = Map.groupBy(measured, ({ at }) => Math.floor(at / widthMs) * widthMs);
  return [...groups].map(([at, inStep]) => {
    const mean = inStep.reduce((sum, record) => sum + record[resource], 0) / inStep.length;
    return { at: toRfc3339(at), value: Math.min(1, Math.max(0, mean)) };
  });
}
