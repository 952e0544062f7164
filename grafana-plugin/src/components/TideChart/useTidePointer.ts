import { useState, type PointerEvent, type RefObject } from 'react';
import { hitAt } from '../../timeline/pointing.ts';
import type { TideEvent } from '../../timeline/tide.ts';
import type { Extent, TimeRange } from '../../timeline/time-scale.ts';
import type { TideLayout } from '../../timeline/timeline.ts';

export interface TidePointerOptions {
  readonly root: RefObject<HTMLElement | null>;
  readonly scroller: RefObject<HTMLElement | null>;
  readonly layout: TideLayout;
  readonly gutter: number;
  readonly lanesTop: number;
  readonly onRangeChange: ((range: TimeRange) => void) | undefined;
  readonly onSelect: ((event: TideEvent) => void) | undefined;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface TidePointer {
  /** Where it is, as the layout has it; undefined while it is elsewhere. */
  readonly at: Point | undefined;
  /** Where it is on the screen. */
  readonly client: Point | undefined;
  /** What is being chosen by dragging. */
  readonly selection: Extent | undefined;
  readonly handlers: {
    readonly onPointerDown: (event: PointerEvent) => void;
    readonly onPointerMove: (event: PointerEvent) => void;
    readonly onPointerUp: (event: PointerEvent) => void;
    readonly onPointerLeave: (event: PointerEvent) => void;
  };
  readonly clear: () => void;
}

interface Pointed {
  readonly at: Point;
  readonly client: Point;
}

/** A shorter way is a click of an unsteady hand. */
const shortestDrag = 6;

/** Pointing at the chart, clicking a backup, and choosing a stretch of time by dragging over it. */
export function useTidePointer(options: TidePointerOptions): TidePointer {
  const { root, scroller, layout, gutter, lanesTop, onRangeChange, onSelect } = options;
  const [pointed, setPointed] = useState<Pointed>();
  const [dragFrom, setDragFrom] = useState<number>();

  const pointedBy = ({ clientX, clientY }: PointerEvent): Pointed | undefined => {
    const rect = root.current?.getBoundingClientRect();
    if (rect === undefined) return undefined;
    const y = clientY - rect.top - lanesTop;
    return {
      at: { x: clientX - rect.left - gutter, y: y < 0 ? y : y + (scroller.current?.scrollTop ?? 0) },
      client: { x: clientX, y: clientY },
    };
  };
  const selection = selectionOf(dragFrom, pointed?.at.x, layout.scale.width);

  const onPointerUp = (event: PointerEvent): void => {
    const at = pointedBy(event)?.at;
    setDragFrom(undefined);
    if (at === undefined || event.button !== 0) return;
    if (selection !== undefined && onRangeChange !== undefined) {
      const { scale } = layout;
      onRangeChange({ from: scale.at(selection.x), until: scale.at(selection.x + selection.width) });
      setPointed(undefined);
      return;
    }
    const mark = hitAt(layout, at.x, at.y).mark;
    if (mark !== undefined) onSelect?.(mark.event);
  };

  return {
    at: pointed?.at,
    client: pointed?.client,
    selection,
    handlers: {
      onPointerDown: (event) => {
        const next = pointedBy(event);
        setPointed(next);
        // A finger scrolls.
        const isDrag = event.button === 0 && event.pointerType !== 'touch' && onRangeChange !== undefined;
        if (isDrag && next !== undefined && next.at.x >= 0) setDragFrom(next.at.x);
      },
      onPointerMove: (event) => setPointed(pointedBy(event)),
      onPointerUp,
      onPointerLeave: (event) => {
        // A finger that is lifted goes on pointing, until it points elsewhere.
        if (event.pointerType === 'touch') return;
        setPointed(undefined);
        setDragFrom(undefined);
      },
    },
    clear: () => setPointed(undefined),
  };
}

function selectionOf(from: number | undefined, to: number | undefined, width: number): Extent | undefined {
  if (from === undefined || to === undefined || Math.abs(to - from) < shortestDrag) return undefined;
  const [first, last] = [from, to].map((x) => Math.min(width, Math.max(0, x))).sort((a, b) => a - b);
  return { x: first ?? 0, width: (last ?? 0) - (first ?? 0) };
}
