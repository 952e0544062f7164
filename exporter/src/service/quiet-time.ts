import type { Installation } from '../compose.ts';
import type { GateTimes, Hold } from '../load/gate.ts';
import type { EpochMs } from '../units/instant.ts';

export interface QuietTimeOptions {
  /** As it is now: a reload changes it. */
  readonly installation: () => Pick<Installation, 'catalog' | 'clock' | 'pacer'>;
  /** Why the host is too busy now; undefined where it is not. */
  readonly tooBusy: (times: GateTimes) => Hold | undefined;
}

/** A day has a low tide: after that such work is done whatever the load. */
const patienceMs = 86_400_000;
/** What a slow disk, or a line, moves. */
const expectedBytesPerMs = 10_000;
const noCrew = { pause: nothing, resume: nothing, hurry: nothing };

/** How copying and reading in the background, which nobody waits for, makes way: as backups do, and for backups too. */
export class QuietTime {
  readonly #options: QuietTimeOptions;

  constructor(options: QuietTimeOptions) {
    this.#options = options;
  }

  /** Whether work that could have begun at `since` may begin now. */
  async isNow(since: EpochMs): Promise<boolean> {
    const { installation, tooBusy } = this.#options;
    const { catalog, clock } = installation();
    const now = clock.now();
    const deadline = since + patienceMs;
    if (tooBusy({ now, slot: since, deadline }) !== undefined) return false;
    if (now >= deadline) return true;
    const running = { status: 'running', limit: 1 } as const;
    return (await catalog.runs(running)).length === 0 && (await catalog.rotations.list(running)).length === 0;
  }

  /** For as long as it takes to move so many bytes, in turns where the host is busy. */
  pace(bytes: number, signal: AbortSignal): PacedBytes {
    let moved = 0;
    const pacing = this.#options.installation().pacer.join({
      crew: noCrew,
      expectedMs: bytes / expectedBytesPerMs,
      finishInMs: patienceMs,
      done: () => (bytes === 0 ? 1 : Math.min(1, moved / bytes)),
      onPace: nothing,
      signal,
    });
    return {
      turn: () => pacing.turn(),
      onProgress: (soFar) => (moved = soFar),
      [Symbol.dispose]: () => pacing[Symbol.dispose](),
    };
  }
}

export interface PacedBytes extends Disposable {
  /** Resolves when the next piece may be moved. */
  turn(): Promise<void>;
  onProgress(bytes: number): void;
}

function nothing(): void {
  // There are no programs to be stopped, and nobody to be told.
}
