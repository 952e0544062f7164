/**
 * Pressure stall information: the share of time in which some, or all, work waited for a resource. Beyond a load it tells
 * whether anybody suffers. Source: https://docs.kernel.org/accounting/psi.html.
 */
export interface Pressure {
  readonly some: PressureAverages;
  /** Nobody got anything done; always 0 for the processors of a whole host. */
  readonly full: PressureAverages;
}

/** Shares of the last 10, 60 and 300 seconds, 0 to 1. */
export interface PressureAverages {
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
}

const none: PressureAverages = { avg10: 0, avg60: 0, avg300: 0 };

/** Reads a file of /proc/pressure; undefined for a text that is none. */
export function parsePressure(text: string): Pressure | undefined {
  const lines = new Map(
    text
      .trim()
      .split('\n')
      .map((line) => [line.split(' ')[0] ?? '', line]),
  );
  const some = averages(lines.get('some'));
  return some === undefined ? undefined : { some, full: averages(lines.get('full')) ?? none };
}

function averages(line: string | undefined): PressureAverages | undefined {
  const match = /avg10=([\d.]+) avg60=([\d.]+) avg300=([\d.]+)/.exec(line ?? '');
  if (match === null) return undefined;
  const [avg10 = 0, avg60 = 0, avg300 = 0] = match.slice(1).map((percent) => Number(percent) / 100);
  return { avg10, avg60, avg300 };
}
