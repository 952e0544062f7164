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

/** A process as /proc shows it: R runs, S sleeps, T is stopped, Z has ended; undefined where there is none. */
export interface ProcessFacts {
  readonly pid: number;
  readonly name: string;
  readonly state: string;
  readonly group: number;
  readonly nice: number;
}

function processFacts(pid: number): ProcessFacts | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state = '', , group, ...rest] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const name = text.slice(text.indexOf('(') + 1, text.lastIndexOf(')'));
    return { pid, name, state, group: Number(group), nice: Number(rest[13]) };
  } catch {
    return undefined;
  }
}

/** Those whose environment has this text, ended ones left out. */
export function processesWith(environment: string): readonly ProcessFacts[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const variables = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
        return variables.includes(environment) ? (processFacts(Number(pid)) ?? []) : [];
      } catch {
        return [];
      }
    })
    .filter(({ state }) => state !== 'Z');
}
