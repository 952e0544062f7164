import type { Config } from '../config/schema.ts';
import type { HostStrain, Resource } from '../load/load.ts';

/**
 * How runs make way for a host that is busy with other things. Time goes in turns; in each of them the runs are stopped for a
 * while, all at once, and work for the rest.
 *
 * - **The share** of a turn in which they work is halved with each turn in which the host is above a mark, down to an
 *   eighth, and doubled with each in which it is well below all of them. In between it stays: nothing flaps about a mark.
 * - **The floor** of each run rises as its time goes: at least that share of each turn it works, so that it ends in time.
 * - **Whose load it is** can hardly be told while runs work: their waiting is pressure as well, and where the processors are
 *   full they take what others would have had. So it is judged by what is left while all of them are stopped. Where they are
 *   not, one short stop now and then finds it out, ever more seldom as long as it turns out to be Lowtide's own: that
 *   alone never slows it down.
 */
export interface Pace {
  /** Of each turn, in which runs work whose floor is not higher. */
  readonly share: number;
  /** The next turn has a stop that is long enough to tell whose load it is. */
  readonly probes: boolean;
  /** How many turns lie between the last probe and the next, and how many of them are left. */
  readonly patience: number;
  readonly probeIn: number;
  /** What the host was above when it was last slowed down; absent at full speed. */
  readonly why?: Strained;
}

export type Strained = 'cpu' | `${Resource}_pressure`;

/** As part of a sentence. */
export const strainTexts: Readonly<Record<Strained, string>> = {
  cpu: 'the processors are above load.slow_down',
  cpu_pressure: 'too much work waits for the processors',
  memory_pressure: 'too much work waits for memory',
  disk_pressure: 'too much work waits for the disk',
};

export type Marks = Config['load']['slow_down'];

/** What was seen of the host during one turn. */
export interface TurnReport {
  /** Over all of it. */
  readonly seen: HostStrain;
  /** While all runs were stopped; absent where that was too short to tell. */
  readonly alone?: HostStrain;
}

/** A run's time, in milliseconds of one clock. */
export interface RunTime {
  readonly now: number;
  readonly startedAt: number;
  /** When it should be over. */
  readonly finishBy: number;
  /** How long it works, if nothing stops it. */
  readonly expectedMs: number;
  /** How long it has worked so far. */
  readonly workedMs: number;
  /** How much of its bytes has come, 0 to 1; absent where it is not known how many there will be. */
  readonly done?: number;
}

/** As long as nobody is in the way of anybody, a look is taken twice as often. */
export function lengthOf(pace: Pace, turnMs: number): number {
  return pace.share === 1 && !pace.probes ? turnMs / 2 : turnMs;
}

/** Runs are stopped for whole eighths of a turn, and work at least one. */
export const stepsPerTurn = 8;
const leastShare = 1 / stepsPerTurn;
/** For the first of these steps the pressure is still that of before (the kernel counts it every two seconds); two are judged. */
export const probeSteps = 3;
/** So far below a mark the host has to be before runs go faster again. */
const release = 0.9;
const leastPatience = 4;
const mostPatience = 64;

export const fullPace: Pace = { share: 1, probes: false, patience: leastPatience, probeIn: 0 };

/** The pace of the next turn, from what was seen in the last. */
export function nextPace(pace: Pace, report: TurnReport, marks: Marks): Pace {
  const verdict = judge(report, marks);
  if (verdict.word === 'above') {
    return { ...fullPace, share: Math.max(leastShare, pace.share / 2), why: verdict.why };
  }
  // What a probe could not find out, for want of time, holds up nothing.
  const isClear = verdict.word === 'below' || (verdict.word === 'unclear' && pace.probes);
  const share = isClear ? Math.min(1, pace.share * 2) : pace.share;
  const patience = pace.probes ? Math.min(mostPatience, pace.patience * 2) : pace.patience;
  const probeIn = pace.probes ? patience : Math.max(0, pace.probeIn - 1);
  return {
    share,
    probes: verdict.word === 'unclear' && probeIn === 0,
    patience,
    probeIn,
    ...(share < 1 && pace.why !== undefined && { why: pace.why }),
  };
}

type Verdict =
  { readonly word: 'above'; readonly why: Strained } | { readonly word: 'between' | 'below' | 'unclear' };

const resources: readonly Resource[] = ['cpu', 'memory', 'disk'];
/** Runs that wait for the processors wait for one another: of others, what they use of them tells more. */
const askedFor: readonly Resource[] = ['memory', 'disk'];
/** Who gets less than this part of a mark, beside runs that stand back, would not get above it without them. */
const crowded = 0.5;

function judge({ seen, alone }: TurnReport, marks: Marks): Verdict {
  const why = alone === undefined ? undefined : aboveMarks(alone, marks);
  // What others took beside the runs they would have taken without them.
  if (why !== undefined || seen.cpu > marks.cpu) return { word: 'above', why: why ?? 'cpu' };
  if (alone === undefined && mayBeOthers(seen, marks)) return { word: 'unclear' };
  const isClear =
    alone === undefined
      ? !isNear(seen.cpu, marks.cpu) && isCalm(seen, marks, askedFor)
      : !isNear(Math.max(seen.cpu, alone.cpu), marks.cpu) && isCalm(alone, marks, resources);
  return { word: isClear ? 'below' : 'between' };
}

function aboveMarks({ cpu, pressure }: HostStrain, marks: Marks): Strained | undefined {
  if (cpu > marks.cpu) return 'cpu';
  const waiting = resources.find((resource) => pressure[resource] > marks.pressure[resource]);
  return waiting && `${waiting}_pressure`;
}

function mayBeOthers({ cpu, allCpu, pressure }: HostStrain, marks: Marks): boolean {
  if (allCpu > marks.cpu && cpu > crowded * marks.cpu) return true;
  return askedFor.some((resource) => pressure[resource] > marks.pressure[resource]);
}

function isCalm({ pressure }: HostStrain, marks: Marks, judged: readonly Resource[]): boolean {
  return !judged.some((resource) => isNear(pressure[resource], marks.pressure[resource]));
}

function isNear(share: number, mark: number): boolean {
  return share > release * mark;
}

/** The share of its time that a run has to work now, 0 to 1: it rises with the time that is gone, and with what is left to do. */
export function floorOf(run: RunTime): number {
  const { now, startedAt, finishBy } = run;
  if (!(now < finishBy)) return 1;
  const gone = (now - startedAt) / (finishBy - startedAt);
  const needed = remainingMs(run) / (finishBy - now);
  return Math.min(1, Math.max(leastShare, gone, needed));
}

/** For how long a run is stopped at the beginning of the next turn: whole steps of it, and never into the time it needs. */
export function pauseOf(pace: Pace, run: RunTime, turnMs: number): number {
  const stepMs = turnMs / stepsPerTurn;
  const floor = floorOf(run);
  const byShare = (1 - Math.max(floor, pace.share)) * turnMs;
  const byProbe = pace.probes ? Math.min(probeSteps * stepMs, (1 - floor) * turnMs) : 0;
  const spare = run.finishBy - run.now - remainingMs(run);
  return Math.max(0, Math.floor(Math.min(Math.max(byShare, byProbe), spare) / stepMs)) * stepMs;
}

/** By its time, or by its bytes where those lag behind: beside others it works more slowly. */
function remainingMs({ expectedMs, workedMs, done = 1 }: RunTime): number {
  return Math.max(0, expectedMs - workedMs, expectedMs * (1 - done));
}
