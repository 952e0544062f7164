import type { Rotation } from '../catalog/rotations.ts';
import type { Clock } from '../clock/clock.ts';
import type { Installation } from '../compose.ts';
import { holdTexts, type GateTimes, type Hold } from '../load/gate.ts';
import type { Logger } from './log.ts';

export interface LowTideOptions {
  readonly clock: Clock;
  /** Why a rotation has to wait now; undefined where it need not. */
  readonly tooBusy: (times: GateTimes) => Hold | undefined | Promise<Hold | undefined>;
  /** Whether somebody wants it to stop: it is not for the wait to keep it from that. */
  readonly isCancelled: (rotationId: string) => Promise<boolean>;
  /** Hears when a rotation begins to wait, with what for, and when it goes on. */
  readonly onWait: (rotation: Rotation, reason: Hold | undefined) => void;
}

/** Of waiting, in all: a day has a low tide, and after that a rotation goes on whatever the load, so that it ends. */
export const patienceMs = 86_400_000;
const lookEveryMs = 5000;

/**
 * Holds rotations back while the host is busy, by the marks that backups wait for. They rise over a day from when the rotation
 * was begun, as those of a backup do up to its deadline; from then on nothing is waited for.
 */
export class LowTide {
  readonly #options: LowTideOptions;
  readonly #waiting = new Map<string, Hold>();

  constructor(options: LowTideOptions) {
    this.#options = options;
  }

  /** Throws the signal's reason on abort. */
  readonly gate = async (rotation: Rotation, signal: AbortSignal): Promise<void> => {
    const { clock, onWait } = this.#options;
    const { id } = rotation;
    try {
      for (;;) {
        signal.throwIfAborted();
        const reason = await this.#reasonOf(rotation);
        if (reason === undefined) break;
        if (reason !== this.#waiting.get(id)) onWait(rotation, reason);
        this.#waiting.set(id, reason);
        await clock.wakeAt(clock.now() + lookEveryMs, signal);
      }
      if (this.#waiting.has(id)) onWait(rotation, undefined);
    } finally {
      this.#waiting.delete(id);
    }
  };

  /** What a rotation waits for at this moment, as part of a sentence. */
  waitsFor(rotationId: string): string | undefined {
    const reason = this.#waiting.get(rotationId);
    return reason && holdTexts[reason];
  }

  async #reasonOf({ id, startedAt }: Rotation): Promise<Hold | undefined> {
    const { clock, tooBusy, isCancelled } = this.#options;
    if (await isCancelled(id)) return undefined;
    return await tooBusy({ now: clock.now(), slot: startedAt, deadline: startedAt + patienceMs });
  }
}

/** That of a service, which tells its log what is waited for. */
export function lowTideOf(
  { catalog, clock }: Pick<Installation, 'catalog' | 'clock'>,
  log: Logger,
  tooBusy: LowTideOptions['tooBusy'],
): LowTide {
  return new LowTide({
    clock,
    tooBusy,
    isCancelled: async (id) => (await catalog.rotations.rotation(id))?.cancelRequested === true,
    onWait: ({ id: rotation }, reason) => {
      if (reason === undefined) log.info({ rotation }, 'a rotation of keys goes on');
      else log.info({ rotation, reason }, 'a rotation of keys waits until the host is quiet');
    },
  });
}
