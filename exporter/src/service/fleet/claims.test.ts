import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { newRun, runEnd } from '../../../../test/conformance/catalog-samples.ts';
import type { Catalog } from '../../catalog/catalog.ts';
import { openSqliteCatalog } from '../../catalog/sqlite.ts';
import { systemClock } from '../../clock/system.ts';
import { configSchema, type ScheduleConfig } from '../../config/schema.ts';
import { LowtideError } from '../../errors/lowtide-error.ts';
import type { Queue } from '../../queue/queue.ts';
import { openSqliteQueue } from '../../queue/sqlite.ts';
import { createLog } from '../log.ts';
import { Claims, type Outcome } from './claims.ts';
import type { Hold } from './held-claim.ts';
import { missedTogether } from './missed-together.ts';
import { Pools } from './pools.ts';

const minute = 60_000;
const log = createLog({
  level: 'error',
  format: 'json',
  redact: (text) => text,
  write: () => undefined,
});

let folder: string;
let queue: Queue;
let catalog: Catalog;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-claims-'));
  queue = openSqliteQueue(folder, () => Date.now());
  catalog = openSqliteCatalog(folder);
});
afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  await queue[Symbol.asyncDispose]();
  await catalog[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

function schedule(more: Partial<ScheduleConfig> = {}): ScheduleConfig {
  const [made] = configSchema.shape.schedules.parse([
    { id: 'db', source: { type: 'directory', path: '/' }, every: '1d', stores: ['local'] },
  ]);
  if (made === undefined) throw new TypeError('one schedule was parsed');
  return { ...made, timezone: 'UTC', estimated_duration: 1_800_000, ...more };
}

function poolsOf(pooled: ScheduleConfig, claims = claimsOf('db1')): Pools {
  return new Pools({
    ...{ queue, catalog },
    schedules: () => [pooled],
    offerOf: (each, dueAt) => claims.offerOf(each, dueAt),
    queueNow: () => Date.now(),
  });
}

/** The queue, but for these. */
function withMethods(more: Partial<Queue>): Queue {
  return new Proxy(queue, {
    get(target, name) {
      const method: unknown = Reflect.get(name in more ? more : target, name);
      return (method as (...args: unknown[]) => unknown).bind(target);
    },
  });
}

function claimsOf(instance: string, aheadMs = 0, asked = queue, elapsed = () => 0): Claims {
  const stopping = new AbortController().signal;
  return new Claims({
    ...{ queue: asked, catalog, instance, log, stopping, elapsed },
    clock: { ...systemClock, now: () => Date.now() + aheadMs },
    aheadMs: () => aheadMs,
  });
}

async function answerOf(hold: Hold): Promise<string> {
  try {
    await hold.confirm();
    return 'passes';
  } catch (thrown) {
    return LowtideError.from(thrown).code;
  }
}

describe('the claim of a host', () => {
  it.each([
    ['a pool’s', { pool: 'any' }, true],
    ['its own', {}, false],
  ])('on what is %s, which it cannot renew any more, ends the work: %j', async (_, whose, isEnded) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    // Whether it answers at all is not known by then.
    const unanswered = withMethods({ beat: () => new Promise(() => undefined) });
    const begun = Promise.withResolvers<AbortSignal>();
    const finish = Promise.withResolvers<Outcome>();
    const running = claimsOf('db1', 0, unanswered).run(schedule(whose), Date.now(), ({ lost }) => {
      begun.resolve(lost);
      return finish.promise;
    });
    const lost = await begun.promise;
    await vi.advanceTimersByTimeAsync(49_000);
    expect(lost.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1000);
    expect(lost.aborted).toBe(isEnded);
    finish.resolve('completed');
    await running;
  });

  it.each([
    ['still has it', '', 0, 'passes'],
    ['had it given out again, but to nobody yet', 'again', 60_000, 'passes'],
    ['had it given out again, to another', 'taken', 0, 'claim_lost'],
    ['cannot be asked for, 44 s after it was', 'away', 44_000, 'passes'],
    ['cannot be asked for, 45 s after it was', 'away', 45_000, 'claim_lost'],
  ])('who %s, is told so before its work is for all to see', async (_, what, passedMs, told) => {
    const heard: unknown[] = [];
    let elapsedMs = 0;
    const beat = (): Promise<void> => Promise.reject(new LowtideError('state_unavailable', 'away'));
    const asked = what === 'away' ? withMethods({ beat }) : queue;
    const claims = claimsOf('db1', 0, asked, () => elapsedMs);
    await claims.run(schedule({ pool: 'any' }), Date.now(), async (hold) => {
      if (what === 'again' || what === 'taken') await queue.reclaim('db1');
      if (what === 'taken') await queue.claim({ instance: 'db2', pools: ['any'] }, 1);
      elapsedMs = passedMs;
      const answer = await answerOf(hold);
      heard.push(answer, hold.lost.aborted);
      return 'interrupted';
    });
    expect(heard).toEqual([told, told !== 'passes']);
  });

  it.each([
    [44_000, 'passes'],
    [45_000, 'claim_lost'],
  ])('is asked for five seconds at most, %d ms after it was heard of: %s', async (passedMs, told) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    let elapsedMs = 0;
    const unanswered = withMethods({ beat: () => new Promise(() => undefined) });
    const claims = claimsOf('db1', 0, unanswered, () => elapsedMs);
    const heard: string[] = [];
    await claims.run(schedule({ pool: 'any' }), Date.now(), async (hold) => {
      elapsedMs = passedMs;
      void answerOf(hold).then((answer) => heard.push(answer));
      await vi.advanceTimersByTimeAsync(4999);
      heard.push('waits');
      await vi.advanceTimersByTimeAsync(1);
      return 'interrupted';
    });
    expect(heard).toEqual(['waits', told]);
  });

  it('on a host whose clock is an hour behind is in time all the same', async () => {
    const dueAt = Date.now() - 60 * minute;
    const hourly = schedule({ every: 30 * minute });
    const done: string[] = [];
    await claimsOf('db1', -60 * minute).run(hourly, dueAt, () => {
      done.push('run');
      return Promise.resolve('completed');
    });
    expect(done).toEqual(['run']);
    expect(await queue.jobs([{ host: 'db1' }])).toMatchObject([{ state: 'finished' }]);
  });
});

describe('what a pool’s host has done while the queue could not be asked', () => {
  const db = schedule({ pool: 'any' });
  const state = async (): Promise<unknown> => (await queue.jobs([{ pool: 'any' }])).map((job) => job.state);
  /** The queue, but that nobody can tell it how a claim ends. */
  const withoutEnds = (isAway: () => boolean): Queue => {
    const away = (): Promise<never> => Promise.reject(new LowtideError('state_unavailable', 'away'));
    return withMethods({
      finish: (...end) => (isAway() ? away() : queue.finish(...end)),
      release: (...end) => (isAway() ? away() : queue.release(...end)),
    });
  };

  it.each([
    ['completed', '', ['finished']],
    ['completed', 'and was given out again', ['finished']],
    ['failed', 'and was given out again', ['waiting']],
    ['interrupted', '', ['waiting']],
  ] as const)('and is %s %s, is told later: %j', async (outcome, again, told) => {
    let isAway = true;
    const claims = claimsOf(
      'db1',
      0,
      withoutEnds(() => isAway),
    );
    await claims.run(db, Date.now(), () => Promise.resolve(outcome));
    await claims.tellLate();
    expect(await state()).toEqual(['claimed']);
    if (again !== '') await queue.reclaim('db1');
    isAway = false;
    await claims.tellLate();
    expect(await state()).toEqual(told);
  });

  it('is told by the next process, and not given out again', async () => {
    const dueAt = Date.now();
    await claimsOf(
      'db1',
      0,
      withoutEnds(() => true),
    ).run(db, dueAt, async () => {
      const run = newRun('r', { schedule: 'db', dueAt });
      await catalog.startRun(run);
      await catalog.finishRun('r', runEnd(run, { status: 'failed' }));
      return 'failed';
    });
    await claimsOf('db2').reconcile([db], true);
    expect(await state()).toEqual(['claimed']);
    await claimsOf('db1').reconcile([db], true);
    expect(await state()).toEqual(['finished']);
  });
});

describe('a pool', () => {
  it('has hosts look anew where another occurrence is given out, not where one has ended', async () => {
    const db = schedule({ pool: 'any' });
    const pools = poolsOf(db);
    expect(await pools.look()).toBe(false);
    const seen: [boolean, boolean][] = [];
    await claimsOf('db1').run(db, Date.now(), async () => {
      seen.push([await pools.look(), pools.completedAt('db') !== undefined]);
      return 'completed';
    });
    seen.push([await pools.look(), pools.completedAt('db') !== undefined]);
    expect(seen).toEqual([
      [true, false],
      [false, true],
    ]);
  });
});

describe('what a host has missed', () => {
  it('is told once, though it is found as it is to begin and by who looks at all', async () => {
    const dueAt = Date.now();
    const db = schedule({ every: 60 * minute });
    const claims = claimsOf('db1');
    await catalog.settleUpTo('db', dueAt - 1);
    await queue.offer([claims.offerOf(db, dueAt)]);
    vi.spyOn(Date, 'now').mockReturnValue(dueAt + 61 * minute);
    await queue.sweep(minute);
    const told = vi.spyOn(catalog, 'recordMissed');
    const warned = vi.spyOn(log, 'warn');
    await Promise.all([
      claims.reconcile([db]),
      claims.run(db, dueAt, () => Promise.resolve('completed')),
      claims.reconcile([db]),
    ]);
    expect(told.mock.calls).toEqual([['db', { dueAt, occurrences: 1, reason: 'absent' }, Date.now()]]);
    expect(warned.mock.calls).toMatchObject([
      [{ schedule: 'db', reason: 'absent' }, expect.stringMatching(/^a backup was missed: /)],
    ]);
  });
});

describe('what a pool has missed', () => {
  it('by the clock of a host that is ten minutes ahead, another may still begin, up to its latest start', async () => {
    const hour = 60 * minute;
    const db = schedule({ pool: 'any', every: hour, max_delay: 45 * minute });
    const dueAt = Math.floor(Date.now() / hour) * hour + hour;
    const ahead = claimsOf('db1', 10 * minute);
    const pools = poolsOf(db, ahead);
    for (const each of [{ dueAt, reason: 'cpu' }, { dueAt: dueAt + hour }])
      await pools.recordMissed('db', { ...each, occurrences: 1 }, Date.now());
    const jobs = await queue.jobs([{ pool: 'any' }]);
    expect(jobs.map(({ deadline }) => deadline - dueAt)).toEqual([47 * minute, hour + 47 * minute]);
    expect(ahead.offerOf(db, dueAt).deadline).toBe(dueAt + hour);
  });

  it('since its host was stopped as it ran is told as interrupted, also where another host was held up', async () => {
    const dueAt = Date.now();
    const db = schedule({ pool: 'any', every: 60 * minute, max_delay: 0 });
    await claimsOf('db1').run(db, dueAt, () => Promise.resolve('interrupted'));
    await poolsOf(db, claimsOf('db2')).recordMissed('db', { dueAt, occurrences: 1, reason: 'cpu' }, dueAt);
    vi.spyOn(Date, 'now').mockReturnValue(dueAt + 3 * minute);
    expect(missedTogether(await queue.sweep(minute))).toMatchObject([{ dueAt, reason: 'interrupted' }]);
  });

  it('is told with what a host had no room in, though that one has not called it missed yet', async () => {
    const dueAt = Date.now();
    const db = schedule({ pool: 'any', every: 60 * minute, max_delay: 0 });
    await claimsOf('db1').run(
      db,
      dueAt,
      () => Promise.resolve(undefined),
      () => 'store',
    );
    vi.spyOn(Date, 'now').mockReturnValue(dueAt + 60 * minute);
    expect(missedTogether(await queue.sweep(minute))).toMatchObject([{ dueAt, reason: 'store' }]);
  });

  it('is told with what a host that was there was held up by', async () => {
    const hour = 60 * minute;
    const db = schedule({ pool: 'any', every: hour, max_delay: minute });
    const pools = poolsOf(db);
    const dueAt = Math.floor(Date.now() / hour) * hour - hour;
    for (const reason of ['absent', 'cpu', 'absent_after_store'])
      await pools.recordMissed('db', { dueAt, occurrences: 1, reason }, Date.now());
    expect(missedTogether(await queue.sweep(minute))).toMatchObject([{ dueAt, reason: 'cpu' }]);
  });

  it('is said two minutes after a host has found it, and not when the next one comes', async () => {
    const db = schedule({ pool: 'any' });
    const pools = poolsOf(db);
    const dueAt = Date.now() - 7 * 60 * minute;
    await pools.recordMissed('db', { dueAt, occurrences: 1 }, Date.now());
    const [job] = await queue.jobs([{ pool: 'any' }]);
    expect(job?.deadline).toBeLessThanOrEqual(Date.now() + 2 * minute);
    expect((await catalog.schedule('db')).settledUntil).toBe(dueAt);
    expect(await catalog.eventsAfter(0, 10)).toEqual([]);
  });

  it('is each of the occurrences that came while none of its hosts was there', async () => {
    const db = schedule({ pool: 'any', every: 60 * minute, max_delay: minute });
    const pools = poolsOf(db);
    const hour = 60 * minute;
    const last = Math.floor(Date.now() / hour) * hour - hour;
    await catalog.settle('db', last - 3 * hour);
    await pools.recordMissed('db', { dueAt: last, occurrences: 3 }, Date.now());
    const jobs = await queue.sweep(minute);
    expect(jobs.map(({ dueAt, state }) => [dueAt, state])).toEqual([
      [last - 2 * hour, 'missed'],
      [last - hour, 'missed'],
      [last, 'missed'],
    ]);
  });
});
