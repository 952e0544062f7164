import { expect, it } from 'vitest';
import type { LoadRecord } from '../../exporter/src/load/load.ts';
import type { Given } from './catalog-given.ts';
import { noon } from './catalog-samples.ts';

const minute = 60_000;
const day = 86_400_000;

/** What a catalog keeps of the host's load. */
export function catalogLoad(given: Given): void {
  const record = (at: number, cpu = 0.5): LoadRecord => ({ at, cpu, memory: 0.25, disk: NaN });

  it('keeps the load by step, in order of time, gaps as gaps', async () => {
    const { load } = given.catalog;
    await load.record([record(noon + minute), record(noon)], 'fine');
    await load.record([record(noon)], 'coarse');
    expect(await load.records('fine', noon, noon + day)).toEqual([record(noon), record(noon + minute)]);
    expect(await load.records('fine', noon + 1, noon + minute)).toEqual([]);
    expect(await load.records('coarse', 0, noon + 1)).toEqual([record(noon)]);
  });

  it('takes a second record of a step for the better one', async () => {
    const { load } = given.catalog;
    await load.record([record(noon, 0.1)], 'fine');
    await load.record([record(noon, 0.9)], 'fine');
    expect(await load.records('fine', noon, noon + 1)).toEqual([record(noon, 0.9)]);
  });

  it('keeps what a later record of a step does not know, of this host and of others', async () => {
    const { load, hostLoads } = given.catalog;
    const unknown = { at: noon, cpu: NaN, memory: NaN, disk: 0.75 };
    const both = { at: noon, cpu: 0.1, memory: 0.25, disk: 0.75 };
    await load.record([record(noon, 0.1)], 'coarse');
    await load.record([unknown], 'coarse');
    expect(await load.records('coarse', noon, noon + 1)).toEqual([both]);
    await hostLoads.record('db1', [record(noon, 0.1)]);
    await hostLoads.record('db1', [unknown]);
    expect(await hostLoads.records('db1', noon, noon + 1)).toEqual([both]);
  });

  it('keeps how much work had to wait, where it is known, whoever measures the load anew', async () => {
    const { load } = given.catalog;
    const pressure = { cpu: 0.5, memory: NaN, disk: 0.25 };
    await load.record([{ ...record(noon), pressure }, record(noon + minute)], 'fine');
    await load.record([record(noon, 0.9)], 'fine');
    expect(await load.records('fine', noon, noon + day)).toEqual([
      { ...record(noon, 0.9), pressure },
      record(noon + minute),
    ]);
  });

  it('keeps what moved through disks and network, where it is known, whoever measures the load anew', async () => {
    const { load } = given.catalog;
    const throughput = { read: 1.5 * 2 ** 20, written: 0, received: NaN, sent: 12.25 };
    await load.record([{ ...record(noon), throughput }, record(noon + minute)], 'coarse');
    await load.record([record(noon, 0.9)], 'coarse');
    expect(await load.records('coarse', noon, noon + day)).toEqual([
      { ...record(noon, 0.9), throughput },
      record(noon + minute),
    ]);
  });

  it('keeps the load of other hosts by their names, apart from that of this one', async () => {
    const { load, hostLoads } = given.catalog;
    await load.record([record(noon, 0.1)], 'coarse');
    await hostLoads.record('db1', [record(noon + 5 * minute, 0.3), record(noon, 0.2)]);
    await hostLoads.record('db2', [record(noon, 0.9)]);
    await hostLoads.record('db1', [record(noon, 0.4)]);
    await hostLoads.record('db1', []);
    expect(await hostLoads.records('db1', noon, noon + day)).toEqual([
      record(noon, 0.4),
      record(noon + 5 * minute, 0.3),
    ]);
    expect(await hostLoads.records('db1', noon + 1, noon + 5 * minute)).toEqual([]);
    expect(await hostLoads.records('db2', 0, noon + day)).toEqual([record(noon, 0.9)]);
    expect(await hostLoads.records('gone', 0, noon + day)).toEqual([]);
    expect(await load.records('coarse', 0, noon + day)).toEqual([record(noon, 0.1)]);
    await hostLoads.record('db1', [record(noon + 93 * day)]);
    expect(await hostLoads.records('db2', 0, noon + day)).toEqual([]);
  });

  it('keeps the load that it had where a clock stands a year ahead for some minutes', async () => {
    const { load } = given.catalog;
    const before = Array.from({ length: 50 }, (_, index) => record(noon + index * minute));
    for (const step of ['fine', 'coarse'] as const) {
      await load.record(before, step);
      for (const minutes of [0, 1, 2]) await load.record([record(noon + 365 * day + minutes * minute)], step);
      await load.record([record(noon + 60 * minute)], step);
      expect((await load.records(step, noon, noon + day)).length).toBeGreaterThan(40);
    }
  });

  it('forgets fine records after 14 days and coarse ones after 92', async () => {
    const { load } = given.catalog;
    for (const step of ['fine', 'coarse'] as const) {
      await load.record(
        [record(noon), record(noon + 14 * day + minute), record(noon + 92 * day + minute)],
        step,
      );
    }
    const kept = async (step: 'fine' | 'coarse'): Promise<number[]> =>
      (await load.records(step, 0, noon + 100 * day)).map(({ at }) => (at - noon) / day);
    expect((await kept('fine')).map(Math.floor)).toEqual([92]);
    expect((await kept('coarse')).map(Math.floor)).toEqual([14, 92]);
  });
}
