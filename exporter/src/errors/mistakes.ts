import { z } from 'zod';

/** What a schema has against a value, on one line: `parts[0].name: message; path: message`. */
export function mistakesOf({ issues }: Pick<z.ZodError, 'issues'>): string {
  return issues
    .map(({ path, message }) => (path.length === 0 ? message : `${z.core.toDotPath(path)}: ${message}`))
    .join('; ');
}
