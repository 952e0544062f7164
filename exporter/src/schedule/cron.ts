import { dayMs, minuteMs } from './zone.ts';

/**
 * Cron patterns as crontab(5) of Debian describes them: five fields, `*`, lists, ranges, steps, names, and the
 * nicknames `@hourly` to `@yearly`. A day must match the month and, where both of them are restricted, the day of the
 * month *or* the weekday. What only some other crons know (L, W, #, ?, seconds) is refused rather than guessed.
 */
export interface CronPattern {
  readonly hours: readonly number[];
  readonly minutes: readonly number[];
  /** The hour field begins with `*`: the pattern means "every so often" rather than times of day. */
  readonly isPeriodic: boolean;
  /** Whether it fires on a day, counted from 1970-01-01. */
  matchesDay(day: number): boolean;
}

interface Field {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}

const fields = [
  { name: 'minute', min: 0, max: 59 },
  { name: 'hour', min: 0, max: 23 },
  { name: 'day', min: 1, max: 31 },
  {
    name: 'month',
    min: 1,
    max: 12,
    names: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
  },
  // Sunday is 0 and 7.
  { name: 'weekday', min: 0, max: 7, names: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] },
] as const satisfies readonly Field[];

const nicknames: Readonly<Record<string, string>> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
};

const longestMonth = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** What is wrong with a pattern, as the rest of a sentence that begins with it. */
export interface CronProblem {
  readonly problem: string;
}

export function parseCron(text: string): CronPattern | CronProblem {
  const words = (nicknames[text.trim().toLowerCase()] ?? text).trim().split(/\s+/);
  if (words[0]?.startsWith('@') === true) {
    return { problem: `is no nickname that is known: there are ${Object.keys(nicknames).join(', ')}` };
  }
  if (words.length !== fields.length) {
    const count = words[0] === '' ? 0 : words.length;
    return {
      problem: `has ${count} ${count === 1 ? 'field' : 'fields'}: five belong there, minute hour day month weekday, as in 30 2 * * *`,
    };
  }
  try {
    const [minutes, hours, days, months, weekdays] = fields.map((field, index) =>
      parseField(words[index] ?? '', field),
    );
    return pattern(words, { minutes, hours, days, months, weekdays });
  } catch (thrown) {
    if (thrown instanceof CronRefusal) return { problem: thrown.message };
    throw thrown;
  }
}

/** From one time of day to the next, where they are closest; of one time a day, a day. */
export function shortestGapMs({ hours, minutes }: CronPattern): number {
  const times = hours
    .flatMap((hour) => minutes.map((minute) => (hour * 60 + minute) * minuteMs))
    .sort((a, b) => a - b);
  const gaps = times.map((time, index) => (times[index + 1] ?? (times[0] ?? 0) + dayMs) - time);
  return Math.min(dayMs, ...gaps);
}

class CronRefusal extends Error {}

interface Values {
  readonly minutes: ReadonlySet<number> | undefined;
  readonly hours: ReadonlySet<number> | undefined;
  readonly days: ReadonlySet<number> | undefined;
  readonly months: ReadonlySet<number> | undefined;
  readonly weekdays: ReadonlySet<number> | undefined;
}

function pattern(words: readonly string[], values: Values): CronPattern {
  const empty = new Set<number>();
  const { minutes = empty, hours = empty, days = empty, months = empty, weekdays = empty } = values;
  const anyDay = words[2]?.startsWith('*') === true;
  const anyWeekday = words[4]?.startsWith('*') === true;
  const firstDay = Math.min(...days);
  if (anyWeekday && [...months].every((month) => firstDay > (longestMonth[month - 1] ?? 0))) {
    throw new CronRefusal(`never comes: there is no day ${firstDay} in that month`);
  }
  return {
    hours: [...hours].sort((a, b) => a - b),
    minutes: [...minutes].sort((a, b) => a - b),
    isPeriodic: words[1]?.startsWith('*') === true,
    matchesDay(day) {
      const date = new Date(day * dayMs);
      if (!months.has(date.getUTCMonth() + 1)) return false;
      const dayFits = days.has(date.getUTCDate());
      const weekdayFits = weekdays.has(date.getUTCDay());
      return anyDay || anyWeekday ? dayFits && weekdayFits : dayFits || weekdayFits;
    },
  };
}

function parseField(word: string, field: Field): ReadonlySet<number> {
  return new Set(word.split(',').flatMap((item) => parseItem(item, field)));
}

function parseItem(item: string, field: Field): number[] {
  const [range = '', step, ...rest] = item.split('/');
  const [from = '', to, ...more] = range.split('-');
  if (rest.length > 0 || more.length > 0) throw unreadable(item, field);
  const stride = step === undefined ? 1 : parseStep(step, field);
  if (range === '*') return stepped(field.min, fullEnd(field), stride, field);
  const first = parseValue(from, field);
  if (to === undefined) {
    if (step !== undefined) {
      throw new CronRefusal(`has a step without a range, ${item}: write ${first}-${fullEnd(field)}/${step}`);
    }
    return stepped(first, first, 1, field);
  }
  const last = parseValue(to, field);
  // Sunday as the end of a range is the one behind Saturday, as in fri-sun.
  const end = field.name === 'weekday' && last === 0 && first > 0 ? 7 : last;
  if (end < first) {
    throw new CronRefusal(`has a range that runs backwards, ${range}: the smaller value comes first`);
  }
  return stepped(first, end, stride, field);
}

function fullEnd(field: Field): number {
  return field.name === 'weekday' ? 6 : field.max;
}

function stepped(first: number, last: number, stride: number, field: Field): number[] {
  const values: number[] = [];
  for (let value = first; value <= last; value += stride) {
    values.push(field.name === 'weekday' ? value % 7 : value);
  }
  return values;
}

function parseStep(text: string, field: Field): number {
  const step = /^\d+$/.test(text) ? Number(text) : 0;
  if (step < 1) throw new CronRefusal(`has a step for the ${field.name} that is no number above zero`);
  return step;
}

function parseValue(text: string, field: Field): number {
  if (/^\d+$/.test(text)) {
    const value = Number(text);
    if (value < field.min || value > field.max) {
      throw new CronRefusal(
        `has no ${field.name} ${value}: ${field.name}s go from ${field.min} to ${field.max}`,
      );
    }
    return value;
  }
  const named = field.names?.indexOf(text.toLowerCase()) ?? -1;
  if (named === -1) throw unreadable(text, field);
  return named + field.min;
}

function unreadable(text: string, field: Field): CronRefusal {
  const examples = `${field.min === 0 ? 2 : 1}, 1-5, 1,3 or */2`;
  return new CronRefusal(
    text === ''
      ? `has nothing where the ${field.name} belongs: write *, ${examples}`
      : `has ${JSON.stringify(text)} where the ${field.name} belongs: write *, ${examples}`,
  );
}
