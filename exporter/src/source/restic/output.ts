import { z } from 'zod';
import { LowtideError } from '../../errors/lowtide-error.ts';

/** What restic writes with --json, as far as it is needed; versions add to it, and take nothing away. */

const statusLine = z.object({
  message_type: z.literal('status'),
  bytes_done: z.number().default(0),
  total_bytes: z.number().optional(),
});

const summaryLine = z.object({
  message_type: z.literal('summary'),
  snapshot_id: z.string().min(1),
  total_bytes_processed: z.int().nonnegative(),
  data_added: z.int().nonnegative(),
  /** From 0.17 on: as it was written, compressed. */
  data_added_packed: z.int().nonnegative().optional(),
});

export type BackupLine = z.output<typeof statusLine> | z.output<typeof summaryLine>;

const backupLine = z.discriminatedUnion('message_type', [statusLine, summaryLine]);

/** Undefined for what is of no interest. */
export function readBackupLine(line: string): BackupLine | undefined {
  return backupLine.safeParse(jsonOf(line)).data;
}

const errorLine = z.object({
  message_type: z.literal('error'),
  error: z.object({ message: z.string().optional() }).catch({}),
  item: z.string(),
});

/**
 * What could not be read, each once: restic meets it while it counts, and again while it stores. Beside these lines stand
 * plain ones.
 */
export function readUnreadable(lines: readonly string[]): readonly string[] {
  const byItem = new Map<string, string>();
  for (const line of lines) {
    const found = errorLine.safeParse(jsonOf(line)).data;
    if (found === undefined) continue;
    const why = found.error.message;
    byItem.set(
      found.item,
      why === undefined || why.includes(found.item) ? (why ?? found.item) : `${found.item}: ${why}`,
    );
  }
  return [...byItem.values()];
}

const snapshot = z.object({ id: z.string().min(8), time: z.iso.datetime({ offset: true }) });
export type ListedSnapshot = z.output<typeof snapshot>;

const snapshotList = z.array(snapshot);

export function readSnapshots(text: string): readonly ListedSnapshot[] {
  return parsed(snapshotList.nullable(), text, 'snapshots') ?? [];
}

const forgetGroups = z.array(
  z.object({
    keep: z.array(snapshot).nullable(),
    remove: z.array(snapshot).nullable(),
    // Up to 0.16 the snapshot of a reason has no id.
    reasons: z
      .array(z.object({ snapshot: z.object({ time: z.string() }), matches: z.array(z.string()) }))
      .nullable(),
  }),
);

export interface ForgetAnswer {
  readonly keep: readonly (ListedSnapshot & { readonly reasons: readonly string[] })[];
  readonly remove: readonly ListedSnapshot[];
}

/** Where no snapshot was concerned there is no answer at all. */
export function readForget(text: string): ForgetAnswer {
  if (text.trim() === '') return { keep: [], remove: [] };
  const groups = parsed(forgetGroups, text, 'forget');
  const reasons = new Map(
    groups.flatMap((group) =>
      (group.reasons ?? []).map(({ snapshot: { time }, matches }) => [time, matches]),
    ),
  );
  return {
    keep: groups.flatMap(({ keep }) =>
      (keep ?? []).map((each) => ({ ...each, reasons: reasons.get(each.time) ?? [] })),
    ),
    remove: groups.flatMap(({ remove }) => remove ?? []),
  };
}

function parsed<T>(shape: z.ZodType<T>, text: string, what: string): T {
  const found = shape.safeParse(jsonOf(text));
  if (found.success) return found.data;
  throw new LowtideError('source_failed', `restic ${what} gave an answer that is not understood`, {
    hint: 'Is it a version of restic that is newer than this lowtide? Tell us which.',
    cause: found.error,
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
