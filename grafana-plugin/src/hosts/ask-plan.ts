import type { HostProblem } from 'lowtide/api';
import type { Slot } from '../api/answers.ts';
import type { Exporter, PlanOfHosts } from '../api/client.ts';
import { distinct, gathered } from './ask-hosts.ts';
import type { MayHaveHost, OfHost, Whose } from './hosts.ts';

export interface AskedPlan {
  /** By start. */
  readonly slots: readonly Slot[];
  readonly problems: NonNullable<PlanOfHosts['problems']>;
  readonly hostProblems: readonly HostProblem[];
}

/** The plans of the hosts that are asked, as one. */
export async function askPlan(
  exporter: Pick<Exporter, 'plan'>,
  asked: readonly Whose[],
  hours: number,
): Promise<AskedPlan> {
  const { items, problems } = await gathered<OfHost<PlanOfHosts>>(asked, async (host) => ({
    items: [await exporter.plan({ hours, host })],
  }));
  const areTold = asked.includes('*');
  const whose = <T extends MayHaveHost>(parts: readonly T[] = [], host: Whose): readonly T[] =>
    areTold ? parts : parts.map((part) => ({ ...part, host }));
  return {
    slots: items
      .flatMap((plan) => whose(plan.slots, plan.host))
      .sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0)),
    problems: items.flatMap((plan) => whose(plan.problems, plan.host)),
    hostProblems: distinct(problems, ...items.map((plan) => plan.hostProblems ?? [])),
  };
}
