import type { EpochMs } from '../units/instant.ts';
import type { Resources } from './planner.ts';
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
  /** Of which nothing at all is known, so that 0 stands for them. Absent: of none. */
  readonly unknown?: readonly ('cpu' | 'memory')[];
  /**
   * What part of a day each of them rests on, 0 to 1. A level of ten minutes says nothing of the night: what was not seen of a day is no
   * reason to leave room for, as where nothing is known. Absent: all of it.
   */
  readonly seen?: Resources;
  /** Above these, starts wait as the gate has it (`load.high_water`). Absent: none is expected to. */
  readonly highWater?: Resources;
}

/** Without what nothing is known of. */
export interface KnownLoad {
  readonly cpu?: number;
  readonly memory?: number;
}

/** Slots are as long as the steps of the forecast and lie where its steps lie, so that a plan is found again later. */
export interface SlotGrid {
  readonly startsAt: EpochMs;
  readonly slotMs: number;
  readonly slots: number;
}

/** A load, slot by slot. */
export interface GridLoad {
  readonly cpu: Float64Array;
  readonly memory: Float64Array;
}

/** What each resource counts in "the load", wherever that is one number. */
export const loadWeights = { cpu: 0.7, memory: 0.3 };
/** A load of which nothing at all is known. */
const unknownLoad = 0.5;

/** A grid from the slot that holds `from` to the one that holds `until`. */
export function slotGrid({ startsAt: first, stepMs }: HostLoad, from: EpochMs, until: EpochMs): SlotGrid {
  const startsAt = first + Math.floor((from - first) / stepMs) * stepMs;
  return { startsAt, slotMs: stepMs, slots: Math.max(1, Math.ceil((until - startsAt) / stepMs)) };
}

/** Writes what is forecast into the slots from `at` on. */
export function writeLoad(load: HostLoad, grid: SlotGrid, { cpu, memory }: GridLoad, at: number): void {
  for (let slot = 0; slot < grid.slots; slot += 1) {
    const there = loadAt(load, timeOf(grid, slot));
    cpu[at + slot] = there.cpu;
    memory[at + slot] = there.memory;
  }
}

/** What is forecast of a time. Behind its end, a forecast repeats its last day. */
export function loadAt({ startsAt, stepMs, cpu, memory }: HostLoad, at: EpochMs): Resources {
  const length = Math.min(cpu.length, memory.length);
  const last = length - 1;
  const step = Math.max(0, Math.floor((at - startsAt) / stepMs));
  const daysBehind = step < length ? 0 : Math.ceil(((step - last) * stepMs) / dayMs);
  const found = step - daysBehind * Math.round(dayMs / stepMs);
  return { cpu: shareOf(cpu[found] ?? cpu[last]), memory: shareOf(memory[found] ?? memory[last]) };
}

/** A load as one number, of what is known of it. */
export function weighed({ cpu, memory }: KnownLoad): number {
  if (cpu === undefined) return memory ?? 0;
  return memory === undefined ? cpu : loadWeights.cpu * cpu + loadWeights.memory * memory;
}

/** Without what only stands for something that is not known. */
export function knownOf({ unknown = [] }: HostLoad, { cpu, memory }: Resources): KnownLoad {
  return {
    ...(!unknown.includes('cpu') && { cpu }),
    ...(!unknown.includes('memory') && { memory }),
  };
}

function shareOf(value: number | undefined): number {
  return value !== undefined && Number.isFinite(value) ? Math.min(1, Math.max(0, value)) : unknownLoad;
}

export function timeOf(grid: SlotGrid, slot: number): EpochMs {
  return grid.startsAt + slot * grid.slotMs;
}

/** The slot that holds a time, which may lie outside of the grid. */
export function slotAt({ startsAt, slotMs }: SlotGrid, at: EpochMs): number {
  return Math.floor((at - startsAt) / slotMs);
}

/** Adds to the slots that `from` to `until` touches; those of the grid begin at `at` in what is taken. */
export function occupy(
  grid: SlotGrid,
  taken: Float64Array,
  amount: number,
  { from, until, at = 0 }: { readonly from: EpochMs; readonly until: EpochMs; readonly at?: number },
): void {
  const first = Math.max(0, Math.floor((from - grid.startsAt) / grid.slotMs));
  const end = Math.min(grid.slots, Math.ceil((until - grid.startsAt) / grid.slotMs));
  for (let slot = at + first; slot < at + end; slot += 1) taken[slot] = (taken[slot] ?? 0) + amount;
}
