/** The variables that this process was started with. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Milliseconds of a clock that is never set. */
export function elapsed(): number {
  return performance.now();
}
