/**
 * Whether the patterns of a directory source leave out a path (relative to the folder, `/`-separated): the meaning that
 * source/directory.ts gives them in tar's options. With a slash a pattern counts from the folder on, without one at
 * any depth; what matches is left out with all that is in it.
 */
export function isExcluded(relativePath: string, patterns: readonly string[]): boolean {
  const segments = relativePath.split('/').filter((segment) => segment !== '');
  return patterns.some((pattern) => {
    const trimmed = pattern.replace(/\/+$/, '');
    if (!trimmed.includes('/')) return segments.some((segment) => globRegExp(trimmed).test(segment));
    const anchored = globRegExp(trimmed.replace(/^(\.?\/+)+/, ''));
    return segments.some((_, index) => anchored.test(segments.slice(0, index + 1).join('/')));
  });
}

/** fnmatch(3) with FNM_PATHNAME; bracket expressions mean nearly the same in both. */
function globRegExp(pattern: string): RegExp {
  const source = pattern.replaceAll(/\\.|\[!?[^\]]+\]|[*?]|[^*?[\\]+|./gs, (piece) => {
    if (piece === '*') return '[^/]*';
    if (piece === '?') return '[^/]';
    if (piece.startsWith('[') && piece.length > 1) {
      return piece.replace(/^\[!/, '[^').replaceAll('\\', String.raw`\\`);
    }
    const plain = piece.length === 2 && piece.startsWith('\\') ? piece.slice(1) : piece;
    return plain.replaceAll(/[\\^$.|+(){}[\]*?]/g, String.raw`\$&`);
  });
  return new RegExp(`^${source}$`, 's');
}
