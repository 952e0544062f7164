import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { program } from '../servers/programs.ts';
import { TestService, tokens } from '../servers/service.ts';

const main = program('exporter/src/cli/main.ts');

let service: TestService | undefined;
afterEach(async () => {
  await service?.[Symbol.asyncDispose]();
  service = undefined;
});

/** Some memory is always in use: this host is too busy for every backup. */
const busy = 'load: { sample_interval: 10s, high_water: { cpu: 1, disk: 1, memory: 0.001 } }';
const source = 'source: { type: command, argv: [echo, hello] }, every: 10s, max_delay: 5s, stores: [local]';

async function until<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await delay(100);
  }
}

describe('a backup that the load holds up to its deadline', () => {
  it('is passed over or made, as its schedule says, and whoever asks is told why', async () => {
    service = await TestService.start(
      `  - { id: skips, on_deadline: skip, ${source} }\n  - { id: runs, on_deadline: run, ${source} }`,
      { more: `${tokens}\n${busy}` },
    );
    const { catalog } = service;
    const bodies = async (): Promise<readonly Record<string, unknown>[]> =>
      (await catalog.eventsAfter(0, 1000)).map(({ body }) => body as unknown as Record<string, unknown>);
    const missedBy = async (id: string): Promise<unknown> => {
      const answer = await service?.call(`/schedules/${id}`);
      return (answer?.body['lastMissed'] as Record<string, unknown> | undefined)?.['reason'];
    };
    expect(await until(() => missedBy('skips'))).toEqual({
      code: 'memory',
      text: 'the memory is above load.high_water',
    });
    expect(service.log).toContainEqual(
      expect.objectContaining({
        ...{ level: 'warn', schedule: 'skips', reason: 'memory' },
        msg: 'a backup was missed: the memory is above load.high_water',
      }),
    );
    // The other one was held as well, and is made all the same.
    await until(async () =>
      (await bodies()).find(({ name, schedule }) => name === 'run:finished' && schedule === 'runs'),
    );
    const missed = (await bodies()).filter(
      ({ name, reason }) => name === 'run:missed' && reason === 'memory',
    );
    expect(missed.map(({ schedule }) => schedule)).toEqual(missed.map(() => 'skips'));
    const dueTimes = missed.map(({ dueAt }) => dueAt);
    expect(new Set(dueTimes).size).toBe(dueTimes.length);
    const page = await (await fetch(service.url('/metrics'))).text();
    const skipped = /^backup_skipped_total\{schedule="skips",reason="memory"\} (\d+)$/m.exec(page);
    expect(Number(skipped?.[1])).toBeGreaterThanOrEqual(1);
    expect(page).toMatch(/^backup_missed_total\{schedule="runs"\} 0$/m);
    const folder = join(service.installation.folder, 'backups');
    expect(existsSync(join(folder, 'runs'))).toBe(true);
    const argv = [main, 'plan', '--hours', '1', '--config', service.installation.configFile];
    const plan = spawnSync(process.execPath, argv, { encoding: 'utf8' });
    expect(plan.stderr).toMatch(
      /^problem: skips due \S+ [\d:]{8} was missed: the memory is above load.high_water$/m,
    );
    expect(plan.stderr).not.toContain('problem: runs');
  });
});
