import { dayMs, type LocalMs } from '../schedule/zone.ts';
import type { EpochMs } from '../units/instant.ts';
import { judgedDays, judgeForecasts, type ForecastAccuracy } from './champion.ts';
import { forecastLoad, type LoadForecast } from './forecast.ts';
import { scoredHistoryMs, scoreForecasts, type ForecastScore } from './score.ts';
import type { LoadSeries } from './series.ts';

/** Forecasts are judged as if made every six hours. */
const originEveryMs = 6 * 3_600_000;
/** Twice what is judged by: the rule remembers which forecast was followed at the beginning of the days that count. */
const scoredMs = 2 * judgedDays * dayMs;

export interface LoadOutlook {
  readonly forecast: LoadForecast;
  /** How well the methods have chosen of late: why the forecast is made as it is. */
  readonly accuracy: ForecastAccuracy;
}

/**
 * Forecasts one resource by the method that has chosen better of late. Scores are worked out from the history itself, not
 * stored: they are right after a restart, and when weeks of history arrive late. One whose history has not changed is
 * remembered, so that going on costs two forecasts every six hours.
 */
export class Forecaster {
  #scores = new Map<LocalMs, { readonly digest: number; readonly score: ForecastScore | undefined }>();

  /** Samples from `now` on are not looked at. */
  outlook(history: LoadSeries, now: EpochMs, horizonMs: number): LoadOutlook {
    const accuracy = this.#accuracy(history, now);
    return { accuracy, forecast: forecastLoad(history, now, horizonMs, accuracy.champion) };
  }

  #accuracy(history: LoadSeries, now: EpochMs): ForecastAccuracy {
    const localNow = history.zone.localAt(now);
    const last = Math.floor((localNow - dayMs) / originEveryMs) * originEveryMs;
    const digests = digestsOf(history);
    const scores = new Map<LocalMs, { digest: number; score: ForecastScore | undefined }>();
    for (let origin = last - scoredMs + originEveryMs; origin <= last; origin += originEveryMs) {
      const digest = digestAround(digests, origin);
      if (digest === undefined) continue;
      const before = this.#scores.get(origin);
      const score = before?.digest === digest ? before.score : scoreForecasts(history, origin);
      scores.set(origin, { digest, score });
    }
    this.#scores = scores;
    return judgeForecasts([...scores.values()].flatMap(({ score }) => score ?? []));
  }
}

/** A number for each six hours, by which a change of the values in them is noticed. */
interface Digests {
  readonly first: LocalMs;
  readonly values: Int32Array;
}

function digestsOf({ startsAt, stepMs, values }: LoadSeries): Digests {
  const first = Math.floor(startsAt / originEveryMs);
  const end = Math.ceil((startsAt + values.length * stepMs) / originEveryMs);
  const digests = new Int32Array(Math.max(0, end - first));
  for (let step = 0; step < values.length; step += 1) {
    const value = values[step] ?? NaN;
    const block = Math.floor((startsAt + step * stepMs) / originEveryMs) - first;
    digests[block] = mixed(digests[block] ?? 0, Number.isNaN(value) ? -1 : Math.round(value * 1e9));
  }
  return { first: first * originEveryMs, values: digests };
}

/** Of all that a score rests on; undefined where the history does not reach from before `origin` to a day behind it. */
function digestAround({ first, values }: Digests, origin: LocalMs): number | undefined {
  const at = (origin - first) / originEveryMs;
  const end = at + dayMs / originEveryMs;
  if (at < 1 || end > values.length) return undefined;
  let digest = 0;
  for (let block = Math.max(0, at - scoredHistoryMs / originEveryMs); block < end; block += 1) {
    digest = mixed(digest, values[block] ?? 0);
  }
  return digest;
}

/** As in FNV-1a. */
function mixed(digest: number, value: number): number {
  return Math.imul(digest ^ value, 16_777_619);
}
