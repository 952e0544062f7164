import type { Role } from '../catalog/access.ts';
import type { Action } from './actions.ts';

/** Who is asking. */
export interface Caller {
  /** The token's name; absent for a reader on this host, where no token is configured. */
  readonly token?: string;
  readonly role: Role;
  readonly actions: ReadonlySet<Action>;
  readonly grafanaUser?: string;
  /** Where the request came from. */
  readonly address: string;
}
