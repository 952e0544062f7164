import { once } from 'node:events';
import { beforeEach, expect, it, vi } from 'vitest';
import type { OpenTask } from '../../fleet/campaign.ts';
import type { PruneResult } from '../../retention/prune.ts';
import { WorkRegistry } from '../work.ts';
import { CampaignPrunes, type CampaignPrunesOptions } from './campaign-prunes.ts';

const task: OpenTask = {
  kind: 'prune',
  wish: {},
  askedOf: 'one',
  by: 'alice',
  campaign: 'c',
  state: 'waiting',
};

let noted: unknown[];
let stopping: AbortController;
beforeEach(() => {
  noted = [];
  stopping = new AbortController();
});

/** With a prune that goes on until it is aborted. */
function prunes(): CampaignPrunes {
  const installation = {
    config: { schedules: [] },
    rotator: { settle: () => Promise.resolve() },
    jobs: {
      async prune(_: unknown, { signal }: { readonly signal: AbortSignal }): Promise<PruneResult> {
        if (!signal.aborted) await once(signal, 'abort');
        throw signal.reason;
      },
    },
  } as unknown as ReturnType<CampaignPrunesOptions['installation']>;
  return new CampaignPrunes({
    installation: () => installation,
    registry: new WorkRegistry(() => 0, stopping.signal),
    track: (work) => work,
    note(_, outcome) {
      noted.push(outcome);
      return Promise.resolve();
    },
  });
}

it('ends one that goes on, and says so', async () => {
  const own = prunes();
  expect(own.look(task)).toEqual({ state: 'running' });
  await vi.waitUntil(() => noted.length === 1);
  expect(own.end(task)).toEqual({ state: 'running' });
  await vi.waitFor(() => expect(own.end(task)).toEqual({ state: 'cancelled' }));
  expect(noted).toEqual([{ result: 'started' }, { result: 'failed', code: 'cancelled' }]);
});

it('never begins one that is cancelled', () => {
  expect(prunes().end(task)).toEqual({ state: 'cancelled' });
  expect(noted).toEqual([]);
});

it('leaves one to the next process that is cut off because this one stops', async () => {
  const own = prunes();
  own.look(task);
  await vi.waitUntil(() => noted.length === 1);
  stopping.abort(new Error('it stops'));
  await vi.waitUntil(() => noted.length === 2);
  expect(own.look(task)).toEqual({ state: 'running' });
});
