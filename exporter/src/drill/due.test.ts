import { describe, expect, it } from 'vitest';
import { drillDueAt, drillIntervalMs, type DrillHistory } from './due.ts';

const noon = Date.UTC(2026, 10, 24, 12);
const hour = 3_600_000;
const day = 24 * hour;

const weekly = { every: 7 * day } as const;
/** 03:00 on Sundays; noon is a Tuesday. */
const sundays = { cron: '0 3 * * sun' } as const;

const ended = (status: 'passed' | 'failed' | 'interrupted', startedAt = noon): DrillHistory => ({
  since: noon - 90 * day,
  last: { status, startedAt },
});

describe('the next restore drill', () => {
  it.each<[string, DrillHistory, number | undefined, number | undefined]>([
    ['without a backup', {}, undefined, undefined],
    ['of a schedule that was never drilled', { since: noon }, noon, noon + 4 * day + 15 * hour],
    ['after one that passed', ended('passed'), noon + 7 * day, noon + 4 * day + 15 * hour],
    ['after one that failed', ended('failed'), noon + day, noon + day],
    ['after one that was cut off', ended('interrupted'), noon + hour, noon + hour],
  ])('is due %s', (_, history, byInterval, byPattern) => {
    expect(drillDueAt(weekly, 'UTC', history)).toBe(byInterval);
    expect(drillDueAt(sundays, 'UTC', history)).toBe(byPattern);
  });

  it('is not put off by a failure where drills are made more often than once a day', () => {
    expect(drillDueAt({ every: 6 * hour }, 'UTC', ended('failed'))).toBe(noon + 6 * hour);
  });

  it('comes at an interval', () => {
    expect(drillIntervalMs(weekly, 'UTC', noon)).toBe(7 * day);
    expect(drillIntervalMs({ cron: '@daily' }, 'UTC', noon)).toBe(day);
  });
});
