import { downsample } from './downsample.ts';
import {
  stretchesWithin,
  type LoadForecast,
  type LoadSeries,
  type ResourceLoad,
  type Resource,
  type Stretch,
} from './load-series.ts';
import type { TimeScale } from './time-scale.ts';

/** The plot of the load as path data of SVG, which `Path2D` takes as well. Empty where there is nothing to draw. */
export interface LoadShape {
  readonly resource: Resource;
  readonly measured: string;
  /** From the measured line down to no load, closed: to be filled. */
  readonly area: string;
  readonly expected: string;
  /** Closed, from low to high: to be filled. */
  readonly band: string;
}

/** Full load is drawn at `top`, none at `top + height`. */
export interface LoadPlot {
  readonly top: number;
  readonly height: number;
}

export function loadShape(load: ResourceLoad, scale: TimeScale, plot: LoadPlot): LoadShape {
  const { measured, forecast } = load;
  return {
    resource: load.resource,
    measured: linePath(measured, measured.values, scale, plot),
    area: areaPath(measured, scale, plot),
    expected: linePath(forecast, forecast.expected, scale, plot),
    band: bandPath(forecast, scale, plot),
  };
}

/** A point that stands alone between two gaps becomes a line without length, which round caps make a dot. */
function linePath(
  series: Pick<LoadSeries, 'times' | 'stepMs'>,
  values: Float64Array,
  scale: TimeScale,
  plot: LoadPlot,
): string {
  return stretchesWithin(series, scale.from, scale.until)
    .map((stretch) => {
      const { xs, ys } = pointsOf(series.times, values, stretch, scale, plot);
      const text = pathOf(xs, ys, downsample(xs, ys));
      return xs.length === 1 ? `M${text}h0` : `M${text}`;
    })
    .join('');
}

function areaPath(series: LoadSeries, scale: TimeScale, plot: LoadPlot): string {
  const bottom = tenths(plot.top + plot.height);
  return stretchesWithin(series, scale.from, scale.until)
    .filter(({ start, end }) => end - start > 1)
    .map((stretch) => {
      const { xs, ys } = pointsOf(series.times, series.values, stretch, scale, plot);
      const line = pathOf(xs, ys, downsample(xs, ys));
      return `M${tenths(xs[0])},${bottom}L${line}L${tenths(xs.at(-1))},${bottom}Z`;
    })
    .join('');
}

function bandPath(forecast: LoadForecast, scale: TimeScale, plot: LoadPlot): string {
  return stretchesWithin(forecast, scale.from, scale.until)
    .filter(({ start, end }) => end - start > 1)
    .map((stretch) => {
      const high = pointsOf(forecast.times, forecast.high, stretch, scale, plot);
      const low = pointsOf(forecast.times, forecast.low, stretch, scale, plot);
      const back = downsample(low.xs, low.ys).reverse();
      return `M${pathOf(high.xs, high.ys, downsample(high.xs, high.ys))}L${pathOf(low.xs, low.ys, back)}Z`;
    })
    .join('');
}

function pointsOf(
  times: Float64Array,
  values: Float64Array,
  { start, end }: Stretch,
  scale: TimeScale,
  { top, height }: LoadPlot,
): { readonly xs: Float64Array; readonly ys: Float64Array } {
  return {
    xs: times.subarray(start, end).map((at) => scale.x(at)),
    ys: values.subarray(start, end).map((value) => top + (1 - Math.min(1, Math.max(0, value))) * height),
  };
}

function pathOf(xs: Float64Array, ys: Float64Array, indices: Uint32Array): string {
  let text = '';
  for (const index of indices) {
    text += `${text === '' ? '' : 'L'}${tenths(xs[index])},${tenths(ys[index])}`;
  }
  return text;
}

/** A tenth of a pixel is finer than any screen. */
function tenths(pixels = 0): number {
  return Math.round(pixels * 10) / 10;
}
