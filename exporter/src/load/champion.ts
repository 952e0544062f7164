import { dayMs } from '../schedule/zone.ts';
import { byMethod, type ByMethod, type ForecastScore } from './score.ts';
import type { ForecastMethod } from './forecast.ts';

/** How the two forecasts of a resource have fared of late, and which of them is followed. */
export interface ForecastAccuracy {
  readonly champion: ForecastMethod;
  /** How many days there are to judge by; the figures are absent where there is none. */
  readonly days: number;
  readonly figures?: AccuracyFigures;
}

/** Means over the days, each as in `ForecastScore`. */
export interface AccuracyFigures {
  readonly regret: ByMethod;
  readonly error: ByMethod;
  readonly randomRegret: number;
}

/** So many days are judged by: fewer are chance, and a host that has changed must not wait for longer. */
export const judgedDays = 21;
/** With fewer days than this nothing is said against the learned forecast. */
const fewestDays = 7;
/** How sure it must be that yesterday's curve chooses better: two standard errors, in paired days. */
const standardErrors = 2;
/** And by how much of the resource: a difference that nobody would notice is no reason to change. */
const leastGain = 0.003;

/**
 * Judges by the scores, oldest first. The learned forecast is followed until yesterday's curve has chosen better over the
 * last days beyond doubt, and again as soon as it has not been worse. The rule is gone through from the first score on, so
 * that the verdict follows from the history alone, and is the same in every process and after a restart.
 */
export function judgeForecasts(scores: readonly ForecastScore[]): ForecastAccuracy {
  const days = [...Map.groupBy(scores, ({ origin }) => Math.floor(origin / dayMs))].map(([day, ofDay]) => ({
    day,
    ofDay,
    gain: meanOf(ofDay, ({ regret }) => regret.learned - regret.yesterday),
  }));
  let champion: ForecastMethod = 'learned';
  let judged: typeof days = [];
  for (const [index, { day }] of days.entries()) {
    judged = days.slice(0, index + 1).filter((each) => each.day > day - judgedDays);
    champion = next(
      champion,
      judged.map(({ gain }) => gain),
    );
  }
  if (judged.length === 0) return { champion, days: 0 };
  const over = (figure: (score: ForecastScore) => number): number =>
    meanOf(judged, ({ ofDay }) => meanOf(ofDay, figure));
  return {
    champion,
    days: judged.length,
    figures: {
      regret: byMethod((method) => over(({ regret }) => regret[method])),
      error: byMethod((method) => over(({ error }) => error[method])),
      randomRegret: over(({ randomRegret }) => randomRegret),
    },
  };
}

/** `gains`: by how much yesterday's curve chose better, day by day. */
function next(champion: ForecastMethod, gains: readonly number[]): ForecastMethod {
  if (gains.length < fewestDays) return champion;
  const gain = meanOf(gains, (each) => each);
  if (champion === 'yesterday') return gain > 0 ? 'yesterday' : 'learned';
  const variance = meanOf(gains, (each) => (each - gain) ** 2) * (gains.length / (gains.length - 1));
  const doubt = standardErrors * Math.sqrt(variance / gains.length);
  return gain > Math.max(doubt, leastGain) ? 'yesterday' : 'learned';
}

function meanOf<T>(items: readonly T[], figure: (item: T) => number): number {
  return items.reduce((sum, item) => sum + figure(item), 0) / items.length;
}
