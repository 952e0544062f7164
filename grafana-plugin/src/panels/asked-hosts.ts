import type { Whose } from '../hosts/hosts.ts';

/** As a variable of a dashboard has it where all of its values are chosen. */
const allOfVariable = '.+';

/** Whom the option of a panel names: hosts, separated by commas; `*` for all; nothing for the exporter's own. */
export function askedHosts(option: string): readonly Whose[] {
  const names = option
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (names.length === 0) return [undefined];
  return names.includes('*') || names.includes(allOfVariable) ? ['*'] : [...new Set(names)];
}
