import { describe, expect, it } from 'vitest';
import { formatFor } from '../format/format.ts';
import { english } from './english.ts';
import { spanish } from './spanish.ts';
import { translatorTo } from './words.testdata.ts';
import { say } from './words.ts';

const format = formatFor({ language: 'en', timezone: 'UTC' });

describe('the words', () => {
  const gaps = (text: string): string[] =>
    [...text.matchAll(/\{\{(\w+)\}\}/g)].map(([, name = '']) => name).sort();

  it('have the same gaps in both languages', () => {
    for (const [key, text] of Object.entries(english)) {
      expect(gaps(spanish[key as keyof typeof english]), key).toEqual(gaps(text));
    }
  });

  it('have both plurals or none, and the singular says nothing that the plural does not', () => {
    const words: Readonly<Record<string, string>> = english;
    for (const key of Object.keys(words).filter((name) => name.endsWith('_one'))) {
      const plural = words[key.replace(/_one$/, '_other')];
      expect(plural, key).toBeDefined();
      expect(gaps(plural ?? '')).toEqual(expect.arrayContaining(gaps(words[key] ?? '')));
    }
    const plurals = Object.keys(words).filter((name) => name.endsWith('_other'));
    for (const key of plurals) expect(words).toHaveProperty([key.replace(/_other$/, '_one')]);
  });

  it('are not the same in Spanish, but for those without a word of ours, and those that are the same there', () => {
    const same = Object.entries(english)
      .filter(([key, text]) => spanish[key as keyof typeof english] === text)
      .filter(([, text]) => /[a-z]/i.test(text.replaceAll(/\{\{\w+\}\}/g, '')));
    expect(same.map(([, text]) => text)).toEqual([
      'CPU',
      '{{instance}} · Lowtide {{version}}',
      'Error',
      'API',
      'Token',
    ]);
  });
});

describe('saying', () => {
  const keys = (count: number, language: string): string =>
    say({ key: 'overview.key.retiring', values: { key: 'k1', count } }, translatorTo(language), format);

  it('takes the plural of the language', () => {
    expect(keys(1, 'en-US')).toBe('One backup still needs the retiring key k1.');
    expect(keys(0, 'en-US')).toBe('0 backups still need the retiring key k1.');
    expect(keys(2, 'es-ES')).toBe('2 copias necesitan todavía la clave k1, que se está retirando.');
    // Spanish has a plural of its own for millions.
    expect(keys(1_000_000, 'es-ES')).toMatch(/^1,000,000 copias/);
  });

  it('falls back to English', () => {
    expect(keys(2, 'fr-FR')).toBe(keys(2, 'en-US'));
  });

  it('shows figures as figures, and what came from outside as it is', () => {
    const values = { schedule: '$& {{late}}', late: { seconds: 90 }, last: { at: 0 } };
    expect(say({ key: 'overview.schedule.overdue', values }, translatorTo('en-US'), format)).toBe(
      '$& {{late}} is 1 min 30 sec overdue; its last backup is from Thu, Jan 1, 00:00.',
    );
    expect(say({ key: 'overview.schedule.paused' }, translatorTo('en-US'), format)).toBe(
      '{{schedule}} is paused.',
    );
  });
});
