import type { Claim } from './placement-problem.ts';

/** What several runs share beside their host. What is not named, or has no number, takes any number of them. */
export interface Limits {
  readonly stores?: Readonly<Record<string, WayLimit>>;
  readonly networks?: Readonly<Record<string, WayLimit>>;
  readonly servers?: Readonly<Record<string, ServerLimit>>;
}

export interface WayLimit {
  /** How many runs at once. */
  readonly streams?: number;
  /** Bytes a second, of all runs together. */
  readonly bandwidth?: number;
}

export interface ServerLimit {
  /** How many dumps are taken of it at once. */
  readonly dumps?: number;
}

/** What a run has to do with beside its host. */
export interface Ways {
  /** The stores it writes to, one stream each. */
  readonly stores: readonly string[];
  /** The network that it goes over, one stream. */
  readonly network?: string;
  /** The database server that it dumps. */
  readonly server?: string;
  /** What goes over each of these ways; absent: it is not known, and counts as nothing. */
  readonly bytesPerSecond?: number;
}

/** A resource that runs share, as it is counted. */
export interface Shared {
  readonly kind: 'streams' | 'bytes';
  readonly capacity: number;
  /** In sentences. */
  readonly name: string;
}

/** What runs share, counted; each in one place whoever asks for it. */
export class SharedResources {
  readonly list: Shared[] = [];
  readonly #indexes = new Map<string, number>();
  /** By resource, all that a run claims which takes one stream of it and nothing else: most do, and thousands share one list. */
  readonly #streams: (readonly [Claim])[] = [];
  readonly #common: Limits;

  constructor(common: Limits) {
    this.#common = common;
  }

  /** What a run claims on a host that has limits of its own, of which others know nothing. */
  claims(run: Ways, host: string, own: Limits | undefined): readonly Claim[] {
    const claims = this.#claimsOf(run, host, own);
    const alone = this.#streams[claims[0]?.resource ?? -1];
    return alone !== undefined && claims.length === 1 && claims[0] === alone[0] ? alone : claims;
  }

  #claimsOf(run: Ways, host: string, own: Limits | undefined): readonly Claim[] {
    const claims: Claim[] = [];
    for (const store of run.stores) this.#claimWay(claims, run, host, own, { group: 'stores', name: store });
    if (run.network !== undefined) {
      this.#claimWay(claims, run, host, own, { group: 'networks', name: run.network });
    }
    if (run.server !== undefined) {
      const mine = own?.servers?.[run.server];
      const dumps = (mine ?? this.#common.servers?.[run.server])?.dumps;
      if (dumps === undefined) return claims;
      const key = keyOf('servers', run.server, mine === undefined ? undefined : host);
      this.#claim(claims, key, 1, { kind: 'streams', capacity: dumps, name: `server ${run.server}` });
    }
    return claims;
  }

  #claimWay(
    claims: Claim[],
    { bytesPerSecond = 0 }: Ways,
    host: string,
    own: Limits | undefined,
    { group, name: wayName }: { readonly group: 'stores' | 'networks'; readonly name: string },
  ): void {
    const mine = own?.[group]?.[wayName];
    const { streams, bandwidth } = mine ?? this.#common[group]?.[wayName] ?? {};
    if (streams === undefined && bandwidth === undefined) return;
    const key = keyOf(group, wayName, mine === undefined ? undefined : host);
    const way = group === 'stores' ? `the way to ${wayName}` : `network ${wayName}`;
    if (streams !== undefined) this.#claim(claims, key, 1, { kind: 'streams', capacity: streams, name: way });
    if (bandwidth === undefined || bytesPerSecond <= 0) return;
    // More than there is, is not what it will take, but what it was measured to take where there was more.
    const amount = Math.min(bytesPerSecond, bandwidth);
    const name = `the bandwidth of ${way}`;
    this.#claim(claims, `bytes ${key}`, amount, { kind: 'bytes', capacity: bandwidth, name });
  }

  #claim(claims: Claim[], key: string, amount: number, shared: Shared): void {
    let resource = this.#indexes.get(key);
    if (resource === undefined) {
      resource = this.list.push(shared) - 1;
      this.#indexes.set(key, resource);
    }
    if (shared.kind === 'bytes') claims.push({ resource, amount });
    else claims.push(...(this.#streams[resource] ??= [{ resource, amount }]));
  }
}

/** Of a resource that a host has for itself, with its name. */
function keyOf(group: string, name: string, host: string | undefined): string {
  return host === undefined ? `${group} ${name}` : `${group} ${name} ${host}`;
}
