import { z } from 'zod';
import { usualState } from './schema.ts';

/**
 * The file as far as sense can be made of it. Checks that compare one key with another read this rather than the
 * validated config, so that a wrong window does not hide a misspelt store: all mistakes come in one report.
 */
const text = z.string().optional().catch(undefined);

/** Of a map, its names. */
const names = z.record(z.string(), z.unknown()).catch({});

const draftSource = z.object({
  type: text,
  url: text,
  path: text,
  exclude: z.array(z.string()).catch([]),
  password: z.unknown().optional(),
  password_file: z.unknown().optional(),
});

const draftVerify = z.object({
  full_read: z.unknown().optional(),
  drill: z.unknown().optional(),
  drill_into: text,
  drill_checks: z
    .object({
      rows: z.unknown().optional(),
      amcheck: z.unknown().optional(),
      env: z.unknown().optional(),
      command: z.unknown().optional(),
    })
    .optional()
    .catch(undefined),
});

const draftSchedule = z.object({
  id: text,
  every: z.unknown().optional(),
  cron: z.unknown().optional(),
  source: draftSource.catch({ type: undefined, url: undefined, path: undefined, exclude: [] }),
  /** Absent where nothing is written; empty where it is no list. */
  stores: z.array(text).optional().catch([]),
  keep: z
    .object({ stores: z.record(z.string(), z.unknown()).catch({}) })
    .optional()
    .catch(undefined),
  verify: draftVerify.optional().catch(undefined),
  host: text,
  network: text,
  server: text,
  pool: text,
});

const draftSchema = z.object({
  /** Absent where no sense can be made of what is written, as of a variable that is not there. */
  state: text,
  server: z
    .object({
      listen: text,
      tokens: z
        .array(z.object({ name: text, token: text }).catch({ name: undefined, token: undefined }))
        .catch([]),
    })
    .catch({ listen: undefined, tokens: [] }),
  load: z.object({ hosts: names }).catch({ hosts: {} }),
  restore_targets: z.record(z.string(), z.object({ to: text }).catch({ to: undefined })).catch({}),
  stores: z.record(z.string(), z.object({ path: text }).catch({ path: undefined })).catch({}),
  networks: names,
  servers: names,
  pools: z.array(text).catch([]),
  schedules: z.array(draftSchedule.optional().catch(undefined)).catch([]),
});

export type Draft = z.output<typeof draftSchema>;
export type DraftSchedule = z.output<typeof draftSchedule>;

export function draftOf(value: unknown): Draft {
  const saysNothing = typeof value === 'object' && value !== null && !Object.hasOwn(value, 'state');
  const parsed = draftSchema.safeParse(saysNothing ? { ...value, state: usualState } : value);
  return parsed.success
    ? parsed.data
    : {
        state: undefined,
        server: { listen: undefined, tokens: [] },
        load: { hosts: {} },
        restore_targets: {},
        stores: {},
        networks: {},
        servers: {},
        pools: [],
        schedules: [],
      };
}
