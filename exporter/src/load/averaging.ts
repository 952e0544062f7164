import type { EpochMs } from '../units/instant.ts';
import { resources, type LoadRecord, type LoadSample, type Resource } from './load.ts';

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
    return this.#at === undefined ? undefined : { at: this.#at, ...averageOf(this.#samples) };
  }
}

/** The mean of what was measured of each resource; NaN where nothing was. */
export function averageOf(loads: readonly Readonly<Record<Resource, number>>[]): Record<Resource, number> {
  const mean = (resource: Resource): number => {
    const known = loads.map((load) => load[resource]).filter((load) => !Number.isNaN(load));
    return known.length === 0 ? NaN : known.reduce((sum, load) => sum + load, 0) / known.length;
  };
  return Object.fromEntries(resources.map((resource) => [resource, mean(resource)])) as Record<
    Resource,
    number
  >;
}
