import type { Role } from '../catalog/access.ts';

/** What can be asked for, and the lowest role that may. */
export const actionRoles = {
  read: 'viewer',
  run: 'operator',
  pause: 'operator',
  skip: 'operator',
  cancel: 'operator',
  verify: 'operator',
  rotate: 'operator',
  restore: 'admin',
  schedules: 'admin',
  keys: 'admin',
  hosts: 'admin',
} as const satisfies Record<string, Role>;

export type Action = keyof typeof actionRoles;

const actions = Object.keys(actionRoles) as Action[];
const ranks: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, admin: 2 };

/**
 * The role that a request may use of its token's, when it names a lower one itself (`X-Lowtide-Role`): so a proxy with one
 * token, as Grafana's, can hold those behind it to different roles. What is no role is the lowest.
 */
export function heldTo(role: Role, named: string | undefined): Role {
  if (named === undefined) return role;
  const most = Object.hasOwn(ranks, named) ? (named as Role) : 'viewer';
  return ranks[most] < ranks[role] ? most : role;
}

/** By Grafana login: what it may do beyond reading, `all` being everything that the token's role allows. */
export type GrafanaLogins = Readonly<Record<string, readonly string[]>>;

/**
 * What a role may do; where the token says which Grafana logins may do what, only that. A login is believed because the
 * token came with it, and without one such a token only reads: Grafana may have been told not to send logins.
 */
export function grantedActions(
  role: Role,
  logins: GrafanaLogins | undefined,
  grafanaUser: string | undefined,
): ReadonlySet<Action> {
  const ofRole = actions.filter((action) => ranks[actionRoles[action]] <= ranks[role]);
  if (logins === undefined) return new Set(ofRole);
  const named = grafanaUser !== undefined && Object.hasOwn(logins, grafanaUser) ? logins[grafanaUser] : [];
  return new Set(
    ofRole.filter(
      (action) => action === 'read' || named?.includes('all') === true || named?.includes(action) === true,
    ),
  );
}
