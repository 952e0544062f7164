import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../clock/system.ts';
import { OwnUseMeter } from './own-use.ts';
import { UseLedger, type OwnLook } from './use-ledger.ts';

const MiB = 2 ** 20;
const host = { processors: 4, memoryBytes: 1000 * MiB };
const look = (seconds: number, cpuSeconds: number, residentMiB: number): OwnLook => ({
  atMs: seconds * 1000,
  cpuSeconds,
  residentBytes: residentMiB * MiB,
});

describe('what runs take', () => {
  it('is the mean of the processors and the most of memory, beside what was there before', () => {
    const ledger = new UseLedger(host);
    const run = {};
    ledger.begin(run, look(100, 50, 200));
    ledger.add(look(105, 60, 500));
    ledger.add(look(108, 61, 250));
    expect(ledger.end(run, look(110, 62, 210))).toEqual({ cpu: 12 / 40, memory: 0.3 });
  });

  it('is shared by runs that go on at once, and by those alone', () => {
    const ledger = new UseLedger(host);
    const [first, second] = [{}, {}];
    ledger.begin(first, look(0, 0, 100));
    ledger.begin(second, look(10, 8, 200));
    expect(ledger.end(first, look(20, 16, 300))).toEqual({ cpu: 12 / 80, memory: 0.1 });
    expect(ledger.end(second, look(30, 24, 180))).toEqual({ cpu: 12 / 80, memory: 0.1 });
    const third = {};
    ledger.begin(third, look(90, 30, 150));
    expect(ledger.end(third, look(100, 32, 150))).toEqual({ cpu: 2 / 40, memory: 0 });
  });

  it('is counted once, though looks overtake one another', () => {
    const ledger = new UseLedger(host);
    const run = {};
    ledger.begin(run, look(0, 0, 100));
    ledger.add(look(8, 8, 100));
    ledger.add(look(4, 4, 100));
    expect(ledger.end(run, look(10, 10, 100))).toEqual({ cpu: 10 / 40, memory: 0 });
  });

  it('is not known of a run that nobody saw begin, or that took no time', () => {
    const ledger = new UseLedger(host);
    expect(ledger.end({}, look(1, 1, 1))).toBeUndefined();
    const run = {};
    ledger.begin(run, look(5, 1, 1));
    expect(ledger.end(run, look(5, 1, 1))).toBeUndefined();
  });

  it('is never more than the host has, nor less than nothing', () => {
    const ledger = new UseLedger(host);
    const run = {};
    ledger.begin(run, look(0, 100, 900));
    ledger.add(look(1, 50, 100));
    expect(ledger.end(run, look(2, 5000, 9000))).toEqual({ cpu: 1, memory: 1 });
  });
});

describe.runIf(process.platform === 'linux')('the meter', () => {
  it('sees what children of this process take', async () => {
    const meter = new OwnUseMeter({
      host: { processors: 1, memoryBytes: 200 * MiB },
      pid: process.pid,
      clock: systemClock,
      elapsed: () => performance.now(),
    });
    const run = await meter.begin();
    const script = `const held = Buffer.alloc(${100 * MiB}, 1);
      const end = performance.now() + 1500; while (performance.now() < end); process.exitCode = held[5] - 1;`;
    const child = spawn(process.execPath, ['-e', script], { stdio: 'ignore' });
    await once(child, 'exit');
    const use = await run.end();
    expect(use?.cpu).toBeGreaterThan(0.3);
    expect(use?.memory).toBeGreaterThan(0.4);
  });
});
