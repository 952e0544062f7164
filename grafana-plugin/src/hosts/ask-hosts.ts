import type { HostProblem } from 'lowtide/api';
import { RequestError } from '../api/failure.ts';
import type { MayHaveHost, Whose } from './hosts.ts';

/** A list as the exporter answers it, of one host or of all. */
export interface ListOfHosts<T> {
  readonly items: readonly T[];
  readonly nextCursor?: string | undefined;
  readonly problems?: readonly HostProblem[] | undefined;
}

export interface Gathered<T> {
  readonly items: readonly T[];
  readonly problems: readonly HostProblem[];
  /** There are older ones, which were not asked for. */
  readonly hasMore: boolean;
}

/**
 * The same of each host that is asked, as one list, the latest first by what `at` tells. Where one of several says no, the others
 * are shown nevertheless.
 */
export async function gathered<T extends MayHaveHost>(
  asked: readonly Whose[],
  ask: (host: Whose) => Promise<ListOfHosts<T>>,
  at?: (item: T) => string,
): Promise<Gathered<T>> {
  const lists = await Promise.all(
    asked.map(async (host) => ofHost(host, asked.length > 1 ? await orProblem(host, ask) : await ask(host))),
  );
  const items = lists.flatMap((list) => list.items);
  return {
    items: at === undefined ? items : items.sort((a, b) => compare(at(b), at(a))),
    problems: lists.flatMap(({ problems = [] }) => problems),
    hasMore: lists.some(({ nextCursor }) => nextCursor !== undefined),
  };
}

/** What the only host answers of itself does not say whose it is: nobody asks. */
function ofHost<T extends MayHaveHost>(host: Whose, list: ListOfHosts<T>): ListOfHosts<T> {
  return host === '*' ? list : { ...list, items: list.items.map((item) => ({ ...item, host })) };
}

async function orProblem<T>(
  host: Whose,
  ask: (host: Whose) => Promise<ListOfHosts<T>>,
): Promise<ListOfHosts<T>> {
  try {
    return await ask(host);
  } catch (error) {
    const problem = error instanceof RequestError ? error.failure.problem : undefined;
    if (problem === undefined || host === undefined) throw error;
    return { items: [], problems: [{ host, code: problem.code ?? '', message: problem.detail }] };
  }
}

/** The same problem comes with every answer that a page puts together. */
export function distinct(...problems: readonly (readonly HostProblem[])[]): readonly HostProblem[] {
  return [...new Map(problems.flat().map((problem) => [JSON.stringify(problem), problem])).values()];
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
