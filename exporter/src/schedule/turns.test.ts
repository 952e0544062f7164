import { describe, expect, it } from 'vitest';
import {
  expectInTurn,
  jobsOf,
  load,
  minuteMs,
  now,
  runOf,
  scheduleOf,
} from '../../../test/conformance/schedule-samples.ts';
import type { EpochMs } from '../units/instant.ts';
import type { PlannedFleet } from './fleet.ts';
import { planDue, planFleetDue } from './plan-due.ts';
import { planJobOf } from './due-job.ts';
import type { Misfit, PlanJob, PlannedSlot, PlanRequest } from './planner.ts';

const hourMs = 60 * minuteMs;

const request = (jobs: readonly PlanJob[], more: Partial<PlanRequest> = {}): PlanRequest => ({
  now,
  jobs,
  load: load((hour) => 0.3 + 0.2 * Math.sin(hour / 3)),
  ...more,
});

const timeOf = (at: EpochMs): string => new Date(at).toISOString().slice(11, 16);

const told = (slots: readonly PlannedSlot[]): string[] =>
  slots.map(({ dueAt, start }) => `${timeOf(dueAt)} at ${timeOf(start)}`);

const missed = (misfits: readonly Misfit[]): string[] =>
  misfits.map(({ job, reason }) => `${timeOf(job.occurrence.dueAt)} ${reason.code}`);

describe('the runs of one schedule', () => {
  it('come one behind the other where they take longer than from one to the next, and what that leaves out is named', () => {
    const hourly = scheduleOf('db', { every: '1h', max_delay: '30m' });
    const plan = planDue(request(jobsOf(hourly, { minutes: 100, hours: 6 })));
    expect(told(plan.slots)).toEqual(['13:00 at 13:00', '15:00 at 15:00', '17:00 at 17:00']);
    expect(
      plan.misfits.map(({ job, start, reason }) => [timeOf(job.occurrence.dueAt), start, reason]),
    ).toEqual(
      ['14:00', '16:00', '18:00'].map((due) => [
        due,
        undefined,
        {
          code: 'still_running',
          text: 'it will be missed, for the run before goes on until 10m behind its deadline: runs of 1h40m need more time from one to the next, or a longer max_delay',
        },
      ]),
    );
    expect(plan.slots.map((slot) => plan.explain(slot).code)).toEqual(Array(3).fill('only_start'));
  });

  it('begin to the minute as the one before is over, where each is a little longer than there is', () => {
    const hourly = scheduleOf('db', { every: '1h' });
    const { slots, misfits } = planDue(
      request(jobsOf(hourly, { minutes: 61, hours: 5, cpu: 0.6 }), { load: load(() => 0.3) }),
    );
    const starts = ['13:00 at 13:00', '14:00 at 14:01', '15:00 at 15:02', '16:00 at 16:03', '17:00 at 17:04'];
    expect(told(slots)).toEqual(starts);
    expect(misfits).toEqual([]);
  });

  it('are missed where the next one is due before the run before is over', () => {
    const often = scheduleOf('db', { cron: '*/7 * * * *' });
    const { slots, misfits } = planDue(request(jobsOf(often, { minutes: 12, hours: 0.7 })));
    expect(told(slots)).toEqual(['12:07 at 12:07', '12:14 at 12:19', '12:28 at 12:31', '12:42 at 12:43']);
    expect(missed(misfits)).toEqual(['12:21 still_running', '12:35 still_running']);
    expect(misfits[0]?.reason.text).toBe(
      'it will be missed, for the run before goes on until the next one is due: runs of 12m need more time from one to the next',
    );
  });

  it('leave the late hours of one window and the early ones of the next to one of them alone', () => {
    const anyTime = scheduleOf('db', { every: '1d', window: '00:00-00:00' });
    // Quiet from eleven at night to one in the morning; the run takes four hours.
    const quiet = load((hour) => ((hour + 12) % 24 >= 23 || (hour + 12) % 24 < 1 ? 0.05 : 0.6));
    const jobs = jobsOf(anyTime, { minutes: 240, hours: 48 });
    const { slots, misfits } = planDue(request(jobs, { load: quiet }));
    expect(misfits).toEqual([]);
    expectInTurn(slots);
    const [first, ...others] = slots.map(({ start }) => ((start - now) / hourMs + 12) % 24);
    expect(first).toBeGreaterThan(20);
    expect(others.every((start) => start > 20 || start < 1)).toBe(true);
  });

  it('are over before the next one begins also where they are late', () => {
    const nightly = scheduleOf('db', { every: '1d', window: '13:00-14:00', max_delay: '1h' });
    const weighty = scheduleOf('hog', {
      every: '7d',
      cron: undefined,
      window: '12:00-12:30',
      priority: 'critical',
    });
    const hog = planJobOf(
      { schedule: weighty, occurrence: { dueAt: now, windowStart: now, windowEnd: now, deadline: now } },
      { durationMs: 22 * hourMs, resources: { cpu: 0.6, memory: 0.1 } },
    );
    const jobs = [hog, ...jobsOf(nightly, { minutes: 300, hours: 48, cpu: 0.45 })];
    const { slots, misfits } = planDue(request(jobs, { load: load(() => 0.1) }));
    expect(told(slots)).toEqual(['12:00 at 12:00', '13:00 at 13:00']);
    expect(misfits.map(({ reason }) => reason)).toEqual([
      {
        code: 'no_room',
        text: 'it will be missed, for there is no room before the next one is due: cpu is taken until its deadline, and on',
      },
    ]);
  });

  it('are never to begin only as the next one is due, which takes their place', () => {
    const hourly = scheduleOf('db', { every: '1h', max_delay: '1h' });
    const busyUntilTheNext = load((hour) => (hour < 2 ? 0.5 : 0.1));
    const { slots } = planDue(request(jobsOf(hourly, { minutes: 10, hours: 1 }), { load: busyUntilTheNext }));
    expect(told(slots)).toEqual(['13:00 at 13:00']);
  });

  it('are missed where the run before had to wait, and goes on behind their deadline for that', () => {
    const hourly = scheduleOf('db', { every: '1h', max_delay: '10m' });
    const running = [
      { ...runOf(scheduleOf('other', {}), now + 63 * minuteMs), resources: { cpu: 0.6, memory: 0 } },
    ];
    const jobs = jobsOf(hourly, { minutes: 69.5, hours: 2, cpu: 0.4 });
    const { slots, misfits } = planDue(request(jobs, { running, load: load(() => 0.3) }));
    expect(told(slots)).toEqual(['13:00 at 13:05']);
    expect(missed(misfits)).toEqual(['14:00 still_running']);
    expect(misfits[0]?.reason.text).toContain('the run before goes on until 4m30s behind its deadline');
  });

  it('are missed where the run before ends just as the next one is due', () => {
    const hourly = scheduleOf('db', { every: '1h' });
    const { slots, misfits } = planDue(request(jobsOf(hourly, { minutes: 120, hours: 4 })));
    expect(told(slots)).toEqual(['13:00 at 13:00', '15:00 at 15:00']);
    expect(missed(misfits)).toEqual(['14:00 still_running', '16:00 still_running']);
  });

  it.each([
    ['each minute of a window', { every: '1m', window: '13:00-15:00' }, 120],
    ['every four minutes of some hours', { cron: '*/4 13-14 * * *' }, 30],
  ])('begin as they are due, %s: the last of a day has time, and is no other', (_, config, count) => {
    const schedule = scheduleOf('often', config);
    const { slots, misfits } = planDue(request(jobsOf(schedule, { minutes: 1 })));
    expect(misfits).toEqual([]);
    expect(slots).toHaveLength(count);
    expect(slots.map(({ start }) => start)).toEqual(slots.map(({ dueAt }) => dueAt));
  });

  it('wait for the one that goes on now', () => {
    const hourly = scheduleOf('db', { every: '1h', max_delay: '30m' });
    const other = scheduleOf('other', { every: '1h', max_delay: '30m' });
    const running = [runOf(hourly, now + 95 * minuteMs)];
    const jobs = [hourly, other].flatMap((each) => jobsOf(each, { minutes: 10, hours: 2 }));
    const { slots, misfits } = planDue(request(jobs, { running, load: load(() => 0.3) }));
    expect(missed(misfits)).toEqual(['13:00 still_running']);
    const [first, ...later] = slots.map(({ schedule, start }) => `${schedule} ${timeOf(start)}`);
    expect(first).toBe('other 13:00');
    expect(later).toContain('db 14:00');
  });

  it('of a pool are given to another host, where each takes longer than from one to the next', () => {
    const pooled = scheduleOf('db', { every: '1h', max_delay: '30m', pool: 'workers' });
    const host = { jobs: jobsOf(pooled, { minutes: 100, hours: 4 }), load: load(() => 0.3) };
    const { slots, misfits } = planFleetDue({
      now,
      hosts: new Map([
        ['a', host],
        ['b', host],
      ]),
    });
    expect(misfits).toEqual([]);
    for (const runs of slots.values()) {
      expect(runs).toHaveLength(2);
      expectInTurn(runs);
    }
    const another = jobsOf({ ...pooled, id: 'more' }, { minutes: 100, hours: 1 });
    const both = { ...host, jobs: [...jobsOf(pooled, { minutes: 100, hours: 1 }), ...another] };
    const shared = planFleetDue({
      now,
      hosts: new Map([
        ['a', both],
        ['b', both],
      ]),
    });
    expect([...shared.slots.values()].map((runs) => runs.length)).toEqual([1, 1]);
  });

  describe('of a pool that come every minute', () => {
    const often = scheduleOf('often', { every: '1m', pool: 'workers' });
    const planOf = (minutes: number, loads: readonly number[]): PlannedFleet =>
      planFleetDue({
        now,
        hosts: new Map(
          loads.map((at, index) => [
            `h${index}`,
            { jobs: jobsOf(often, { minutes, hours: 2 }), load: load(() => at) },
          ]),
        ),
      });

    it('begin as they are due, on the host that is quietest', () => {
      const { slots, misfits, explain } = planOf(0.5, [0.6, 0.2]);
      expect(misfits).toEqual([]);
      expect(slots.get('h0')).toEqual([]);
      const runs = slots.get('h1') ?? [];
      expect(runs).toHaveLength(120);
      expect(runs.map(({ start }) => start)).toEqual(runs.map(({ dueAt }) => dueAt));
      expect(runs.slice(0, 2).map((run) => explain(run))).toMatchObject(
        [0, 1].map(() => ({ code: 'only_start', load: { cpu: 0.2 } })),
      );
    });

    it('are shared out where none is quieter', () => {
      const { slots, misfits } = planOf(0.5, [0.2, 0.2]);
      expect(misfits).toEqual([]);
      // Of the five in each step of the forecast, three and two.
      expect([...slots.values()].map((runs) => runs.length)).toEqual([72, 48]);
    });

    it('go on beside each other where they take longer than a minute, as far as there are hosts', () => {
      const two = planOf(1.5, [0.6, 0.2]);
      expect(two.misfits).toEqual([]);
      for (const runs of two.slots.values()) {
        expect(runs).toHaveLength(60);
        expectInTurn(runs);
      }
      const { slots, misfits } = planOf(2.5, [0.6, 0.2]);
      expect([...slots.values()].flat().length + misfits.length).toBe(120);
      expect(new Set(misfits.map(({ reason }) => reason.code))).toEqual(new Set(['still_running']));
      expect(misfits.length).toBeLessThanOrEqual(40);
    });
  });
});
