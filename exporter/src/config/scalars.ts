import { bech32 } from '@scure/base';
import { z } from 'zod';
import { parseCron } from '../schedule/cron.ts';
import { formatSize, parseSize } from '../units/size.ts';
import { formatDuration, parseDuration } from '../units/duration.ts';
import { isPostgresUrl, isUrl } from './location.ts';
import { nearest } from '../errors/nearest.ts';

/**
 * The kinds of text that lowtide.yaml holds. A message is the rest of a sentence that begins with the value, and says
 * what would be right: `"22:00-26:00"` … `has no hour 26. A window may cross midnight: write 22:00-02:00.`
 */
function text<T>(read: (text: string) => T | Refusal, meta: Record<string, unknown>) {
  return z
    .string()
    .meta(meta)
    .transform((written, context) => {
      const result = read(written);
      if (!(result instanceof Refusal)) return result;
      context.addIssue({ code: 'custom', message: result.message });
      return z.NEVER;
    });
}

class Refusal {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

/** `45m` in the file, milliseconds in the program. */
export const duration = durationFrom(1);

/** For what goes round all that is stored: a quiet host, and a bounded cost a day, need some days. */
export const weekOrMore = durationFrom(7 * 86_400_000);

/** Cron cannot ask for more either; the margin is for trying things out. */
export const interval = durationFrom(10_000);

function durationFrom(shortestMs: number) {
  return text(
    (written) => {
      const ms = /^(0+(ms|[ywdhms]))+$/.test(written) ? 0 : parseDuration(written);
      if (ms === undefined) {
        return new Refusal('is no duration: write a number and a unit, as in 45m, 6h, 1h30m or 30d');
      }
      return ms < shortestMs ? new Refusal(`is too short: at least ${formatDuration(shortestMs)}`) : ms;
    },
    { pattern: String.raw`^([0-9]+(ms|[ywdhms]))+$|\$\{`, examples: ['45m', '6h', '30d'] },
  );
}

/** `20MiB/s` in the file, bytes a second in the program. */
export const byteRate = text(
  (written) => {
    const bytes = written.endsWith('/s') ? parseSize(written.slice(0, -2)) : undefined;
    if (bytes === undefined) {
      return new Refusal(
        'is no rate: write a number, KiB, MiB or GiB (or kB, MB, GB), and /s, as in 20MiB/s. Eight bits are one byte.',
      );
    }
    return bytes < slowestRate ? new Refusal(`is too slow: at least ${formatSize(slowestRate)}/s`) : bytes;
  },
  {
    pattern: String.raw`^[0-9]+(\.[0-9]+)? ?([KMGT]iB|kB|[MGT]B)/s$|\$\{`,
    examples: ['20MiB/s', '500KiB/s'],
  },
);

/** Servers close connections on which nothing comes for some twenty seconds. */
const slowestRate = 16 * 1024;

/** A share of the host. */
export const ratio = z.number().gt(0).max(1);

export const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, {
  error: 'cannot be a name: use letters, digits, - and _, beginning with a letter or digit, at most 64',
});

const label = String.raw`(?:[A-Za-z_][A-Za-z0-9_]*|"(?:[^"\\]|\\.)+")`;
const quoted = String.raw`(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|` + '`[^`]*`)';
const matcher = String.raw`\s*${label}\s*(?:=~|!~|!=|=)\s*${quoted}\s*`;

const matchers = new RegExp(`^(?:${matcher}(?:,${matcher})*,?\\s*)?$`);

/** What stands in the braces of a selector: https://prometheus.io/docs/prometheus/latest/querying/basics/. */
export function labelMatchers(example: string): ReturnType<typeof text<string>> {
  return text(
    (written) =>
      matchers.test(written)
        ? written
        : new Refusal(
            'is no list of matchers: write each as label="value", with commas between, and no braces',
          ),
    { examples: [example] },
  );
}

/** A file or folder; read.ts takes relative ones from the folder of the config file. */
export const path = z
  .string()
  .min(1)
  .refine((written) => !written.startsWith('~'), {
    error: 'begins with ~, which only a shell understands: write ${env:HOME}/… or the whole path',
  });

/** Where Lowtide keeps what it knows: a folder, or a PostgreSQL. */
export const stateLocation = path.refine((written) => !isUrl(written) || isPostgresUrl(written), {
  error:
    'is a URL of no state: write a folder, as in ./data/state, or postgres://user:password@host:5432/database',
});

/** `02:00-06:00`, minutes after local midnight. The end may lie on the next day; equal ends mean the whole day. */
export const windowOfDay = text(readWindow, {
  pattern: String.raw`^([01]?[0-9]|2[0-3]):[0-5][0-9]-([01]?[0-9]|2[0-3]):[0-5][0-9]$|\$\{`,
  examples: ['02:00-06:00', '22:00-02:00'],
});

function readWindow(written: string): { startMinute: number; endMinute: number } | Refusal {
  const match = /^(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})$/.exec(written);
  if (match === null)
    return new Refusal('is no window: write two times of day and a hyphen between, as in 02:00-06:00');
  const [startHour = 0, startMinute = 0, endHour = 0, endMinute = 0] = match.slice(1).map(Number);
  const badMinute = [startMinute, endMinute].find((minute) => minute > 59);
  if (badMinute !== undefined) return new Refusal(`has no minute ${badMinute}: minutes go from 00 to 59`);
  const badHour = [startHour, endHour].find((hour) => hour > 23);
  if (badHour !== undefined) {
    const fixed = formatWindow((startHour % 24) * 60 + startMinute, (endHour % 24) * 60 + endMinute);
    return new Refusal(
      badHour === 24
        ? `has no hour 24: midnight is 00:00. Write ${fixed}.`
        : `has no hour ${badHour}. A window may cross midnight: write ${fixed}.`,
    );
  }
  return { startMinute: startHour * 60 + startMinute, endMinute: endHour * 60 + endMinute };
}

/** Minutes after midnight as `02:00-06:00`. */
export function formatWindow(startMinute: number, endMinute: number): string {
  return `${formatMinute(startMinute)}-${formatMinute(endMinute)}`;
}

function formatMinute(minute: number): string {
  return [Math.floor(minute / 60), minute % 60].map((part) => String(part).padStart(2, '0')).join(':');
}

export const cron = text(
  (written) => {
    const parsed = parseCron(written);
    return 'problem' in parsed ? new Refusal(parsed.problem) : written;
  },
  { examples: ['30 2 * * *', '0 3 * * sun', '@monthly'] },
);

/** A cron pattern, or how much time passes from one to the next. */
export const cronOrInterval = text(
  (written): { readonly cron: string } | { readonly every: number } | Refusal => {
    const ms = parseDuration(written);
    if (ms !== undefined) {
      return ms < 3_600_000 ? new Refusal('is too short: at least 1h') : { every: ms };
    }
    const parsed = parseCron(written);
    return 'problem' in parsed
      ? new Refusal('is neither a duration, as in 30d, nor a cron pattern, as in "0 0 1 * *"')
      : { cron: written };
  },
  { examples: ['0 0 1 * *', '30d', '@monthly'] },
);

export const timezone = z.string().refine(isTimezone, {
  error: ({ input }) => {
    const near = nearest(String(input), Intl.supportedValuesOf('timeZone'));
    const remedy = 'is no IANA time zone: write for example Europe/Madrid or UTC';
    return near === undefined ? remedy : `${remedy}. Did you mean ${near}?`;
  },
});

function isTimezone(zone: string): boolean {
  // Offsets ("+02:00") are valid to Temporal, but know no summer time: nobody means them.
  if (/^[+-]/.test(zone)) return false;
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(zone);
    return true;
  } catch {
    return false;
  }
}

export const recipient = z.string().refine(isRecipient, {
  error: ({ input }) =>
    /^AGE-SECRET-KEY/i.test(String(input))
      ? 'is a secret key, and does not belong here: write its public half, as age-keygen -y prints it'
      : 'is no age recipient: write the public half of a key, age1… or age1pq1…, as age-keygen -y prints it',
});

/** bech32 with its checksum: a slip of the keyboard is noticed before years of backups are sealed to it. */
function isRecipient(written: string): boolean {
  const decoded = bech32.decodeUnsafe(written, false);
  return decoded !== undefined && ['age', 'age1pq'].includes(decoded.prefix);
}
