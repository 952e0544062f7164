import { named } from '../../hosts/hosts.ts';
import type { Words } from '../../words/useWords.ts';
import type { AskedTide } from './ask-tide.ts';

/** What the chart cannot show. */
export function noticesOf(
  { plan, isTruncated, hostProblems }: AskedTide,
  { say, text }: Words,
): readonly string[] {
  const homeless = plan?.problems?.filter(({ start }) => start === undefined) ?? [];
  const names = [...new Set(homeless.map(({ schedule, host }) => named(schedule, host)))];
  return [
    ...hostProblems.map(({ host, message }) => `${host}: ${message}`),
    ...(names.length > 0
      ? [say({ key: 'tide.noRoom', values: { count: names.length, schedules: { names } } })]
      : []),
    ...(isTruncated ? [text('panel.truncated')] : []),
  ];
}
