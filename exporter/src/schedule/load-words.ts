import type { KnownLoad } from './slot-grid.ts';

/** `it may start at no other time: cpu 0.12, memory 0.30`; of what is unknown it says so, which is no reason by itself. */
export function withLoad(why: string, load: KnownLoad, asYesterday: readonly string[] = []): string {
  if (isNothingKnown(load)) return `${why}; nothing is known of the load yet`;
  const told = (name: keyof KnownLoad): string => {
    const share = load[name];
    if (share === undefined) return `${name} not known`;
    return `${name} ${share.toFixed(2)}${asYesterday.includes(name) ? ' as yesterday' : ''}`;
  };
  return `${why}: ${told('cpu')}, ${told('memory')}`;
}

export function isNothingKnown({ cpu, memory }: KnownLoad): boolean {
  return cpu === undefined && memory === undefined;
}
