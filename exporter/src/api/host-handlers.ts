import { randomUUID } from 'node:crypto';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { NewRequest, Relayed } from '../fleet/fleet.ts';
import { toRfc3339 } from '../units/instant.ts';
import type { Caller } from './caller.ts';
import type { Commands } from './commands.ts';
import type { Host, RelayedRequest } from './contract.ts';
import { pageOfIds } from './cursor.ts';
import type { Handlers } from './handling.ts';
import { hostView, loneHost } from './host-view.ts';
import type { Sides } from './sides.ts';

type HostHandlers = Pick<Handlers, 'listHosts' | 'forgetHost' | 'getRequest'>;

export function hostHandlers(sides: Sides, commands: Commands): HostHandlers {
  return {
    async listHosts({ query }) {
      const known = new Map((await knownHosts(sides, commands)).map((host) => [host.instance, host]));
      const { items, ...more } = pageOfIds('hosts', query, [...known.keys()].sort());
      return { status: 200, body: { items: items.flatMap((name) => known.get(name) ?? []), ...more } };
    },
    async forgetHost({ id }) {
      const other = await sides.another(id);
      if (other === undefined || !(await sides.others?.forget(id))) {
        throw new LowtideError('host_alive', `${id} is there, and would be back in a moment`, {
          hint: 'Stop the exporter on that host first.',
        });
      }
      return { status: 204, body: undefined };
    },
    async getRequest({ id }) {
      const found = await sides.others?.request(id);
      if (found !== undefined) return { status: 200, body: requestView(found) };
      throw new LowtideError('not_found', `there is no request ${id}`, {
        hint: 'Requests to other hosts are kept for a day.',
      });
    },
  };
}

async function knownHosts(sides: Sides, commands: Commands): Promise<readonly Host[]> {
  const { self, others } = sides;
  const summary = await commands.summary();
  if (others === undefined) {
    return [loneHost({ instance: self, version: commands.version, address: commands.address() }, summary)];
  }
  const summaries = new Map([...(await others.summaries()), [self, summary]]);
  return (await others.list()).map((host) => hostView(host, self, summaries));
}

type Asked = { readonly status: 202; readonly body: RelayedRequest; readonly detail: string };

/** Hands what is asked of another host to it; undefined where it is this one's to do. Throws `not_found`, `host_silent`. */
export type Relay = (
  host: string | undefined,
  action: NewRequest['action'],
  subject: string,
  wait?: 'true' | 'false',
) => Promise<Asked | undefined>;

export function relayOf(sides: Sides, caller: Caller): Relay {
  return async (host, action, subject, wait = 'false') => {
    const other = await sides.another(host);
    if (other === undefined || sides.others === undefined) return undefined;
    if (wait === 'true') {
      throw new LowtideError('usage', 'what another host does cannot be waited for', {
        hint: 'Leave out wait, and follow GET requests/{id}.',
      });
    }
    const asked = await sides.others.ask(randomUUID(), other.instance, {
      action,
      subject,
      askedOf: sides.self,
      by: caller.token ?? 'none',
      ...(caller.grafanaUser !== undefined && { grafanaUser: caller.grafanaUser }),
    });
    const body = requestView(asked);
    return { status: 202, body, detail: `asked of ${other.instance}: ${body.id}` };
  };
}

function requestView({ instance, askedAt, state, answer, ...request }: Relayed): RelayedRequest {
  const { id, action, subject, by, grafanaUser, askedOf } = request;
  return {
    kind: 'request',
    id,
    host: instance,
    action,
    subject,
    by,
    ...(grafanaUser !== undefined && { grafanaUser }),
    askedAt: toRfc3339(askedAt),
    askedOf,
    state: state !== 'answered' ? state : answer?.error === undefined ? 'done' : 'refused',
    ...(answer?.runId !== undefined && { runId: answer.runId }),
    ...(answer?.error !== undefined && { error: answer.error }),
  };
}
