import type { BackupRun } from '../../api/answers.ts';
import { describe, expect, it } from 'vitest';
import { runOf, scheduleOf, slotOf, tideOf } from '../../timeline/tide.testdata.ts';
import { dayMs, hourMs } from '../../timeline/zone.ts';
import { askTide, type TideExporter } from './ask-tide.ts';
import { chosenOf } from './chosen.ts';
import { shownRange } from './shown-range.ts';

const now = Date.parse('2026-03-28T12:00:00Z');
const at = (hours: number): number => now + hours * hourMs;

describe('the time that is shown', () => {
  it('goes on into what is to come, where the time of the dashboard ends now', () => {
    expect(shownRange({ from: at(-6), to: now, raw: { to: 'now' } }, 48)).toEqual({
      from: at(-6),
      until: at(48),
    });
    expect(shownRange({ from: at(-6), to: now, raw: { to: 'now' } }, 0)).toEqual({
      from: at(-6),
      until: now,
    });
  });

  it('is that of the dashboard, where that says otherwise', () => {
    expect(shownRange({ from: at(-9), to: at(-3), raw: { to: 'now-3h' } }, 48)).toEqual({
      from: at(-9),
      until: at(-3),
    });
  });

  it('is never nothing', () => {
    const { from, until } = shownRange({ from: now, to: now, raw: { to: now } }, 0);
    expect(until).toBeGreaterThan(from);
  });
});

describe('the schedules that are chosen', () => {
  const tide = tideOf(12);
  const namesOf = (patterns: string): string[] =>
    chosenOf(tide, patterns).lanes.map(({ schedule }) => schedule);

  it.each([
    ['', 12],
    [' , ', 12],
    ['*', 12],
    ['.+', 12],
    ['s1', 1],
    ['S1', 1],
    ['s1*', 3],
    ['s1*, s2', 4],
    ['s.', 0],
    ['nothing', 0],
  ])('by %j are %i', (patterns, count) => {
    expect(namesOf(patterns)).toHaveLength(count);
  });
});

interface Asked {
  readonly plan: number[];
  readonly load: number[];
  runs: number;
}

/** Answers like the exporter: `runs`, the one begun last first, by pages of two. */
function exporterOf(runs: readonly BackupRun[], asked: Asked): TideExporter {
  return {
    schedules: () => Promise.resolve({ items: [scheduleOf('a')] }),
    plan: ({ hours = 0 } = {}) => {
      asked.plan.push(hours);
      return Promise.resolve({ from: '', until: '', slots: [slotOf('a', at(1))] });
    },
    load: ({ hours = 0 } = {}) => {
      asked.load.push(hours);
      return Promise.resolve({ host: 'db1', from: '', until: '', resources: [] });
    },
    runs: ({ cursor = '0' } = {}) => {
      asked.runs += 1;
      const first = Number(cursor);
      const items = runs.slice(first, first + 2);
      return Promise.resolve({ items, ...(first + 2 < runs.length && { nextCursor: String(first + 2) }) });
    },
  };
}

describe('what is asked of the exporter', () => {
  const days = (count: number): BackupRun[] =>
    Array.from({ length: count }, (_, day) => runOf('a', now - day * dayMs));

  it('is as much of the plan, the load and the runs as the time shown needs', async () => {
    const asked: Asked = { plan: [], load: [], runs: 0 };
    const tide = await askTide(exporterOf(days(60), asked), { from: at(-47.5), until: at(23.2) }, now);
    expect(asked).toEqual({ plan: [24], load: [48], runs: 2 });
    expect(tide.runs.map(({ startedAt }) => Date.parse(startedAt))).toEqual([now, at(-24), at(-48), at(-72)]);
    expect(tide.isTruncated).toBe(false);
  });

  it('is no plan for a time that is past, and no run for one to come', async () => {
    const past: Asked = { plan: [], load: [], runs: 0 };
    expect(
      (await askTide(exporterOf(days(3), past), { from: at(-9), until: at(-3) }, now)).plan,
    ).toBeUndefined();
    expect(past.plan).toEqual([]);
    const coming: Asked = { plan: [], load: [], runs: 0 };
    await askTide(exporterOf(days(3), coming), { from: at(3), until: at(9) }, now);
    expect(coming).toEqual({ plan: [9], load: [1], runs: 0 });
  });

  it('ends after some pages, and says so', async () => {
    const asked: Asked = { plan: [], load: [], runs: 0 };
    const tide = await askTide(exporterOf(days(90), asked), { from: at(-24 * 80), until: now }, now);
    expect(asked.runs).toBe(25);
    expect(tide.isTruncated).toBe(true);
  });
});
