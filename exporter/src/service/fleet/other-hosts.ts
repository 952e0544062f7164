import type { Own, Schedule } from '../../api/contract.ts';
import type { OtherHosts, Schedules } from '../../api/other-hosts.ts';
import { schedule } from '../../api/schemas/schedules.ts';
import { readPostgresCatalog } from '../../catalog/postgres.ts';
import { LowtideError } from '../../errors/lowtide-error.ts';
import type { FleetAccess } from '../../fleet/access.ts';
import type { Fleet, Published } from '../../fleet/fleet.ts';
import { plannedSlots } from './planned-slots.ts';
import { scheduleStates, withState } from '../schedule-view.ts';

/** The other hosts on the PostgreSQL that keeps the state of this one. */
export function otherHosts(access: FleetAccess): OtherHosts {
  return {
    list: async () => await (await access.open()).hosts(),
    summaries: async () => await (await access.open()).views.summaries(),
    forget: async (instance) => await (await access.open()).forget(instance),
    catalog: (instance) => readPostgresCatalog(access.postgres, instance),
    schedules: async (instance) => await published(await access.open(), instance),
    async asTheyStand(instance, schedules) {
      const states = await scheduleStates(readPostgresCatalog(access.postgres, instance));
      const shown: Own<Schedule>[] = [];
      // One after the other: each takes a connection, and others wait for one too.
      for (const each of schedules) shown.push(await withState(each, states));
      return shown;
    },
    async slots(instance) {
      const fleet = await access.open();
      const plan =
        instance === undefined
          ? await fleet.plan.readAll()
          : new Map([[instance, (await fleet.plan.read(instance)).slots]]);
      return mapped(await published(fleet, instance), (host, schedules) => {
        if (schedules instanceof LowtideError) throw schedules;
        return plannedSlots(plan.get(host) ?? [], schedules);
      });
    },
    ask: async (id, instance, request) => await (await access.open()).requests.ask(id, instance, request),
    request: async (id) => await (await access.open()).requests.find(id),
    beginCampaign: async (id, campaign, hosts) =>
      await (await access.open()).campaigns.begin(id, campaign, hosts),
    cancelCampaign: async (id, asking) => await (await access.open()).campaigns.cancel(id, asking),
    campaign: async (id) => await (await access.open()).campaigns.find(id),
    campaigns: async (after, limit) => await (await access.open()).campaigns.list(after, limit),
  };
}

async function published(
  fleet: Fleet,
  instance: string | undefined,
): Promise<ReadonlyMap<string, Schedules | LowtideError>> {
  return mapped(await fleet.views.schedules(instance), (host, content) => {
    const schedules = understood(host, content) as readonly Own<Schedule>[];
    return new Map(schedules.map((each) => [each.id, each]));
  });
}

const ownSchedule = schedule.omit({ host: true });

function mapped<S, T>(
  published: ReadonlyMap<string, S>,
  read: (host: string, content: S) => T,
): ReadonlyMap<string, T | LowtideError> {
  const found = new Map<string, T | LowtideError>();
  for (const [host, content] of published) {
    try {
      found.set(host, read(host, content));
    } catch (thrown) {
      if (!(thrown instanceof LowtideError)) throw thrown;
      found.set(host, thrown);
    }
  }
  return found;
}

/** What a newer version says beside what is known here is left out. Throws `host_unreadable` for what says it otherwise. */
function understood(host: string, content: Published): readonly unknown[] {
  if (content === 'newer') throw unreadable(host);
  return content.map((item) => {
    const result = ownSchedule.safeParse(item);
    if (result.success) return result.data;
    const known = structuredClone(item);
    for (const issue of result.error.issues) {
      if (issue.code === 'unrecognized_keys') remove(known, issue.path, issue.keys);
    }
    const again = ownSchedule.safeParse(known);
    if (!again.success) throw unreadable(host);
    return again.data;
  });
}

function remove(value: unknown, path: readonly PropertyKey[], keys: readonly string[]): void {
  let at = value;
  for (const step of path) at = (at as Record<PropertyKey, unknown>)[step];
  for (const key of keys) Reflect.deleteProperty(at as object, key);
}

function unreadable(host: string): LowtideError {
  return new LowtideError(
    'host_unreadable',
    `${host} says what it has to run as another version of Lowtide does`,
    {
      hint: 'Upgrade this exporter, or ask that host.',
    },
  );
}
