/** Places on Grafana's grid, which is 24 columns wide. */

export interface Place {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

interface Sized {
  readonly w: number;
  readonly h: number;
  /** Begins below all that stands before it, as the heading of a row does. */
  readonly isHeading: boolean;
}

const width = 24;

/** One after the other, each as high up as it fits, and then as far to the left. */
export function placeAll(sizes: readonly Sized[]): readonly Place[] {
  const bottoms: number[] = Array.from({ length: width }, () => 0);
  return sizes.map(({ w, h, isHeading }) => {
    if (isHeading) bottoms.fill(Math.max(...bottoms));
    const tops = Array.from({ length: width - w + 1 }, (_, x) => Math.max(...bottoms.slice(x, x + w)));
    const y = Math.min(...tops);
    const x = tops.indexOf(y);
    bottoms.fill(y + h, x, x + w);
    return { x, y, w, h };
  });
}
