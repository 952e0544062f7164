/** What Lowtide's process and its children had taken at one moment. */
export interface OwnLook {
  /** Milliseconds of a clock that is never set. */
  readonly atMs: number;
  /** Of the processors, since they began. */
  readonly cpuSeconds: number;
  /** In memory now. */
  readonly residentBytes: number;
}

/** What a run took: of the processors the mean over its time, of memory the most at one moment; shares of the host, 0 to 1. */
export interface OwnUse {
  readonly cpu: number;
  readonly memory: number;
}

export interface HostSize {
  readonly processors: number;
  readonly memoryBytes: number;
}

interface Account {
  readonly beganMs: number;
  cpuSeconds: number;
  memoryBytes: number;
}

/**
 * Shares out among the runs that go on what Lowtide takes as a whole: who among them caused it cannot be told, since they
 * share the process that seals. What was in memory before the first of them began belongs to none.
 */
export class UseLedger {
  readonly #host: HostSize;
  readonly #accounts = new Map<object, Account>();
  #before: OwnLook | undefined;
  #idleBytes = 0;

  constructor(host: HostSize) {
    this.#host = host;
  }

  begin(run: object, look: OwnLook): void {
    if (this.#accounts.size === 0) this.#idleBytes = look.residentBytes;
    else this.add(look);
    this.#before = look;
    this.#accounts.set(run, { beganMs: look.atMs, cpuSeconds: 0, memoryBytes: 0 });
  }

  /** Books what was taken since the look before. Looks overlap: one that another has overtaken says nothing new. */
  add(look: OwnLook): void {
    if (look.atMs < (this.#before?.atMs ?? -Infinity)) return;
    const runs = this.#accounts.size;
    const cpuSeconds = look.cpuSeconds - (this.#before?.cpuSeconds ?? look.cpuSeconds);
    this.#before = look;
    for (const account of this.#accounts.values()) {
      // A child that ended unseen between two looks takes its time with it.
      account.cpuSeconds += Math.max(0, cpuSeconds) / runs;
      account.memoryBytes = Math.max(account.memoryBytes, (look.residentBytes - this.#idleBytes) / runs);
    }
  }

  /** What the run has taken; undefined for one that began and ended within one moment, or is not known. */
  end(run: object, look: OwnLook): OwnUse | undefined {
    const account = this.#accounts.get(run);
    if (account === undefined) return undefined;
    this.add(look);
    this.#accounts.delete(run);
    const seconds = (look.atMs - account.beganMs) / 1000;
    if (seconds <= 0) return undefined;
    return {
      cpu: share(account.cpuSeconds / (seconds * this.#host.processors)),
      memory: share(account.memoryBytes / this.#host.memoryBytes),
    };
  }
}

function share(value: number): number {
  return Math.min(1, Math.max(0, value));
}
