import type { AuditEntry } from '../catalog/access.ts';
import type { PrunedBackups } from '../catalog/catalog.ts';
import type { Installation } from '../compose.ts';
import type { Key } from '../keys/keystore.ts';
import { formatSize } from '../units/size.ts';
import { toRfc3339 } from '../units/instant.ts';

/**
 * What destroying a key does beyond the keystore: copies that are sealed to it and lie outside of the catalog (snapshots, mirrors,
 * versions) can no longer be opened, wherever they are. That is crypto-shredding of what is named here, and no more than that:
 * whoever has another identity that opens them still can.
 */
export interface Shredding {
  readonly key: Key;
  /** Backups whose last known sealing was to this key: all copies in the stores are gone. */
  readonly pruned: PrunedBackups;
  /** Rotations that gave backups to other keys since this one was made: old copies of those are sealed to it. */
  readonly rotations: readonly string[];
  /** What still opens the same copies, as far as it is known. */
  readonly opensStill: readonly string[];
}

const pageSize = 1000;

export async function shreddingOf({ catalog, config }: Installation, key: Key): Promise<Shredding> {
  const recovery = config.encryption.recovery_recipients.filter((recipient) => recipient !== key.recipient);
  const exports = await exportsOf(catalog.access, key.id);
  const last = exports.at(-1);
  return {
    key,
    pruned: await catalog.prunedOf(key.id),
    rotations: (await catalog.rotations.list({ limit: pageSize }))
      .filter(({ keyId, startedAt, done }) => {
        return keyId !== key.id && startedAt >= key.createdAt && done.backups > 0;
      })
      .map(({ id }) => id),
    opensStill: [
      ...(last === undefined
        ? []
        : [
            `its recovery files, which were written ${exports.length === 1 ? 'once,' : `${exports.length} times, the last one`} ${toRfc3339(last.at)} (${last.body.detail ?? 'file unknown'})`,
          ]),
      ...(recovery.length === 0 ? [] : [`the identities of recovery_recipients: ${recovery.join(', ')}`]),
      'copies of the keystore folder, with its passphrase',
    ],
  };
}

export function shreddingView({ pruned, rotations, opensStill }: Shredding): Record<string, unknown> {
  const { backups, bytes, from, until, schedules } = pruned;
  return {
    prunedBackups: backups,
    prunedBytes: bytes,
    ...(from !== undefined && { createdFrom: toRfc3339(from) }),
    ...(until !== undefined && { createdUntil: toRfc3339(until) }),
    schedules,
    rotations,
    opensStill,
  };
}

export function describeShredding({ key, pruned, rotations, opensStill }: Shredding): string {
  const { backups, bytes, from, until, schedules } = pruned;
  const time =
    from === undefined || until === undefined ? '' : `, made ${toRfc3339(from)} to ${toRfc3339(until)}`;
  return [
    `Crypto-shredded is every copy that is sealed to ${key.id} (${key.recipient}) and lies outside of the catalog, in snapshots, mirrors or old versions:`,
    backups === 0
      ? '- of pruned backups: none is on file;'
      : `- of ${backups} pruned backups of ${schedules.join(', ')} (${formatSize(bytes)}${time});`,
    rotations.length === 0
      ? '- of backups that a rotation gave to another key: none is on file.'
      : `- of the backups that rotations gave to other keys since it was made (${rotations.join(', ')}).`,
    'What still opens them, where it exists:',
    ...opensStill.map((what) => `- ${what}`),
  ].join('\n');
}

async function exportsOf(
  access: Installation['catalog']['access'],
  keyId: string,
): Promise<readonly Pick<AuditEntry, 'at' | 'body'>[]> {
  const found: AuditEntry[] = [];
  let page = await access.auditAfter(0, pageSize);
  for (let last = page.at(-1); last !== undefined; last = page.at(-1)) {
    found.push(...page.filter(({ body }) => body.action === 'key.export' && body.subject === keyId));
    page = await access.auditAfter(last.sequence, pageSize);
  }
  return found.filter(({ body: { result } }, index) =>
    // One whose end is not on file may have been written.
    result === 'started' ? (found[index + 1]?.body.result ?? 'started') === 'started' : result === 'done',
  );
}
