import { weighed } from '../schedule/slot-grid.ts';
import type { EpochMs } from '../units/instant.ts';
import { resources, type LoadRecord, type Resource } from './load.ts';

/** Above these, a resource is at a peak. Shares, 0 to 1. */
export type HighWater = Readonly<Record<Resource, number>>;

export interface PastMoment {
  readonly start: EpochMs;
  /** The mean load met by a run that starts then. */
  readonly load: number;
}

/** The starts that a run of some length may have: from `from` on, at `until` at the latest. */
export interface Starts {
  readonly from: EpochMs;
  readonly until: EpochMs;
  readonly durationMs: number;
}

/** A run that was over at once met the load of a second: shorter stretches drown in rounding. */
const leastMs = 1000;

/**
 * The load of a host as it came, asked about in hindsight. "The load" is the planner's: processors and memory weighed; where
 * memory is unknown, processors alone.
 */
export class PastLoad {
  readonly #stepMs: number;
  readonly #first: number;
  readonly #weighed: Float64Array;
  readonly #peaks: Uint8Array;
  /** Sums over the steps before each, and how many of them are unknown. */
  readonly #sums: Float64Array;
  readonly #unknown: Int32Array;

  /** `records`: averages over steps of `stepMs`, oldest first; what is missing is unknown. */
  constructor(records: readonly LoadRecord[], stepMs: number, highWater: HighWater) {
    const [oldest] = records;
    this.#stepMs = stepMs;
    this.#first = Math.floor((oldest?.at ?? 0) / stepMs);
    const length = Math.max(0, Math.floor((records.at(-1)?.at ?? -stepMs) / stepMs) - this.#first + 1);
    this.#weighed = new Float64Array(length).fill(NaN);
    this.#peaks = new Uint8Array(length);
    for (const record of records) {
      const step = Math.floor(record.at / stepMs) - this.#first;
      const { cpu, memory } = record;
      this.#weighed[step] = weighed(Number.isNaN(memory) ? { cpu } : { cpu, memory });
      if (resources.some((resource) => record[resource] > highWater[resource])) this.#peaks[step] = 1;
    }
    this.#sums = new Float64Array(length + 1);
    this.#unknown = new Int32Array(length + 1);
    for (const [step, load] of this.#weighed.entries()) {
      const isUnknown = Number.isNaN(load);
      this.#sums[step + 1] = (this.#sums[step] ?? 0) + (isUnknown ? 0 : load);
      this.#unknown[step + 1] = (this.#unknown[step] ?? 0) + (isUnknown ? 1 : 0);
    }
  }

  /** The mean over a stretch of time; NaN where part of it is unknown. */
  mean(from: EpochMs, until: EpochMs): number {
    const begin = from / this.#stepMs - this.#first;
    const end = Math.max(until, from + leastMs) / this.#stepMs - this.#first;
    const first = Math.floor(begin);
    const last = Math.ceil(end);
    if (first < 0 || last > this.#weighed.length) return NaN;
    if ((this.#unknown[last] ?? 0) !== (this.#unknown[first] ?? 0)) return NaN;
    const whole = (this.#sums[last] ?? 0) - (this.#sums[first] ?? 0);
    const before = (begin - first) * (this.#weighed[first] ?? 0);
    const behind = (last - end) * (this.#weighed[last - 1] ?? 0);
    return (whole - before - behind) / (end - begin);
  }

  /** Whether the load is known throughout. */
  knows(from: EpochMs, until: EpochMs): boolean {
    return !Number.isNaN(this.mean(from, until));
  }

  /** Whether any resource was at a peak in a step that the stretch touches. */
  meetsPeak(from: EpochMs, until: EpochMs): boolean {
    const first = Math.floor(from / this.#stepMs) - this.#first;
    const end = Math.ceil(Math.max(until, from + leastMs) / this.#stepMs) - this.#first;
    return this.#peaks.subarray(Math.max(0, first), Math.max(0, end)).includes(1);
  }

  /** The start with the lowest load, of those of which the load is known throughout; undefined where there is none. */
  lowest(starts: Starts): PastMoment | undefined {
    let lowest: PastMoment | undefined;
    for (const moment of this.#moments(starts)) {
      if (lowest === undefined || moment.load < lowest.load - 1e-12) lowest = moment;
    }
    return lowest;
  }

  /** The mean over all starts: what one chosen at random meets. NaN where nothing is known. */
  random(starts: Starts): number {
    let sum = 0;
    let count = 0;
    for (const { load } of this.#moments(starts)) {
      sum += load;
      count += 1;
    }
    return sum / count;
  }

  *#moments({ from, until, durationMs }: Starts): Generator<PastMoment> {
    for (let start = from; start <= until; start += this.#stepMs) {
      const load = this.mean(start, start + durationMs);
      if (!Number.isNaN(load)) yield { start, load };
    }
  }
}
