import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KeepConfig } from '../config/schema.ts';
import { fromRfc3339 } from '../units/instant.ts';
import { decideRetention, type RetentionCandidate } from './retention.ts';

/** Every `hours`, `count` backups up to and including `last`. */
function series(last: string, hours: number, count: number): RetentionCandidate[] {
  const end = fromRfc3339(last);
  return Array.from({ length: count }, (_, index) => {
    const createdAt = end - index * hours * 3_600_000;
    return { id: new Date(createdAt).toISOString(), createdAt, good: true };
  });
}

function at(...texts: string[]): RetentionCandidate[] {
  return texts.map((text) => ({
    id: text.replace(' bad', ''),
    createdAt: fromRfc3339(text.replace(' bad', '')),
    good: !text.endsWith(' bad'),
  }));
}

interface Case {
  readonly title: string;
  readonly backups: RetentionCandidate[];
  readonly keep: KeepConfig | undefined;
  readonly zone?: string;
}

const cases: readonly Case[] = [
  { title: 'nothing to decide', backups: [], keep: { last: 1 } },
  {
    title: 'without rules all stay, bad ones too',
    backups: at('2026-11-24T01:00:00Z', '2026-11-23T01:00:00Z bad'),
    keep: undefined,
  },
  {
    title: 'an empty map of rules is no rule',
    backups: at('2026-11-24T01:00:00Z bad', '2026-11-23T01:00:00Z', '2026-11-22T01:00:00Z'),
    keep: {},
  },
  { title: 'last counts backups', backups: series('2026-11-24T12:00:00Z', 1, 5), keep: { last: 3 } },
  {
    title: 'hourly takes the newest of each hour',
    backups: at(
      '2026-11-24T12:59:59Z',
      '2026-11-24T12:00:00Z',
      '2026-11-24T11:59:59Z',
      '2026-11-24T09:00:00Z',
    ),
    keep: { hourly: 2 },
  },
  {
    title: 'daily skips days without a backup',
    backups: at(
      '2026-11-24T23:00:00Z',
      '2026-11-24T01:00:00Z',
      '2026-11-20T23:00:00Z',
      '2026-11-01T23:00:00Z',
    ),
    keep: { daily: 2 },
  },
  {
    title: 'days are those of the zone',
    backups: at(
      '2026-11-24T23:30:00Z',
      '2026-11-24T22:30:00Z',
      '2026-11-23T23:30:00Z',
      '2026-11-23T22:30:00Z',
    ),
    keep: { daily: 7 },
    zone: 'Europe/Madrid',
  },
  {
    title: 'the same days in UTC',
    backups: at(
      '2026-11-24T23:30:00Z',
      '2026-11-24T22:30:00Z',
      '2026-11-23T23:30:00Z',
      '2026-11-23T22:30:00Z',
    ),
    keep: { daily: 7 },
  },
  {
    title: 'the day that clocks make an hour longer is one day',
    backups: series('2026-10-26T00:30:00+01:00', 12, 5),
    keep: { daily: 3 },
    zone: 'Europe/Madrid',
  },
  {
    title: 'the hour that clocks repeat is two',
    backups: at(
      '2026-10-25T01:45:00Z',
      '2026-10-25T01:15:00Z',
      '2026-10-25T00:45:00Z',
      '2026-10-25T00:15:00Z',
    ),
    keep: { hourly: 24 },
    zone: 'Europe/Madrid',
  },
  {
    title: 'the hour that clocks skip is none',
    backups: at('2026-03-29T01:15:00Z', '2026-03-29T00:45:00Z'),
    keep: { hourly: 24 },
    zone: 'Europe/Madrid',
  },
  {
    title: 'weeks are ISO weeks, also over New Year',
    backups: at(
      '2027-01-04T01:00:00Z',
      '2027-01-03T01:00:00Z',
      '2027-01-01T01:00:00Z',
      '2026-12-28T01:00:00Z',
      '2026-12-27T01:00:00Z',
    ),
    keep: { weekly: 3 },
  },
  {
    title: 'months and years',
    backups: at(
      '2027-02-01T00:00:00Z',
      '2027-01-31T23:59:59Z',
      '2027-01-01T00:00:00Z',
      '2026-12-31T23:59:59Z',
      '2025-06-01T00:00:00Z',
    ),
    keep: { monthly: 2, yearly: 3 },
  },
  {
    title: 'grandfather, father, son',
    backups: series('2026-11-24T02:00:00Z', 24, 70),
    keep: { last: 3, daily: 7, weekly: 4, monthly: 12 },
    zone: 'Europe/Madrid',
  },
  {
    title: 'bad ones count for no rule and go after a newer good one',
    backups: at('2026-11-24T01:00:00Z', '2026-11-23T01:00:00Z bad', '2026-11-22T01:00:00Z'),
    keep: { last: 2 },
  },
  {
    title: 'bad ones stay while nothing newer is good',
    backups: at(
      '2026-11-24T01:00:00Z bad',
      '2026-11-23T01:00:00Z bad',
      '2026-11-22T01:00:00Z',
      '2026-11-21T01:00:00Z',
    ),
    keep: { last: 1 },
  },
  {
    title: 'bad ones alone all stay',
    backups: at('2026-11-24T01:00:00Z bad', '2026-11-23T01:00:00Z bad'),
    keep: { last: 1 },
  },
];

function golden({ title, backups, keep, zone = 'UTC' }: Case): string {
  const good = new Map(backups.map((backup) => [backup.id, backup.good]));
  const lines = decideRetention(backups, keep, zone).map(
    (verdict) =>
      `${verdict.keep ? 'keep  ' : 'remove'} ${verdict.id}${good.get(verdict.id) === true ? '' : ' (bad)'}  ${verdict.reasons.join('; ')}`,
  );
  return [
    `## ${title}`,
    `keep ${keep === undefined ? 'absent' : JSON.stringify(keep)} in ${zone}`,
    ...lines,
    '',
  ].join('\n');
}

describe('decideRetention', () => {
  it('gives the verdicts and reasons of the golden file', async () => {
    await expect(cases.map(golden).join('\n')).toMatchFileSnapshot(
      '../../../test/golden/retention-verdicts.txt',
    );
  });

  const count = fc.option(fc.integer({ min: 1, max: 8 }), { nil: undefined });
  const keepRules = fc
    .record({ last: count, hourly: count, daily: count, weekly: count, monthly: count, yearly: count })
    .map((rules) => present(rules))
    .filter((rules) => Object.keys(rules).length > 0);
  const zone = fc.constantFrom(
    'UTC',
    'Europe/Madrid',
    'Australia/Lord_Howe',
    'Pacific/Apia',
    'America/St_Johns',
  );
  const backups = fc
    .array(
      fc.record({
        // Crowded around an autumn night in Madrid, and spread over three years.
        createdAt: fc.oneof(
          fc.integer({ min: 0, max: 48 * 12 }).map((step) => Date.UTC(2026, 9, 24) + step * 300_000),
          fc.integer({ min: Date.UTC(2024, 0), max: Date.UTC(2027, 0) }),
        ),
        good: fc.integer({ min: 0, max: 4 }).map((roll) => roll > 0),
      }),
      { maxLength: 60 },
    )
    .map((list) => list.map((backup, index) => ({ ...backup, id: `backup-${index}` })));

  it('removes nothing more when it is asked again', () => {
    fc.assert(
      fc.property(backups, keepRules, zone, (list, keep, timezone) => {
        const left = keptOf(list, keep, timezone);
        expect(keptOf(left, keep, timezone)).toEqual(left);
      }),
    );
  });

  it('never removes more under more generous rules', () => {
    fc.assert(
      fc.property(backups, keepRules, keepRules, zone, (list, keep, more, timezone) => {
        const generous = present(
          Object.fromEntries(ruleNames.map((name) => [name, larger(keep[name], more[name])])),
        );
        const kept = new Set(keptOf(list, generous, timezone).map(({ id }) => id));
        for (const { id } of keptOf(list, keep, timezone)) expect(kept).toContain(id);
      }),
    );
  });

  it('keeps the newest good backup, and keeps something of anything', () => {
    fc.assert(
      fc.property(backups, keepRules, zone, (list, keep, timezone) => {
        const kept = keptOf(list, keep, timezone);
        expect(kept.length > 0).toBe(list.length > 0);
        const newestGood = Math.max(...list.filter(({ good }) => good).map(({ createdAt }) => createdAt));
        if (list.some(({ good }) => good)) {
          expect(kept.some(({ good, createdAt }) => good && createdAt === newestGood)).toBe(true);
        }
      }),
    );
  });

  it('removes a bad backup only where a newer good one stays', () => {
    fc.assert(
      fc.property(backups, keepRules, zone, (list, keep, timezone) => {
        const kept = keptOf(list, keep, timezone);
        for (const bad of list.filter((backup) => !backup.good && !kept.includes(backup))) {
          expect(kept.some(({ good, createdAt }) => good && createdAt >= bad.createdAt)).toBe(true);
        }
      }),
    );
  });

  it('does not let a bad backup change the verdict on a good one', () => {
    fc.assert(
      fc.property(backups, keepRules, zone, (list, keep, timezone) => {
        const good = list.filter((backup) => backup.good);
        expect(keptOf(list, keep, timezone).filter((backup) => backup.good)).toEqual(
          keptOf(good, keep, timezone),
        );
      }),
    );
  });

  it('does not depend on the order the backups come in, and says why to each', () => {
    fc.assert(
      fc.property(
        backups.chain((list) =>
          fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
        ),
        fc.option(keepRules, { nil: undefined }),
        zone,
        ([list, shuffled], keep, timezone) => {
          const verdicts = decideRetention(list, keep, timezone);
          expect(decideRetention(shuffled, keep, timezone)).toEqual(verdicts);
          expect(verdicts).toHaveLength(list.length);
          for (const { reasons } of verdicts) expect(reasons.length).toBeGreaterThan(0);
        },
      ),
    );
  });

  it('keeps as many periods as a rule names, where there are that many', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 40 }), (daily, days) => {
        const list = series('2026-11-24T02:00:00Z', 24, days);
        expect(keptOf(list, { daily }, 'Europe/Madrid')).toHaveLength(Math.min(daily, days));
      }),
    );
  });
});

const ruleNames = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;

function present(rules: Readonly<Record<string, number | undefined>>): KeepConfig {
  return Object.fromEntries(Object.entries(rules).filter(([, count]) => count !== undefined));
}

function larger(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
}

function keptOf(
  list: readonly RetentionCandidate[],
  keep: KeepConfig,
  timezone: string,
): readonly RetentionCandidate[] {
  const kept = new Set(
    decideRetention(list, keep, timezone)
      .filter((verdict) => verdict.keep)
      .map(({ id }) => id),
  );
  return list.filter(({ id }) => kept.has(id));
}
