import type { AccessRecords, AuditBody, AuditEntry } from '../catalog/access.ts';
import type { EpochMs } from '../units/instant.ts';
import type { Caller } from './caller.ts';
import type { Route } from './routes.ts';

export interface AuditTrail {
  readonly access: Pick<AccessRecords, 'appendAudit'>;
  readonly now: () => EpochMs;
  /** Hears of each entry, for the log lines that leave the host. */
  readonly onAudit: (entry: AuditEntry) => void;
  /** Hears of what could not be put on record: the log line is all that there is of it. */
  readonly onAuditLost: (body: AuditBody, error: unknown) => void;
}

/** What came of a request. */
export type AuditOutcome = Pick<AuditBody, 'result' | 'code' | 'detail'>;

/** Puts on record what changes something, whatever came of it. What has been done is not undone where that fails. */
export async function record(
  { access, now, onAudit, onAuditLost }: AuditTrail,
  caller: Caller,
  route: Pick<Route, 'audit'>,
  /** Of the path. */
  id: unknown,
  outcome: AuditOutcome,
): Promise<void> {
  if (route.audit === undefined) return;
  const body: AuditBody = {
    actor: caller.token ?? 'none',
    ...(caller.grafanaUser !== undefined && { grafanaUser: caller.grafanaUser }),
    from: caller.address,
    action: route.audit,
    ...(typeof id === 'string' && id !== '' && { subject: id.slice(0, 200) }),
    ...outcome,
  };
  try {
    onAudit(await access.appendAudit(body, now()));
  } catch (thrown) {
    onAuditLost(body, thrown);
  }
}
