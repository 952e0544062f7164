import { LowtideError } from '../errors/lowtide-error.ts';

/** No dot at either end: the one hides a file, the other means nothing to some object stores. */
export const segmentPattern = /^[A-Za-z0-9_-]([A-Za-z0-9._-]*[A-Za-z0-9_-])?$/;

/** A file name may have 255 characters, and an unfinished write adds 45. */
const longestSegment = 200;
const longestName = 512;

const partialSuffix = '.partial';
const partialPattern = /^(.+)\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.partial$/;

export function isObjectName(name: string): boolean {
  return name.length <= longestName && name.split('/').every(isSegment) && !name.endsWith(partialSuffix);
}

/** Refuses names that could leave the store, hide in it, or mean different things on different stores. */
export function checkObjectName(name: string): void {
  if (isObjectName(name)) return;
  throw new LowtideError('usage', `"${name}" cannot name an object in a store`, {
    hint:
      `At most ${longestName} characters: segments of letters, digits, dot, _ and - that neither start nor end with a dot, ` +
      `at most ${longestSegment} each, joined by /. None ends with ${partialSuffix}.`,
  });
}

/** Refuses prefixes that no object's name could have. */
export function checkObjectPrefix(prefix: string): void {
  const start = prefix.lastIndexOf('/') + 1;
  const folders = prefix.slice(0, start).split('/').slice(0, -1);
  const rest = prefix.slice(start);
  // A name that is cut in two may well end with a dot.
  const sound = rest === '' || (rest.length <= longestSegment && segmentPattern.test(`${rest}-`));
  if (folders.every(isSegment) && sound) return;
  throw new LowtideError('usage', `no object's name can start with "${prefix}"`, {
    hint: 'A prefix is the beginning of a name, such as db-prod/ for all objects below db-prod.',
  });
}

/** What an unfinished write of the object is called; no whole object's name ends so. */
export function partialName(name: string, uuid: string): string {
  return `${name}.${uuid}${partialSuffix}`;
}

/** The object that an unfinished write was going to be; undefined for every other file. */
export function objectOfPartial(name: string): string | undefined {
  const object = partialPattern.exec(name)?.[1];
  return object !== undefined && isObjectName(object) ? object : undefined;
}

function isSegment(text: string): boolean {
  return text.length <= longestSegment && segmentPattern.test(text);
}
