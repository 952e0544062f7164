/**
 * Figures for people, in the language and the time zone of the one who looks. `Intl` writes them; which unit, and how
 * exact, is decided here.
 */
export interface Format {
  /** `90` → `1 min 30 sec`: the two largest units, which is as exact as anyone needs. */
  duration(seconds: number): string;
  /** `3_600` → `in 1 hour`; below zero it is past. */
  relative(seconds: number): string;
  /** `1536` → `1.5 KiB`, as the command line and the dashboards show sizes. */
  size(bytes: number): string;
  /** `1_048_576` → `1 MiB/s`. */
  rate(bytesPerSecond: number): string;
  /** `0.345` → `35%`. */
  percent(ratio: number): string;
  count(number: number): string;
  /** `a, b, and c`; beyond `most` how many more there are. */
  list(names: readonly string[], most?: number): string;
  /** `02:30` */
  time(at: EpochMs): string;
  /** `02:30:05` */
  exactTime(at: EpochMs): string;
  /** `Sun, Mar 29`, in the order of the language. */
  day(at: EpochMs): string;
  /** `Sun, Mar 29, 02:30` */
  moment(at: EpochMs): string;
  month(at: EpochMs): string;
}

export type EpochMs = number;

export interface Locale {
  /** A BCP 47 tag. */
  readonly language: string;
  /** An IANA name. */
  readonly timezone: string;
}

const units = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const;

const sizes = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** Making `Intl` objects is slow: keep what this returns for as long as the language and the zone stay. */
export function formatFor({ language, timezone }: Locale): Format {
  const byUnit = new Map<string, Intl.NumberFormat>();
  const withUnit = (unit: string, value: number): string => {
    let format = byUnit.get(unit);
    if (format === undefined) {
      format = new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'short' });
      byUnit.set(unit, format);
    }
    return format.format(value);
  };
  const atMost = [0, 1, 2].map(
    (digits) => new Intl.NumberFormat(language, { maximumFractionDigits: digits }),
  );
  const percent = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 0 });
  const relative = new Intl.RelativeTimeFormat(language, { numeric: 'always' });
  const now = new Intl.RelativeTimeFormat(language, { numeric: 'auto' });
  const list = new Intl.ListFormat(language, { type: 'conjunction' });
  const parts = new Intl.ListFormat(language, { type: 'unit', style: 'narrow' });
  const dated = (options: Intl.DateTimeFormatOptions): ((at: EpochMs) => string) => {
    const format = new Intl.DateTimeFormat(language, { timeZone: timezone, ...options });
    return (at) => format.format(at);
  };
  const clock = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
  const date = { weekday: 'short', day: 'numeric', month: 'short' } as const;

  const size = (bytes: number): string => {
    const { value, digits, step } = sized(bytes);
    return `${atMost[digits]?.format(value) ?? ''} ${sizes[step] ?? ''}`;
  };

  return {
    duration: (seconds) => parts.format(split(seconds).map(({ unit, count }) => withUnit(unit, count))),
    relative: (seconds) => {
      const { unit, count } = rounded(Math.abs(seconds));
      if (count === 0) return now.format(0, 'second');
      return relative.format(seconds < 0 ? -count : count, unit);
    },
    size,
    rate: (bytesPerSecond) => `${size(bytesPerSecond)}/s`,
    percent: (ratio) => percent.format(ratio),
    count: (number) => atMost[0]?.format(number) ?? '',
    list: (names, most = Infinity) => {
      const shown = names.slice(0, most);
      const rest = names.length - shown.length;
      return list.format(rest === 0 ? shown : [...shown, `+${rest}`]);
    },
    time: dated(clock),
    exactTime: dated({ ...clock, second: '2-digit' }),
    day: dated(date),
    moment: dated({ ...date, ...clock }),
    month: dated({ month: 'short', year: 'numeric' }),
  };
}

type Unit = (typeof units)[number][0];

interface Amount {
  readonly unit: Unit;
  readonly count: number;
}

/** The two largest units; rounded in the smaller one first, so that nothing shows 60 minutes. */
function split(seconds: number): Amount[] {
  const whole = Math.max(0, Math.round(seconds));
  const largest = units.findIndex(([, size]) => whole >= size);
  if (largest === -1) return [{ unit: 'second', count: 0 }];
  const [, smaller] = units[largest + 1] ?? units[largest] ?? ['second', 1];
  let rest = Math.round(whole / smaller) * smaller;
  return units.flatMap(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count === 0 ? [] : [{ unit, count }];
  });
}

/** The largest unit of which there is one, rounded; a carry moves on to the next (59.6 minutes are 1 hour). */
function rounded(seconds: number): Amount {
  const whole = Math.round(seconds);
  const index = units.findIndex(([, size]) => whole >= size);
  const [unit, size] = units[index] ?? ['second', 1];
  const count = Math.round(whole / size);
  const [larger, limit] = units[index - 1] ?? [unit, Infinity];
  return count * size >= limit ? { unit: larger, count: 1 } : { unit, count };
}

/** Three significant figures at most. */
function sized(bytes: number): { readonly value: number; readonly digits: number; readonly step: number } {
  let value = Math.max(0, bytes);
  let step = 0;
  // What would round to 1024 is one of the next unit.
  while (value >= 1023.5 && step < sizes.length - 1) {
    value /= 1024;
    step += 1;
  }
  return { value, digits: step === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2, step };
}
