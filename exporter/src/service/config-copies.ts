import { isAway } from '../errors/away.ts';
import type { Installation } from '../compose.ts';
import { describe } from './describe.ts';
import type { Logger } from './log.ts';

export interface ConfigCopiesOptions {
  /** As it is now: a reload changes it. */
  readonly installation: () => Pick<Installation, 'configKeeper' | 'clock'>;
  readonly log: Logger;
}

/** Schedules come and go through the API, keys change: cheap to look at, as long as nothing has. */
const lookEveryMs = 60_000;

/** Keeps the copy of the config in each store up to date while a service runs. */
export class ConfigCopies {
  readonly #options: ConfigCopiesOptions;
  readonly #troubled = new Map<string, string>();
  #current: Readonly<Record<string, boolean>> = {};
  #wake = new AbortController();

  constructor(options: ConfigCopiesOptions) {
    this.#options = options;
  }

  /** Looks again at once: the config has changed. */
  poke(): void {
    this.#wake.abort();
  }

  /** By store, as the last look has found; empty before the first. */
  current(): Readonly<Record<string, boolean>> {
    return this.#current;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#wake = new AbortController();
      const { clock } = this.#options.installation();
      await this.#look(signal).catch((thrown: unknown) => {
        if (!signal.aborted && !isAway(thrown))
          this.#tell('', describe(thrown), 'the copies of the config could not be looked at');
      });
      const either = AbortSignal.any([signal, this.#wake.signal]);
      await clock.wakeAt(clock.now() + lookEveryMs, either).catch(() => undefined);
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { configKeeper } = this.#options.installation();
    const problems = await configKeeper.keep(signal);
    this.#current = await configKeeper.current();
    for (const [store, error] of problems) {
      this.#tell(store, describe(error), 'the copy of the config in a store could not be brought up to date');
    }
    for (const store of this.#troubled.keys()) if (!problems.has(store)) this.#troubled.delete(store);
  }

  /** Once, until it is something else. */
  #tell(store: string, err: ReturnType<typeof describe>, what: string): void {
    const said = JSON.stringify(err);
    if (this.#troubled.get(store) === said) return;
    this.#troubled.set(store, said);
    this.#options.log.warn({ ...(store !== '' && { store }), err }, what);
  }
}
