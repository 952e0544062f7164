import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LowtideError } from '../../exporter/src/errors/lowtide-error.ts';
import type { Claim, Job, Offer, Queue } from '../../exporter/src/queue/queue.ts';
import type { QueueState } from './queue.ts';

type Step =
  | { readonly kind: 'offer'; readonly job: number; readonly delay: number }
  | { readonly kind: 'claim' | 'sweep'; readonly host: number }
  | { readonly kind: 'beat' | 'takeBack' | 'finish' | 'release'; readonly claim: number }
  | { readonly kind: 'clock'; readonly minutes: number };

const minute = 60_000;
const silence = 2 * minute;
const pool = { pool: 'law' };

/** Any claim that was ever given, so that zombies wake up: a crash is a claim that is never picked again. */
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('offer'), job: fc.nat(3), delay: fc.nat(5) }),
  fc.record({ kind: fc.constantFrom('claim', 'sweep'), host: fc.nat(1) }),
  fc.record({ kind: fc.constantFrom('beat', 'takeBack', 'finish', 'release'), claim: fc.nat(20) }),
  fc.record({ kind: fc.constant('clock'), minutes: fc.constantFrom(1, 3, 3, 10, -1, -10) }),
);

/** Whatever is done in whatever order, each job that was offered ends once, and is reported once where it did not run. */
export function queueLaw(
  given: () => { readonly state: QueueState; readonly queues: readonly Queue[] },
): void {
  let round = 0;

  it('ends each job exactly once, or reports it once, whatever happens in whatever order', async () => {
    const { state, queues } = given();
    const [first] = queues;
    if (first === undefined) throw new Error('there is no queue');
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        round += 1;
        const schedules = [0, 1, 2, 3].map((job) => `${round}-${job}`);
        const begin = state.now();
        const offered = new Set<string>();
        const claims: Claim[] = [];
        const finished: string[] = [];
        const ended: string[] = [];
        const note = (jobs: readonly Job[]): void => {
          for (const job of jobs) if (job.state !== 'waiting') ended.push(job.schedule);
        };
        const offerOf = (job: number, delay: number): Offer => ({
          owner: pool,
          schedule: schedules[job] ?? '',
          dueAt: begin,
          slot: begin + delay * minute,
          deadline: begin + 30 * minute,
          priority: job,
          attempts: 2,
        });
        const take = async (each: Step): Promise<void> => {
          if (each.kind === 'clock') {
            await state.step(each.minutes * minute);
          } else if (each.kind === 'offer') {
            offered.add(schedules[each.job] ?? '');
            await first.offer([offerOf(each.job, each.delay)]);
          } else if ('host' in each) {
            const queue = queues[each.host] ?? first;
            if (each.kind === 'sweep') note(await queue.sweep(silence));
            else claims.push(...(await queue.claim({ instance: `h${each.host}`, pools: ['law'] }, 1)));
          } else {
            const claim = claims[each.claim % Math.max(1, claims.length)];
            if (claim === undefined) return;
            if (each.kind === 'beat') await first.beat(claim);
            else if (each.kind === 'takeBack') await first.takeBack(claim);
            else if (each.kind === 'release') await first.release(claim, state.now() + minute);
            else {
              await first.finish(claim, 'completed');
              finished.push(claim.schedule);
            }
          }
        };
        for (const each of steps) await take(each).catch(unlessLost);
        // Time goes by, and everybody who was at work is dead.
        for (let turn = 0; turn < 3; turn += 1) {
          await state.step(60 * minute);
          note(await first.sweep(silence));
        }
        const reports = await first.reports([pool]);
        await first.acknowledge(reports);
        expect([...finished, ...reports.map(({ schedule }) => schedule)].sort()).toEqual([...offered].sort());
        // Of those whose time was found to be over by who wanted to claim them, no sweep has told.
        expect(reports.map(({ schedule }) => schedule)).toEqual(expect.arrayContaining(ended));
        expect(new Set(ended).size).toBe(ended.length);
        expect(await first.claim({ instance: 'h0', pools: ['law'] }, 10)).toEqual([]);
        expect(new Set(claims.map(({ token }) => token)).size).toBe(claims.length);
      }),
      { numRuns: 25, endOnFailure: true },
    );
  });
}

function unlessLost(error: unknown): void {
  if (!(error instanceof LowtideError) || error.code !== 'claim_lost') throw error;
}
