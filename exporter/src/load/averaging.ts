import type { EpochMs } from '../units/instant.ts';
import { resources, type LoadRecord, type LoadSample, type Resource } from './load.ts';
import { flows } from './throughput.ts';

/** Collects samples into steps of equal length, and gives out each step once it is over. */
export class Averager {
  readonly #stepMs: number;
  #at: EpochMs | undefined;
  #samples: LoadSample[] = [];

  constructor(stepMs: number) {
    this.#stepMs = stepMs;
  }

  /** Takes a sample; returns the step that ended before it, if one did. A clock that was set back begins a new step. */
  add(sample: LoadSample): LoadRecord | undefined {
    const at = Math.floor(sample.at / this.#stepMs) * this.#stepMs;
    const ended = at === this.#at ? undefined : this.#record();
    if (at !== this.#at) this.#samples = [];
    this.#at = at;
    this.#samples.push(sample);
    return ended;
  }

  #record(): LoadRecord | undefined {
    if (this.#at === undefined) return undefined;
    const stalled = this.#samples.flatMap((sample) => sample.stalled ?? []);
    const throughputs = this.#samples.flatMap((sample) => sample.throughput ?? []);
    return {
      at: this.#at,
      ...averageOf(this.#samples),
      ...(stalled.length > 0 && { pressure: averageOf(stalled) }),
      ...(throughputs.length > 0 && { throughput: meansOf(flows, throughputs) }),
    };
  }
}

/** The mean of what was measured of each resource; NaN where nothing was. */
export function averageOf(loads: readonly Readonly<Record<Resource, number>>[]): Record<Resource, number> {
  return meansOf(resources, loads);
}

function meansOf<Key extends string>(
  keys: readonly Key[],
  rows: readonly Readonly<Record<Key, number>>[],
): Record<Key, number> {
  const mean = (key: Key): number => {
    const known = rows.map((row) => row[key]).filter((figure) => !Number.isNaN(figure));
    return known.length === 0 ? NaN : known.reduce((sum, figure) => sum + figure, 0) / known.length;
  };
  return Object.fromEntries(keys.map((key) => [key, mean(key)])) as Record<Key, number>;
}
