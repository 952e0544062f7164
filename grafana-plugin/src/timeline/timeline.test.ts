import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatFor } from '../format/format.ts';
import { focusAfter, hitAt, type Move } from './pointing.ts';
import { readTide, type Tide } from './tide.ts';
import { loadOfDays, now, runOf, scheduleOf, slotOf, tideOf, without } from './tide.testdata.ts';
import { tideRange } from './time-scale.ts';
import { lanesBetween, layoutTide, type TideLayout, type TideView } from './timeline.ts';
import { dayMs, hourMs, minuteMs } from './zone.ts';

/** One pixel is six minutes. */
const view: TideView = {
  range: tideRange(now),
  timezone: 'Europe/Madrid',
  now,
  width: 960,
  plot: { top: 0, height: 100 },
  lanesTop: 120,
  laneHeight: 24,
  format: formatFor({ language: 'en', timezone: 'Europe/Madrid' }),
  textWidth: (text) => text.length * 7,
};
const at = (hours: number): number => now + hours * hourMs;

const tide = readTide({
  schedules: [
    scheduleOf('archive', { priority: 'low', paused: true }),
    scheduleOf('db-prod', { priority: 'critical' }),
    scheduleOf('db-test', { priority: 'low' }),
  ],
  runs: [
    runOf('db-prod', at(-12)),
    runOf('db-prod', at(-36), { status: 'failed', finishedAt: new Date(at(-36) + 20_000).toISOString() }),
    runOf('gone', at(-1)),
  ],
  plan: {
    slots: [slotOf('db-prod', at(12)), slotOf('db-test', at(13)), slotOf('db-prod', at(36))],
  },
  load: loadOfDays(),
});

const laneOf = (layout: TideLayout, schedule: string) =>
  layout.lanes.find(({ lane }) => lane.schedule === schedule)!;

describe('lanes', () => {
  const layout = layoutTide(tide, view);

  it('are one per schedule, the weightiest first, one below the other', () => {
    expect(layout.lanes.map(({ lane, y }) => [lane.schedule, y])).toEqual([
      ['db-prod', 120],
      ['archive', 144],
      ['db-test', 168],
    ]);
    expect(layout.height).toBe(72);
    expect(layout.nowX).toBe(480);
  });

  it('are one per host where several have a schedule of the same name, with what is its own', () => {
    const [docs, run] = [scheduleOf('docs'), runOf('docs', at(-3))];
    const { lanes } = readTide({
      schedules: [
        { ...docs, host: 'db2' },
        { ...docs, host: 'db1' },
      ],
      runs: [{ ...run, host: 'db2' }],
      plan: { slots: [{ ...slotOf('docs', at(3)), host: 'db1' }] },
    });
    expect(lanes.map(({ name, events }) => [name, events.map(({ kind }) => kind)])).toEqual([
      ['docs (db1)', ['planned']],
      ['docs (db2)', ['run']],
    ]);
  });

  it('show a window over midnight as one track, and its night with a changed clock an hour shorter', () => {
    const { tracks } = laneOf(layout, 'db-prod');
    expect(tracks.map(({ x, width }) => [x, width])).toEqual([
      [90, 40],
      [330, 40],
      [570, 40],
      [800, 40],
    ]);
    const lastOfWinter = layoutTide(
      readTide({ schedules: [scheduleOf('a', { window: { start: '22:00', end: '03:30' } })], runs: [] }),
      view,
    );
    // 28 March 22:00 to 29 March 03:30 in Madrid: 4.5 hours, as 02:00 to 03:00 did not happen.
    expect(lastOfWinter.lanes[0]?.tracks[2]?.width).toBeCloseTo(45, 6);
  });

  it('show runs and slots where they lie, by time, and the failed one of 20 seconds still wide enough to see', () => {
    const { marks, deadlines } = laneOf(layout, 'db-prod');
    expect(marks.map(({ event, x, width }) => [event.kind, x, Math.round(width * 10) / 10])).toEqual([
      ['run', 120, 3],
      ['run', 360, 6.7],
      ['planned', 600, 7.5],
      ['planned', 840, 7.5],
    ]);
    expect(deadlines).toEqual([650, 890]);
  });

  it('let a run that goes on reach until now, and one that a clock set back has ended take no time', () => {
    const running = without(runOf('a', at(-2), { status: 'running' }), 'finishedAt');
    const odd = runOf('a', at(-20), { finishedAt: new Date(at(-21)).toISOString() });
    const [lane] = layoutTide(readTide({ schedules: [scheduleOf('a')], runs: [running, odd] }), view).lanes;
    expect(lane?.marks.map(({ x, width }) => [x, width])).toEqual([
      [280, 3],
      [460, 20],
    ]);
  });

  it('are drawn where they are in sight only', () => {
    const many = layoutTide(tideOf(100), view);
    expect(lanesBetween(many, 0, 119)).toEqual([]);
    expect(lanesBetween(many, 130, 180).map(({ y }) => y)).toEqual([120, 144, 168]);
    expect(lanesBetween(many, 120 + 99 * 24, 1e6)).toHaveLength(1);
  });

  it('leave nothing beyond the axis, in any range', () => {
    const hours = fc.double({ min: -200, max: 200, noNaN: true });
    fc.assert(
      fc.property(hours, fc.double({ min: 0.1, max: 500, noNaN: true }), (from, length) => {
        const range = { from: at(from), until: at(from + length) };
        const { lanes, ticks, nowX } = layoutTide(tide, { ...view, range });
        for (const { tracks, marks, deadlines } of lanes) {
          for (const { x, width } of [...tracks, ...marks]) {
            expect(x).toBeGreaterThanOrEqual(0);
            expect(x).toBeLessThanOrEqual(960);
            expect(width).toBeGreaterThanOrEqual(0);
          }
          for (const { x, width } of tracks) expect(x + width).toBeLessThanOrEqual(960 + 1e-6);
          for (const x of deadlines) expect(x >= 0 && x <= 960).toBe(true);
        }
        expect(nowX === undefined).toBe(now < range.from || now > range.until);
        const labels = ticks.flatMap(({ label }) => label ?? []);
        labels.slice(1).forEach(({ left }, index) => {
          const before = labels[index]!;
          expect(left).toBeGreaterThanOrEqual(before.left + view.textWidth(before.text));
        });
      }),
      { numRuns: 60 },
    );
  });
});

describe('pointing', () => {
  const layout = layoutTide(tide, view);
  const keyAt = (x: number, y: number) => hitAt(layout, x, y).mark?.event.key;
  const failed = `run/db-prod-${at(-36)}`;

  it('finds the mark under the pointer, the moment and the lane', () => {
    const hit = hitAt(layout, 603, 130);
    expect(hit.mark?.event).toMatchObject({ kind: 'planned', start: at(12) });
    expect(hit.lane?.lane.schedule).toBe('db-prod');
    expect(hit.at).toBe(now + 123 * 6 * minuteMs);
  });

  it('reaches a narrow mark from beside it, and not from farther', () => {
    expect(keyAt(110, 130)).toBe(failed);
    expect(keyAt(133, 130)).toBe(failed);
    expect(keyAt(108, 130)).toBeUndefined();
    expect(keyAt(110, 150)).toBeUndefined();
  });

  it('prefers the narrow one of two that lie over each other', () => {
    const over = layoutTide(
      readTide({
        schedules: [scheduleOf('a')],
        runs: [
          runOf('a', at(-20), { id: 'long', finishedAt: new Date(at(-10)).toISOString() }),
          runOf('a', at(-15), { id: 'short' }),
        ],
      }),
      view,
    );
    expect(hitAt(over, 332, 125).mark?.event.key).toBe('run/short');
    expect(hitAt(over, 300, 125).mark?.event.key).toBe('run/long');
  });

  it('tells the moment, and no lane, above and below', () => {
    expect(hitAt(layout, 480, 50)).toEqual({ at: now });
    expect(hitAt(layout, 480, 120 + 72)).toEqual({ at: now });
  });
});

describe('the keyboard', () => {
  const range = tideRange(now);
  const walk = (moves: readonly Move[], from?: string): string | undefined =>
    moves.reduce<string | undefined>((key, move) => focusAfter(tide, range, now, key, move), from);
  const planned = (schedule: string, hours: number) =>
    `planned/${schedule}/${new Date(at(hours - 1)).toISOString()}`;

  it('walks a lane in time and stops at its ends', () => {
    expect(walk(['later'])).toBe(`run/db-prod-${at(-36)}`);
    expect(walk(['first', 'later', 'later'])).toBe(planned('db-prod', 12));
    expect(walk(['first', 'last', 'later', 'later'])).toBe(planned('db-prod', 36));
    expect(walk(['first', 'later', 'first', 'earlier'])).toBe(`run/db-prod-${at(-36)}`);
  });

  it('goes up and down to what is nearest in time, over lanes without anything', () => {
    expect(walk(['down'], planned('db-prod', 12))).toBe(planned('db-test', 13));
    expect(walk(['down', 'down', 'down'], planned('db-prod', 12))).toBe(planned('db-test', 13));
    expect(walk(['up'], planned('db-test', 13))).toBe(planned('db-prod', 12));
  });

  it('begins anew where its place is gone, and stays nowhere in an empty chart', () => {
    expect(walk(['later'], 'run/no-more')).toBe(`run/db-prod-${at(-36)}`);
    expect(focusAfter({ lanes: [], load: [] }, range, now, undefined, 'later')).toBeUndefined();
  });

  it('reaches everything that is shown, and nothing else', () => {
    const reachable = (chart: Tide): Set<string> => {
      const reached = new Set<string>();
      const open = [focusAfter(chart, range, now, undefined, 'first')];
      for (let key = open.pop(); key !== undefined; key = open.pop()) {
        if (reached.has(key)) continue;
        reached.add(key);
        for (const move of ['earlier', 'later', 'up', 'down'] as const) {
          open.push(focusAfter(chart, range, now, key, move));
        }
      }
      return reached;
    };
    const hours = fc.array(fc.integer({ min: -60, max: 60 }), { maxLength: 5 });
    fc.assert(
      fc.property(fc.array(hours, { maxLength: 6 }), (lanes) => {
        const chart = readTide({
          schedules: lanes.map((_, index) => scheduleOf(`s${index}`)),
          runs: lanes.flatMap((starts, index) =>
            [...new Set(starts)].map((hour) => runOf(`s${index}`, at(hour))),
          ),
        });
        const shown = layoutTide(chart, view).lanes.flatMap(({ marks }) =>
          marks.map(({ event }) => event.key),
        );
        expect([...reachable(chart)].sort()).toEqual(shown.sort());
      }),
    );
  });
});

describe('speed', () => {
  it('lays out 500 schedules over four days, on a night with a changed clock, in 10 ms', () => {
    const many = tideOf(500);
    const times = Array.from({ length: 15 }, (_, index) => {
      // Another range each time, as while the chart is dragged.
      const range = { from: now - 2 * dayMs + index * minuteMs, until: now + 2 * dayMs + index * minuteMs };
      const start = performance.now();
      const layout = layoutTide(many, { ...view, range });
      const took = performance.now() - start;
      expect(layout.lanes).toHaveLength(500);
      return took;
    });
    // The shortest: the machine has other things to do as well.
    expect(Math.min(...times)).toBeLessThan(10);
  });
});
