import { unlessAway } from '../errors/away.ts';
import type { ForecastAccuracy } from '../load/champion.ts';
import type { LoadForecast } from '../load/forecast.ts';
import { Forecaster } from '../load/forecaster.ts';
import { coarseStepMs, resources, type LoadRecord, type Resource } from '../load/load.ts';
import { seriesOf } from '../load/series.ts';
import type { EpochMs } from '../units/instant.ts';
import { KnownPast, type ReadRecords } from './known-past.ts';

/** How far a look goes back, and ahead. */
export const historyMs = 92 * 86_400_000;
const horizonMs = 48 * 3_600_000;

export type Forecasts = Readonly<Record<Resource, LoadForecast>>;
export type Accuracy = Readonly<Record<Resource, ForecastAccuracy>>;

interface View {
  readonly forecasts: Forecasts;
  readonly accuracy: Accuracy;
}

/** The forecasts of one host, made once for each step of its history. */
export class HostOutlook {
  readonly #timezone: string;
  readonly #forecasters = byResource(() => new Forecaster());
  readonly #past = new KnownPast(historyMs);
  #made: { readonly step: number; readonly view: View } | undefined;
  #renewals = 0;

  /** `timezone`: where the host's day goes by. */
  constructor(timezone: string) {
    this.#timezone = timezone;
  }

  /** The next look makes the forecasts anew. */
  renew(): void {
    this.#renewals += 1;
    this.#past.forget();
    if (this.#made !== undefined) this.#made = { ...this.#made, step: NaN };
  }

  /** Whether what is known was made for this moment. */
  isOf(now: EpochMs): boolean {
    return this.#made?.step === stepAt(now);
  }

  /** Whether there was a look. */
  get isKnown(): boolean {
    return this.#made !== undefined;
  }

  /** What the last look has shown; of no history where there was none. */
  get view(): View {
    return this.#made?.view ?? this.look([], 0);
  }

  /** Looks at the last 92 days, in steps of five minutes. */
  async lookBack(now: EpochMs, read: ReadRecords): Promise<void> {
    const renewals = this.#renewals;
    const records = await unlessAway(this.#past.upTo(now, read));
    // What was expected stands as long as the history cannot be read.
    if (records !== undefined || !this.isKnown) this.look(records ?? [], now, renewals);
  }

  /** `records`: of the last 92 days, in steps of five minutes, oldest first; read when it had been renewed so often. */
  look(records: readonly LoadRecord[], now: EpochMs, renewals = this.#renewals): View {
    const times = records.map(({ at }) => at);
    const outlook = byResource((resource) => {
      const loads = records.map((record) => record[resource]);
      const series = seriesOf(times, loads, coarseStepMs, this.#timezone);
      return this.#forecasters[resource].outlook(series, now, horizonMs);
    });
    const view = {
      forecasts: byResource((resource) => outlook[resource].forecast),
      accuracy: byResource((resource) => outlook[resource].accuracy),
    };
    this.#made = { step: renewals === this.#renewals ? stepAt(now) : NaN, view };
    return view;
  }
}

function stepAt(now: EpochMs): number {
  return Math.floor(now / coarseStepMs);
}

function byResource<T>(make: (resource: Resource) => T): Readonly<Record<Resource, T>> {
  return Object.fromEntries(resources.map((resource) => [resource, make(resource)])) as Record<Resource, T>;
}
