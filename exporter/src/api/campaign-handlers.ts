import { randomUUID } from 'node:crypto';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { Asking } from '../fleet/campaign.ts';
import type { Caller } from './caller.ts';
import { campaignView } from './campaign-view.ts';
import type { RotationWish } from './commands.ts';
import type { Campaign } from './contract.ts';
import { pageOf } from './cursor.ts';
import type { Handlers } from './handling.ts';
import type { Sides } from './sides.ts';

export function campaignHandlers(
  sides: Sides,
  caller: Caller,
): Pick<Handlers, 'listCampaigns' | 'getCampaign' | 'cancelCampaign'> {
  return {
    async listCampaigns({ query }) {
      const read = (after: string | undefined, limit: number) => sides.others?.campaigns(after, limit) ?? [];
      const page = await pageOf('campaigns', query, async (...from) => read(...from), idOf, campaignView);
      return { status: 200, body: page };
    },
    async getCampaign({ id }) {
      const found = await sides.others?.campaign(id);
      if (found !== undefined) return { status: 200, body: campaignView(found) };
      throw nowhere(id);
    },
    async cancelCampaign({ id }) {
      const cancelled = await sides.others?.cancelCampaign(id, askingOf(sides, caller));
      if (cancelled !== undefined) return { status: 202, body: campaignView(cancelled) };
      throw nowhere(id);
    },
  };
}

function nowhere(id: string): LowtideError {
  return new LowtideError('not_found', `there is no campaign ${id}`, {
    hint: 'Those that are over are kept for 90 days: GET campaigns lists them.',
  });
}

function askingOf({ self }: Sides, { token, grafanaUser }: Caller): Asking {
  return { askedOf: self, by: token ?? 'none', ...(grafanaUser !== undefined && { grafanaUser }) };
}

function idOf({ id }: { readonly id: string }): string {
  return id;
}

type Asked = { readonly status: 202; readonly body: Campaign; readonly detail: string };

/**
 * Asks other hosts, or all, for a rotation; undefined where the host that answers is meant, or is alone. Throws `not_found`, and
 * `usage` for what can be asked of one host only.
 */
export function campaignsBy(
  sides: Sides,
  caller: Caller,
): (
  query: { readonly host?: string | undefined; readonly wait: 'true' | 'false' },
  wish: RotationWish,
  dryRun: boolean,
) => Promise<Asked | undefined> {
  return async ({ host, wait }, wish, dryRun) => {
    const { others } = sides;
    if (others === undefined && host === '*') return undefined;
    const other = host === '*' ? undefined : await sides.another(host);
    if (others === undefined || (other === undefined && host !== '*')) return undefined;
    if (dryRun || wait === 'true') {
      const message = dryRun ? 'only a host itself can plan a rotation' : 'other hosts cannot be waited for';
      const hint = dryRun
        ? 'Ask each host with dryRun, without host.'
        : 'Leave out wait, and follow GET campaigns/{id}.';
      throw new LowtideError('usage', message, { hint });
    }
    const campaign = { kind: 'rotation', wish, ...askingOf(sides, caller) } as const;
    const hosts = other === undefined ? undefined : [other.instance];
    const body = campaignView(await others.beginCampaign(randomUUID(), campaign, hosts));
    return { status: 202, body, detail: `asked of ${other?.instance ?? 'all hosts'}: ${body.id}` };
  };
}
