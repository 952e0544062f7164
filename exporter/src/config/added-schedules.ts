import { z } from 'zod';
import { LowtideError } from '../errors/lowtide-error.ts';
import { mistakesOf } from '../errors/mistakes.ts';
import type { Config, ScheduleConfig } from './schema.ts';
import { fromOneToTheNext, scheduleSchema } from './schedule-schema.ts';

/**
 * Schedules that were added through the API. Each backs up the source of one in the config file: so neither a command nor a
 * path nor a password ever comes in by HTTP. What it does not say is as in that one; null takes a setting away.
 */
const settings = scheduleSchema.shape;
const nullable = ['every', 'cron', 'window', 'keep'] as const;

const addedSchema = z.strictObject({
  like: settings.id,
  every: settings.every.nullable(),
  cron: settings.cron.nullable(),
  window: settings.window.nullable(),
  timezone: settings.timezone,
  priority: settings.priority.unwrap().optional(),
  max_delay: settings.max_delay.unwrap().optional(),
  on_deadline: settings.on_deadline.unwrap().optional(),
  run: z
    .strictObject({
      nice: settings.run.unwrap().shape.nice.unwrap().optional(),
      io_priority: settings.run.unwrap().shape.io_priority.unwrap().optional(),
      pause: settings.run.unwrap().shape.pause.unwrap().optional(),
    })
    .optional(),
  estimated_duration: settings.estimated_duration,
  resources: z
    .strictObject({
      cpu: settings.resources.unwrap().shape.cpu.unwrap().optional(),
      memory: settings.resources.unwrap().shape.memory.unwrap().optional(),
    })
    .optional(),
  stores: settings.stores.unwrap().optional(),
  keep: settings.keep.nullable(),
  verify: z.strictObject({ after_backup: z.boolean().optional() }).optional(),
});

/** Throws `config_invalid` with what is wrong. */
export function resolveAdded(id: string, body: unknown, config: Config): ScheduleConfig {
  const parsed = addedSchema.safeParse(body);
  if (!parsed.success) {
    throw invalid(id, mistakesOf(parsed.error));
  }
  const { like, resources, run, verify, ...rest } = parsed.data;
  const base = config.schedules.find((schedule) => schedule.id === like);
  if (base === undefined) throw invalid(id, `like: the config file has no schedule ${like}`);
  const { every, cron } = rest;
  if (typeof every === 'number' && typeof cron === 'string') {
    throw invalid(id, 'every stands beside cron: keep one of the two, and send the other as null');
  }
  const when =
    typeof every === 'number' ? { cron: undefined } : typeof cron === 'string' ? { every: undefined } : {};
  const estimated_duration = Math.min(
    base.estimated_duration,
    fromOneToTheNext({ every: every ?? undefined, cron: cron ?? undefined }),
  );
  const merged = { ...base, estimated_duration, ...when, ...without(rest) };
  const taken = nullable.filter((key) => rest[key] === null);
  const schedule: ScheduleConfig = {
    ...(Object.fromEntries(
      Object.entries(merged).filter(
        ([key, value]) => value !== undefined && !taken.some((name) => name === key),
      ),
    ) as ScheduleConfig),
    id,
    resources: {
      cpu: resources?.cpu ?? base.resources.cpu,
      memory: resources?.memory ?? base.resources.memory,
    },
    run: {
      nice: run?.nice ?? base.run.nice,
      io_priority: run?.io_priority ?? base.run.io_priority,
      pause: run?.pause ?? base.run.pause,
    },
    verify: { ...base.verify, after_backup: verify?.after_backup ?? base.verify.after_backup },
  };
  if (schedule.every === undefined && schedule.cron === undefined) {
    throw invalid(id, 'it does not say when it is due: give every or cron');
  }
  if (base.stores.length === 0 && schedule.stores.length > 0) {
    throw invalid(id, `stores: ${base.source.type} keeps the backups in a repository of its own`);
  }
  if (base.source.type === 'pgbackrest' && schedule.keep !== undefined) {
    throw invalid(id, 'keep: pgBackRest forgets by its own configuration');
  }
  const named = [...schedule.stores, ...Object.keys(schedule.keep?.stores ?? {})];
  const unknown = named.filter((store) => !Object.hasOwn(config.stores, store));
  if (unknown.length > 0) throw invalid(id, `stores: the config file has no store ${unknown.join(', ')}`);
  return schedule;
}

export interface WithAdded {
  readonly config: Config;
  /** Of those that no longer fit the config file: they do not run. */
  readonly problems: readonly LowtideError[];
}

/** The config with the added schedules behind its own. One of the file takes the place of an added one with its id. */
export function withAdded(
  config: Config,
  added: readonly { readonly id: string; readonly body: unknown }[],
): WithAdded {
  const problems: LowtideError[] = [];
  const schedules = added.flatMap(({ id, body }) => {
    try {
      if (config.schedules.some((schedule) => schedule.id === id)) {
        throw invalid(id, 'the config file has a schedule with this id');
      }
      return [Object.freeze(resolveAdded(id, body, config))];
    } catch (thrown) {
      problems.push(LowtideError.from(thrown));
      return [];
    }
  });
  if (schedules.length === 0) return { config, problems };
  return { config: Object.freeze({ ...config, schedules: [...config.schedules, ...schedules] }), problems };
}

function without<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined && value !== null),
  ) as Partial<T>;
}

function invalid(id: string, what: string): LowtideError {
  return new LowtideError('config_invalid', `the added schedule ${id} cannot be used: ${what}`, {
    hint: 'Settings are written as in lowtide.yaml; docs/configuration.md describes them.',
  });
}
