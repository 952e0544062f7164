import type { EpochMs, Format } from '../format/format.ts';
import { english } from './english.ts';

/**
 * A sentence before it is put into words: decisions carry these, and whoever shows them knows the language. Keys,
 * values and plurals are those of i18next, which Grafana translates with.
 */
export interface Message {
  readonly key: MessageKey;
  readonly values?: Readonly<Record<string, Value>>;
}

/** Figures stay figures until they are shown. `count` chooses the plural. */
export type Value =
  | string
  | number
  | { readonly seconds: number }
  | { readonly ago: number }
  | { readonly bytes: number }
  | { readonly ratio: number }
  | { readonly at: EpochMs }
  | { readonly time: EpochMs }
  | { readonly names: readonly string[] };

type Key = keyof typeof english;
type Singular<K extends string> = K extends `${infer Base}_one`
  ? Base
  : K extends `${string}_other`
    ? never
    : K;
export type MessageKey = Singular<Key>;

/** `t` of `@grafana/i18n`. */
export type Translate = (key: string, defaultText: string, options: Record<string, unknown>) => string;

const namesShown = 3;

/** The message in words. English where there are no others. What the exporter said itself stays English. */
export function say({ key, values = {} }: Message, translate: Translate, format: Format): string {
  const words: Readonly<Record<string, string>> = english;
  const { count } = values;
  const plurals = typeof count === 'number' && {
    count,
    defaultValue_one: words[`${key}_one`] ?? words[key],
    defaultValue_other: words[`${key}_other`] ?? words[key],
  };
  const sentence = translate(key, words[key] ?? words[`${key}_other`] ?? key, {
    ...plurals,
    // The gaps are filled in here: with figures as this language has them, and with what came from outside as it is.
    skipInterpolation: true,
  });
  return sentence.replace(/\{\{(\w+)\}\}/g, (gap, name: string) => {
    const value = values[name];
    return value === undefined ? gap : shown(value, format);
  });
}

function shown(value: Value, format: Format): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return format.count(value);
  if ('seconds' in value) return format.duration(value.seconds);
  if ('ago' in value) return format.relative(-value.ago);
  if ('bytes' in value) return format.size(value.bytes);
  if ('ratio' in value) return format.percent(value.ratio);
  if ('at' in value) return format.moment(value.at);
  if ('time' in value) return format.time(value.time);
  return format.list(value.names, namesShown);
}
