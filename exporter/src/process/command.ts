/** A program to start: an argv, never a shell string. Secrets travel in `env` or in files it names, never in argv. */
export interface Command {
  readonly argv: readonly [string, ...string[]];
  /** Added to the small base environment every child gets (see environment.ts). */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** How a child ended, as its owner judges it. */
export interface ChildEnd {
  readonly program: string;
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** The last 64 KiB of what it wrote to standard error. */
  readonly stderr: string;
}
