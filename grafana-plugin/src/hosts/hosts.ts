import type { Host } from 'lowtide/api';

/** What is of a host, where there are several. */
export type OfHost<T> = Omit<T, 'host'> & MayHaveHost;

export interface MayHaveHost {
  readonly host?: string | undefined;
}

/** Whose answers are asked for: a host by its name, `*` for all, undefined for the one that answers. */
export type Whose = string | undefined;

/** The hosts that a page is about. */
export interface ShownHosts {
  /** All there are, the silent ones first; none where there is but one, of which nothing need be said. */
  readonly all: readonly Host[];
  /** Those that were chosen; all, where none was. */
  readonly shown: readonly Host[];
  /** Whether it has to be told what is whose. */
  readonly areSeveral: boolean;
  /** What is to be asked, once for each. */
  readonly asked: readonly Whose[];
}

const onlyOwn: ShownHosts = { all: [], shown: [], areSeveral: false, asked: [undefined] };

/** Names that no host has are of no account: what is open in a browser outlives a host. */
export function shownOf(hosts: readonly Host[], chosen: readonly string[]): ShownHosts {
  if (hosts.length < 2) return onlyOwn;
  const all = [...hosts].sort(silentFirst);
  const named = all.filter(({ instance }) => chosen.includes(instance));
  const areAll = named.length === 0 || named.length === all.length;
  const shown = areAll ? all : named;
  return {
    all,
    shown,
    areSeveral: shown.length > 1,
    asked: areAll ? ['*'] : shown.map(({ instance }) => instance),
  };
}

const ranks: Readonly<Record<Host['state'], number>> = { silent: 0, alive: 1, left: 2 };

function silentFirst(a: Host, b: Host): number {
  return ranks[a.state] - ranks[b.state] || (a.instance < b.instance ? -1 : 1);
}

export function silentOf(hosts: readonly Host[]): readonly Host[] {
  return hosts.filter(({ state }) => state === 'silent');
}

/** `db-prod (db-host-2)`: what tells a thing of a host apart. That of the only host is called by its own name. */
export function named(name: string, host: string | undefined): string {
  return host === undefined ? name : `${name} (${host})`;
}

/** For tables and maps: the same name may be on every host. */
export function keyOf({ id, host = '' }: OfHost<{ readonly id: string }>): string {
  return `${host}/${id}`;
}
