/**
 * Of each column of one pixel the first, the lowest, the highest and the last point: a line through them covers the
 * same pixels as one through all, and no peak is lost. `xs` rise; returns indices, rising. Source: Jugel et al., "M4: A
 * Visualization-Oriented Time Series Data Aggregation", VLDB 2014.
 */
export function downsample(xs: Float64Array, ys: Float64Array): Uint32Array {
  const kept = new Uint32Array(xs.length);
  let count = 0;
  const keep = (index: number): void => {
    if (count > 0 && kept[count - 1] === index) return;
    kept[count] = index;
    count += 1;
  };
  for (let start = 0; start < xs.length;) {
    const column = Math.floor(xs[start] ?? 0);
    let lowest = start;
    let highest = start;
    let end = start + 1;
    for (; end < xs.length && Math.floor(xs[end] ?? 0) === column; end += 1) {
      if ((ys[end] ?? 0) < (ys[lowest] ?? 0)) lowest = end;
      if ((ys[end] ?? 0) > (ys[highest] ?? 0)) highest = end;
    }
    keep(start);
    keep(Math.min(lowest, highest));
    keep(Math.max(lowest, highest));
    keep(end - 1);
    start = end;
  }
  return kept.subarray(0, count);
}
