import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** What a restored file has to have in common with the one that was backed up. */
export interface TreeEntry {
  readonly kind: 'file' | 'folder' | 'link' | 'other';
  /** Text of a short file, digest of a long one, target of a link. */
  readonly content: string;
  readonly mode: string;
  readonly owner: string;
  readonly mtimeNs: bigint;
  /** The first path (in order of names) of the same file: hard links share it. */
  readonly sameAs: string;
}

/** Every file under `root` by its path (`./a/b`); bytes that are no UTF-8 show as Latin-1. */
export function describeTree(root: string): ReadonlyMap<string, TreeEntry> {
  const entries = new Map<string, TreeEntry>();
  const firstOf = new Map<string, string>();
  const visit = (path: Buffer, shown: string): void => {
    const stat = lstatSync(path, { bigint: true });
    const identity = `${stat.dev}:${stat.ino}`;
    const sameAs = firstOf.get(identity) ?? shown;
    firstOf.set(identity, sameAs);
    const kind = stat.isFile()
      ? 'file'
      : stat.isDirectory()
        ? 'folder'
        : stat.isSymbolicLink()
          ? 'link'
          : 'other';
    entries.set(shown, {
      kind,
      content: contentOf(kind, path),
      mode: (stat.mode & 0o7777n).toString(8),
      owner: `${stat.uid}:${stat.gid}`,
      mtimeNs: stat.mtimeNs,
      sameAs,
    });
    if (kind !== 'folder') return;
    for (const name of readdirSync(path, { encoding: 'buffer' }).sort((a, b) => Buffer.compare(a, b))) {
      visit(Buffer.concat([path, Buffer.from('/'), name]), `${shown}/${show(name)}`);
    }
  };
  visit(Buffer.from(root), '.');
  return entries;
}

function contentOf(kind: TreeEntry['kind'], path: Buffer): string {
  if (kind === 'link') return readlinkSync(path, 'latin1');
  if (kind !== 'file') return '';
  const bytes = readFileSync(path);
  return bytes.length <= 100 ? bytes.toString('latin1') : createHash('sha256').update(bytes).digest('hex');
}

function show(name: Buffer): string {
  const text = name.toString('utf8');
  return text.includes('\uFFFD') ? name.toString('latin1') : text;
}
