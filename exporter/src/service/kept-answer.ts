import type { Catalog } from '../catalog/catalog.ts';
import type { Clock } from '../clock/clock.ts';
import type { EpochMs } from '../units/instant.ts';

/** A rebuild of the catalog appends no events. */
const atMostForMs = 3_600_000;
/** Where the catalog is large, at most this share of the time goes into reading it. */
const share = 1 / 50;

interface Asked {
  readonly catalog: Pick<Catalog, 'latestSequence'>;
  readonly clock: Pick<Clock, 'now'>;
}

/** What is worked out from the catalog and the config: kept until something has happened there. */
export class KeptAnswer<Of extends Asked, Answer> {
  readonly #ask: (installation: Of) => Promise<Answer>;
  #kept:
    | {
        readonly answer: Answer;
        readonly of: Of;
        readonly sequence: number;
        readonly at: EpochMs;
        readonly tookMs: number;
      }
    | undefined;

  constructor(ask: (installation: Of) => Promise<Answer>) {
    this.#ask = ask;
  }

  get last(): Answer | undefined {
    return this.#kept?.answer;
  }

  async from(installation: Of): Promise<Answer> {
    const { catalog, clock } = installation;
    const [sequence, at] = [await catalog.latestSequence(), clock.now()];
    const kept = this.#kept;
    if (kept?.of === installation) {
      const age = Math.abs(at - kept.at);
      if (age < (kept.sequence === sequence ? atMostForMs : kept.tookMs / share)) return kept.answer;
    }
    const answer = await this.#ask(installation);
    this.#kept = { answer, of: installation, sequence, at, tookMs: Math.abs(clock.now() - at) };
    return answer;
  }
}
