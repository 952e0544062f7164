import type { KnownLoad } from './slot-grid.ts';

/** `cpu 0.12, memory 0.30`; of what is unknown it says so. */
export function loadInWords(load: KnownLoad, asYesterday: readonly string[] = []): string {
  if (load.cpu === undefined && load.memory === undefined) return 'nothing is known of the load yet';
  const told = (name: keyof KnownLoad): string => {
    const share = load[name];
    if (share === undefined) return `${name} not known`;
    return `${name} ${share.toFixed(2)}${asYesterday.includes(name) ? ' as yesterday' : ''}`;
  };
  return `${told('cpu')}, ${told('memory')}`;
}
