import { useState, type KeyboardEvent, type RefObject } from 'react';
import type { EpochMs } from '../../format/format.ts';
import { focusAfter, type Move } from '../../timeline/pointing.ts';
import { eventOf, type Tide, type TideEvent } from '../../timeline/tide.ts';
import { panned, zoomed, type TimeRange } from '../../timeline/time-scale.ts';
import type { TideLayout } from '../../timeline/timeline.ts';
import { dayMs, hourMs } from '../../timeline/zone.ts';
import type { Point } from './useTidePointer.ts';

export interface TideKeyboardOptions {
  readonly tide: Tide;
  readonly range: TimeRange;
  readonly now: EpochMs;
  readonly layout: TideLayout;
  readonly scroller: RefObject<HTMLElement | null>;
  readonly scrollTo: (top: number) => void;
  readonly onRangeChange: ((range: TimeRange) => void) | undefined;
  readonly onSelect: ((event: TideEvent) => void) | undefined;
}

export interface TideKeyboard {
  /** The key of the event that has the focus. */
  readonly focused: string | undefined;
  readonly onKeyDown: (event: KeyboardEvent) => void;
  readonly onBlur: () => void;
  /** Where an event is on the screen. */
  readonly anchorOf: (key: string) => Point | undefined;
}

const moves: Readonly<Record<string, Move>> = {
  ArrowLeft: 'earlier',
  ArrowRight: 'later',
  ArrowUp: 'up',
  ArrowDown: 'down',
  Home: 'first',
  End: 'last',
};
const zooms: Readonly<Record<string, number>> = { '+': 1 / 1.5, '=': 1 / 1.5, '-': 1.5 };
const zoomLimits = { shortestMs: hourMs, longestMs: 31 * dayMs };
const panShare = 0.25;

/** From backup to backup by the arrow keys, as far as the chart shows them. */
export function useTideKeyboard(options: TideKeyboardOptions): TideKeyboard {
  const { tide, range, now, layout, scroller, scrollTo, onRangeChange, onSelect } = options;
  const [focused, setFocused] = useState<string>();

  const placeOf = (key: string): { readonly x: number; readonly y: number } | undefined => {
    for (const { marks, y } of layout.lanes) {
      const mark = marks.find(({ event }) => event.key === key);
      if (mark !== undefined) return { x: mark.x + mark.width / 2, y };
    }
    return undefined;
  };

  const reveal = (key: string): void => {
    const place = placeOf(key);
    const element = scroller.current;
    if (place === undefined || element === null) return;
    const { scrollTop, clientHeight } = element;
    if (place.y < scrollTop) scrollTo(place.y);
    const bottom = place.y + layout.laneHeight;
    if (bottom > scrollTop + clientHeight) scrollTo(bottom - clientHeight);
  };

  const rangeAfter = ({ key, shiftKey }: KeyboardEvent): TimeRange | undefined => {
    const zoom = zooms[key];
    const event = eventOf(tide, focused);
    if (zoom !== undefined) {
      return zoomed(range, zoom, event?.start ?? (range.from + range.until) / 2, zoomLimits);
    }
    if (!shiftKey) return undefined;
    if (key === 'ArrowLeft') return panned(range, -panShare);
    return key === 'ArrowRight' ? panned(range, panShare) : undefined;
  };

  return {
    focused,
    onKeyDown: (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const next = onRangeChange === undefined ? undefined : rangeAfter(event);
      const move = moves[event.key];
      if (next !== undefined) {
        onRangeChange?.(next);
      } else if (move !== undefined) {
        const key = focusAfter(tide, range, now, focused, move);
        setFocused(key);
        if (key !== undefined) reveal(key);
      } else if (event.key === 'Escape' && focused !== undefined) {
        setFocused(undefined);
      } else if (event.key === 'Enter' && focused !== undefined) {
        const selected = eventOf(tide, focused);
        if (selected !== undefined) onSelect?.(selected);
      } else {
        return;
      }
      // Escape would close the drawer or leave the panel that this lies in, arrows would scroll.
      event.preventDefault();
      event.stopPropagation();
    },
    onBlur: () => setFocused(undefined),
    anchorOf: (key) => {
      const place = placeOf(key);
      const lanes = scroller.current;
      const rect = lanes?.getBoundingClientRect();
      if (place === undefined || lanes === null || rect === undefined) return undefined;
      const gutter = rect.width - layout.scale.width;
      return {
        x: rect.left + gutter + place.x,
        y: rect.top + place.y - lanes.scrollTop + layout.laneHeight,
      };
    },
  };
}
