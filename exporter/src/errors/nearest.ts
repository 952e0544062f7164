/** The one of `candidates` that `text` was most likely meant to be, or undefined where none is near. */
export function nearest(text: string, candidates: readonly string[]): string | undefined {
  const written = simplified(text);
  // A third of the letters may be wrong, but two strangers of three letters are no slip of each other.
  const limit = Math.max(1, Math.floor(written.length / 3));
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: editDistance(written, simplified(candidate)) }))
    .filter(({ candidate, distance }) => distance <= limit || begins(candidate, written))
    .toSorted((a, b) => a.distance - b.distance);
  return ranked[0]?.candidate;
}

/** maxDelay, max-delay and MAX_DELAY are all meant to be max_delay. */
function simplified(text: string): string {
  return text.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

/** `post` for `postgres`, `postgresql` for `postgres`. */
function begins(candidate: string, written: string): boolean {
  const plain = simplified(candidate);
  return written.length >= 3 && plain.length >= 3 && (plain.startsWith(written) || written.startsWith(plain));
}

/** How many letters must be put in, taken out, replaced or swapped with their neighbour (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1];
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row.push(
        Math.min(
          (above[j] ?? 0) + 1,
          (row[j - 1] ?? 0) + 1,
          (above[j - 1] ?? 0) + (same ? 0 : 1),
          swapped ? (before[j - 2] ?? 0) + 1 : Infinity,
        ),
      );
    }
    before = above;
    above = row;
  }
  return above[b.length] ?? 0;
}
