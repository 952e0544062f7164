import { z } from 'zod';
import { LowtideError } from '../errors/lowtide-error.ts';
import { openBytes, sealBytes } from '../seal/bytes.ts';
import { fromRfc3339, type EpochMs } from '../units/instant.ts';

/**
 * A copy of the config beside the backups, so that a store and a recovery key are enough to begin anew: an age file over one JSON
 * document. `age -d -i recovery.key FILE | jq -r .config` gives the file as it was.
 */
const shape = z.object({
  formatVersion: z.literal(1),
  instance: z.string(),
  savedAt: z.string(),
  /** Of Lowtide. */
  version: z.string(),
  /** The store that it lies in, as the config calls it. */
  store: z.string(),
  /** Where the file lay. */
  file: z.string(),
  /** The file, word for word. */
  config: z.string(),
  /** What it takes from elsewhere, but for the keystore's passphrase. */
  references: z.array(z.object({ kind: z.enum(['env', 'file']), name: z.string(), value: z.string() })),
  /** Schedules that were added through the API. */
  addedSchedules: z.array(z.object({ id: z.string(), body: z.unknown() })),
  pausedSchedules: z.array(z.string()),
});

export type ConfigCopy = Readonly<z.output<typeof shape>>;

/** Names of schedules begin otherwise, so that no backup ever lies there. */
export const configCopyPrefix = '_config/';

/** `_config/20261125T020000000Z-3fa29c.age`: in the order of time, also of two within a second. */
export function configCopyName(savedAt: EpochMs, random: string): string {
  const instant = Temporal.Instant.fromEpochMilliseconds(savedAt);
  const time = instant.toString({ fractionalSecondDigits: 3 }).replaceAll(/[-:.]/g, '');
  return `${configCopyPrefix}${time}-${random}.age`;
}

export function isConfigCopyName(name: string): boolean {
  return /^_config\/\d{8}T\d{9}Z-[0-9a-f]{6}\.age$/.test(name);
}

export async function sealConfigCopy(copy: ConfigCopy, recipients: readonly string[]): Promise<Uint8Array> {
  return await sealBytes(Buffer.from(JSON.stringify(copy)), recipients);
}

/** Throws `no_identity_match`, and `config_invalid` for what is no such copy, or one of a newer version. */
export async function openConfigCopy(file: Uint8Array, identity: string, where: string): Promise<ConfigCopy> {
  const text = Buffer.from(await openBytes(file, [identity])).toString('utf8');
  const parsed = shape.safeParse(parseJson(text));
  if (parsed.success) {
    fromRfc3339(parsed.data.savedAt);
    return parsed.data;
  }
  throw new LowtideError('config_invalid', `${where} is no copy of a config that this version can read`, {
    hint: 'A newer Lowtide may have written it: recover with that one.',
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
