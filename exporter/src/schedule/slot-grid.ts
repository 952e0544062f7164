import type { EpochMs } from '../units/instant.ts';
import { dayMs } from './zone.ts';

/**
 * What the host is expected to do by itself, step by step. Lowtide's own runs are not in it: they are planned, or told as
 * running.
 */
export interface HostLoad {
  readonly startsAt: EpochMs;
  readonly stepMs: number;
  /** Share in use, 0 to 1. */
  readonly cpu: Float64Array;
  readonly memory: Float64Array;
  /** False where too little was seen for a forecast that tells one hour from another. */
  readonly isKnown: boolean;
  /** Which of them repeat yesterday's curve, since that has chosen better than what was learned. Absent: none. */
  readonly asYesterday?: readonly ('cpu' | 'memory')[];
}

/** Slots are as long as the steps of the forecast and lie where its steps lie, so that a plan is found again later. */
export interface SlotGrid {
  readonly startsAt: EpochMs;
  readonly slotMs: number;
  readonly slots: number;
  readonly cpu: Float64Array;
  readonly memory: Float64Array;
}

/** A load of which nothing at all is known. */
const unknownLoad = 0.5;

/** A grid from the slot that holds `from` to the one that holds `until`. Behind its end, a forecast repeats its last day. */
export function slotGrid(load: HostLoad, from: EpochMs, until: EpochMs): SlotGrid {
  const { stepMs } = load;
  const offset = Math.floor((from - load.startsAt) / stepMs);
  const startsAt = load.startsAt + offset * stepMs;
  const slots = Math.max(1, Math.ceil((until - startsAt) / stepMs));
  const day = Math.round(dayMs / stepMs);
  const length = Math.min(load.cpu.length, load.memory.length);
  const onGrid = (steps: Float64Array): Float64Array =>
    Float64Array.from({ length: slots }, (_, slot) => {
      const step = Math.max(0, slot + offset);
      const daysBehind = step < length ? 0 : Math.ceil((step - length + 1) / day);
      const value = steps[step - daysBehind * day] ?? steps[length - 1] ?? unknownLoad;
      return Number.isFinite(value) ? Math.min(1, Math.max(0, value)) : unknownLoad;
    });
  return { startsAt, slotMs: stepMs, slots, cpu: onGrid(load.cpu), memory: onGrid(load.memory) };
}

export function timeOf(grid: SlotGrid, slot: number): EpochMs {
  return grid.startsAt + slot * grid.slotMs;
}

/** Adds to the slots that `from` to `until` touches. */
export function occupy(
  grid: SlotGrid,
  taken: Float64Array,
  amount: number,
  from: EpochMs,
  until: EpochMs,
): void {
  const first = Math.max(0, Math.floor((from - grid.startsAt) / grid.slotMs));
  const end = Math.min(grid.slots, Math.ceil((until - grid.startsAt) / grid.slotMs));
  for (let slot = first; slot < end; slot += 1) taken[slot] = (taken[slot] ?? 0) + amount;
}
