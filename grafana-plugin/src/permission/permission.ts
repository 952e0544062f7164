import type { Host, Status } from 'lowtide/api';
import type { Message } from '../words/words.ts';

export type GrafanaRole = 'Viewer' | 'Editor' | 'Admin';

/** What a page may be asked to do, by the names that the exporter has for it. */
export type Operation = 'run' | 'pause' | 'skip' | 'cancel' | 'verify' | 'restore' | 'keys';

export interface Asker {
  /** Of whoever looks; '' for someone without a role. */
  readonly grafanaRole: GrafanaRole | '';
  /** Undefined where the exporter does not answer. */
  readonly status: Pick<Status, 'caller'> | undefined;
}

const ranks: Readonly<Record<GrafanaRole | '', number>> = { '': -1, Viewer: 0, Editor: 1, Admin: 2 };

/** As the routes of plugin.json have it. */
function roleFor(operation: Operation): GrafanaRole {
  return operation === 'restore' || operation === 'keys' ? 'Admin' : 'Editor';
}

/**
 * Why something is not to be had: what its button is disabled with. Undefined: it may be done. Grafana's proxy and the
 * exporter judge for themselves; this only tells before.
 */
export function objectionToOperation(
  operation: Operation,
  { grafanaRole, status }: Asker,
): Message | undefined {
  const needed = roleFor(operation);
  if (ranks[grafanaRole] < ranks[needed]) {
    const role = grafanaRole === '' ? '–' : grafanaRole;
    return { key: 'no.grafanaRole', values: { role, needed } };
  }
  if (status === undefined) return { key: 'rotation.no.unreachable' };
  const { role, actions } = status.caller;
  if (actions.includes(operation)) return undefined;
  return tokenSuffices(operation, role) ? { key: 'no.user' } : { key: 'no.token', values: { role } };
}

/** What a host may be asked to do by way of another one. */
const relayed: ReadonlySet<Operation> = new Set(['run', 'pause', 'skip', 'cancel']);

/** Why a host other than the one that answers is not to be asked for something; undefined: it may be asked. */
export function objectionOfHost(operation: Operation, host: Host | undefined): Message | undefined {
  if (host === undefined || host.isSelf) return undefined;
  const values = { host: host.instance };
  if (!relayed.has(operation)) return { key: 'no.otherHost', values };
  return host.state === 'alive' ? undefined : { key: `no.host.${host.state}`, values };
}

/** Then it is the login that the exporter does not let. */
function tokenSuffices(operation: Operation, role: Status['caller']['role']): boolean {
  return role === 'admin' || (role === 'operator' && roleFor(operation) === 'Editor');
}
