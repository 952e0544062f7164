import { LowtideError } from '../errors/lowtide-error.ts';

/** What keeps a state from being moved, in the same words wherever it is. */
export function absent(label: string, hint: string): LowtideError {
  return new LowtideError('not_found', `there is no state in ${label}`, { hint });
}

export function inUse(label: string): LowtideError {
  return new LowtideError('state_busy', `${label} is in use by another process`, {
    hint: 'Stop `lowtide serve` and other lowtide commands that use it. One on another host that was killed is waited for, a minute.',
  });
}

export function filled(label: string, table: string): LowtideError {
  return new LowtideError('state_exists', `${label} holds a state already: there are ${table}`, {
    hint: 'A state is moved to where there is none. Nothing was changed.',
  });
}

export function otherVersion(label: string, found: number, known: number): LowtideError {
  return new LowtideError(
    'state_invalid',
    `${label} has version ${found}, and this Lowtide moves version ${known}`,
    {
      hint:
        found < known
          ? 'Have this Lowtide bring it up to date first: `lowtide backups`, with `state` of the config as it is there.'
          : 'A newer Lowtide has written it: move it with that one, or a newer.',
    },
  );
}
