import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planFleet, type FleetHost, type FleetRequest, type FleetRun, type PlannedFleet } from './fleet.ts';
import { planFleetDue } from './plan-due.ts';
import { planSlots, type PlanJob, type RunningJob } from './planner.ts';
import type { HostLoad } from './slot-grid.ts';

const slotMs = 300_000;
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const now = Date.UTC(2026, 10, 24, 12);
const MiB = 1024 ** 2;

/** Two days of load; `at` gives the processor's, by hours from now. */
function load(at: (hour: number) => number): HostLoad {
  const cpu = Float64Array.from({ length: 576 }, (_, step) => at(step / 12));
  return { startsAt: now, stepMs: slotMs, cpu, memory: new Float64Array(576).fill(0.2), isKnown: true };
}

const calmFrom = (from: number): HostLoad => load((hour) => (hour >= from && hour < from + 2 ? 0.05 : 0.4));

interface Wish extends Partial<Omit<PlanJob, 'occurrence' | 'resources'>> {
  /** Hours from now. */
  readonly opens?: number;
  readonly closes?: number;
  readonly delay?: number;
  readonly minutes?: number;
  readonly cpu?: number;
}

function job({ opens = 12, closes = 18, delay = 2, minutes = 60, cpu = 0.1, ...more }: Wish = {}): PlanJob {
  const windowStart = now + opens * hourMs;
  const windowEnd = now + closes * hourMs;
  return {
    schedule: 'db',
    occurrence: { dueAt: windowStart, windowStart, windowEnd, deadline: windowEnd + delay * hourMs },
    durationMs: minutes * minuteMs,
    resources: { cpu, memory: 0.01 },
    stores: [],
    priority: 'medium',
    ...more,
  };
}

const host = (jobs: readonly PlanJob[], more: Partial<FleetHost> = {}): FleetHost => ({
  jobs,
  load: calmFrom(14),
  ...more,
});

function plan(hosts: Readonly<Record<string, FleetHost>>, more: Partial<FleetRequest> = {}): PlannedFleet {
  return planFleet({ now, hosts: new Map(Object.entries(hosts)), ...more });
}

function runsOf({ slots }: PlannedFleet): readonly FleetRun[] {
  return [...slots.values()].flat();
}

const hoursOf = (at: number | undefined): number => ((at ?? NaN) - now) / hourMs;

const hostNames = (count: number): string[] => Array.from({ length: count }, (_, index) => `db${index}`);

/** The most that run at a time. */
function mostAtOnce(runs: readonly FleetRun[], amountOf: (run: FleetRun) => number): number {
  const sums = runs.map(({ start }) =>
    runs
      .filter((other) => slotOf(other.start) <= slotOf(start) && Math.ceil(slotOf(other.end)) > slotOf(start))
      .reduce((sum, other) => sum + amountOf(other), 0),
  );
  return Math.max(0, ...sums);
}

const slotOf = (at: number): number => (at - now) / slotMs;

describe('planFleet', () => {
  it('puts the jobs of each host into the quiet hours of that host', () => {
    const found = plan({
      a: host([job()], { load: calmFrom(13) }),
      b: host([job()], { load: calmFrom(16) }),
    });
    expect(hoursOf(found.slots.get('a')?.[0]?.start)).toBe(13);
    expect(hoursOf(found.slots.get('b')?.[0]?.start)).toBe(16);
    expect(runsOf(found).map(({ owner, runsOn }) => [owner, runsOn])).toEqual([
      ['a', 'a'],
      ['b', 'b'],
    ]);
    expect(found.misfits).toEqual([]);
  });

  it('tells the same time of the same schedule apart by its owner', () => {
    const before = plan({ a: host([job()]), b: host([job()], { load: calmFrom(16) }) });
    const again = plan({ a: host([job()]), b: host([job()]) }, { previous: before.slots });
    expect(hoursOf(again.slots.get('a')?.[0]?.start)).toBe(14);
    expect(again.slots.get('b')?.[0]?.owner).toBe('b');
  });

  it('tells the runs of a host in the order of their starts, also of those that begin amid one slot', () => {
    const amid = (minute: number): PlanJob =>
      job({ schedule: `at ${minute}`, opens: minute / 60, closes: minute / 60, delay: 1 / 60 });
    const found = plan({ db: host([amid(63), amid(61), amid(62)]) });
    expect(runsOf(found).map(({ schedule }) => schedule)).toEqual(['at 61', 'at 62', 'at 63']);
  });

  it('takes a host no further than it may be taken', () => {
    const jobs = ['a', 'b', 'c', 'd'].map((schedule) =>
      job({ schedule, opens: 14, closes: 14, delay: 1, cpu: 0.3 }),
    );
    const half = { cpu: 0.5, memory: 1 };
    const found = plan({ db: host(jobs, { load: load(() => 0.1), capacity: half }) });
    // Beside the load of the host there is room for one at a time, and until the deadline for two.
    expect(mostAtOnce(runsOf(found), () => 1)).toBe(1);
    expect(found.misfits).toHaveLength(2);
    expect(plan({ db: host(jobs, { load: load(() => 0.1) }) }).misfits).toEqual([]);
  });

  describe('with what hosts share', () => {
    const ten = (more: Wish): Readonly<Record<string, FleetHost>> =>
      Object.fromEntries(hostNames(10).map((name) => [name, host([job(more)])]));

    it('lets no more hosts write to a store than it takes, and all of them in time where that can be', () => {
      // Ten runs of an hour, and starts within nine hours.
      const found = plan(ten({ opens: 10, closes: 19, delay: 0, stores: ['offsite'] }), {
        shared: { stores: { offsite: { streams: 1 } } },
      });
      expect(runsOf(found)).toHaveLength(10);
      expect(found.misfits).toEqual([]);
      expect(mostAtOnce(runsOf(found), () => 1)).toBe(1);
    });

    it.each([
      ['a store', { stores: ['offsite'] }, { stores: { offsite: { bandwidth: 100 * MiB } } }],
      ['a network', { network: 'backbone' }, { networks: { backbone: { bandwidth: 100 * MiB } } }],
    ])('sends no more over the way to %s than it takes', (_, way, shared) => {
      const sending = (rate: number): number => {
        const found = plan(ten({ ...way, opens: 1, closes: 20, bytesPerSecond: rate * MiB }), { shared });
        expect(found.misfits).toEqual([]);
        return mostAtOnce(runsOf(found), () => 1);
      };
      expect(sending(60)).toBe(1);
      expect(sending(30)).toBe(3);
    });

    it.each([
      ['network', { network: 'backbone' }, { networks: { backbone: { streams: 2 } } }, 'network backbone'],
      ['server', { server: 'main' }, { servers: { main: { dumps: 2 } } }, 'server main'],
    ])('keeps the limit of a %s, and names it', (_, way, shared, name) => {
      const found = plan(ten({ ...way, opens: 14, closes: 14, delay: 1 }), { shared });
      expect(mostAtOnce(runsOf(found), () => 1)).toBe(2);
      expect(found.misfits).toHaveLength(6);
      expect(found.misfits.map(({ reason }) => reason.text.replace(/\S+ behind/, 'X behind'))).toContain(
        `starts X behind its deadline: ${name} is taken until its deadline`,
      );
    });

    it('takes what would send more than there is for what fills it', () => {
      const found = plan(
        { a: host([job({ network: 'lan', bytesPerSecond: 300 })]) },
        { shared: { networks: { lan: { bandwidth: 100 } } } },
      );
      expect(found.misfits).toEqual([]);
    });

    it('counts what runs already, wherever it runs', () => {
      const resources = { cpu: 0.1, memory: 0.1 };
      const running = [{ until: now + 16 * hourMs, resources, stores: [], network: 'lan' }];
      const found = plan(
        { a: host([job({ network: 'lan' })]), b: host([], { running }) },
        { shared: { networks: { lan: { streams: 1 } } } },
      );
      expect(hoursOf(runsOf(found)[0]?.start)).toBeGreaterThanOrEqual(16);
    });

    it('takes what a host has for itself for nothing that others share', () => {
      const own = (): FleetHost =>
        host([job({ stores: ['local'] }), job({ schedule: 'files', stores: ['local'] })], {
          limits: { stores: { local: { streams: 1 } } },
        });
      const found = plan({ a: own(), b: own() }, { shared: { stores: { local: { streams: 1 } } } });
      for (const runs of found.slots.values()) expect(mostAtOnce(runs, () => 1)).toBe(1);
      expect(mostAtOnce(runsOf(found), () => 1)).toBe(2);
    });

    it('takes the folder of a host of any name for nothing else, not for the bytes of a bucket that is called as it is', () => {
      const shared = { stores: { local: { bandwidth: 100 } } };
      const ofBucket = host([job({ stores: ['local'], bytesPerSecond: 60 })]);
      const atTwo = { opens: 14, closes: 14, stores: ['local'] };
      const both = [job(atTwo), job({ ...atTwo, schedule: 'files' })];
      const ofFolder = host(both, { limits: { stores: { local: { streams: 1 } } } });
      const found = plan({ a: ofBucket, bytes: ofFolder }, { shared });
      expect(mostAtOnce(found.slots.get('bytes') ?? [], () => 1)).toBe(1);
    });

    it('explains a slot by what was taken by others', () => {
      const found = plan(
        {
          a: host([job({ priority: 'critical', minutes: 120, stores: ['offsite'] })]),
          b: host([job({ priority: 'low', stores: ['offsite'] })]),
        },
        { shared: { stores: { offsite: { streams: 1 } } } },
      );
      const [slot] = found.slots.get('b') ?? [];
      expect(slot && found.explain(slot).others[0]).toMatchObject({
        whyNot: 'priority',
        text: 'the way to offsite is taken by 1 of higher priority',
      });
    });
  });

  describe('with pools', () => {
    const pooled = (more: Wish = {}): PlanJob => job({ pool: 'workers', ...more });

    it('begins what has less time than a slot takes as it opens, not as the next slot does', () => {
      const soon = { opens: 1 / 60, closes: 1 / 60, minutes: 1 };
      const startOf = (delay: number): number =>
        hoursOf(runsOf(plan({ a: host([pooled({ ...soon, delay })]) }))[0]?.start) * 60;
      expect(startOf(4.5 / 60)).toBeCloseTo(1);
      expect(startOf(10 / 60)).toBeCloseTo(5);
    });

    it('runs a job once, on the host that is quietest then', () => {
      const found = plan({
        a: host([pooled()], { load: load(() => 0.5) }),
        b: host([pooled()], { load: calmFrom(15) }),
        c: host([], { load: load(() => 0) }),
      });
      expect(runsOf(found)).toMatchObject([{ owner: 'workers', schedule: 'db', runsOn: 'b' }]);
      const [slot] = runsOf(found);
      expect(slot && found.explain(slot)).toMatchObject({
        code: 'quietest',
        load: { cpu: expect.closeTo(0.05) as number },
      });
      expect([...(found.slots.get('c') ?? [])]).toEqual([]);
    });

    it('reckons with the most that any of them has learned of it', () => {
      const found = plan({
        a: host([pooled({ minutes: 30, cpu: 0.3 })]),
        b: host([pooled({ minutes: 90, cpu: 0.2 })]),
      });
      const [slot] = runsOf(found);
      expect(hoursOf(slot?.end) - hoursOf(slot?.start)).toBe(1.5);
      expect(slot?.job.resources.cpu).toBe(0.3);
    });

    it('shares many out among the hosts, none beyond its room', () => {
      const jobs = Array.from({ length: 12 }, (_, index) =>
        pooled({ schedule: `s${index}`, opens: 14, closes: 14, delay: 0, cpu: 0.45 }),
      );
      const found = plan(Object.fromEntries(hostNames(6).map((name) => [name, host(jobs)])));
      expect(found.misfits).toEqual([]);
      for (const runs of found.slots.values()) expect(runs).toHaveLength(2);
    });

    it('leaves a host only for a gain, and gives to others what one had that is gone', () => {
      const hosts = { a: host([pooled()]), b: host([pooled()], { load: load(() => 0.41) }) };
      const before = plan(hosts);
      expect(runsOf(before)[0]?.runsOn).toBe('a');
      const hardly = load((hour) => (hour >= 14 && hour < 16 ? 0.06 : 0.4));
      const kept = plan(
        { ...hosts, a: host([pooled()], { load: hardly }), b: host([pooled()]) },
        { previous: before.slots },
      );
      expect(runsOf(kept)[0]?.runsOn).toBe('a');
      const rest = plan({ b: hosts.b }, { previous: before.slots });
      expect(runsOf(rest)).toMatchObject([{ owner: 'workers', runsOn: 'b' }]);
      expect(rest.misfits).toEqual([]);
    });

    it('follows the load of a host that the job names, as the host tells that runs it', () => {
      const hosts = { remote: calmFrom(16) };
      const found = plan({ a: host([pooled({ host: 'remote' })], { hosts }), b: host([pooled()]) });
      expect(runsOf(found)).toMatchObject([{ runsOn: 'a' }]);
      expect(hoursOf(runsOf(found)[0]?.start)).toBe(16);
    });

    it('takes a stream of the folder of the host that makes the backup, and of no other', () => {
      const folder = { stores: { local: { streams: 1 } } };
      const atTwo = (schedule: string): PlanJob =>
        pooled({ schedule, opens: 14, closes: 14, delay: 0, stores: ['local'] });
      const jobs = [atTwo('one'), atTwo('other')];
      const found = plan({ a: host(jobs, { limits: folder }), b: host(jobs, { limits: folder }) });
      expect(found.misfits).toEqual([]);
      expect(
        runsOf(found)
          .map(({ runsOn }) => runsOn)
          .toSorted(),
      ).toEqual(['a', 'b']);
      const third = plan({
        a: host([...jobs, atTwo('third')], { limits: folder }),
        b: host([...jobs, atTwo('third')], { limits: folder }),
      });
      expect(third.misfits).toMatchObject([{ owner: 'workers', reason: { code: 'late' } }]);
    });

    it('is made where the store has room, be it the folder of one host and the bucket of all others', () => {
      const shared = { stores: { vault: { streams: 1 } } };
      const atTwo = (schedule: string): PlanJob =>
        pooled({ schedule, opens: 14, closes: 14, delay: 0, stores: ['vault'] });
      const jobs = [atTwo('one'), atTwo('other')];
      const found = plan(
        { a: host(jobs), b: host(jobs), c: host(jobs, { limits: { stores: { vault: { streams: 1 } } } }) },
        { shared },
      );
      expect(found.misfits).toEqual([]);
      const ways = runsOf(found).map(({ runsOn }) => (runsOn === 'c' ? 'folder' : 'bucket'));
      expect(ways.toSorted()).toEqual(['bucket', 'folder']);
    });

    it('names what finds no host at any time', () => {
      const running = [
        { until: now + 99 * hourMs, resources: { cpu: 0.1, memory: 0 }, stores: [], server: 'x' },
      ];
      const found = plan(
        { a: host([pooled({ server: 'x' })]), b: host([pooled({ server: 'x' })], { running }) },
        { shared: { servers: { x: { dumps: 1 } } } },
      );
      expect(found.misfits).toMatchObject([{ owner: 'workers', reason: { code: 'no_room' } }]);
    });
  });

  it('starts what is due every minute at the one time it has, and plans the rest', () => {
    const each = Array.from({ length: 3 }, (_, minute): PlanJob => ({
      ...job({
        ...{ schedule: 'log', opens: 14 + minute / 60, closes: 14 + minute / 60 },
        ...{ delay: 0, minutes: 0.5, cpu: 1 },
      }),
      supersededAt: now + 14 * hourMs + (minute + 1) * minuteMs,
    }));
    const hosts = new Map([
      ['a', host([...each, job()])],
      ['b', host([job()])],
    ]);
    const found = planFleetDue({ now, hosts });
    expect(found.misfits).toEqual([]);
    const [first, ...others] = found.slots.get('a') ?? [];
    expect([hoursOf(first?.start), others.length]).toEqual([14, 3]);
    expect(found.slots.get('b')).toHaveLength(1);
    const explained = [...found.slots.values()].flat().map((slot) => found.explain(slot).code);
    expect(explained.toSorted()).toEqual(['only_start', 'only_start', 'only_start', 'quietest', 'quietest']);
  });

  describe('after a plan before', () => {
    const hosts = Object.fromEntries(
      hostNames(20).map((name, index) => [
        name,
        host(
          Array.from({ length: 5 }, (_, each) =>
            job({ schedule: `s${each}`, opens: 8 + ((index + each) % 7), closes: 18, stores: ['offsite'] }),
          ),
          { load: calmFrom(9 + (index % 5)) },
        ),
      ]),
    );
    const shared = { stores: { offsite: { streams: 20 } } };
    const before = plan(hosts, { shared });

    it('moves nothing where nothing has changed', () => {
      const again = plan(hosts, { shared, previous: before.slots, changed: new Set() });
      expect(again.slots).toEqual(before.slots);
    });

    it('places anew what belongs to hosts that have changed, and leaves all others alone', () => {
      const { db3 = host([]) } = hosts;
      const later = {
        ...db3,
        jobs: db3.jobs.map((each) => ({ ...each, durationMs: 2 * each.durationMs })),
        load: calmFrom(17),
      };
      const again = plan(
        { ...hosts, db3: later },
        { shared, previous: before.slots, changed: new Set(['db3']) },
      );
      expect(again.misfits).toEqual([]);
      expect(again.slots.get('db3')).not.toEqual(before.slots.get('db3'));
      for (const [name, slots] of before.slots)
        if (name !== 'db3') expect(again.slots.get(name)).toEqual(slots);
      expect(mostAtOnce(runsOf(again), () => 1)).toBeLessThanOrEqual(20);
    });

    it('gives what takes longer now the room that others leave', () => {
      const one = { shared: { stores: { offsite: { streams: 1 } } } };
      const jobOf = (minutes: number) => host([job({ minutes, stores: ['offsite'] })]);
      const first = plan({ a: jobOf(60), b: jobOf(60) }, one);
      expect(['a', 'b'].map((name) => hoursOf(first.slots.get(name)?.[0]?.start))).toEqual([14, 15]);
      const next = plan(
        { a: jobOf(90), b: jobOf(60) },
        { ...one, previous: first.slots, changed: new Set(['a']) },
      );
      expect(next.slots.get('b')).toEqual(first.slots.get('b'));
      expect(mostAtOnce(runsOf(next), () => 1)).toBe(1);
    });

    it('moves others for one that would find no room', () => {
      const one = { shared: { stores: { offsite: { streams: 1 } } } };
      const a = host([job({ opens: 12, closes: 15, delay: 0, stores: ['offsite'] })]);
      const first = plan({ a, b: host([]) }, one);
      expect(hoursOf(runsOf(first)[0]?.start)).toBe(14);
      const b = host([job({ opens: 14, closes: 14, delay: 0, stores: ['offsite'] })]);
      const next = plan({ a, b }, { ...one, previous: first.slots, changed: new Set(['b']) });
      expect(next.misfits).toEqual([]);
      expect(hoursOf(next.slots.get('b')?.[0]?.start)).toBe(14);
      expect(mostAtOnce(runsOf(next), () => 1)).toBe(1);
    });

    it('moves on what should have started, whoever has changed', () => {
      const at = now + 15 * hourMs;
      const one = plan({ a: host([job()]) });
      const next = plan({ a: host([job()]) }, { now: at, previous: one.slots, changed: new Set() });
      expect(runsOf(next)[0]?.start).toBe(at);
    });
  });

  const wishes = fc.record({
    opens: fc.integer({ min: -300, max: 1500 }).map((minutes) => minutes / 60),
    window: fc.integer({ min: 0, max: 400 }).map((minutes) => minutes / 60),
    delay: fc.integer({ min: 0, max: 5 }),
    minutes: fc.integer({ min: 1, max: 200 }),
    cpu: fc.double({ min: 0, max: 0.6, noNaN: true }),
    stores: fc.constantFrom([], ['offsite'], ['local'], ['local', 'offsite']),
    network: fc.constantFrom(undefined, 'lan'),
    server: fc.constantFrom(undefined, 'main'),
    bytesPerSecond: fc.constantFrom(undefined, 30, 70),
    priority: fc.constantFrom('critical' as const, 'high' as const, 'medium' as const, 'low' as const),
  });
  const jobOf = (
    { opens, window, network, server, bytesPerSecond, ...wish }: WishOf,
    schedule: string,
    pool?: string,
  ): PlanJob =>
    job({
      ...wish,
      opens,
      closes: opens + window,
      schedule,
      ...(network !== undefined && { network }),
      ...(server !== undefined && { server }),
      ...(bytesPerSecond !== undefined && { bytesPerSecond }),
      ...(pool !== undefined && { pool }),
    });
  type WishOf = typeof wishes extends fc.Arbitrary<infer T> ? T : never;
  const shared = {
    stores: { offsite: { streams: 2, bandwidth: 100 } },
    networks: { lan: { streams: 3, bandwidth: 120 } },
    servers: { main: { dumps: 1 } },
  };
  const requests = fc
    .record({
      pooled: fc.array(wishes, { maxLength: 6 }),
      hosts: fc.array(
        fc.record({
          jobs: fc.array(wishes, { maxLength: 6 }),
          loads: fc.array(fc.double({ min: 0, max: 1 }), { minLength: 1, maxLength: 40 }),
          capacity: fc.constantFrom(undefined, { cpu: 0.6, memory: 0.9 }),
          isRunning: fc.boolean(),
        }),
        { minLength: 1, maxLength: 4 },
      ),
    })
    .map(({ pooled, hosts }): FleetRequest => ({
      now,
      hosts: new Map(
        hosts.map(({ jobs, loads, capacity, isRunning }, index) => [
          `db${index}`,
          {
            jobs: [
              ...jobs.map((wish, each) => jobOf(wish, `s${each}`)),
              // The last host is none of the pool, where there are several.
              ...(index > 0 && index === hosts.length - 1
                ? []
                : pooled.map((wish, each) => jobOf(wish, `p${each}`, 'workers'))),
            ],
            load: load((hour) => loads[Math.floor(hour * 2) % loads.length] ?? 0),
            limits: { stores: { local: { streams: 2 } } },
            ...(capacity !== undefined && { capacity }),
            ...(isRunning && { running: [goingOn] }),
          },
        ]),
      ),
      shared,
    }));
  const goingOn: RunningJob = {
    until: now + 2 * hourMs,
    resources: { cpu: 0.1, memory: 0.1 },
    stores: ['local', 'offsite'],
  };

  it('never breaks a law, drops nothing, and has a reason for everything', () => {
    fc.assert(
      fc.property(requests, (request) => {
        const found = planFleet(request);
        expectLawful(found, request);
        for (const run of runsOf(found)) expect(found.explain(run).text).not.toBe('');
      }),
      { numRuns: 100 },
    );
  });

  it('never breaks a law where it goes on from a plan before', () => {
    fc.assert(
      fc.property(requests, requests, (first, second) => {
        const request = { ...second, previous: planFleet(first).slots, changed: new Set(['db0', 'db1']) };
        expectLawful(planFleet(request), request);
      }),
      { numRuns: 60 },
    );
  });

  it('is the same plan for the same request, in whatever order hosts are told, and again when nothing has changed', () => {
    fc.assert(
      fc.property(requests, (request) => {
        const once = planFleet(request);
        const reversed = new Map([...request.hosts].reverse());
        expect(planFleet({ ...request, hosts: reversed }).slots).toEqual(once.slots);
        if (once.misfits.length > 0) return;
        const again = planFleet({ ...request, previous: once.slots, changed: new Set() });
        expect(again.slots).toEqual(once.slots);
      }),
      { numRuns: 40 },
    );
  });

  it('is for one host what planSlots plans', () => {
    fc.assert(
      fc.property(requests, (request) => {
        const [one] = request.hosts.values();
        if (one === undefined) return;
        const found = planFleet({ ...request, hosts: new Map([['db', one]]) });
        const stores = { ...shared.stores, ...one.limits?.stores };
        const alone = planSlots({ ...one, now, limits: { ...shared, stores } });
        const ofFleet = runsOf(found).map(({ schedule, start }) => [schedule, start]);
        expect(ofFleet).toEqual(alone.slots.map(({ schedule, start }) => [schedule, start]));
        expect(found.misfits.map(({ reason }) => reason)).toEqual(alone.misfits.map(({ reason }) => reason));
      }),
      { numRuns: 40 },
    );
  });

  interface Counted {
    readonly capacity: number;
    readonly amountOf: (
      run: Pick<PlanJob, 'stores' | 'network' | 'server' | 'bytesPerSecond'>,
      on: string,
    ) => number;
  }

  /** Throws where a plan breaks a law; counted slot by slot from the request alone. */
  function expectLawful(found: PlannedFleet, request: FleetRequest): void {
    const runs = runsOf(found);
    const identities = runs.map(({ owner, schedule, dueAt }) => `${owner} ${schedule} ${dueAt}`);
    expect(new Set(identities).size).toBe(identities.length);
    const cramped = new Set(
      found.misfits.filter(({ reason }) => reason.code === 'cramped').map((misfit) => misfit.job),
    );
    for (const [instance, { jobs }] of request.hosts) {
      for (const { pool = instance, schedule, occurrence } of jobs) {
        const isSame = (owner: string, each: PlanJob): boolean =>
          owner === pool && each.schedule === schedule && each.occurrence.dueAt === occurrence.dueAt;
        const isTold =
          runs.some((run) => isSame(run.owner, run.job)) ||
          found.misfits.some((misfit) => isSame(misfit.owner, misfit.job));
        expect(isTold).toBe(true);
      }
    }
    for (const { owner, runsOn, schedule, start, job: each } of runs) {
      const { windowStart, deadline } = each.occurrence;
      const told = request.hosts.get(runsOn)?.jobs ?? [];
      expect(told.some((one) => one.schedule === schedule && (one.pool ?? runsOn) === owner)).toBe(true);
      expect(start).toBeGreaterThanOrEqual(Math.max(windowStart, request.now));
      if (start > Math.max(deadline, request.now)) {
        expect(
          found.misfits.some((misfit) => misfit.job === each && misfit.lateMs === start - deadline),
        ).toBe(true);
      }
    }
    const running = [...request.hosts].flatMap(([on, { running: own = [] }]) =>
      own.map((run) => ({ ...run, on })),
    );
    const count = (counted: Counted): void => {
      const used = new Float64Array(900);
      const add = (from: number, to: number, amount: number): void => {
        for (let slot = Math.floor(slotOf(from)); slot < Math.ceil(slotOf(to)); slot += 1) {
          used[slot] = (used[slot] ?? 0) + amount;
        }
      };
      for (const run of running) add(now, run.until, counted.amountOf(run, run.on));
      const before = used.slice();
      for (const { start, end, job: each, runsOn } of runs) {
        if (!cramped.has(each)) add(start, end, counted.amountOf(each, runsOn));
      }
      for (const [slot, sum] of used.entries()) {
        if (sum > (before[slot] ?? 0)) expect(sum).toBeLessThanOrEqual(counted.capacity + 1e-6);
      }
    };
    const rate = (run: { readonly bytesPerSecond?: number }): number => run.bytesPerSecond ?? 0;
    const { offsite } = shared.stores;
    count({ capacity: offsite.streams, amountOf: ({ stores }) => (stores.includes('offsite') ? 1 : 0) });
    count({
      capacity: offsite.bandwidth,
      amountOf: (run) => (run.stores.includes('offsite') ? rate(run) : 0),
    });
    count({ capacity: 3, amountOf: ({ network }) => (network === 'lan' ? 1 : 0) });
    count({ capacity: 120, amountOf: (run) => (run.network === 'lan' ? rate(run) : 0) });
    count({ capacity: 1, amountOf: ({ server }) => (server === 'main' ? 1 : 0) });
    for (const [instance, { load: own, running: goes = [], capacity }] of request.hosts) {
      count({
        capacity: 2,
        amountOf: ({ stores }, on) => (on === instance && stores.includes('local') ? 1 : 0),
      });
      const cpu = Float64Array.from(
        { length: 900 },
        (_, slot) => own.cpu[slot < 576 ? slot : 288 + (slot % 288)] ?? 0,
      );
      for (const { until, resources } of goes) {
        for (let slot = 0; slot < slotOf(until); slot += 1) cpu[slot] = (cpu[slot] ?? 0) + resources.cpu;
      }
      const before = cpu.slice();
      for (const { start, end, job: each } of found.slots.get(instance) ?? []) {
        if (cramped.has(each)) continue;
        for (let slot = Math.floor(slotOf(start)); slot < Math.ceil(slotOf(end)); slot += 1) {
          cpu[slot] = (cpu[slot] ?? 0) + each.resources.cpu;
        }
      }
      for (const [slot, sum] of cpu.entries()) {
        if (sum > (before[slot] ?? 0)) expect(sum).toBeLessThanOrEqual((capacity?.cpu ?? 1) + 1e-7);
      }
    }
  }
});
