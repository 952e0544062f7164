import { LowtideError } from '../errors/lowtide-error.ts';
import { fromRfc3339, toRfc3339 } from '../units/instant.ts';
import type { Commands } from './commands.ts';
import type { HostProblem, Own, OwnSlot, Plan, Schedule } from './contract.ts';
import { pageOfIds } from './cursor.ts';
import type { Handlers } from './handling.ts';
import { hostProblem, of, type Sides } from './sides.ts';

type ScheduleReads = Pick<Handlers, 'listSchedules' | 'getSchedule' | 'getPlan' | 'getLoad'>;

/** The schedules of one host. */
interface Listed {
  readonly host: string;
  readonly ids: readonly string[];
  readonly asTheyStand: (ids: readonly string[]) => Promise<readonly Own<Schedule>[]>;
}

const hourMs = 3_600_000;

/** What hosts have to run: of others what they have published, with how things stand in their state now. */
export function scheduleReads(sides: Sides, commands: Commands): ScheduleReads {
  const ok = <T>(body: T): { readonly status: 200; readonly body: T } => ({ status: 200, body });
  return {
    async listSchedules({ query: { host, ...page } }) {
      const { listed, problems } = await listedOf(sides, commands, host);
      const byKey = new Map(
        listed.flatMap((each) => each.ids.map((id) => [keyOf(id, each.host), { id, host: each.host }])),
      );
      const name = host === undefined || host === sides.self ? 'schedules' : `schedules of ${host}`;
      const { items: keys, ...more } = pageOfIds(name, page, [...byKey.keys()].toSorted(inOrder));
      const shown = new Map<string, Schedule>();
      for (const { host: whose, asTheyStand } of listed) {
        const ids = keys.flatMap((key) => {
          const found = byKey.get(key);
          return found?.host === whose ? [found.id] : [];
        });
        if (ids.length === 0) continue;
        for (const each of await asTheyStand(ids)) shown.set(keyOf(each.id, whose), of(whose, each));
      }
      return ok({ items: keys.flatMap((key) => shown.get(key) ?? []), ...more, ...given(problems) });
    },
    async getSchedule({ id, query: { host } }) {
      const other = await sides.another(host);
      const { listed } = await listedOf(sides, commands, other?.instance);
      const [its] = listed;
      const [schedule] = its?.ids.includes(id) ? await its.asTheyStand([id]) : [];
      if (schedule === undefined || its === undefined) {
        throw new LowtideError('not_found', `there is no schedule ${id}`, {
          hint: 'GET schedules lists them.',
        });
      }
      return ok(of(its.host, schedule));
    },

    getPlan: async ({ query }) => ok(await planOf(sides, commands, query)),
    async getLoad({ query: { hours, host, loadHost } }) {
      const other = await sides.another(host);
      if (other === undefined) return ok(of(sides.self, await commands.load(hours, loadHost)));
      if (loadHost !== undefined) {
        throw new LowtideError('usage', 'of another host only its own load can be had', {
          hint: 'Leave out loadHost, or ask that host.',
        });
      }
      return ok(of(other.instance, await commands.loadOf(sides.catalogOf(other.instance), hours)));
    },
  };
}

/** Byte by byte, as pages go on: by id, then by host. */
function keyOf(id: string, host: string): string {
  return `${id}\u0000${host}`;
}

function inOrder(a: string, b: string): number {
  return a < b ? -1 : 1;
}

async function listedOf(
  sides: Sides,
  commands: Commands,
  host: string | undefined,
): Promise<{ readonly listed: readonly Listed[]; readonly problems: readonly HostProblem[] }> {
  const own = {
    host: sides.self,
    ids: commands.scheduleIds(),
    asTheyStand: (ids: readonly string[]) => commands.schedules(ids),
  };
  const { others } = sides;
  const isAll = host === '*';
  const other = isAll ? undefined : await sides.another(host);
  if (others === undefined || (!isAll && other === undefined)) return { listed: [own], problems: [] };
  const listed: Listed[] = isAll ? [own] : [];
  const problems: HostProblem[] = [];
  for (const [whose, found] of await others.schedules(other?.instance)) {
    if (whose === sides.self) continue;
    if (found instanceof LowtideError) {
      if (!isAll) throw found;
      problems.push(hostProblem(whose, found));
    } else {
      const asTheyStand = (ids: readonly string[]): Promise<readonly Own<Schedule>[]> =>
        others.asTheyStand(
          whose,
          ids.flatMap((id) => found.get(id) ?? []),
        );
      listed.push({ host: whose, ids: [...found.keys()], asTheyStand });
    }
  }
  return { listed, problems };
}

async function planOf(
  sides: Sides,
  commands: Commands,
  {
    hours,
    paused,
    host,
  }: { readonly hours: number; readonly paused: string; readonly host?: string | undefined },
): Promise<Plan> {
  const { others, self } = sides;
  const isAll = host === '*' && others !== undefined;
  const other = host === '*' ? undefined : await sides.another(host);
  const own = other === undefined ? await commands.plan(hours, paused === 'true') : undefined;
  const from = own?.from ?? toRfc3339(commands.now());
  const until = own?.until ?? toRfc3339(commands.now() + hours * hourMs);
  const slots = (own?.slots ?? []).map((slot) => of(self, slot));
  const hostProblems: HostProblem[] = [];
  if (others !== undefined && (isAll || other !== undefined)) {
    for (const [whose, found] of await others.slots(other?.instance)) {
      if (whose === self) continue;
      if (!(found instanceof LowtideError))
        slots.push(...within(found, until).map((slot) => of(whose, slot)));
      else if (isAll) hostProblems.push(hostProblem(whose, found));
      else throw found;
    }
  }
  const problems = own?.problems?.map((problem) => of(self, problem));
  return {
    from,
    until,
    slots: slots.toSorted((a, b) => fromRfc3339(a.start) - fromRfc3339(b.start)),
    ...(problems !== undefined && { problems }),
    ...(hostProblems.length > 0 && { hostProblems }),
  };
}

function within(slots: readonly OwnSlot[], until: string): readonly OwnSlot[] {
  return slots.filter(({ start }) => fromRfc3339(start) < fromRfc3339(until));
}

function given(problems: readonly HostProblem[]): { problems?: HostProblem[] } {
  return problems.length === 0 ? {} : { problems: [...problems] };
}
