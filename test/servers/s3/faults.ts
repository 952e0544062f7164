import type { IncomingMessage } from 'node:http';

/** What a test asks of the double; each fires `times` times, on requests of that operation (and key). */
export interface Fault {
  /** As S3 calls it: `UploadPart`, `GetObject`; absent: any. */
  readonly operation?: string;
  /** What the key contains. */
  readonly key?: string;
  readonly times: number;
  /** So many of these requests pass before it fires. */
  readonly after?: number;
  /** So many of these requests that change something pass before it fires, at whatever comes next. */
  readonly afterChanges?: number;
  readonly effect:
    | {
        readonly kind: 'refuse';
        readonly status: number;
        readonly code: string;
        readonly retryAfter?: number;
      }
    /** Cuts the connection before an answer: with `done`, once the work has been done. */
    | { readonly kind: 'cut'; readonly done: boolean }
    /** Cuts the connection after so many bytes of the answer's body. */
    | { readonly kind: 'cut_body'; readonly afterBytes: number }
    /** Kills a process, and does nothing of what was asked. */
    | { readonly kind: 'kill'; readonly pid: number }
    /** The part that is copied lacks its first bytes, and has others instead. */
    | { readonly kind: 'miscopy' }
    /** Turns a bit of the answer's body. */
    | { readonly kind: 'corrupt'; readonly at: number }
    /** The listing leaves out the objects whose keys this regular expression finds. */
    | { readonly kind: 'hide'; readonly keys: string };
}

export class Faults {
  #pending: { fault: Fault; passed: number; changed: number; left: number }[] = [];

  add(fault: Fault): void {
    this.#pending.push({ fault, passed: 0, changed: 0, left: fault.times });
  }

  clear(): void {
    this.#pending = [];
  }

  /** The effect on this request, which is then spent. */
  take(operation: string, key: string): Fault['effect'] | undefined {
    for (const entry of this.#pending) {
      const { fault } = entry;
      if (fault.operation !== undefined && fault.operation !== operation) continue;
      if (fault.key !== undefined && !key.includes(fault.key)) continue;
      if (entry.passed < (fault.after ?? 0)) {
        entry.passed += 1;
        continue;
      }
      if (entry.changed < (fault.afterChanges ?? 0)) {
        if (!/^(Get|Head|List)/.test(operation)) entry.changed += 1;
        continue;
      }
      entry.left -= 1;
      if (entry.left <= 0) this.#pending = this.#pending.filter((each) => each !== entry);
      return fault.effect;
    }
    return undefined;
  }

  /** Those that have not fired as often as they should. */
  unfired(): readonly Fault[] {
    return this.#pending.map(({ fault }) => fault);
  }
}

/** What went over the network, headers apart. */
export class Counters {
  readonly requests: Record<string, number> = {};
  receivedBytes = 0;
  sentBytes = 0;

  count(operation: string, request: IncomingMessage): void {
    this.requests[operation] = (this.requests[operation] ?? 0) + 1;
    this.receivedBytes += Number(request.headers['content-length'] ?? 0);
  }
}
