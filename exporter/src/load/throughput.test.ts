import { describe, expect, it } from 'vitest';
import { HostMeter } from './host.ts';
import { parseTraffic, throughputBetween } from './throughput.ts';

const disk = (name: string, sectorsRead: number, sectorsWritten: number): string =>
  ` 254 0 ${name} 135740 19340 ${sectorsRead} 50138 2367892 213213 ${sectorsWritten} 736885 0 130568 850695\n`;

const card = (name: string, received: number, sent: number): string =>
  `${name.padStart(6)}: ${received} 282108 0 0 0 0 0 0 ${sent} 282109 0 0 0 0 0 0\n`;

const heading = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
`;

describe('parseTraffic', () => {
  it('counts whole disks and cards alone: what lies on top of them would count twice', () => {
    const diskstats = disk('vda', 10, 20) + disk('vda1', 9, 19) + disk('dm-0', 9, 19) + disk('nvme0n1', 1, 2);
    const names = ['lo', 'docker0', 'veth12ab', 'br-0a1b', 'bond0', 'eth0.100', 'tun0', 'ifb0', 'virbr0'];
    const netDev =
      heading + names.map((name) => card(name, 9, 9)).join('') + card('eth0', 100, 50) + card('enp3s0', 7, 8);
    expect([...parseTraffic(diskstats, netDev)]).toEqual([
      ['read vda', { flow: 'read', bytes: 5120 }],
      ['written vda', { flow: 'written', bytes: 10_240 }],
      ['read nvme0n1', { flow: 'read', bytes: 512 }],
      ['written nvme0n1', { flow: 'written', bytes: 1024 }],
      ['received eth0', { flow: 'received', bytes: 100 }],
      ['sent eth0', { flow: 'sent', bytes: 50 }],
      ['received enp3s0', { flow: 'received', bytes: 7 }],
      ['sent enp3s0', { flow: 'sent', bytes: 8 }],
    ]);
  });

  it('finds nothing in nothing, and nothing in another text', () => {
    expect(parseTraffic('', '').size).toBe(0);
    expect(parseTraffic('<html>vda</html>', 'eth0 is down\neth1: ?\n').size).toBe(0);
  });
});

describe('throughputBetween', () => {
  const before = parseTraffic(disk('sda', 0, 100), card('eth0', 1000, 1000) + card('eth1', 500, 0));

  it('adds up the devices, per second', () => {
    const after = parseTraffic(disk('sda', 8, 100), card('eth0', 3000, 1000) + card('eth1', 1500, 10));
    expect(throughputBetween(before, after, 2000)).toEqual({
      read: 2048,
      written: 0,
      received: 1500,
      sent: 5,
    });
  });

  it('leaves out what came, went or began anew, and knows nothing where nothing is left', () => {
    const after = parseTraffic(disk('sdb', 8, 8), card('eth0', 3000, 10) + card('eth2', 9, 9));
    expect(throughputBetween(before, after, 1000)).toEqual({
      read: NaN,
      written: NaN,
      received: 2000,
      sent: NaN,
    });
    expect(throughputBetween(before, before, 0)).toEqual({
      read: NaN,
      written: NaN,
      received: NaN,
      sent: NaN,
    });
  });
});

describe.runIf(process.platform === 'linux')('the meter of this host', () => {
  const meter = (): HostMeter =>
    new HostMeter({ proc: '/proc', pid: process.pid, elapsed: () => performance.now() });

  it('measures what moves, but not while Lowtide itself moves it', async () => {
    const measuring = meter();
    expect(await measuring.measure(false)).toBeUndefined();
    const measured = await measuring.measure(false);
    expect(Object.keys(measured?.throughput ?? {})).toEqual(['read', 'written', 'received', 'sent']);
    expect(await measuring.measure(true)).not.toHaveProperty('throughput');
  });

  it('costs less than half a percent of one processor', async () => {
    const measuring = meter();
    await measuring.measure(false);
    const samples = 20;
    const before = process.cpuUsage();
    for (let sample = 0; sample < samples; sample += 1) await measuring.measure(false);
    const { user, system } = process.cpuUsage(before);
    const everyMs = 15_000;
    expect((user + system) / 1000 / samples / everyMs).toBeLessThan(0.005);
  });
});
