import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Explanation } from './explain.ts';
import { planDue } from './plan-due.ts';
import { planSlots, type Plan, type PlanJob, type PlanRequest } from './planner.ts';
import { nextOccurrences } from './recurrence.ts';
import { weighed, type HostLoad } from './slot-grid.ts';

const slotMs = 300_000;
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const now = Date.UTC(2026, 10, 24, 12);

/** Two days of load; `at` gives the processor's, by hours from now. */
function load(at: (hour: number) => number, isKnown = true): HostLoad {
  const cpu = Float64Array.from({ length: 576 }, (_, step) => at(step / 12));
  return { startsAt: now, stepMs: slotMs, cpu, memory: new Float64Array(576).fill(0.2), isKnown };
}

const trough = load((hour) => (hour >= 14 && hour < 16 ? 0.05 : 0.4));

interface Wish {
  readonly schedule?: string;
  /** Hours from now. */
  readonly opens?: number;
  readonly closes?: number;
  readonly delay?: number;
  readonly minutes?: number;
  readonly cpu?: number;
  readonly stores?: readonly string[];
  readonly priority?: PlanJob['priority'];
  readonly host?: string;
}

function job(wish: Wish = {}): PlanJob {
  const { opens = 12, closes = 18, delay = 2, minutes = 45, cpu = 0.3, stores = ['local'] } = wish;
  const windowStart = now + opens * hourMs;
  const windowEnd = now + closes * hourMs;
  return {
    schedule: wish.schedule ?? 'db',
    occurrence: { dueAt: windowStart, windowStart, windowEnd, deadline: windowEnd + delay * hourMs },
    durationMs: minutes * minuteMs,
    resources: { cpu, memory: 0.1 },
    stores,
    priority: wish.priority ?? 'medium',
    ...(wish.host !== undefined && { host: wish.host }),
  };
}

const plan = (jobs: readonly PlanJob[], more: Partial<PlanRequest> = {}): Plan =>
  planSlots({ now, load: trough, jobs, ...more });

const hoursOf = (at: number | undefined): number => ((at ?? NaN) - now) / hourMs;

function startOf({ slots }: Plan, schedule: string): number {
  return hoursOf(slots.find((slot) => slot.schedule === schedule)?.start);
}

function explained(of: Plan, schedule: string): Explanation {
  const slot = of.slots.find((each) => each.schedule === schedule);
  if (slot === undefined) throw new Error(`${schedule} has no slot`);
  return of.explain(slot);
}

describe('planSlots', () => {
  it('puts a backup into the quietest part of its window, and says so', () => {
    const found = plan([job()]);
    const [slot] = found.slots;
    expect(hoursOf(slot?.start)).toBeGreaterThanOrEqual(14);
    expect(hoursOf(slot?.end)).toBeLessThanOrEqual(16);
    const { code, text, load: met, best, others } = explained(found, 'db');
    expect({ code, text }).toEqual({
      code: 'quietest',
      text: 'quietest 45m of its window: cpu 0.05, memory 0.20',
    });
    expect(met.cpu).toBeCloseTo(0.05);
    expect(best.start).toBe(slot?.start);
    expect(others).toHaveLength(3);
    for (const other of others) expect(other.whyNot).toBe('history');
  });

  it('tells why not at the quietest start, also where that is closer than a run is long', () => {
    const found = plan([
      job({ schedule: 'high', priority: 'critical', minutes: 15, cpu: 0.8, opens: 14, closes: 14, delay: 0 }),
      job({ schedule: 'low', priority: 'low', minutes: 120, opens: 14, closes: 18 }),
    ]);
    expect(startOf(found, 'low')).toBe(14.25);
    const { best, others } = explained(found, 'low');
    expect(hoursOf(best.start)).toBe(14);
    expect(best).toMatchObject({ whyNot: 'priority', text: 'cpu is taken by 1 of higher priority' });
    expect(others.map(({ start }) => start)).not.toContain(best.start);
  });

  it('says that others would lose more, of a start that is quieter for the one alone', () => {
    const dip = load((hour) => (hour >= 14 && hour < 16 ? 0.3 : 0.4));
    const found = plan(
      [
        job({
          schedule: 'short',
          priority: 'critical',
          minutes: 5,
          cpu: 0.02,
          opens: 15,
          closes: 15,
          delay: 0,
        }),
        job({ schedule: 'long', minutes: 90, opens: 13, closes: 18 }),
      ],
      { load: dip },
    );
    const { best, others } = explained(found, 'long');
    const objections = [best, ...others].flatMap((each) => ('whyNot' in each ? [each] : []));
    expect(objections.filter(({ whyNot }) => whyNot === 'move')).toEqual([]);
    expect(objections).toContainEqual(
      expect.objectContaining({
        whyNot: 'capacity',
        text: expect.stringMatching(/^it gains \d %, and others that run then lose more$/) as string,
      }),
    );
  });

  it('gives the quiet hour to the one that counts more, and the other the next best', () => {
    const wish = { minutes: 120, cpu: 0.6, opens: 12, closes: 18 };
    const found = plan([
      job({ ...wish, schedule: 'low', priority: 'low' }),
      job({ ...wish, schedule: 'critical', priority: 'critical' }),
    ]);
    expect(startOf(found, 'critical')).toBe(14);
    expect(Math.abs(startOf(found, 'low') - 14)).toBeGreaterThanOrEqual(2);
    const { code, others } = explained(found, 'low');
    expect(code).toBe('shared');
    expect(others[0]).toMatchObject({ whyNot: 'priority', text: 'cpu is taken by 1 of higher priority' });
  });

  it('tells a start that others of the same priority fill from one behind the window', () => {
    const wish = { minutes: 120, cpu: 0.6 };
    const found = plan([
      job({ ...wish, schedule: 'a' }),
      job({ ...wish, schedule: 'b' }),
      job({ schedule: 'c', opens: 10, closes: 13, delay: 3, minutes: 60, cpu: 0.01 }),
    ]);
    const loser = startOf(found, 'a') === 14 ? 'b' : 'a';
    expect(explained(found, loser).others[0]).toMatchObject({ whyNot: 'capacity', text: 'cpu is taken' });
    expect(startOf(found, 'c')).toBeLessThanOrEqual(13);
    expect(explained(found, 'c').others.map(({ whyNot }) => whyNot)).toContain('deadline');
  });

  it('counts what it costs one that runs as it would of one that is planned', () => {
    const even = load(() => 0.2);
    const soon = job({ opens: 0, minutes: 60, cpu: 0.5 });
    const running = { until: now + hourMs, resources: { cpu: 0, memory: 0 }, stores: [] };
    const startBeside = (more: object): number =>
      startOf(plan([soon], { load: even, running: [{ ...running, ...more }] }), 'db');
    expect(startBeside({ priority: 'critical', durationMs: hourMs })).toBe(1);
    expect(startBeside({})).toBe(0);
  });

  it('starts behind the window, in time, where that has no room', () => {
    const found = plan([job({ opens: 1, closes: 2, delay: 6, cpu: 0.5 })], {
      running: [{ until: now + 4 * hourMs, resources: { cpu: 0.5, memory: 0.1 }, stores: [] }],
    });
    expect(startOf(found, 'db')).toBe(4);
    expect(found.misfits).toEqual([]);
    expect(explained(found, 'db')).toMatchObject({ code: 'after_window' });
  });

  describe('explains a start without other backups by its own times alone', () => {
    const fading = load((hour) => Math.max(0.1, 0.5 - hour / 40));

    it.each([
      [
        'the end of a window, where it is quieter behind',
        { closes: 14 },
        'quietest',
        'quietest 45m of its window',
      ],
      [
        'what is due at one time, where later is quieter',
        { closes: 12 },
        'on_time',
        'as it is due, for later is not quiet enough to be late for',
      ],
      [
        'the best of what is due at one time and may be late',
        { opens: 30, closes: 30 },
        'quietest',
        'quietest 45m up to its latest start',
      ],
      [
        'what is caught up with behind its window',
        { opens: -3, closes: -1, delay: 4 },
        'after_window',
        'best start in the time that is left, for its window is over',
      ],
      [
        'what was due a while ago',
        { opens: -1, closes: -1, delay: 4 },
        'after_window',
        'best start in the time that is left, for it is due already',
      ],
    ])('%s', (_, wish, code, words) => {
      const reason = explained(plan([job(wish)], { load: fading }), 'db');
      expect([reason.code, reason.text.split(':')[0]]).toEqual([code, words]);
    });
  });

  it('lets no more runs write to a store than it takes, those that run already counted', () => {
    const jobs = Array.from({ length: 6 }, (_, index) =>
      job({ schedule: `s${index}`, cpu: 0.01, minutes: 60 }),
    );
    const found = plan(jobs, {
      limits: { stores: { local: { streams: 2 }, offsite: { streams: 1 } } },
      running: [{ until: now + 20 * hourMs, resources: { cpu: 0, memory: 0 }, stores: ['local'] }],
    });
    const starts = found.slots.map(({ start }) => hoursOf(start));
    expect(starts).toHaveLength(6);
    for (const [index, start] of starts.slice(1).entries()) {
      expect(start - (starts[index] ?? 0)).toBeGreaterThanOrEqual(1);
    }
  });

  describe('with the load of other hosts', () => {
    const evening = load((hour) => (hour >= 16 && hour < 17 ? 0.1 : 0.6));

    it('puts a backup into the low tide of the host that it names, and explains it by that', () => {
      const found = plan([job({ schedule: 'far', host: 'db1' }), job({ schedule: 'near' })], {
        hosts: { db1: evening },
      });
      expect(startOf(found, 'far')).toBeCloseTo(16);
      expect(startOf(found, 'near')).toBeLessThan(16);
      const { code, load: met, best } = explained(found, 'far');
      expect([code, met.cpu, hoursOf(best.start)]).toEqual(['quietest', expect.closeTo(0.1), 16]);
      expect(explained(found, 'near').load.cpu).toBeCloseTo(0.05);
    });

    it('takes what the run needs of this host, which is never taken beyond what it has', () => {
      const busyHere = load((hour) => (hour >= 16 && hour < 17 ? 0.9 : 0.1));
      const found = plan([job({ host: 'db1' })], { load: busyHere, hosts: { db1: evening } });
      expect(found.misfits).toEqual([]);
      const start = startOf(found, 'db');
      expect(start <= 15.25 || start >= 17).toBe(true);
      expect(explained(found, 'db').others.map(({ whyNot }) => whyNot)).toContain('capacity');
    });

    it('opens the window where nothing is known of that host, or nobody tells of it', () => {
      const unknown = load(() => 0, false);
      const found = plan([job({ host: 'db1' })], { hosts: { db1: unknown } });
      expect([startOf(found, 'db'), explained(found, 'db').code]).toEqual([12, 'no_history']);
      expect(explained(plan([job({ host: 'gone' })]), 'db').code).toBe('quietest');
    });

    it('tells the load of it for what has no choice as well', () => {
      const wish = job({ opens: 16, closes: 16, delay: 0, host: 'db1' });
      const found = planDue({ now, load: trough, hosts: { db1: evening }, jobs: [wish] });
      expect(explained(found, 'db')).toMatchObject({
        code: 'only_start',
        load: { cpu: expect.closeTo(0.1, 9) as number },
      });
    });
  });

  it('starts late, and says how late, what the others leave no room for', () => {
    const all = { opens: 1, closes: 1, delay: 0, minutes: 60, cpu: 0.6 };
    const found = plan([
      job({ ...all, schedule: 'first', priority: 'high' }),
      job({ ...all, schedule: 'second' }),
      job({ ...all, schedule: 'third', priority: 'low' }),
    ]);
    expect(['first', 'second', 'third'].map((id) => startOf(found, id))).toEqual([1, 2, 3]);
    expect(
      found.misfits.map(({ job: { schedule }, lateMs, reason }) => [schedule, lateMs, reason.text]),
    ).toEqual([
      ['second', hourMs, 'starts 1h behind its deadline: cpu is taken until its deadline'],
      ['third', 2 * hourMs, 'starts 2h behind its deadline: cpu is taken until its deadline'],
    ]);
    expect(explained(found, 'third').code).toBe('late');
  });

  it('keeps room for what can start at one time alone', () => {
    const only = job({ schedule: 'only', opens: 14, closes: 14, delay: 0, minutes: 300, cpu: 0.6 });
    const free = job({ schedule: 'free', opens: 12, closes: 22, delay: 0, minutes: 60, cpu: 0.6 });
    const found = planDue({
      now,
      load: load((hour) => (hour >= 15 && hour < 17 ? 0 : 0.2)),
      jobs: [only, free],
    });
    expect([startOf(found, 'only'), explained(found, 'only').code]).toEqual([14, 'only_start']);
    const start = startOf(found, 'free');
    expect(start <= 13 || start >= 19).toBe(true);
    expect(found.misfits).toEqual([]);
  });

  it('starts nothing late that will not be run any more then, and says that it will be missed', () => {
    const all = { opens: 1, closes: 1, delay: 0, minutes: 120, cpu: 0.6 };
    const overtaken = { ...job({ ...all, schedule: 'overtaken' }), supersededAt: now + 3 * hourMs };
    const later = { ...job({ ...all, schedule: 'later' }), supersededAt: now + 3 * hourMs + slotMs };
    const skipped: PlanJob = { ...job({ ...all, schedule: 'skipped' }), isSkipped: true };
    const first = job({ ...all, schedule: 'first', priority: 'high' });
    const told = ({ misfits }: Plan): unknown[] =>
      misfits.map(({ job: { schedule }, start, reason }) => [schedule, hoursOf(start), reason.text]);
    expect(told(plan([first, overtaken]))).toEqual([
      [
        'overtaken',
        NaN,
        'it will be missed, for there is no room before the next one is due: cpu is taken until its deadline, and on',
      ],
    ]);
    expect(told(plan([first, later]))).toEqual([
      ['later', 3, 'starts 2h behind its deadline: cpu is taken until its deadline'],
    ]);
    expect(told(plan([first, skipped]))).toEqual([
      ['skipped', NaN, 'it will be skipped, for there is no room by its deadline: cpu is taken until then'],
    ]);
  });

  it('names what finds no room at any time', () => {
    const found = plan([job({ opens: 1, closes: 2, delay: 1 })], {
      limits: { stores: { local: { streams: 1 } } },
      running: [{ until: now + 100 * hourMs, resources: { cpu: 0.1, memory: 0 }, stores: ['local'] }],
    });
    expect(found.slots).toEqual([]);
    expect(found.misfits.map(({ reason }) => reason)).toEqual([
      {
        code: 'no_room',
        text: 'no room at any time that is planned for: the way to local is taken until its deadline, and on',
      },
    ]);
  });

  it.each([
    [0.5, 0.1, 'cpu 0.50, and in its window the host has at most cpu 0.10 free'],
    [0.6, 0.598, 'cpu 0.600, and in its window the host has at most cpu 0.598 free'],
    [0.6, 0.59962, 'cpu 0.6000, and in its window the host has at most cpu 0.5996 free'],
    [0.6, 0.59997, 'cpu 0.60, and in its window the host has at most a little less free'],
  ])('tells how much is missing of cpu %d where %d is free, in digits that differ', (cpu, free, text) => {
    const found = plan([job({ cpu })], { load: load(() => 1 - free) });
    expect(found.misfits.map(({ reason }) => reason.text)).toEqual([`it asks for ${text}`]);
  });

  it('runs a backup on a host that is always full where most is free, and says what is missing', () => {
    const full = load((hour) => (hour >= 15 && hour < 16 ? 0.9 : 1));
    const found = plan([job({ cpu: 0.5 })], { load: full });
    expect(startOf(found, 'db')).toBe(15);
    expect(found.misfits[0]).toMatchObject({
      lateMs: 0,
      reason: {
        code: 'cramped',
        text: 'it asks for cpu 0.50, and in its window the host has at most cpu 0.10 free',
      },
    });
    expect(explained(found, 'db').code).toBe('cramped');
  });

  it('starts within its window on a host that is full and stays so, however often a little more room is in sight', () => {
    const wish = job({ opens: 1, closes: 3, delay: 6, cpu: 0.5 });
    let previous: Plan['slots'] = [];
    for (let at = now; ; at += slotMs) {
      // Whenever it is looked at, the load is to fade within days.
      const cpu = Float64Array.from({ length: 576 }, (_, step) => 0.98 - step / 2000);
      const fading = { ...trough, startsAt: at, cpu };
      previous = plan([wish], { now: at, load: fading, previous }).slots;
      if (hoursOf(previous[0]?.start) > hoursOf(at)) continue;
      expect(hoursOf(at)).toBeLessThanOrEqual(3);
      return;
    }
  });

  it('is put off for room that is promised again and again up to half of what it may be late, and no further', () => {
    const wish = job({ opens: 1, closes: 2, delay: 8, cpu: 0.5 });
    let previous: Plan['slots'] = [];
    for (let at = now; ; at += slotMs) {
      // Whenever it is looked at, there is to be room in two hours.
      const cpu = Float64Array.from({ length: 576 }, (_, step) => (step < 24 ? 0.9 : 0.4));
      previous = plan([wish], { now: at, load: { ...trough, startsAt: at, cpu }, previous }).slots;
      if (hoursOf(previous[0]?.start) > hoursOf(at)) continue;
      expect(hoursOf(at)).toBeGreaterThan(5.9);
      expect(hoursOf(at)).toBeLessThan(6.2);
      return;
    }
  });

  it('reckons with the last day over again where the forecast ends', () => {
    // Two days are forecast, with a trough in the second night; the window lies in the third.
    const nights = load((hour) => (hour >= 38 && hour < 40 ? 0.05 : 0.4));
    const found = plan([job({ opens: 58, closes: 68 })], { load: nights });
    expect(startOf(found, 'db')).toBeGreaterThanOrEqual(62);
    expect(startOf(found, 'db')).toBeLessThan(64);
  });

  it('gives what starts late all it asks for, once there is room', () => {
    // Until 13:00 hardly anything is free; two share it, then each gets all.
    const full = load((hour) => (hour < 13 ? 0.9 : 0.1));
    const wish = { opens: 11, closes: 11, delay: 0, minutes: 60, cpu: 0.8 };
    const found = plan([job({ ...wish, schedule: 'a' }), job({ ...wish, schedule: 'b' })], { load: full });
    expect(found.misfits.map(({ reason }) => reason.code).sort()).toEqual(['cramped', 'late']);
    expect(found.slots.map(({ start }) => hoursOf(start))).toEqual([11, 13]);
  });

  it('starts at once what is overdue', () => {
    const found = plan([job({ opens: -9, closes: -6, delay: 1 })], { now: now + 70_000 });
    expect(found.slots[0]?.start).toBe(now + 70_000);
    expect(explained(found, 'db').code).toBe('overdue');
    expect(found.misfits[0]?.lateMs).toBe(5 * hourMs + 70_000);
  });

  it('takes a window that is shorter than the run, or than a slot, for what it is: the time to start', () => {
    const short = job({ opens: 14, closes: 14.5, delay: 0, minutes: 120 });
    expect(startOf(plan([short]), 'db')).toBeGreaterThanOrEqual(14);
    expect(startOf(plan([short]), 'db')).toBeLessThanOrEqual(14.5);
    const opens = 14 + 62 / 3600;
    const found = plan([job({ opens, closes: opens + 1 / 60, delay: 0 })]);
    expect(startOf(found, 'db')).toBeCloseTo(opens, 9);
    expect(explained(found, 'db').code).toBe('only_start');
  });

  it('opens the window where nothing is known of the load', () => {
    const found = plan([job()], { load: load(() => 0.5, false) });
    expect(startOf(found, 'db')).toBe(12);
    expect(explained(found, 'db').code).toBe('no_history');
    const nothing = { startsAt: now, stepMs: slotMs, cpu: new Float64Array(0), memory: new Float64Array(0) };
    expect(startOf(plan([job()], { load: { ...nothing, isKnown: false } }), 'db')).toBe(12);
  });

  it('says of a start that is put off for other backups that it is, where nothing is known of the load', () => {
    const nothing: HostLoad = { ...load(() => 0, false), unknown: ['cpu', 'memory'] };
    const first = job({ schedule: 'first', opens: 12, closes: 12, delay: 0, minutes: 30, cpu: 0.6 });
    const beside = plan([first, job({ minutes: 30, cpu: 0.2 })], { load: nothing });
    expect(startOf(beside, 'db')).toBeGreaterThan(12);
    expect(explained(beside, 'db')).toMatchObject({
      code: 'shared',
      text: 'best 30m beside the other backups; nothing is known of the load yet',
    });
    expect(explained(beside, 'db').others[0]?.text).toBe('as far as is known, it is no quieter');
    const behind = plan([first, job({ minutes: 30, cpu: 0.6 })], { load: nothing });
    expect([startOf(behind, 'db'), explained(behind, 'db').code]).toEqual([12.5, 'no_history']);
  });

  it('leaves a slot only where that is worth it, and says that it stayed', () => {
    const first = plan([job()], { load: load((hour) => (hour >= 14 && hour < 15 ? 0.2 : 0.4)) });
    const start = startOf(first, 'db');
    const nearly = load((hour) => (hour >= 17 && hour < 18 ? 0.19 : hour >= 14 && hour < 15 ? 0.2 : 0.4));
    const kept = plan([job()], { load: nearly, previous: first.slots });
    expect(startOf(kept, 'db')).toBe(start);
    const much = load((hour) => (hour >= 17 && hour < 18 ? 0.05 : hour >= 14 && hour < 15 ? 0.2 : 0.4));
    const moved = plan([job()], { load: much, previous: first.slots });
    expect(startOf(moved, 'db')).toBeGreaterThanOrEqual(17);
  });

  it('keeps every other slot when one schedule changes', () => {
    const jobs = Array.from({ length: 40 }, (_, index) => job({ schedule: `s${index}`, cpu: 0.02 }));
    const before = plan(jobs);
    const changed = jobs.map((each) =>
      each.schedule === 's7' ? job({ schedule: 's7', cpu: 0.05, opens: 13 }) : each,
    );
    const after = plan(changed, { previous: before.slots, effort: { thoroughness: 'new' } });
    for (const { schedule, start } of before.slots) {
      if (schedule !== 's7') expect(startOf(after, schedule)).toBe(hoursOf(start));
    }
    expect(after.slots).toHaveLength(40);
    const without = plan(jobs.slice(1), { previous: before.slots });
    expect(without.slots.some(({ schedule }) => schedule === 's0')).toBe(false);
  });

  it('places 10,000 schedules with one and the same window, as many at once as there is room for', () => {
    const occurrences = nextOccurrences(
      {
        every: 24 * hourMs,
        window: { startMinute: 60, endMinute: 360 },
        timezone: 'Europe/Madrid',
        max_delay: 0,
      },
      now,
      now + 24 * hourMs,
    );
    const [occurrence] = occurrences;
    if (occurrence === undefined) throw new Error('no night');
    const jobs = Array.from({ length: 10_000 }, (_, index) => ({
      ...job({ schedule: `s${index}`, minutes: 30, cpu: 0.0005 }),
      resources: { cpu: 0.0005, memory: 0.0001 },
      occurrence,
    }));
    const found = plan(jobs);
    expect(found.slots).toHaveLength(10_000);
    expectLawful(found, { now, load: trough, jobs });
    // 0.0005 of 10,000 for half an hour each is half of what is free: nothing has to wait.
    expect(found.misfits).toEqual([]);
  });

  const requests = fc
    .record({
      jobs: fc.array(
        fc.record({
          opens: fc.integer({ min: -300, max: 2000 }).map((minutes) => minutes / 60),
          window: fc.integer({ min: 0, max: 400 }).map((minutes) => minutes / 60),
          delay: fc.integer({ min: 0, max: 5 }),
          minutes: fc.integer({ min: 1, max: 200 }),
          cpu: fc.double({ min: 0, max: 0.8, noNaN: true }),
          stores: fc.constantFrom([], ['local'], ['local', 'offsite']),
          priority: fc.constantFrom('critical' as const, 'high' as const, 'medium' as const, 'low' as const),
        }),
        { minLength: 1, maxLength: 15 },
      ),
      loads: fc.array(fc.double({ min: 0, max: 1.2 }), { minLength: 1, maxLength: 60 }),
      running: fc.array(
        fc.record({
          until: fc.integer({ min: 0, max: 600 }).map((minutes) => now + minutes * minuteMs),
          resources: fc.record({
            cpu: fc.double({ min: 0, max: 0.3, noNaN: true }),
            memory: fc.constant(0.05),
          }),
          stores: fc.constantFrom([], ['local']),
        }),
        { maxLength: 2 },
      ),
    })
    .map(({ jobs, loads, running }): PlanRequest => ({
      now,
      load: load((hour) => loads[Math.floor(hour * 2) % loads.length] ?? 0),
      jobs: jobs.map(({ opens, window, ...wish }, index) =>
        job({ schedule: `s${index}`, opens, closes: opens + window, ...wish }),
      ),
      limits: { stores: { local: { streams: 3 }, offsite: { streams: 1 } } },
      running,
    }));

  it('never breaks a law, drops nothing, and has a reason for everything', () => {
    fc.assert(
      fc.property(requests, (request) => {
        const found = planSlots(request);
        expectLawful(found, request);
        for (const slot of found.slots) {
          const { text, load: met, best } = found.explain(slot);
          expect(text).not.toBe('');
          expect(Object.keys(met)).toEqual(['cpu', 'memory']);
          expect(weighed(best.load)).toBeLessThanOrEqual(
            weighed(met) + (slot.start > slot.job.occurrence.deadline ? 1 : 1e-9),
          );
        }
      }),
      { numRuns: 120 },
    );
  });

  it('is the same plan for the same request, and again when nothing has changed', () => {
    fc.assert(
      fc.property(requests, (request) => {
        const once = planSlots(request);
        expect(planSlots(request).slots).toEqual(once.slots);
        const again = planSlots({ ...request, previous: once.slots, effort: { thoroughness: 'new' } });
        const inTime = once.misfits.length === 0;
        if (inTime) expect(again.slots).toEqual(once.slots);
      }),
      { numRuns: 40 },
    );
  });
});

/** Throws where a plan breaks a law; counted minute by minute from the request alone. */
function expectLawful({ slots, misfits }: Plan, request: PlanRequest): void {
  const placed = new Set(slots.map((slot) => slot.job));
  const cramped = new Set(
    misfits.filter(({ reason }) => reason.code === 'cramped').map((misfit) => misfit.job),
  );
  for (const each of request.jobs) {
    expect(placed.has(each) || misfits.some((misfit) => misfit.job === each)).toBe(true);
  }
  const cpu = Float64Array.from({ length: 900 }, (_, slot) => {
    const value = request.load.cpu[slot < 576 ? slot : 288 + (slot % 288)] ?? 0;
    return Number.isFinite(value) ? Math.min(1, Math.max(0, value)) : 0.5;
  });
  const streams = new Float64Array(900);
  const add = (from: number, to: number, amount: number, stores: readonly string[]): void => {
    for (let slot = Math.floor((from - now) / slotMs); slot < Math.ceil((to - now) / slotMs); slot += 1) {
      cpu[slot] = (cpu[slot] ?? 0) + amount;
      if (stores.includes('local')) streams[slot] = (streams[slot] ?? 0) + 1;
    }
  };
  for (const { until, resources, stores } of request.running ?? []) add(now, until, resources.cpu, stores);
  const before = cpu.slice();
  for (const { start, end, job: each } of slots) {
    const { windowStart, deadline } = each.occurrence;
    expect(start).toBeGreaterThanOrEqual(Math.max(windowStart, request.now));
    if (start > Math.max(deadline, request.now)) {
      expect(misfits.some((misfit) => misfit.job === each && misfit.lateMs === start - deadline)).toBe(true);
    }
    expect(end - start).toBe(each.durationMs);
    if (!cramped.has(each)) add(start, end, each.resources.cpu, each.stores);
  }
  for (const [slot, used] of cpu.entries()) {
    if (used > (before[slot] ?? 0)) expect(used).toBeLessThanOrEqual(1 + 1e-7);
    if (request.limits !== undefined) expect(streams[slot]).toBeLessThanOrEqual(3);
  }
}
