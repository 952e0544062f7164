import type { Load, Plan } from '../api/contract.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { ScheduleConfig } from '../config/schema.ts';
import { coarseStepMs, fineStepMs, resources, type LoadRecord, type Resource } from '../load/load.ts';
import { loadStatistics } from '../load/statistics.ts';
import { toRfc3339, type EpochMs } from '../units/instant.ts';
import { slotView } from './plan-view.ts';
import type { Tide } from './tide.ts';

const hourMs = 3_600_000;
/** Planning takes the event loop for a while; many who watch cost no more than one. */
const planMaxAgeMs = 15_000;
/** Up to here every minute is told; the week beyond comes in steps of five, and longer times in coarser ones. */
const fineHours = 12;
const mostPoints = 2500;

/** What is to come, and what was, in the words of the API. */
export class Outlook {
  readonly #tide: Tide;
  #made: { readonly key: string; readonly plan: Plan } | undefined;

  constructor(tide: Tide) {
    this.#tide = tide;
  }

  plan(schedules: readonly ScheduleConfig[], now: EpochMs, hours: number): Plan {
    const key = JSON.stringify([hours, Math.floor(now / planMaxAgeMs), schedules]);
    if (this.#made?.key !== key) {
      const planned = this.#tide.planAhead(schedules, now, hours);
      const slots = planned.slots.map((slot) => slotView(planned, slot));
      this.#made = { key, plan: { from: toRfc3339(now), until: toRfc3339(now + hours * hourMs), slots } };
    }
    return this.#made.plan;
  }

  load(catalog: Pick<Catalog, 'load'>, now: EpochMs, hours: number): Load {
    const from = now - hours * hourMs;
    const records = catalog.load.records(hours <= fineHours ? 'fine' : 'coarse', from, now);
    const coarse = hours <= fineHours ? catalog.load.records('coarse', from, now) : records;
    return {
      from: toRfc3339(from),
      until: toRfc3339(now),
      resources: resources.flatMap((resource) => this.#resourceLoad(resource, records, coarse, now) ?? []),
    };
  }

  #resourceLoad(
    resource: Resource,
    records: readonly LoadRecord[],
    coarse: readonly LoadRecord[],
    now: EpochMs,
  ): Load['resources'][number] | undefined {
    const forecast = this.#tide.forecasts(now)[resource];
    const times = coarse.map(({ at }) => at);
    const loads = coarse.map((record) => record[resource]);
    const statistics = loadStatistics(times, loads, Temporal.Now.timeZoneId());
    const samples = pointsOf(records, resource);
    if (samples.length === 0 && forecast.basis === 'none') return undefined;
    const { profile = [], quietHours = [], ...figures } = statistics ?? {};
    const stepsAhead = forecast.basis === 'none' ? [] : [...forecast.expected.keys()];
    return {
      resource,
      samples,
      profile: profile.map((hour) => ({ ...hour })),
      quietHours: quietHours.map(({ weekday, hours }) => ({ weekday, hours: [...hours] })),
      forecast: stepsAhead.map((step) => ({
        at: toRfc3339(forecast.startsAt + step * forecast.stepMs),
        expected: forecast.expected[step] ?? 0,
        low: forecast.low[step] ?? 0,
        high: forecast.high[step] ?? 1,
      })),
      ...('samples' in figures && { statistics: figures }),
    };
  }
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
