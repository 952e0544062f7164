export const minuteMs = 60_000;
export const stepMs = 5 * minuteMs;
export const hourMs = 60 * minuteMs;

/** A clock that showed `shownMs` at `realMs` and runs `speed` times as fast as others. */
export interface FastClock {
  readonly realMs: number;
  readonly shownMs: number;
  readonly speed: number;
}

export function shownNow({ realMs, shownMs, speed }: FastClock): number {
  return shownMs + (Date.now() - realMs) * speed;
}
