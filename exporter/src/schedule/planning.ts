import type { EpochMs } from '../units/instant.ts';
import type { FleetHost, FleetRequest } from './fleet.ts';
import { SharedResources, type Shared } from './limits.ts';
import { findPlacement } from './optimise.ts';
import type { Claim, PlacementJob, PlacementProblem } from './placement-problem.ts';
import { unplaced, type Placement } from './placement.ts';
import { PreviousPlaces } from './previous-places.ts';
import { rescue } from './rescue.ts';
import { jobsOf, type FleetJob } from './fleet-jobs.ts';
import { resourcesOf, type Taken } from './host-resources.ts';
import type { PlanJob, Priority } from './planner.ts';
import { hasRoom, withinRoom } from './room.ts';
import {
  loadWeights,
  occupy,
  slotAt,
  slotGrid,
  writeLoad,
  type GridLoad,
  type HostLoad,
  type SlotGrid,
} from './slot-grid.ts';
import { successionOf, turnsOf, type Turn } from './turns.ts';
import { dayMs } from './zone.ts';

/** What a plan was made from and what came of it: all that its reasons need. */
export interface Planning {
  readonly now: EpochMs;
  readonly grid: SlotGrid;
  readonly hosts: readonly PlanningHost[];
  /** Of all hosts, end to end, as their places are. */
  readonly load: GridLoad;
  readonly jobs: readonly FleetJob[];
  /** Of those that may meet another run of their schedule. */
  readonly turns: ReadonlyMap<number, Turn>;
  readonly placement: Placement;
  /** What the jobs ask for, also where less than that is free at any time. */
  readonly wanted: readonly PlacementJob[];
  /** In the order of the resources behind cpu and memory. */
  readonly shared: readonly Shared[];
  /** Whether a job would find all that it asks for if nothing ran now. */
  readonly hasRoomAlone: (index: number) => boolean;
}

export interface PlanningHost extends FleetHost {
  readonly instance: string;
  /** The load of other hosts that its jobs name, slot by slot, and its number in the problem's `elsewhere`. */
  readonly elsewhere: ReadonlyMap<string, { readonly index: number; readonly load: GridLoad }>;
}

/** What the load that a job meets counts, and what it counts that another job meets this one's. */
const weights: Readonly<Record<Priority, number>> = { critical: 8, high: 4, medium: 2, low: 1 };
/** An hour behind the window is as bad as meeting a load that is higher by a quarter. */
const delayPenaltyPerHour = 0.25;
/** Of what takes all the time up to the next one: no quieter hour is worth what would be missed behind it. */
const promptPenaltyPerHour = 10;
/** So much that no gain of others pays for leaving one out. */
const unplacedPenalty = 100;
/** A slot is left for another that is quieter by at least two hundredths of the host. */
const movePenalty = 0.02;
/** How far behind the last deadline room is looked for. */
const latestRescueMs = dayMs;

/** Looks for the plan that is asked for. */
export function makePlanning(request: FleetRequest): Planning {
  const { now, changed, previous } = request;
  const instances = [...request.hosts.keys()].sort();
  const told = instances.flatMap((instance) => request.hosts.get(instance) ?? []);
  const jobs = jobsOf(instances, told);
  const grid = gridOf(request.now, told, jobs);
  const load = loadsOf(told, grid);
  const elsewhere: Float64Array[] = [];
  const hosts = told.map((host, index): PlanningHost => ({
    ...host,
    instance: instances[index] ?? '',
    elsewhere: othersOf(host, grid, load, { at: index * grid.slots, elsewhere }),
  }));
  const resources = new SharedResources(request.shared ?? {});
  const claims = jobs.map((job) => claimsOf(job, hosts, resources));
  const before = new PreviousPlaces(request, instances, grid);
  const isStill = hosts.map(({ instance }) => changed?.has(instance) === false);
  const turns = turnsOf(jobs, {
    now,
    slotMs: grid.slotMs,
    running: told.map(({ running = [] }) => running),
    instances,
  });
  const wanted = jobs.map(({ job, owner, hosts: all }, index) => {
    const turn = turns.get(index);
    const own = turn?.hosts ?? all;
    const place = before.of(owner, job);
    const host = place === unplaced ? unplaced : Math.floor(place / grid.slots);
    const isKnown = own.includes(host);
    const from = turn?.from;
    const placed = placementJob(
      grid,
      job,
      { now, from },
      {
        hosts: own,
        claims: claims[index],
        elsewhere: job.host === undefined ? undefined : own.map((each) => indexOf(hosts[each], job.host)),
        previous: isKnown ? place : undefined,
        stays: isKnown && isStill[host] === true,
      },
    );
    return turn === undefined ? placed : inTurn(grid, placed, turn, job.durationMs);
  });
  const taken = { now, grid, hosts, load, resources };
  const running = (): Taken => resourcesOf({ ...taken, load: undefined });
  const common: Omit<PlacementProblem, 'jobs'> = {
    ...resourcesOf(taken),
    lent: lentTo(now, hosts, grid),
    elsewhere,
    slots: grid.slots,
    slotHours: grid.slotMs / 3_600_000,
    hosts: hosts.length,
    delayPenaltyPerHour,
    unplacedPenalty,
    movePenalty,
  };
  const hadPlan = previous !== undefined && [...previous.values()].some((slots) => slots.length > 0);
  const placement = findPlacement(
    { ...common, jobs: withinRoom(wanted, common, running) },
    request.effort ?? { thoroughness: hadPlan ? 'settled' : 'improved' },
  );
  rescue(placement, wanted, () => successionOf(jobs));
  let idle: Taken | undefined;
  const hasRoomAlone = (index: number): boolean => {
    const job = wanted[index];
    idle ??= resourcesOf({ ...taken, hosts: hosts.map((host) => ({ ...host, running: [] })) });
    return job !== undefined && hasRoom(job, { ...common, ...idle });
  };
  return { now, grid, hosts, load, jobs, turns, placement, wanted, shared: resources.list, hasRoomAlone };
}

function indexOf(host: PlanningHost | undefined, name: string | undefined): number | undefined {
  return host?.elsewhere.get(name ?? '')?.index;
}

/** The steps of the first host; those of the others are the same where they have not been set otherwise. */
function gridOf(now: EpochMs, hosts: readonly FleetHost[], jobs: readonly FleetJob[]): SlotGrid {
  const [first] = hosts;
  const load = first?.load ?? nobody;
  const until = jobs.reduce((last, { job: { occurrence, durationMs } }) => {
    return Math.max(last, Math.max(occurrence.deadline, now) + durationMs + load.stepMs);
  }, now);
  return slotGrid(load, now, until + latestRescueMs);
}

const nobody = {
  startsAt: 0,
  stepMs: 300_000,
  cpu: new Float64Array(),
  memory: new Float64Array(),
  isKnown: false,
};

function loadsOf(hosts: readonly FleetHost[], grid: SlotGrid): GridLoad {
  const length = hosts.length * grid.slots;
  const load = { cpu: new Float64Array(length), memory: new Float64Array(length) };
  for (const [index, host] of hosts.entries()) writeLoad(host.load, grid, load, index * grid.slots);
  return load;
}

function othersOf(
  host: FleetHost,
  grid: SlotGrid,
  own: GridLoad,
  { at, elsewhere }: { readonly at: number; readonly elsewhere: Float64Array[] },
): PlanningHost['elsewhere'] {
  const { cpu, memory } = loadWeights;
  return new Map(
    Object.entries(host.hosts ?? {}).map(([name, told]) => {
      const load = { cpu: new Float64Array(grid.slots), memory: new Float64Array(grid.slots) };
      writeLoad(told, grid, load, 0);
      const difference = Float64Array.from({ length: grid.slots }, (_, slot) => {
        const inCpu = (load.cpu[slot] ?? 0) - (own.cpu[at + slot] ?? 0);
        return cpu * inCpu + memory * ((load.memory[slot] ?? 0) - (own.memory[at + slot] ?? 0));
      });
      return [name, { index: elsewhere.push(difference) - 1, load }];
    }),
  );
}

/** One that may run on several hosts claims what is one's own there alone; what it claims on all of them, wherever it runs. */
function claimsOf(
  { job, hosts: own }: FleetJob,
  hosts: readonly PlanningHost[],
  resources: SharedResources,
): readonly Claim[] {
  const each = own.map((host) => ({
    host,
    claims: resources.claims(job, hosts[host]?.instance ?? '', hosts[host]?.limits),
  }));
  const [first] = each;
  if (first === undefined || each.length === 1) return first?.claims ?? [];
  const isCommon = ({ resource }: Claim): boolean =>
    each.every(({ claims }) => claims.some((claim) => claim.resource === resource));
  const common = first.claims.filter(isCommon);
  const bound = each.flatMap(({ host, claims }) =>
    claims.filter((claim) => !isCommon(claim)).map((claim) => ({ ...claim, host })),
  );
  return [...common, ...bound];
}

/** A job in slots. One whose time is over may start now, and only now; `from`: nor before, absent: as its window opens. */
function placementJob(
  grid: SlotGrid,
  { occurrence, durationMs, resources, priority, supersededAt = Infinity, isSkipped }: PlanJob,
  { now, from }: { readonly now: EpochMs; readonly from: EpochMs | undefined },
  where: Pick<PlacementJob, 'hosts' | 'claims' | 'elsewhere' | 'previous'> & { readonly stays: boolean },
): PlacementJob {
  const { startsAt, slotMs } = grid;
  const opens = from ?? Math.max(occurrence.windowStart, now);
  // As the next one's window opens, that one is the one to run.
  const last = Math.min(occurrence.deadline, supersededAt - 1);
  const latest = slotAt(grid, Math.max(last, opens));
  const whole = Math.ceil((opens - startsAt) / slotMs);
  // Where no slot begins between opening and deadline, it starts amid one, and may reach into one more. So does one that has less time
  // than a slot takes: most of that would go by before the next one begins.
  const opening = slotAt(grid, opens);
  const isShort = occurrence.deadline - occurrence.windowStart < slotMs;
  const fits = whole <= latest && (whole === opening || !isShort);
  const earliest = fits ? whole : opening;
  return {
    earliest,
    latest,
    lastChance: isSkipped === true ? latest : Math.ceil((supersededAt - startsAt) / slotMs) - 1,
    windowEnd: Math.max(earliest, slotAt(grid, occurrence.windowEnd)),
    isLate: now > (occurrence.windowEnd + occurrence.deadline) / 2,
    duration: Math.max(1, Math.ceil(durationMs / slotMs)) + (fits ? 0 : 1),
    weight: weights[priority],
    needs: [resources.cpu, resources.memory],
    hosts: where.hosts,
    claims: where.claims,
    elsewhere: where.elsewhere,
    previous: where.previous,
    stays: where.stays,
  };
}

/** The same where other runs of its schedule are near. */
function inTurn(grid: SlotGrid, job: PlacementJob, turn: Turn, durationMs: number): PlacementJob {
  const { follows, isMissed, isPrompt } = turn;
  if (isMissed) return { ...job, latest: never, lastChance: never };
  if (!isPrompt) return { ...job, follows };
  const earliest = slotAt(grid, turn.from);
  const duration = slotsUpTo(grid, turn, durationMs);
  return {
    ...job,
    ...{ follows, earliest, windowEnd: earliest, duration, delayPenaltyPerHour: promptPenaltyPerHour },
  };
}

/** Before the first slot. */
const never = -1;

/** Where the next one begins as this one is over, that slot is the next one's: neither takes more than its part of it. */
function slotsUpTo(grid: SlotGrid, { from, until }: Turn, durationMs: number): number {
  const over = from + durationMs;
  const last = slotAt(grid, over);
  const end = until !== undefined && slotAt(grid, until) === last ? last : slotAt(grid, over - 1) + 1;
  return Math.max(1, end - slotAt(grid, from));
}

/**
 * What load counts to the runs that go on: whoever starts beside one costs it as much as one that is planned. Were that for nothing,
 * all would start as soon as something that counts for much has begun.
 */
function lentTo(now: EpochMs, hosts: readonly PlanningHost[], grid: SlotGrid): Float64Array {
  const lent = new Float64Array(hosts.length * grid.slots);
  for (const [index, { running = [] }] of hosts.entries()) {
    for (const { priority, durationMs, until } of running) {
      if (priority === undefined || durationMs === undefined) continue;
      const share = weights[priority] / Math.max(1, Math.ceil(durationMs / grid.slotMs));
      occupy(grid, lent, share, { from: now, until, at: index * grid.slots });
    }
  }
  return lent;
}

/** What a job meets there; a host that nothing is told of is taken for the one it runs on. */
export function outlookOf({ hosts = {}, load }: Pick<FleetHost, 'hosts' | 'load'>, job: PlanJob): HostLoad {
  return hosts[job.host ?? ''] ?? load;
}

/** Whether others leave it no room before. */
export function isFirstRoom(placement: Placement, index: number, place: number): boolean {
  const first = place - (place % placement.slots) + (placement.earliest[index] ?? 0);
  return Array.from({ length: Math.max(0, place - first) }, (_, step) => first + step).every(
    (before) => placement.shortage(index, before).missing > 0,
  );
}

/** Whether a job is planned with less than it asks for. */
export function makesDo({ placement, wanted }: Planning, index: number): boolean {
  const asked = wanted[index];
  if (asked === undefined || asked === placement.problem.jobs[index]) return false;
  return asked.needs.some((need, resource) => need > placement.need(index, resource));
}
