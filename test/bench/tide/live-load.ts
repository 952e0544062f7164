import { spawn, type ChildProcess } from 'node:child_process';
import { availableParallelism, cpus } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { minuteMs, stepMs, type FastClock } from './time.ts';
import type { Trace } from './trace.ts';

/** Keeps one processor busy as the trace says, in turns of 50 ms; ends with its parent. */
const script = `
const { startsAt, cpu, realMs, shownMs, speed, stepMs } = JSON.parse(process.argv[1]);
const turnMs = 50;
process.on('disconnect', () => process.exit());
(function turn() {
  const shown = shownMs + (Date.now() - realMs) * speed;
  const busyMs = turnMs * (cpu[Math.floor((shown - startsAt) / stepMs)] ?? 0);
  const until = performance.now() + busyMs;
  while (performance.now() < until);
  setTimeout(turn, turnMs - busyMs);
})();`;

/** A load on every processor of this host that follows the trace, at the pace of the clock. */
export class LiveLoad implements Disposable {
  readonly #children: readonly ChildProcess[];

  constructor({ startsAt, cpu }: Trace, clock: FastClock) {
    // Long arguments are cut: what is over is left out.
    const first = Math.max(0, Math.floor((clock.shownMs - startsAt) / stepMs));
    const days = cpu.slice(first, first + (2 * 24 * 60 * minuteMs) / stepMs);
    const course = { ...clock, stepMs, startsAt: startsAt + first * stepMs, cpu: days };
    this.#children = Array.from({ length: availableParallelism() }, () =>
      spawn(process.execPath, ['-e', script, JSON.stringify(course)], {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      }),
    );
  }

  [Symbol.dispose](): void {
    for (const child of this.#children) child.kill('SIGKILL');
  }
}

/** Share of the processors that is in use now, over two seconds. */
export async function busyShare(): Promise<number> {
  const look = (): { idle: number; all: number } => {
    const times = cpus().map((cpu) => cpu.times);
    const all = times.reduce((sum, each) => sum + each.user + each.nice + each.sys + each.idle + each.irq, 0);
    return { idle: times.reduce((sum, each) => sum + each.idle, 0), all };
  };
  const before = look();
  await delay(2000);
  const after = look();
  return 1 - (after.idle - before.idle) / (after.all - before.all);
}
