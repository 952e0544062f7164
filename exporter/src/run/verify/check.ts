import type { Manifest, ManifestPart } from '../../store/manifest.ts';
import { listArchive } from './archive.ts';
import { sqlEnding } from './sql.ts';
import { sqliteIntegrity } from './sqlite.ts';

/**
 * A look at the content itself, beside the hashes: these tell that it is what was dumped, this that the dump was good for
 * something. Pieces come one at a time; the verdict is asked for once, after the last, and only of content whose hashes
 * agree. Disposing ends what was started, in every case.
 */
export interface ContentCheck extends AsyncDisposable {
  take(bytes: Uint8Array): Promise<void>;
  /**
   * Throws `verification_failed` for content that is no good. Resolves to a sentence when the check could not be made
   * (a program is missing, no room for a copy), which speaks neither for nor against it.
   */
  verdict(): Promise<string | undefined>;
}

export interface CheckContext {
  /** A private folder with room for a SQLite image. */
  readonly scratch: string;
  readonly signal: AbortSignal;
}

/** Undefined for content that nothing is known about. */
export async function startCheck(
  part: ManifestPart,
  manifest: Manifest,
  context: CheckContext,
): Promise<ContentCheck | undefined> {
  switch (part.format) {
    case 'pg_custom':
      return listArchive(['pg_restore', '--list'], context);
    case 'tar':
      return listArchive(['tar', '--list', '--file=-'], context);
    case 'sqlite':
      return await sqliteIntegrity(context);
    case 'sql':
      if (part.role === 'globals') return sqlEnding('-- PostgreSQL database cluster dump complete');
      return manifest.source.type === 'mysql' ? sqlEnding('-- Dump completed') : undefined;
    case 'raw':
      return undefined;
  }
}
