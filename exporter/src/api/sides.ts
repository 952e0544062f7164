import type { CatalogReader } from '../catalog/catalog.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import type { KnownHost } from '../fleet/fleet.ts';
import type { Commands } from './commands.ts';
import type { HostProblem } from './contract.ts';
import type { OtherHosts } from './other-hosts.ts';

/** One host as it is looked at. */
export interface Side {
  readonly host: string;
  readonly catalog: CatalogReader;
  /** What only the process that works there knows: of another host nothing. */
  readonly live: Pick<Commands, 'now' | 'progressOf' | 'rotationWaitsFor' | 'locate'>;
}

/** Which hosts a request is about. */
export class Sides {
  readonly #own: CatalogReader;
  readonly #commands: Commands;
  readonly others: OtherHosts | undefined;

  constructor(own: CatalogReader, commands: Commands, others: OtherHosts | undefined) {
    this.#own = own;
    this.#commands = commands;
    this.others = others;
  }

  get self(): string {
    return this.#commands.instance();
  }

  /** The host that answers. */
  own(): Side {
    return { host: this.self, catalog: this.#own, live: this.#commands };
  }

  /** Absent: the host that answers. Throws `not_found` for one that nobody knows. */
  async of(host: string | undefined): Promise<Side> {
    const other = await this.another(host);
    return other === undefined ? this.own() : this.#other(other.instance);
  }

  /** The host that is meant, where it is not the one that answers. Throws `not_found`. */
  async another(host: string | undefined): Promise<KnownHost | undefined> {
    if (host === undefined || host === this.self) return undefined;
    const found = (await this.others?.list())?.find(({ instance }) => instance === host);
    if (found !== undefined) return found;
    throw new LowtideError('not_found', `there is no host ${host}`, {
      hint: 'GET hosts lists those that are known.',
    });
  }

  /** Undefined: one host is meant, or there is no other. */
  async all(host: string | undefined): Promise<readonly Side[] | undefined> {
    if (host !== '*' || this.others === undefined) return undefined;
    const known = await this.others.list();
    return known.map(({ instance }) => (instance === this.self ? this.own() : this.#other(instance)));
  }

  catalogOf(host: string): CatalogReader {
    return host === this.self || this.others === undefined ? this.#own : this.others.catalog(host);
  }

  #other(host: string): Side {
    const now = (): number => this.#commands.now();
    const live = { now, progressOf: nothing, rotationWaitsFor: nothing, locate: nothing };
    return { host, catalog: this.catalogOf(host), live };
  }
}

/** A view, and whose it is. */
export function of<T>(host: string, view: T): T & { host: string } {
  return { ...view, host };
}

function nothing(): undefined {
  return undefined;
}

/** Why a host is missing from an answer. Throws what was not foreseen. */
export function hostProblem(host: string, thrown: unknown): HostProblem {
  if (!(thrown instanceof LowtideError) || thrown.code === 'internal') throw thrown;
  const { code, message, hint } = thrown;
  return { host, code, message, ...(hint !== undefined && { hint }) };
}
