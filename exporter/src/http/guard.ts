import { LowtideError } from '../errors/lowtide-error.ts';

/** A refusal that says when to try again. */
export class RateLimited extends LowtideError {
  readonly retryAfterSeconds: number;

  constructor(message: string, retryAfterMs: number) {
    const seconds = Math.max(1, Math.ceil(retryAfterMs / 1000));
    super('rate_limited', message, { hint: `Try again in ${seconds} s.`, retryable: true });
    this.retryAfterSeconds = seconds;
  }
}

export interface GuardLimits {
  /** Requests of one caller a second, over time. */
  readonly requestsPerSecond: number;
  /** Requests of one caller at once. */
  readonly burst: number;
  /** Failures that are forgiven. */
  readonly freeFailures: number;
  readonly longestBlockMs: number;
}

const defaultGuardLimits: GuardLimits = {
  requestsPerSecond: 100,
  burst: 300,
  freeFailures: 3,
  longestBlockMs: 5 * 60_000,
};

/** An address is forgotten after this long without a failure. */
const forgetMs = 15 * 60_000;
/** Whoever sends from many addresses must not fill the memory: the oldest is forgotten first. */
const mostRemembered = 10_000;

/**
 * Keeps callers from asking too much, and strangers from guessing. After a few failures an address is not listened to
 * for a time that doubles with each further one; what has been let in from there before still is, so that nobody can
 * lock Grafana out by guessing beside it. `now` is a clock that is never set.
 */
export class Guard {
  readonly #limits: GuardLimits;
  readonly #now: () => number;
  readonly #buckets = new Map<string, { tokens: number; at: number }>();
  readonly #failures = new Map<string, { count: number; at: number; blockedUntil: number }>();
  readonly #known = new Map<string, true>();

  constructor(now: () => number, limits: Partial<GuardLimits> = {}) {
    this.#now = now;
    this.#limits = { ...defaultGuardLimits, ...limits };
  }

  /** Counts a request. Throws RateLimited for one too many. */
  admit(caller: string): void {
    const { requestsPerSecond, burst } = this.#limits;
    const now = this.#now();
    const bucket = this.#buckets.get(caller) ?? { tokens: burst, at: now };
    const tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) / 1000) * requestsPerSecond);
    remember(this.#buckets, caller, { tokens: Math.max(0, tokens - 1), at: now });
    if (tokens < 1) throw new RateLimited('too many requests', (1000 * (1 - tokens)) / requestsPerSecond);
  }

  /** Throws RateLimited while nobody is listened to at the address but with what was let in from there before. */
  refuseBlocked(address: string, secretHash: string): void {
    const failures = this.#failures.get(address);
    const waitMs = (failures?.blockedUntil ?? 0) - this.#now();
    if (waitMs > 0 && !this.#known.has(`${address} ${secretHash}`)) {
      throw new RateLimited('too many failures from this address', waitMs);
    }
  }

  /** Returns whether the address is blocked from now on, and was not by a failure before. */
  failed(address: string): boolean {
    const { freeFailures, longestBlockMs } = this.#limits;
    const now = this.#now();
    const before = this.#failures.get(address);
    const count = before === undefined || now - before.at > forgetMs ? 1 : before.count + 1;
    const blockMs =
      count <= freeFailures ? 0 : Math.min(longestBlockMs, 1000 * 2 ** (count - freeFailures - 1));
    remember(this.#failures, address, { count, at: now, blockedUntil: now + blockMs });
    return count === freeFailures + 1;
  }

  succeeded(address: string, secretHash: string): void {
    remember(this.#known, `${address} ${secretHash}`, true);
  }
}

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= mostRemembered) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
