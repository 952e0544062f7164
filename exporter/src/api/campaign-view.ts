import type { Campaign as Known, CampaignTask } from '../fleet/campaign.ts';
import { toRfc3339 } from '../units/instant.ts';
import type { Campaign } from './contract.ts';

/** Of a task, or of how one stands: whether it is left to be done. */
export function isOpen({ state }: Pick<CampaignTask, 'state'>): boolean {
  return state === 'waiting' || state === 'running';
}

export function campaignView({ kind, wish, askedAt, tasks, ...campaign }: Known): Campaign {
  const summary = { waiting: 0, running: 0, completed: 0, partial: 0, failed: 0, refused: 0, cancelled: 0 };
  for (const { state } of tasks) summary[state] += 1;
  return {
    kind: 'campaign',
    work: kind,
    ...(kind === 'rotation' && { wish: wish as Campaign['wish'] }),
    ...campaign,
    askedAt: toRfc3339(askedAt),
    over: !tasks.some(isOpen),
    summary,
    tasks: tasks.map(({ instance, counts, updatedAt, ...task }) => ({
      host: instance,
      ...task,
      ...counts,
      updatedAt: toRfc3339(updatedAt),
    })),
  };
}
