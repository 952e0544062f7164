import { describe, expect, it } from 'vitest';
import { ManualClock } from '../clock/manual.ts';
import { Averager, averageOf } from './averaging.ts';
import { diskBusy, parseDiskTime } from './disk-time.ts';
import type { HostLoad } from './host.ts';
import type { LoadHistory, LoadRecord } from './load.ts';
import { hostPressure, parsePressure, stalledBetween } from './pressure.ts';
import { parseStat, ticksOf, treeOf } from './process-tree.ts';
import { parseProcessorTime } from './processor-time.ts';
import { LoadRecorder } from './recorder.ts';

describe('parsePressure', () => {
  it('reads what the kernel writes', () => {
    const text = `some avg10=62.50 avg60=75.00 avg300=50.00 total=1944041029
full avg10=0.00 avg60=1.50 avg300=0.00 total=0
`;
    expect(parsePressure(text)).toEqual({
      some: { avg10: 0.625, avg60: 0.75, avg300: 0.5 },
      full: { avg10: 0, avg60: 0.015, avg300: 0 },
      stalledMs: 1_944_041.029,
    });
  });

  it('knows of a resource without a full line, and of no pressure at all', () => {
    expect(parsePressure('some avg10=1.00 avg60=0.00 avg300=0.00 total=5\n')?.full.avg10).toBe(0);
    expect(parsePressure('')).toBeUndefined();
  });
});

describe('the pressure between two readings', () => {
  const texts = (totalUs: number): Record<'cpu' | 'memory' | 'disk', string> => {
    const text = `some avg10=0.00 avg60=0.00 avg300=0.00 total=${totalUs}\n`;
    return { cpu: text, memory: text, disk: text };
  };

  it('is the share of the time in which something waited', () => {
    const [from, to] = [hostPressure(texts(1_000_000)), hostPressure(texts(1_500_000))];
    expect(stalledBetween(from, to, 2000)).toEqual({ cpu: 0.25, memory: 0.25, disk: 0.25 });
    expect(stalledBetween(from, to, 400)).toEqual({ cpu: 1, memory: 1, disk: 1 });
    expect(stalledBetween(to, from, 2000)).toEqual({ cpu: 0, memory: 0, disk: 0 });
  });

  it('is unknown where a reading is missing, or a file of it', () => {
    const nothing = { cpu: NaN, memory: NaN, disk: NaN };
    expect(stalledBetween(undefined, hostPressure(texts(1)), 2000)).toEqual(nothing);
    expect(stalledBetween(hostPressure(texts(1)), hostPressure(texts(1)), 0)).toEqual(nothing);
    expect(hostPressure({ ...texts(1), disk: '' })).toBeUndefined();
  });
});

describe('the time of the processors', () => {
  it('is busy but for what is idle or waits for a disk', () => {
    const text = 'cpu  65317 10 19455 429552 928 3 422 68 100 0\ncpu0 31652 0 8880 216942 287 0 65 32 0 0\n';
    const busy = 65_317 + 10 + 19_455 + 3 + 422 + 68;
    expect(parseProcessorTime(text)).toEqual({ busy, all: busy + 429_552 + 928 });
  });

  it('is read from old kernels, and from no text at all', () => {
    expect(parseProcessorTime('cpu  1 2 3 4 5\n')).toEqual({ busy: 6, all: 15 });
    expect(parseProcessorTime('')).toBeUndefined();
    expect(parseProcessorTime('intr 1 2 3 4 5 6 7 8')).toBeUndefined();
  });
});

describe('the time of disks', () => {
  const line = (name: string, busyMs: number): string =>
    ` 254 0 ${name} 234614 1 2 76151 1314745 3 4 821025 0 ${busyMs} 971651 0 0 0 0\n`;

  it('is that of whole disks alone', () => {
    const text =
      line('vda', 10) +
      line('vda1', 9) +
      line('nvme0n1', 20) +
      line('nvme0n1p1', 5) +
      line('dm-0', 7) +
      line('loop0', 1);
    expect([...parseDiskTime(text)]).toEqual([
      ['vda', 10],
      ['nvme0n1', 20],
    ]);
  });

  it('gives the share of the busiest, over counters that wrap, and of disks that come', () => {
    const before = new Map([
      ['a', 1000],
      ['b', 2 ** 32 - 100],
    ]);
    const after = new Map([
      ['a', 1500],
      ['b', 800],
      ['new', 5],
    ]);
    expect(diskBusy(before, after, 1000)).toBe(0.9);
    expect(diskBusy(before, after, 500)).toBe(1);
    expect(diskBusy(new Map(), after, 1000)).toBeNaN();
  });
});

describe('the time of processes', () => {
  const stat = (pid: number, name: string, parent: number, ticks: number): string =>
    `${pid} (${name}) S ${parent} 1 1 0 -1 4194304 1 2 3 4 ${ticks} 0 0 0 20 0 1 0 100 0 0\n`;

  it('is read whatever a process calls itself', () => {
    expect(parseStat(stat(7, 'a) S 99 (b', 3, 42))).toEqual({ pid: 7, parent: 3, ticks: 42 });
    expect(parseStat('')).toBeUndefined();
  });

  it('adds up over a process and all below it', () => {
    const processes = [
      { pid: 1, parent: 0, ticks: 1000 },
      { pid: 2, parent: 1, ticks: 10 },
      { pid: 3, parent: 2, ticks: 20 },
      { pid: 4, parent: 3, ticks: 30 },
      { pid: 5, parent: 1, ticks: 500 },
    ].reverse();
    expect(ticksOf(treeOf(2, processes))).toBe(60);
    expect(treeOf(99, processes)).toEqual([]);
  });
});

describe('averages', () => {
  it('leave out what is unknown, and are unknown where nothing is known', () => {
    const loads = [
      { cpu: 0.2, memory: NaN, disk: 0.1 },
      { cpu: 0.4, memory: NaN, disk: NaN },
    ];
    const average = averageOf(loads);
    expect(average.cpu).toBeCloseTo(0.3);
    expect(average).toMatchObject({ memory: NaN, disk: 0.1 });
  });

  it('have the pressure of those samples that know it', () => {
    const averager = new Averager(60_000);
    const none = { cpu: 0, memory: 0, disk: 0 };
    averager.add({ at: 0, ...none, stalled: { cpu: 0.25, memory: 0, disk: NaN } });
    averager.add({ at: 15_000, ...none, stalled: { cpu: 0.75, memory: 0, disk: NaN } });
    averager.add({ at: 30_000, ...none });
    const pressure = { cpu: 0.5, memory: 0, disk: NaN };
    expect(averager.add({ at: 60_000, ...none })).toEqual({ at: 0, ...none, pressure });
    expect(averager.add({ at: 120_000, ...none })).toEqual({ at: 60_000, ...none });
  });

  it('come step by step, and begin anew where the clock jumps', () => {
    const averager = new Averager(60_000);
    const at = (seconds: number, cpu: number): LoadRecord | undefined =>
      averager.add({ at: seconds * 1000, cpu, memory: 0, disk: 0 });
    expect(at(0, 0.1)).toBeUndefined();
    expect(at(59, 0.3)).toBeUndefined();
    expect(at(60, 1)).toEqual({ at: 0, cpu: 0.2, memory: 0, disk: 0 });
    expect(at(3600, 0.5)).toEqual({ at: 60_000, cpu: 1, memory: 0, disk: 0 });
    expect(at(10, 0.7)).toMatchObject({ at: 3_600_000, cpu: 0.5 });
  });

  it('keep what moved, over the samples that know it', () => {
    const averager = new Averager(60_000);
    const load = { cpu: 0, memory: 0, disk: 0 };
    averager.add({ at: 0, ...load, throughput: { read: 100, written: 0, received: NaN, sent: 1 } });
    averager.add({ at: 15_000, ...load, throughput: { read: 300, written: 8, received: NaN, sent: NaN } });
    averager.add({ at: 30_000, ...load });
    const ended = averager.add({ at: 60_000, ...load });
    expect(ended?.throughput).toEqual({ read: 200, written: 4, received: NaN, sent: 1 });
    expect(averager.add({ at: 120_000, ...load })).toEqual({ at: 60_000, ...load });
  });
});

describe('the recorder', () => {
  it('keeps a record of each minute and each five, and goes on after a measurement that failed', async () => {
    const clock = new ManualClock(0);
    const kept: { step: string; record: LoadRecord }[] = [];
    const history: LoadHistory = {
      record(records, step) {
        kept.push(...records.map((record) => ({ step, record })));
        return Promise.resolve();
      },
      records: () => Promise.resolve([]),
    };
    let cpu = 0;
    const errors: unknown[] = [];
    const measured: (() => void)[] = [];
    const measure = (): Promise<HostLoad | undefined> => {
      measured.shift()?.();
      if (clock.now() === 120_000) return Promise.reject(new Error('no /proc today'));
      cpu += 0.01;
      return Promise.resolve({ cpu, memory: 0.5, disk: 0 });
    };
    const recorder = new LoadRecorder({
      measure,
      history,
      clock,
      intervalMs: 15_000,
      onError: (error) => errors.push(error),
    });
    const stop = new AbortController();
    const running = recorder.run(stop.signal);
    for (let at = 15_000; at <= 360_000; at += 15_000) {
      await new Promise((resolve) => setImmediate(resolve));
      clock.set(at);
    }
    await new Promise((resolve) => setImmediate(resolve));
    expect(kept.filter(({ step }) => step === 'fine').map(({ record }) => record.at)).toEqual([
      0, 60_000, 120_000, 180_000, 240_000, 300_000,
    ]);
    expect(kept.filter(({ step }) => step === 'coarse').map(({ record }) => record.at)).toEqual([0]);
    expect(errors).toHaveLength(1);
    expect(recorder.latest()?.at).toBe(360_000);
    clock.set(500_000);
    expect(recorder.latest()).toBeUndefined();
    stop.abort();
    await running;
  });
});
