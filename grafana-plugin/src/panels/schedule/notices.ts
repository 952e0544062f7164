import { named } from '../../hosts/hosts.ts';
import type { Words } from '../../words/useWords.ts';
import type { AskedTide } from './ask-tide.ts';

/** What the chart cannot show. */
export function noticesOf(
  { plan, isTruncated, hostProblems }: AskedTide,
  { say, text }: Words,
): readonly string[] {
  const problems = plan?.problems ?? [];
  const homeless = problems.filter(({ start }) => start === undefined);
  // One that is only late, or makes do, is made.
  const held = problems.filter(({ start, lateSeconds }) => start !== undefined && lateSeconds === undefined);
  const naming = (key: 'tide.noRoom' | 'tide.held', of: typeof problems): readonly string[] => {
    const names = [...new Set(of.map(({ schedule, host }) => named(schedule, host)))];
    return names.length > 0 ? [say({ key, values: { count: names.length, schedules: { names } } })] : [];
  };
  return [
    ...hostProblems.map(({ host, message }) => `${host}: ${message}`),
    ...naming('tide.noRoom', homeless),
    ...naming('tide.held', held),
    ...(isTruncated ? [text('panel.truncated')] : []),
  ];
}
