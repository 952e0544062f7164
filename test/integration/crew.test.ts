import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { findLauncher, type Courtesy } from '../../exporter/src/process/courtesy.ts';
import { Crew } from '../../exporter/src/process/crew.ts';
import { endLeftovers } from '../../exporter/src/process/leftovers.ts';
import type { Command } from '../../exporter/src/process/command.ts';
import { eventually } from '../servers/eventually.ts';
import { processesWith } from '../servers/processes.ts';

const low: Courtesy = { nice: 10, io: 'low' };
const never = new AbortController().signal;

let work: string;
beforeEach(() => {
  work = `test-${process.pid}-${Math.random()}`;
});
afterEach(async () => {
  await endLeftovers(work);
});

async function crew(courtesy: Courtesy = low): Promise<Crew> {
  return new Crew({ launcher: await findLauncher(never), courtesy, work });
}

const states = (): string =>
  processesWith(`LOWTIDE_RUN=${work}`)
    .map(({ state }) => state)
    .join('');
const until = (wanted: string): Promise<unknown> =>
  vi.waitUntil(() => states() === wanted, { timeout: 10_000 });
const long: Command = { argv: ['sleep', '60'] };

/** How the kernel weighs the session of a process; undefined where it does not. */
function sessionOf(pid: number | undefined): string | undefined {
  try {
    return readFileSync(`/proc/${pid ?? 0}/autogroup`, 'utf8')
      .trim()
      .split(' ')
      .slice(1)
      .join(' ');
  } catch {
    return undefined;
  }
}

describe('a crew', () => {
  it('is stopped and continued as a whole, with what its programs have started', async () => {
    const all = await crew();
    const two = [all.start(long, {}), all.start({ argv: ['bash', '-c', 'sleep 60; true'] }, {})];
    await until('SSS');
    all.pause();
    await until('TTT');
    all.resume();
    await until('SSS');
    for (const child of two) child.stop();
    const ends = await Promise.all(two.map((child) => child.end));
    expect(ends.map(({ program, signal }) => [program, signal])).toEqual([
      ['sleep', 'SIGTERM'],
      ['bash', 'SIGTERM'],
    ]);
  });

  it('stops at once what is started while it is stopped', async () => {
    const all = await crew();
    all.pause();
    const child = all.start(long, {});
    await until('T');
    all.resume();
    await until('S');
    child.stop();
    await child.end;
  });

  it('ends while it is stopped, by the word and not by force, and is not stopped again', async () => {
    const all = await crew();
    // Whoever hears SIGTERM here ends with 7; a kill would show as one.
    const child = all.start({ argv: ['bash', '-c', 'trap "exit 7" TERM; sleep 60 & wait'] }, {});
    await until('SS');
    all.pause();
    await until('TT');
    const before = performance.now();
    child.stop();
    all.pause();
    expect(await child.end).toMatchObject({ exitCode: 7 });
    expect(performance.now() - before).toBeLessThan(4000);
  });

  it('says of a program that is missing that it is, whatever would have started it', async () => {
    const child = (await crew()).start({ argv: ['no-such-program'] }, {});
    await expect(child.end).rejects.toMatchObject({
      code: 'tool_missing',
      message: expect.stringContaining('no-such-program') as string,
    });
  });
});

describe('a crew that hurries', () => {
  const nices = (): readonly number[] => processesWith(`LOWTIDE_RUN=${work}`).map(({ nice }) => nice);
  const ioOf = (pid: number | undefined): string =>
    spawnSync('ionice', ['-p', String(pid)], { encoding: 'utf8' }).stdout.trim();

  it('no longer stands back, nor does what it has started or starts from then on', async () => {
    const all = await crew({ nice: 10, io: 'idle' });
    const child = all.start({ argv: ['bash', '-c', 'sleep 60; true'] }, {});
    await until('SS');
    expect(nices()).toEqual([10, 10]);
    expect(ioOf(child.pid)).toBe('idle');
    all.hurry();
    const later = all.start(long, {});
    // Only root may lower the nice value of a process.
    const wanted = process.getuid?.() === 0 ? [0, 0, 0] : [10, 10, 0];
    await vi.waitUntil(() => nices().join() === wanted.join(), { timeout: 10_000 });
    await vi.waitUntil(() => ioOf(child.pid) === 'best-effort: prio 4', { timeout: 10_000 });
    if (sessionOf(child.pid) !== undefined) {
      await vi.waitUntil(() => sessionOf(child.pid) === 'nice 0', { timeout: 10_000 });
    }
    for (const each of [child, later]) {
      each.stop();
      await each.end;
    }
  });
});

describe('the session of a program', () => {
  it('stands back for those of others where the kernel weighs sessions', async () => {
    if (sessionOf(process.pid) === undefined) return;
    const children = [(await crew()).start(long, {}), (await crew({ nice: 19, io: 'low' })).start(long, {})];
    await vi.waitUntil(() => sessionOf(children[0]?.pid) === 'nice 10', { timeout: 10_000 });
    await vi.waitUntil(() => sessionOf(children[1]?.pid) === 'nice 19', { timeout: 10_000 });
    const plain = (await crew({ nice: 0, io: 'normal' })).start(long, {});
    expect(sessionOf(plain.pid)).toBe('nice 0');
    for (const child of [...children, plain]) {
      child.stop();
      await child.end;
    }
  });
});

describe('the launcher', () => {
  it('puts in front what this host has, and nothing where nothing is asked for', async () => {
    const launcher = await findLauncher(never);
    expect(launcher.launch(long, low).argv).toEqual([
      ...['nice', '-n', '10', 'ionice', '-c', '2', '-n', '7', 'setpriv', '--pdeathsig', 'KILL'],
      ...long.argv,
    ]);
    expect(launcher.launch(long, { nice: 0, io: 'normal' }).argv).toEqual([
      ...['setpriv', '--pdeathsig', 'KILL'],
      ...long.argv,
    ]);
    expect(launcher.launch(long, { nice: 0, io: 'idle' }).argv.slice(0, 3)).toEqual(['ionice', '-c', '3']);
  });

  it('does without where a host has none of them', async () => {
    const bin = mkdtempSync(join(tmpdir(), 'lowtide-bin-'));
    for (const program of ['true', 'sleep']) symlinkSync(`/usr/bin/${program}`, join(bin, program));
    const path = process.env['PATH'];
    try {
      process.env['PATH'] = bin;
      const launcher = await findLauncher(never);
      expect(launcher.launch(long, low)).toEqual(long);
    } finally {
      process.env['PATH'] = path;
      rmSync(bin, { recursive: true });
    }
  });
});

describe('what is left of work whose process is gone', () => {
  it('is ended though it is stopped, and nothing else is', async () => {
    const [left, other] = [
      await crew(),
      new Crew({ launcher: await findLauncher(never), courtesy: low, work: `${work}0` }),
    ];
    const children = [left.start(long, {}), other.start(long, {})];
    await until('S');
    left.pause();
    await until('T');
    const others = (): number => processesWith(`LOWTIDE_RUN=${work}0`).length;
    await eventually(() => expect(others()).toBe(1));
    expect(await endLeftovers(work)).toBe(1);
    expect(await children[0]?.end).toMatchObject({ signal: 'SIGTERM' });
    // While a program takes another's place the kernel shows no environment.
    await eventually(() => expect(others()).toBe(1));
    children[1]?.stop();
    await children[1]?.end;
  });
});
