import type { Clock } from '../../clock/clock.ts';
import { pause } from '../../clock/pause.ts';
import { LowtideError } from '../../errors/lowtide-error.ts';
import type { Claim, Queue } from '../../queue/queue.ts';
import { describe } from '../describe.ts';
import type { Logger } from '../log.ts';

const beatMs = 15_000;
/** Then another host of its pool may begin the job at any moment. */
const givenUpAfterMs = 45_000;
/** Who is asked then has this long. */
const answeredWithinMs = 5000;
/** The longest time that a timer takes. */
const never = 2 ** 31 - 1;

/** What makes work this host's to do. */
export interface Hold {
  /** Aborted where it is not any more. */
  readonly lost: AbortSignal;
  /** To be asked before what comes of it is there for all to see. Throws `claim_lost`. */
  readonly confirm: () => Promise<void>;
}

/** Of what nobody else can do. */
export function ownToDo(): Hold {
  return { lost: new AbortController().signal, confirm: () => Promise.resolve() };
}

export interface HeldClaimOptions {
  readonly queue: Pick<Queue, 'beat' | 'takeBack'>;
  readonly clock: Clock;
  /** Milliseconds of a clock that is never set, and goes on while the machine sleeps. */
  readonly elapsed: () => number;
  readonly log: Logger;
}

/** A claim while its work goes on: it beats, and gives up what another host of the pool may have begun by now. */
export class HeldClaim implements Hold, AsyncDisposable {
  readonly #claim: Claim;
  readonly #options: HeldClaimOptions;
  readonly #lost = new AbortController();
  readonly #over = new AbortController();
  readonly #silence: NodeJS.Timeout;
  readonly #beats: Promise<void>;
  #heardAt: number;

  constructor(claim: Claim, options: HeldClaimOptions) {
    this.#claim = claim;
    this.#options = options;
    this.#heardAt = options.elapsed();
    // A timer of its own: who was paused asks before anything else.
    const ask = (): void => void this.#askOnce();
    this.#silence = setTimeout(ask, this.#isPooled ? givenUpAfterMs : never).unref();
    this.#beats = this.#beat();
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Timers stand still while a machine sleeps: as it wakes, work may be done before the next of them. */
  async confirm(): Promise<void> {
    if (!this.#isPooled) return;
    this.lost.throwIfAborted();
    try {
      await this.#renewSoon();
    } catch (thrown) {
      if (!isLost(thrown) && this.#options.elapsed() - this.#heardAt < givenUpAfterMs) return;
      throw this.#giveUp(thrown);
    }
  }

  async #askOnce(): Promise<void> {
    try {
      await this.#renewSoon();
    } catch (thrown) {
      if (!this.#over.signal.aborted) this.#giveUp(thrown);
    }
  }

  /** PostgreSQL may take a minute to say that it does not answer. */
  async #renewSoon(): Promise<void> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => reject(new Error('it was not answered in time')),
      answeredWithinMs,
    ).unref();
    const renewed = this.#renew();
    try {
      await Promise.race([renewed, late]);
    } finally {
      clearTimeout(timer);
      renewed.catch(() => undefined);
    }
  }

  /** The work is over. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    await this.#beats;
  }

  // What only this host can run goes on: nobody else begins it anew.
  get #isPooled(): boolean {
    return 'pool' in this.#claim.owner;
  }

  async #beat(): Promise<void> {
    const { clock } = this.#options;
    const over = this.#over.signal;
    try {
      for (;;) {
        await pause(clock, beatMs, over);
        if (over.aborted) return;
        try {
          await this.#renew();
        } catch (thrown) {
          if (!isLost(thrown)) continue;
          this.#giveUp(thrown);
          return;
        }
      }
    } finally {
      clearTimeout(this.#silence);
    }
  }

  async #renew(): Promise<void> {
    const { queue, elapsed } = this.#options;
    const askedAt = elapsed();
    try {
      await queue.beat(this.#claim);
    } catch (thrown) {
      if (!isLost(thrown)) throw thrown;
      await queue.takeBack(this.#claim);
    }
    this.#heardAt = askedAt;
    this.#silence.refresh();
  }

  #giveUp(thrown: unknown): LowtideError {
    const { log } = this.#options;
    const error = isLost(thrown) ? LowtideError.from(thrown) : unheard(this.#claim);
    if (this.lost.aborted) return error;
    log.warn({ schedule: this.#claim.schedule, err: describe(error) }, error.message);
    if (this.#isPooled) this.#lost.abort(error);
    return error;
  }
}

function isLost(thrown: unknown): boolean {
  return LowtideError.from(thrown).code === 'claim_lost';
}

function unheard({ schedule, claimer, attempt }: Claim): LowtideError {
  return new LowtideError(
    'claim_lost',
    `the claim of ${claimer} on ${schedule} (attempt ${attempt}) could not be renewed`,
    {
      hint: 'Another host of the pool may begin it by now, so this one has stopped. Look at the way to PostgreSQL.',
    },
  );
}
