import type { Tide } from '../../timeline/tide.ts';

/** What a variable of a dashboard stands for where all of its values are chosen, as ours have it. */
const allOfVariable = '.+';

/** The schedules that the patterns name, in the order they have; all, where there is no pattern. */
export function chosenOf(tide: Tide, patterns: string): Tide {
  const wanted = patterns
    .split(',')
    .map((pattern) => pattern.trim())
    .filter((pattern) => pattern !== '');
  if (wanted.length === 0 || wanted.includes(allOfVariable)) return tide;
  const expressions = wanted.map(expressionOf);
  return {
    ...tide,
    lanes: tide.lanes.filter(({ schedule }) => expressions.some((each) => each.test(schedule))),
  };
}

function expressionOf(pattern: string): RegExp {
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 'i');
}
