import type { Tide } from '../../timeline/tide.ts';

/** The schedules that the patterns name, in the order they have; all, where there is no pattern. */
export function chosenOf(tide: Tide, patterns: string): Tide {
  const wanted = patterns
    .split(',')
    .map((pattern) => pattern.trim())
    .filter((pattern) => pattern !== '')
    .map(expressionOf);
  if (wanted.length === 0) return tide;
  return { ...tide, lanes: tide.lanes.filter(({ schedule }) => wanted.some((each) => each.test(schedule))) };
}

function expressionOf(pattern: string): RegExp {
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 'i');
}
