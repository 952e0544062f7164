import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { program } from '../servers/programs.ts';
import { TestService } from '../servers/service.ts';

const main = program('exporter/src/cli/main.ts');
const step = 300_000;
const mebibyte = 2 ** 20;

let service: TestService;
beforeEach(async () => {
  service = await TestService.start('  []');
});
afterEach(() => service[Symbol.asyncDispose]());

function lowtide(...args: string[]): string {
  const { configFile } = service.installation;
  const ended = spawnSync(process.execPath, [main, '--config', configFile, ...args], { encoding: 'utf8' });
  if (ended.status !== 0) throw new Error(ended.stderr);
  return ended.stdout;
}

it('shows what moves through the disks and the network of the host, and nothing where nothing was measured', async () => {
  const { catalog } = service;
  const newest = Math.floor(Date.now() / step) * step - step;
  const idle = { cpu: 0.25, memory: 0.5, disk: 0 };
  const records = [1, 3, 2].map((mebibytes, index) => ({
    at: newest - index * step,
    ...idle,
    throughput: { read: mebibytes * mebibyte, written: 0, received: NaN, sent: 512 },
  }));
  await catalog.load.record([{ at: newest - 3 * step, ...idle }], 'coarse');
  expect((await service.call('/load')).body).not.toHaveProperty('throughput');
  expect(lowtide('load')).not.toContain('THROUGHPUT');

  await catalog.load.record(records, 'coarse');
  const flat = (bytes: number): object => ({ mean: bytes, median: bytes, p95: bytes, maximum: bytes });
  const shown = [
    { flow: 'read', mean: 2 * mebibyte, median: 2 * mebibyte, p95: 3 * mebibyte, maximum: 3 * mebibyte },
    { flow: 'written', ...flat(0) },
    { flow: 'sent', ...flat(512) },
  ];
  expect((await service.call('/load')).body['throughput']).toEqual(shown);
  expect(JSON.parse(lowtide('--json', 'load'))).toEqual(expect.arrayContaining(shown));
  const text = lowtide('load');
  expect(text).toMatch(/^read from disks +2 MiB\/s +2 MiB\/s +3 MiB\/s +3 MiB\/s$/m);
  expect(text).toMatch(/^sent to the network +512 B\/s/m);
  expect(text).not.toContain('received');
});
