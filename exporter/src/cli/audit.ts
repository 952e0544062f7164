import { hostname, userInfo } from 'node:os';
import type { AuditBody } from '../catalog/access.ts';
import { verifyChain } from '../catalog/audit-chain.ts';
import type { Installation } from '../compose.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { CommandContext } from './command.ts';
import { exitCodes, type ExitCode } from './exit.ts';

/** `lowtide audit verify`: whether each entry follows from the ones before it. */
export async function verifyAudit(
  context: CommandContext,
  { head: noted }: { readonly head?: string },
): Promise<ExitCode> {
  if (noted !== undefined && !/^[0-9a-f]{64}$/.test(noted)) {
    throw new LowtideError('usage', 'a hash of the audit log has 64 hexadecimal digits');
  }
  await using installation = await context.open();
  const { access } = installation.catalog;
  const verdict = await verifyChain((sequence, limit) => access.auditAfter(sequence, limit), noted);
  if (verdict.brokenAt !== undefined) {
    throw new LowtideError(
      'audit_broken',
      `entry ${verdict.brokenAt} of the audit log does not follow from the ones before`,
      {
        hint: `The ${verdict.entries} before it are whole. Look who can write to the state; the log lines have what was there.`,
      },
    );
  }
  if (verdict.hasNoted === false) {
    throw new LowtideError('audit_broken', 'no entry of the audit log has the hash that was noted', {
      hint: 'Its end was cut off, or the whole log was written anew.',
    });
  }
  context.output.answer(
    verdict,
    `The audit log is whole: ${verdict.entries} entries. Note its last hash elsewhere, and give it by --head next time:\n${verdict.head}`,
  );
  return exitCodes.done;
}

/** Puts on record what was done on the command line. */
export async function noteAudit(
  { catalog, clock }: Pick<Installation, 'catalog' | 'clock'>,
  entry: Pick<AuditBody, 'action' | 'subject' | 'detail' | 'code'> & Partial<Pick<AuditBody, 'result'>>,
): Promise<void> {
  const from = `${userInfo().username}@${hostname()}`;
  await catalog.access.appendAudit({ actor: 'cli', from, result: 'done', ...entry }, clock.now());
}
