import type { EpochMs } from '../format/format.ts';
import type { Words } from '../words/useWords.ts';
import { expectedAt, measuredAt, type ResourceLoad } from './load-series.ts';

/** How busy the host was, or is expected to be: `31% measured`, `18% expected, likely 10% to 25%`. */
export function loadAt(
  { measured, forecast }: ResourceLoad,
  at: EpochMs,
  now: EpochMs,
  { say, format }: Words,
): string {
  const past = at <= now ? measuredAt(measured, at) : undefined;
  if (past !== undefined) return `${format.percent(past)} ${say({ key: 'tide.loadMeasured' })}`;
  const coming = expectedAt(forecast, at);
  if (coming === undefined) return say({ key: 'tide.unknownLoad' });
  const { expected, low, high } = coming;
  const values = { expected: { ratio: expected }, low: { ratio: low }, high: { ratio: high } };
  return say({ key: 'tide.likely', values });
}
