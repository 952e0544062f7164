import { readdirSync, readFileSync } from 'node:fs';

/** The arguments of every process on this machine, as any user can read them. */
export function commandLines(): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      } catch {
        return ''; // It ended meanwhile.
      }
    });
}
