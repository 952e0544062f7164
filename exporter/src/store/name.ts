import { LowtideError } from '../errors/lowtide-error.ts';

const segment = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/;

/** What an unfinished write is called: no whole object's name ever ends so. */
export const partialSuffix = '.partial';

/** Refuses names that could leave the store, hide in it, or mean different things on different stores. */
export function checkObjectName(name: string): void {
  const sound =
    name.length <= 512 &&
    name.split('/').every((part) => segment.test(part)) &&
    !name.endsWith(partialSuffix);
  if (!sound) {
    throw new LowtideError('usage', `"${name}" cannot name an object in a store`, {
      hint: 'Segments of letters, digits, dot, _ and -, not starting with a dot, joined by /.',
    });
  }
}
