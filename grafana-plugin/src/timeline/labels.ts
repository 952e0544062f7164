import type { Extent } from './time-scale.ts';

export interface Label {
  /** What it belongs to; the text is centred there where it can be. */
  readonly x: number;
  readonly width: number;
  /** The heavier one stays where two would overlap. */
  readonly weight: number;
}

export interface Placed<L extends Label> {
  readonly label: L;
  /** Where its text begins. */
  readonly left: number;
}

export interface Room {
  readonly from: number;
  readonly until: number;
  /** Between two labels. */
  readonly gap: number;
}

/** As many labels as have room, the heaviest first and of equal ones the earlier; from left to right. */
export function placeLabels<L extends Label>(labels: readonly L[], { from, until, gap }: Room): Placed<L>[] {
  const placed: Placed<L>[] = [];
  for (const label of [...labels].sort((a, b) => b.weight - a.weight || a.x - b.x)) {
    const { x, width } = label;
    if (x < from || x > until || width > until - from) continue;
    const left = Math.min(until - width, Math.max(from, x - width / 2));
    const isFree = placed.every(
      (other) => left >= other.left + other.label.width + gap || left + width + gap <= other.left,
    );
    if (isFree) placed.push({ label, left });
  }
  return placed.sort((a, b) => a.left - b.left);
}

/**
 * Where the label of each mark of one row begins: within the mark, else behind it or before it where neither another
 * mark nor its label is; undefined where there is no room. `marks` by `x`.
 */
export function placeBeside(
  marks: readonly (Extent & { readonly label: number })[],
  { from, until, gap }: Room,
): (number | undefined)[] {
  let taken = from;
  return marks.map(({ x, width, label }, index) => {
    const end = Math.max(taken, x + width);
    const before = taken;
    taken = end + gap;
    if (label + 2 * gap <= width) return x + (width - label) / 2;
    const next = marks[index + 1]?.x ?? until + gap;
    if (end + gap + label + gap <= next && end + gap + label <= until && end - x - width <= 2 * gap) {
      taken = end + gap + label + gap;
      return end + gap;
    }
    return before + label + gap <= x ? x - gap - label : undefined;
  });
}
