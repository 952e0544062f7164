import type { EpochMs, Format } from '../format/format.ts';
import { english } from './english.ts';
import { spanish } from './spanish.ts';

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
  | { readonly at: EpochMs }
  | { readonly names: readonly string[] };

type Key = keyof typeof english;
type Singular<K extends string> = K extends `${infer Base}_one`
  ? Base
  : K extends `${string}_other`
    ? never
    : K;
export type MessageKey = Singular<Key>;

const namesShown = 3;

/** The message in words. English where the language is not one of ours. What the exporter said itself stays English. */
export function say({ key, values = {} }: Message, language: string, format: Format): string {
  const isSpanish = /^es\b/i.test(language);
  const words: Readonly<Record<string, string>> = isSpanish ? spanish : english;
  const { count } = values;
  const plural =
    typeof count === 'number' ? new Intl.PluralRules(isSpanish ? 'es' : 'en').select(count) : undefined;
  const sentence =
    words[key] ?? (plural === 'one' ? words[`${key}_one`] : undefined) ?? words[`${key}_other`] ?? key;
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
  if ('at' in value) return format.moment(value.at);
  return format.list(value.names, namesShown);
}
