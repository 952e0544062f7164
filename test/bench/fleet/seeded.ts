/** Random numbers that are the same at every call: the n-th of a name. */
export function seeded(...names: readonly (string | number)[]): number {
  let hash = 0x811c9dc5;
  for (const char of names.join(' ')) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
