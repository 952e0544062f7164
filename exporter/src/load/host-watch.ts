import type { Clock } from '../clock/clock.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { EpochMs } from '../units/instant.ts';
import type { LiveLoad } from './gate.ts';
import { fetchPresent, type PrometheusOptions } from './prometheus.ts';

const lookEveryMs = 30_000;
/** What was seen longer ago says nothing of the present. */
const freshMs = 4 * lookEveryMs;

export interface HostWatchOptions {
  /** By the names of the hosts. */
  readonly hosts: ReadonlyMap<string, PrometheusOptions>;
  readonly clock: Clock;
  /** Hears of the first failure of a row of them, host by host. */
  readonly onProblem: (problem: LowtideError) => void;
}

/** Looks every half minute how busy other hosts are, as Prometheus has it. What is not known holds up nothing. */
export class HostWatch {
  readonly #options: HostWatchOptions;
  readonly #seen = new Map<string, { readonly at: EpochMs; readonly load: LiveLoad }>();
  readonly #failing = new Set<string>();

  constructor(options: HostWatchOptions) {
    this.#options = options;
  }

  latest(host: string): LiveLoad | undefined {
    const seen = this.#seen.get(host);
    const age = this.#options.clock.now() - (seen?.at ?? -Infinity);
    return age >= 0 && age <= freshMs ? seen?.load : undefined;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { hosts, clock } = this.#options;
    while (hosts.size > 0 && !signal.aborted) {
      await Promise.all([...hosts].map(([host, options]) => this.#look(host, options, signal)));
      await clock.wakeAt(clock.now() + lookEveryMs, signal).catch(() => undefined);
    }
  }

  async #look(host: string, options: PrometheusOptions, signal: AbortSignal): Promise<void> {
    try {
      const load = await fetchPresent(options, signal);
      this.#seen.set(host, { at: this.#options.clock.now(), load });
      this.#failing.delete(host);
    } catch (thrown) {
      if (signal.aborted || this.#failing.has(host)) return;
      this.#failing.add(host);
      this.#options.onProblem(LowtideError.from(thrown));
    }
  }
}
