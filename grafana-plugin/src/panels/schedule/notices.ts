import { named } from '../../hosts/hosts.ts';
import type { Words } from '../../words/useWords.ts';
import type { AskedTide } from './ask-tide.ts';

/** What the chart cannot show. */
export function noticesOf(
  { plan, isTruncated, hostProblems }: AskedTide,
  { say, text }: Words,
): readonly string[] {
  const problems = plan?.problems ?? [];
  const planned = new Set(plan?.slots.map(({ schedule, host }) => named(schedule, host)));
  const isHomeless = ({ schedule, host, start, reason }: (typeof problems)[number]): boolean =>
    start === undefined && reason.code === 'no_room' && !planned.has(named(schedule, host));
  const homeless = problems.filter(isHomeless);
  // One that is only late, or makes do, is made.
  const missed = problems.filter((each) => each.lateSeconds === undefined && !isHomeless(each));
  const naming = (key: 'tide.noRoom' | 'tide.missed', of: typeof problems): readonly string[] => {
    const names = [...new Set(of.map(({ schedule, host }) => named(schedule, host)))];
    return names.length > 0 ? [say({ key, values: { count: names.length, schedules: { names } } })] : [];
  };
  return [
    ...hostProblems.map(({ host, message }) => `${host}: ${message}`),
    ...naming('tide.noRoom', homeless),
    ...naming('tide.missed', missed),
    ...(isTruncated ? [text('panel.truncated')] : []),
  ];
}
