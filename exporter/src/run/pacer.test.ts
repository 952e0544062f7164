import { beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../clock/manual.ts';
import { hostGauge } from '../load/gauge.ts';
import type { HostCounters, HostGauge, Resource } from '../load/load.ts';
import type { Pressure } from '../load/pressure.ts';
import { Pacer, type PacedRun, type Pacing } from './pacer.ts';

const turnMs = 16_000;
const second = 1000;
const marks = { cpu: 0.85, pressure: { cpu: 0.6, memory: 0.2, disk: 0.5 } };

/** A host whose load is said, and whose disk is waited for as well by the runs that work. */
class Host implements HostGauge {
  cpu = 0;
  others = 0;
  working = 0;
  readonly #clock: ManualClock;
  readonly #gauge = hostGauge({ proc: '/nowhere', pid: process.pid, elapsed: () => 0 });
  #last = 0;
  #busy = 0;
  #stalledMs = 0;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  /** Counts what has been so far; to be called before anything changes. */
  count(): void {
    const elapsed = this.#clock.now() - this.#last;
    this.#last = this.#clock.now();
    this.#busy += elapsed * this.cpu;
    this.#stalledMs += elapsed * Math.max(this.others, this.working > 0 ? 0.9 : 0);
  }

  read(): HostCounters {
    this.count();
    const pressure = (stalledMs: number): Pressure => ({
      some: { avg10: 0, avg60: 0, avg300: 0 },
      full: { avg10: 0, avg60: 0, avg300: 0 },
      stalledMs,
    });
    const of = (resource: Resource): Pressure => pressure(resource === 'disk' ? this.#stalledMs : 0);
    return {
      at: this.#clock.now(),
      ownTicks: 0,
      processors: { busy: this.#busy, all: this.#clock.now() },
      pressure: { cpu: of('cpu'), memory: of('memory'), disk: of('disk') },
    };
  }

  between(from: HostCounters, to: HostCounters): ReturnType<HostGauge['between']> {
    return this.#gauge.between(from, to);
  }
}

let clock: ManualClock;
let host: Host;
let pacer: Pacer;
let sleeps: number;

beforeEach(() => {
  clock = new ManualClock(0);
  host = new Host(clock);
  sleeps = 0;
  pacer = new Pacer({
    gauge: host,
    marks,
    turnMs,
    elapsed: () => clock.now(),
    sleep: (ms, signal) => {
      sleeps += 1;
      return clock.wakeAt(clock.now() + ms, signal).catch(() => undefined);
    },
  });
});

/** Lets the time pass, second by second, and everything happen that is due. */
async function pass(ms: number): Promise<void> {
  for (let gone = 0; gone < ms; gone += second) {
    await settle();
    clock.advance(second);
    await settle();
  }
}
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface Joined {
  readonly pacing: Pacing;
  /** When it was stopped, and when continued, in seconds. */
  readonly told: string[];
  readonly stop: AbortController;
}

function join(more: Partial<PacedRun> = {}): Joined {
  const told: string[] = [];
  const stop = new AbortController();
  const tell = (what: string): void => void told.push(`${what} ${clock.now() / second}`);
  let isWorking = true;
  const turnTo = (works: boolean): void => {
    host.count();
    host.working += Number(works) - Number(isWorking);
    isWorking = works;
  };
  host.count();
  host.working += 1;
  const pacing = pacer.join({
    crew: {
      pause() {
        turnTo(false);
        tell('stop');
      },
      resume() {
        turnTo(true);
        tell('go');
      },
      hurry() {
        if (!told.some((what) => what.startsWith('hurry'))) tell('hurry');
      },
    },
    expectedMs: 60 * second,
    finishInMs: 10_000 * second,
    done: () => undefined,
    onPace: (why) => tell(why === undefined ? 'fast' : `slow by ${why}`),
    signal: stop.signal,
    ...more,
  });
  return { pacing, told, stop };
}

describe('the pacer', () => {
  it('lets a run work on a quiet host, but for a look now and then whose pressure there is', async () => {
    const { told, pacing } = join();
    await pass(32 * second);
    expect(told).toEqual(['stop 8', 'go 14']);
    await pass(1968 * second);
    expect(pacing.pausedSeconds).toBeLessThan(0.04 * 2000);
    expect(told.filter((each) => each.startsWith('slow'))).toEqual([]);
  });

  it('stops a run in turns while the host is busy, shorter and shorter, and lets it go on afterwards', async () => {
    const { told, pacing } = join();
    host.cpu = 1;
    await pass(56 * second);
    host.count();
    host.cpu = 0.1;
    await pass(54 * second);
    expect(told).toEqual([
      ...['slow by cpu 8', 'stop 8', 'go 16', 'stop 24', 'go 36', 'stop 40', 'go 54'],
      ...['stop 56', 'go 70', 'stop 72', 'go 84', 'stop 88', 'go 96', 'fast 104'],
    ]);
    expect(pacing.pausedSeconds).toBe(8 + 12 + 14 + 14 + 12 + 8);
  });

  it('slows a run down by the pressure that others have, once it has looked', async () => {
    const { told } = join();
    host.others = 0.8;
    await pass(39 * second);
    expect(told).toEqual(['stop 8', 'go 14', 'slow by disk_pressure 24', 'stop 24', 'go 32']);
  });

  it('stops runs together, and continues each by its own floor', async () => {
    const [long, short] = [join(), join({ expectedMs: 10 * second, finishInMs: 100 * second })];
    host.cpu = 1;
    await pass(55 * second);
    expect(long.told.slice(1)).toEqual(['stop 8', 'go 16', 'stop 24', 'go 36', 'stop 40', 'go 54']);
    expect(short.told.slice(1)).toEqual(['stop 8', 'go 16', 'stop 24', 'go 36', 'stop 40', 'go 48']);
  });

  it('stops no run that has no time for it, and lets it no longer stand back', async () => {
    const { told } = join({ expectedMs: 60 * second, finishInMs: 60 * second });
    host.cpu = 1;
    await pass(200 * second);
    expect(told).toEqual(['hurry 0']);
  });

  it('lets a run hurry when its time is over, or its bytes lag behind too far', async () => {
    const late = join({ expectedMs: 20 * second, finishInMs: 60 * second });
    const starved = join({ expectedMs: 30 * second, finishInMs: 60 * second, done: () => 0.1 });
    await pass(80 * second);
    const hurryOf = ({ told }: Joined): number =>
      Number(told.find((what) => what.startsWith('hurry'))?.split(' ')[1]);
    // With the next turn: 27 seconds of work are left of the second one all the time.
    expect(hurryOf(late) - 60).toBeGreaterThanOrEqual(0);
    expect(hurryOf(late) - 60).toBeLessThan(turnMs / second);
    expect(hurryOf(starved) - 33).toBeGreaterThanOrEqual(0);
    expect(hurryOf(starved) - 33).toBeLessThan(turnMs / second);
  });

  it('takes no look for one without Lowtide that another run has spoilt', async () => {
    const { told } = join();
    await pass(10 * second);
    const later = join();
    await pass(13 * second);
    // Its own pressure, with nobody else's: what was seen would be put down to others.
    expect(later.told).toEqual([]);
    await pass(80 * second);
    expect(told.filter((each) => each.startsWith('slow'))).toEqual([]);
  });

  it('holds up what is done in this process while the run is stopped', async () => {
    const { pacing } = join();
    host.cpu = 1;
    await pass(9 * second);
    const turns: string[] = [];
    void pacing.turn().then(() => turns.push(`went on ${clock.now() / second}`));
    await pass(10 * second);
    expect(turns).toEqual(['went on 16']);
    await pacing.turn();
  });

  it('lets a run go at once that is cancelled, and never stops it again', async () => {
    const { told, pacing, stop } = join();
    host.cpu = 1;
    await pass(9 * second);
    const turn = pacing.turn();
    stop.abort();
    await turn;
    expect(told.at(-1)).toBe('go 9');
    await pass(64 * second);
    expect(told.at(-1)).toBe('go 9');
    expect(pacing.pausedSeconds).toBe(1);
  });

  it('lets a run go that has ended while others are stopped', async () => {
    const [ended, going] = [join(), join()];
    host.cpu = 1;
    await pass(9 * second);
    ended.pacing[Symbol.dispose]();
    expect(ended.told.at(-1)).toBe('go 9');
    expect(going.told.at(-1)).toBe('stop 8');
    await pass(64 * second);
    expect(ended.told.at(-1)).toBe('go 9');
    expect(going.told.length).toBeGreaterThan(6);
  });

  it('does nothing without runs, and begins anew with the next', async () => {
    const first = join();
    host.cpu = 1;
    await pass(40 * second);
    first.pacing[Symbol.dispose]();
    const before = sleeps;
    await pass(100 * second);
    expect(sleeps).toBe(before);
    const next = join();
    await pass(9 * second);
    expect(next.told.slice(1)).toEqual(['stop 148']);
    next.pacing[Symbol.dispose]();
  });

  it('takes no turn with a run that was cancelled before', async () => {
    const stop = new AbortController();
    stop.abort();
    const { told } = join({ signal: stop.signal });
    host.cpu = 1;
    await pass(64 * second);
    expect(told).toEqual([]);
    expect(sleeps).toBe(0);
  });
});
