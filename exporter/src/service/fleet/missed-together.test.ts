import { expect, it } from 'vitest';
import type { Job } from '../../queue/queue.ts';
import { missedTogether } from './missed-together.ts';

const pool = { pool: 'any' };

function missed(schedule: string, dueAt: number, code: string, owner: Job['owner'] = pool): Job {
  const offer = { owner, schedule, dueAt, slot: dueAt, deadline: dueAt, priority: 1, attempts: 3 };
  const end = { attempt: 1, claimer: undefined, reason: { code, text: '' }, endedAt: dueAt };
  return { ...offer, ...end, state: 'missed' };
}

it('tells what a schedule has missed for one reason at once, the newest last', () => {
  const told = missedTogether([
    missed('db', 3, 'deadline_passed'),
    missed('db', 1, 'deadline_passed'),
    missed('files', 2, 'cpu'),
    missed('db', 5, 'claim_silent'),
    missed('db', 4, 'deadline_passed', { pool: 'other' }),
  ]);
  expect(told).toEqual([
    { owner: pool, schedule: 'files', dueAt: 2, occurrences: 1, reason: 'cpu' },
    { owner: pool, schedule: 'db', dueAt: 3, occurrences: 2, reason: 'absent' },
    { owner: { pool: 'other' }, schedule: 'db', dueAt: 4, occurrences: 1, reason: 'absent' },
    { owner: pool, schedule: 'db', dueAt: 5, occurrences: 1, reason: 'interrupted' },
  ]);
});
