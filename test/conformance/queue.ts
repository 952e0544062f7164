import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LowtideError } from '../../exporter/src/errors/lowtide-error.ts';
import { memoryMs, type Claim, type Job, type Offer, type Queue } from '../../exporter/src/queue/queue.ts';
import { queueLaw } from './queue-law.ts';

/** One queue, empty at first, with a clock of its own, and gone once disposed. */
export interface QueueState extends AsyncDisposable {
  /** Opens it as one more host. The state closes it. */
  open(): Promise<Queue>;
  now(): number;
  /** Moves the queue's clock, also backwards. */
  step(ms: number): Promise<void>;
}

const minute = 60_000;
const silence = 2 * minute;
const db1 = { instance: 'db-1', pools: [] };

/** What every queue does, whatever it is made of. */
export function queueConformance(name: string, makeState: () => Promise<QueueState>): void {
  describe(`the queue on ${name}`, () => {
    let state: QueueState;
    let queue: Queue;
    let other: Queue;
    beforeEach(async () => {
      state = await makeState();
      queue = await state.open();
      other = await state.open();
    });
    afterEach(async () => {
      await state[Symbol.asyncDispose]();
    });

    const offer = (changes: Partial<Offer> = {}): Offer => {
      const dueAt = changes.dueAt ?? state.now();
      return {
        owner: { host: 'db-1' },
        schedule: 'nightly',
        dueAt,
        slot: dueAt,
        deadline: dueAt + 60 * minute,
        priority: 1,
        attempts: 3,
        ...changes,
      };
    };
    const claimOne = async (by: Queue = queue): Promise<Claim> => {
      const [claim] = await by.claim(db1, 1);
      if (claim === undefined) throw new Error('there was nothing to claim');
      return claim;
    };
    const states = async (): Promise<string[]> => (await queue.jobs([{ host: 'db-1' }])).map(stateOf);

    it('gives a job once its slot has come, to one claimer, with all that was offered', async () => {
      const offered = offer({ slot: state.now() + minute });
      await queue.offer([offered]);
      expect(await queue.claim(db1, 10)).toEqual([]);
      await state.step(minute);
      const claim = await claimOne();
      expect(claim).toMatchObject({ ...offered, attempt: 1, claimer: 'db-1' });
      expect(await other.claim(db1, 10)).toEqual([]);
      expect(await other.jobs([{ host: 'db-1' }])).toMatchObject([{ state: 'claimed', claimer: 'db-1' }]);
    });

    it('moves the slot of what waits, both ways', async () => {
      await queue.offer([offer({ slot: state.now() + minute })]);
      await other.offer([offer({ slot: state.now() + 30 * minute })]);
      await state.step(minute);
      expect(await queue.claim(db1, 10)).toEqual([]);
      const early = { dueAt: state.now() - minute, slot: state.now() };
      await queue.offer([offer(early)]);
      expect(await queue.claim(db1, 10)).toMatchObject([early]);
    });

    it('offers and gives in one breath, whatever slot it had, and only what is still to be done', async () => {
      const later = offer({ slot: state.now() + 30 * minute });
      await queue.offer([later]);
      const now = { ...later, slot: state.now() };
      const [claim] = await queue.claim(db1, 10, [now]);
      expect(claim).toMatchObject(now);
      expect(await other.claim(db1, 10, [now])).toEqual([]);
      const ofPool = offer({ owner: { pool: 'any' }, slot: 0 });
      expect(await other.claim({ instance: 'db-2', pools: ['any'] }, 10, [ofPool])).toMatchObject([
        { owner: { pool: 'any' }, claimer: 'db-2' },
      ]);
      if (claim !== undefined) await queue.finish(claim, 'completed');
      expect(await other.claim(db1, 10, [now])).toEqual([]);
    });

    it('takes of what was offered in the same breath only that, and leaves all else to be taken at once', async () => {
      const anyone = { instance: 'db-1', pools: ['any'] };
      const ofPool = (schedule: string, priority: number): Offer =>
        offer({ owner: { pool: 'any' }, schedule, priority });
      const urgent = Array.from({ length: 20 }, (_, index) => ofPool(`urgent-${index}`, 3));
      await queue.offer([...urgent, offer(), ofPool('mine', 0)]);
      expect(await queue.claim(anyone, 1, [ofPool('mine', 0)])).toMatchObject([{ schedule: 'mine' }]);
      expect(await queue.claim(anyone, 1, [ofPool('mine', 0)])).toEqual([]);
      const left = await other.claim({ instance: 'db-1', pools: ['any'] }, 30);
      expect(left.map(({ schedule }) => schedule).sort()).toEqual(
        ['nightly', ...urgent.map(({ schedule }) => schedule)].sort(),
      );
      expect(left.every(({ attempt }) => attempt === 1)).toBe(true);
    });

    it('never offers twice: neither while it is claimed, nor after it has ended', async () => {
      const offered = offer();
      await queue.offer([offered, offered]);
      const claim = await claimOne();
      await queue.offer([{ ...offered, slot: offered.slot + minute }]);
      await state.step(minute);
      expect(await queue.claim(db1, 10)).toEqual([]);
      await queue.finish(claim, 'completed');
      await other.offer([offered]);
      expect(await other.claim(db1, 10)).toEqual([]);
      expect(await queue.jobs([{ host: 'db-1' }])).toMatchObject([
        { state: 'finished', reason: { code: 'completed' }, endedAt: state.now() },
      ]);
    });

    it('takes back what waits of a schedule, and takes it on again', async () => {
      const offered = offer();
      await queue.offer([offered, offer({ schedule: 'weekly' })]);
      expect(await other.withdraw({ host: 'db-1' }, 'nightly')).toBe(1);
      expect(await queue.claim(db1, 10)).toMatchObject([{ schedule: 'weekly' }]);
      expect(await queue.withdraw({ host: 'db-1' }, 'weekly')).toBe(0);
      await queue.offer([offered]);
      expect(await queue.claim(db1, 10)).toMatchObject([{ schedule: 'nightly' }]);
    });

    it('gives a host what is its own and its pools’, the most urgent first', async () => {
      const later = state.now() + 90 * minute;
      await queue.offer([
        offer({ schedule: 'low', priority: 0 }),
        offer({ schedule: 'high', priority: 2, deadline: later }),
        offer({ schedule: 'high and soon', priority: 2 }),
        offer({ schedule: 'of another', owner: { host: 'db-2' } }),
        offer({ schedule: 'of a pool', owner: { pool: 'büro/1' }, priority: 3 }),
        offer({ schedule: 'of another pool', owner: { pool: 'db-1' } }),
      ]);
      const claims = await queue.claim({ instance: 'db-1', pools: ['büro/1'] }, 10);
      expect(claims.map(({ schedule }) => schedule)).toEqual(['high and soon', 'high', 'low', 'of a pool']);
      expect(await other.claim({ instance: 'db-3', pools: ['db-1'] }, 10)).toMatchObject([
        { schedule: 'of another pool' },
      ]);
    });

    it('gives each job to one of many who claim at once', async () => {
      const schedules = Array.from({ length: 40 }, (_, index) => `s${index}`);
      await queue.offer(schedules.map((schedule) => offer({ schedule, owner: { pool: 'all' } })));
      const claims = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          (index % 2 === 0 ? queue : other).claim({ instance: `h${index}`, pools: ['all'] }, 3),
        ),
      );
      expect(
        claims
          .flat()
          .map(({ schedule }) => schedule)
          .sort(),
      ).toEqual(schedules.sort());
    });

    it('tells how far each schedule has come', async () => {
      const day = 24 * 60 * minute;
      const today = state.now();
      await queue.offer([offer(), offer({ dueAt: today + day }), offer({ schedule: 'waits' })]);
      const claims = await queue.claim(db1, 2);
      for (const claim of claims.filter(({ schedule }) => schedule === 'waits'))
        await queue.release(claim, today);
      const of = (owner: Offer['owner'], ...schedules: string[]) =>
        schedules.map((schedule) => ({ owner, schedule }));
      const asked = [...of({ host: 'db-1' }, 'nightly', 'waits'), ...of({ host: 'db-2' }, 'unknown')];
      expect(await other.progress(asked)).toEqual(new Map([['nightly', { takenUpTo: today }]]));
      for (const claim of claims.filter(({ schedule }) => schedule === 'nightly'))
        await queue.finish(claim, 'failed');
      expect(await other.progress(asked)).toEqual(new Map([['nightly', { takenUpTo: today }]]));
      expect(await other.progress(of({ pool: 'db-1' }, 'nightly'))).toEqual(new Map());
      expect(await other.progress([])).toEqual(new Map());
    });

    it('tells when a schedule last came to a good end', async () => {
      const start = state.now();
      const ends: number[] = [];
      for (const [day, outcome] of ['completed', 'completed', 'failed'].entries()) {
        await queue.offer([offer({ dueAt: start + day, slot: start })]);
        await queue.finish(await claimOne(), outcome);
        ends.push(state.now());
        await state.step(minute);
      }
      const [, completedAt] = ends;
      const progress = await other.progress([{ owner: { host: 'db-1' }, schedule: 'nightly' }]);
      expect(progress.get('nightly')).toEqual({ takenUpTo: start + 2, completedAt });
    });

    it('takes back at once what a process before has claimed, and no other’s', async () => {
      await queue.offer([offer(), offer({ schedule: 'of another', owner: { host: 'db-2' } })]);
      const before = await claimOne();
      const [others] = await queue.claim({ instance: 'db-2', pools: [] }, 1);
      expect(await other.reclaim('db-1')).toMatchObject([
        { state: 'waiting', attempt: 2, schedule: 'nightly' },
      ]);
      await refused(queue.finish(before, 'completed'));
      if (others !== undefined) await queue.finish(others, 'completed');
      expect(await claimOne(other)).toMatchObject({ attempt: 2 });
    });

    it('ends what a host has done without being heard, whatever was thought of it', async () => {
      const day = 24 * 60 * minute;
      const jobs = [0, 1, 2].map((index) => offer({ dueAt: state.now() - index * day }));
      await queue.offer([...jobs, offer({ schedule: 'waits', deadline: state.now() + day })]);
      const [claim] = await queue.claim(db1, 1);
      await state.step(61 * minute);
      await queue.sweep(silence);
      for (const { dueAt } of jobs) {
        const job = { owner: { host: 'db-1' }, schedule: 'nightly', dueAt };
        expect(await other.conclude(job, 'completed')).toBe(true);
        expect(await other.conclude(job, 'completed')).toBe(false);
      }
      if (claim !== undefined) await refused(queue.finish(claim, 'failed'));
      expect(await queue.reports([{ host: 'db-1' }])).toEqual([]);
      expect(await queue.claim(db1, 10)).toMatchObject([{ schedule: 'waits' }]);
      const unknown = { owner: { host: 'db-1' }, schedule: 'other', dueAt: 0 };
      expect(await queue.conclude(unknown, 'completed')).toBe(false);
    });

    it('offers again what fell silent, with the next attempt, and refuses the one who wakes up', async () => {
      await queue.offer([offer()]);
      const first = await claimOne();
      await state.step(silence);
      await queue.beat(first);
      await state.step(silence);
      expect(await other.sweep(silence)).toEqual([]);
      await state.step(1);
      expect(await other.sweep(silence)).toMatchObject([{ state: 'waiting', attempt: 2 }]);
      await refused(queue.beat(first));
      const second = await claimOne(other);
      expect(second).toMatchObject({ attempt: 2 });
      await refused(queue.finish(first, 'completed'));
      await refused(queue.release(first, state.now()));
      await refused(queue.beat(first));
      await other.finish(second, 'completed');
      await refused(other.finish(second, 'completed'));
      expect(await states()).toEqual(['finished']);
    });

    it('is taken back by who fell silent, as long as nobody else has claimed it', async () => {
      await queue.offer([offer()]);
      const first = await claimOne();
      await queue.takeBack(first);
      await state.step(silence + 1);
      expect(await other.sweep(silence)).toMatchObject([{ state: 'waiting', attempt: 2 }]);
      await queue.takeBack(first);
      expect(await other.claim(db1, 10)).toEqual([]);
      await state.step(silence);
      expect(await other.sweep(silence)).toEqual([]);
      await queue.beat(first);
      await state.step(silence + 1);
      await other.sweep(silence);
      const second = await claimOne(other);
      await refused(queue.takeBack(first));
      await other.finish(second, 'completed');
      await refused(queue.takeBack(first));
      expect(await states()).toEqual(['finished']);
    });

    it('is not taken back while another has it, who has claimed it since, but where that one has released it', async () => {
      await queue.offer([offer({ owner: { pool: 'any' } })]);
      const claimed = (by: Queue, instance: string): Promise<Claim[]> =>
        by.claim({ instance, pools: ['any'] }, 1);
      const [first] = await claimed(queue, 'db-1');
      await state.step(silence + 1);
      await queue.sweep(silence);
      const [second] = await claimed(other, 'db-2');
      if (first === undefined || second === undefined) throw new Error('there was nothing to claim');
      await refused(queue.takeBack(first));
      await other.release(second, state.now());
      await queue.takeBack(first);
      expect(await queue.job(first)).toMatchObject({ state: 'claimed', claimer: 'db-1', attempt: 1 });
      expect(await claimed(other, 'db-2')).toEqual([]);
      await refused(other.takeBack(second));
      await queue.finish(first, 'completed');
    });

    it.each([
      ['released', 1],
      ['silent', 2],
    ])('is given out again where it was taken back, and then is %s', async (end, attempt) => {
      await queue.offer([offer()]);
      const first = await claimOne();
      await state.step(silence + 1);
      await other.sweep(silence);
      await queue.takeBack(first);
      await state.step(silence + 1);
      if (end === 'released') {
        await queue.release(first, state.now() + minute);
        expect(await other.claim(db1, 10)).toEqual([]);
        await state.step(minute);
      } else await other.sweep(silence);
      expect(await claimOne(other)).toMatchObject({ attempt });
      await refused(queue.takeBack(first));
    });

    it('is not taken back once it is missed', async () => {
      await queue.offer([offer()]);
      const first = await claimOne();
      await state.step(60 * minute);
      await queue.sweep(silence);
      await queue.sweep(silence);
      expect(await states()).toEqual(['missed']);
      await refused(queue.takeBack(first));
      expect(await states()).toEqual(['missed']);
    });

    it('reports as lost what fell silent in the last attempt, until it is acknowledged', async () => {
      const offered = offer({ attempts: 2 });
      await queue.offer([offered]);
      for (let attempt = 1; attempt <= 2; attempt += 1) {
        await claimOne();
        await state.step(silence + 1);
        await queue.sweep(silence);
      }
      const reports = await other.reports([{ host: 'db-1' }]);
      expect(reports).toMatchObject([
        { state: 'lost', reason: { code: 'claim_silent', text: 'db-1 fell silent during attempt 2 of 2' } },
      ]);
      await queue.acknowledge(reports);
      expect(await other.reports([{ host: 'db-1' }])).toEqual([]);
      await queue.offer([offered]);
      expect(await queue.claim(db1, 10)).toEqual([]);
    });

    it('misses what nobody claimed before its deadline, once, with the reason', async () => {
      await queue.offer([offer(), offer({ schedule: 'begun', priority: 2 })]);
      const begun = await claimOne();
      await state.step(60 * minute);
      await queue.offer([offer({ schedule: 'late', dueAt: state.now() - 60 * minute })]);
      const swept = await Promise.all([queue.sweep(90 * minute), other.sweep(90 * minute)]);
      expect(
        swept
          .flat()
          .map(({ schedule, state: end }) => `${schedule} ${end}`)
          .sort(),
      ).toEqual(['late missed', 'nightly missed']);
      expect(await queue.claim(db1, 10)).toEqual([]);
      await queue.finish(begun, 'failed');
      const reports = await queue.reports([{ host: 'db-1' }]);
      expect(reports.map(({ reason }) => reason?.code)).toEqual(['deadline_passed', 'deadline_passed']);
    });

    it('misses what was held up with the reason that was said last, and no weak one after another', async () => {
      const dueAt = state.now();
      const codes: unknown[] = [];
      for (const [code, isWeak] of [
        ['away', true],
        ['out', true],
        ['busy', false],
        ['away', true],
        ['full', false],
      ] as const) {
        await queue.offer([offer({ dueAt, heldUpBy: { code, isWeak } }), offer({ dueAt })]);
        codes.push((await other.job(offer({ dueAt })))?.reason?.code);
      }
      expect(codes).toEqual(['away', 'away', 'busy', 'busy', 'full']);
      await state.step(60 * minute);
      const text = 'one that may run it did not begin it (full), and nobody claimed it before its deadline';
      expect(await other.sweep(silence)).toMatchObject([{ state: 'missed', reason: { code: 'full', text } }]);
    });

    it('misses what was begun and fell silent with that as the reason, whatever others were held up by', async () => {
      const heldUpBy = { code: 'busy', isWeak: false };
      await queue.offer([offer({ heldUpBy })]);
      await claimOne();
      await state.step(silence + 1);
      await queue.sweep(silence);
      await queue.offer([offer({ dueAt: state.now() - silence - 1, heldUpBy })]);
      await state.step(60 * minute);
      expect(await queue.sweep(silence)).toMatchObject([
        { state: 'missed', reason: { code: 'claim_silent' } },
      ]);
    });

    it('misses what was released with what it was released for as the reason, above all that it was cut off', async () => {
      const heldUpBy = { code: 'busy', isWeak: false };
      const dueAt = state.now();
      await queue.offer([offer({ heldUpBy })]);
      await queue.release(await claimOne(), dueAt);
      expect((await queue.job(offer({ dueAt })))?.reason?.code).toBe('busy');
      await queue.release(await claimOne(), dueAt, { code: 'full', isWeak: false });
      expect((await queue.job(offer({ dueAt })))?.reason?.code).toBe('full');
      await queue.release(await claimOne(), dueAt, { code: 'claim_silent', isWeak: false });
      await queue.offer([offer({ dueAt, heldUpBy })]);
      await state.step(60 * minute);
      expect(await queue.sweep(silence)).toMatchObject([
        {
          state: 'missed',
          reason: {
            code: 'claim_silent',
            text: 'db-1 was cut off during attempt 1 of 3, and nobody claimed it again before its deadline',
          },
        },
      ]);
    });

    it('gives nothing whose deadline has passed, and misses it instead', async () => {
      await queue.offer([offer()]);
      await state.step(60 * minute);
      expect(await queue.claim(db1, 10)).toEqual([]);
      expect(await states()).toEqual(['missed']);
      expect(await queue.sweep(silence)).toEqual([]);
    });

    it('takes a job back from who gives it up, not to be begun before, and counts no attempt', async () => {
      await queue.offer([offer()]);
      const first = await claimOne();
      await queue.release(first, state.now() + minute);
      await refused(queue.finish(first, 'completed'));
      expect(await other.claim(db1, 1)).toEqual([]);
      await state.step(minute);
      const second = await claimOne(other);
      expect(second).toMatchObject({ attempt: 1, slot: state.now() });
      expect(second.token).not.toBe(first.token);
    });

    it('forgets long after the end, when it would not take the occurrence for a new one any more', async () => {
      const offered = offer();
      await queue.offer([offered, offer({ schedule: 'missed' })]);
      await queue.finish(await claimOne(), 'completed');
      await state.step(2 * memoryMs + 61 * minute);
      await queue.sweep(silence);
      expect(await queue.forget()).toBe(1);
      await queue.offer([offered]);
      expect(await states()).toEqual(['missed']);
      await queue.acknowledge(await queue.reports([{ host: 'db-1' }]));
      expect(await queue.forget()).toBe(1);
    });

    it('still knows everything once it is opened again', async () => {
      await queue.offer([offer(), offer({ schedule: 'other', priority: 0 })]);
      await claimOne();
      const reopened = await state.open();
      expect(await reopened.jobs([{ host: 'db-1' }])).toEqual(await queue.jobs([{ host: 'db-1' }]));
      expect(await reopened.claim(db1, 10)).toMatchObject([{ schedule: 'other' }]);
    });

    queueLaw(() => ({ state, queues: [queue, other] }));
  });
}

async function refused(work: Promise<unknown>): Promise<void> {
  await expect(work).rejects.toSatisfy(
    (error: unknown) => error instanceof LowtideError && error.code === 'claim_lost',
  );
}

function stateOf(job: Job): string {
  return job.state;
}
