import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { totalmem } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { hostGauge } from '../../exporter/src/load/gauge.ts';
import { HostMeter } from '../../exporter/src/load/host.ts';
import type { HostStrain } from '../../exporter/src/load/load.ts';
import { Hogs } from '../servers/hogs.ts';

const elapsed = (): number => performance.now();
const gauge = hostGauge({ proc: '/proc', pid: process.pid, elapsed });

async function strainOf(ms: number): Promise<HostStrain> {
  const before = gauge.read();
  await delay(ms);
  return gauge.between(before, gauge.read());
}

describe('the gauge', () => {
  it('counts what others take of the processors', async () => {
    await using _hogs = new Hogs();
    const { cpu, allCpu } = await strainOf(1000);
    expect(cpu).toBeGreaterThan(0.6);
    expect(allCpu).toBeGreaterThanOrEqual(cpu);
  });

  it('counts nothing of what this process and its children take, also when they have ended', async () => {
    const script = `
      const used = () => { const { user, system } = process.cpuUsage(); return user + system; };
      while (used() < 400_000);
      console.log('half');
      while (used() < 600_000);
      require('node:fs').readFileSync(0);`;
    const before = gauge.read();
    // A grandchild, and nobody waits for it but the child.
    const child = spawn('bash', ['-c', `${process.execPath} -e "$1"; true`, 'bash', script]);
    const closed = once(child, 'close');
    await once(child.stdout, 'data');
    const meanwhile = gauge.read();
    child.stdin.end();
    await closed;
    const after = gauge.read();
    expect(meanwhile.ownTicks - before.ownTicks).toBeGreaterThanOrEqual(38);
    expect(after.ownTicks - before.ownTicks).toBeGreaterThanOrEqual(58);
    const { cpu, allCpu } = gauge.between(before, after);
    expect(allCpu - cpu).toBeGreaterThan(0);
  });

  it('tells nothing where there is no /proc', () => {
    const blind = hostGauge({ proc: '/nowhere', pid: process.pid, elapsed });
    const nothing = { cpu: NaN, memory: NaN, disk: NaN };
    expect(blind.between(blind.read(), blind.read())).toEqual({ cpu: NaN, allCpu: NaN, pressure: nothing });
  });
});

describe('a measurement of the host', () => {
  it('has the pressure where the kernel tells, but not what Lowtide itself may have had part in', async () => {
    let now = 0;
    const meter = new HostMeter({ proc: '/proc', pid: process.pid, elapsed: () => now });
    const measure = async (afterMs: number, working: boolean): Promise<boolean> => {
      now += afterMs;
      const load = await meter.measure(working);
      return load?.pressure !== undefined && load.stalled !== undefined;
    };
    await measure(0, false);
    expect(await measure(15_000, false)).toBe(true);
    expect(await measure(15_000, true)).toBe(false);
    expect(await measure(15_000, false)).toBe(false);
    expect(await measure(50_000, false)).toBe(true);
  });

  it('leaves out what its programs hold in memory while a run goes on, and counts it where none does', async () => {
    const meter = new HostMeter({ proc: '/proc', pid: process.pid, elapsed });
    await meter.measure(false);
    const script = `const held = Buffer.alloc(600e6, 1); console.log(held.length); require('node:fs').readFileSync(0);`;
    const child = spawn(process.execPath, ['-e', script]);
    const closed = once(child, 'close');
    await once(child.stdout, 'data');
    const [during, without] = [await meter.measure(true), await meter.measure(false)];
    child.stdin.end();
    await closed;
    const leftOut = ((without?.memory ?? NaN) - (during?.memory ?? NaN)) * totalmem();
    expect(leftOut).toBeGreaterThan(400e6);
    expect(leftOut).toBeLessThan(900e6);
  });
});
