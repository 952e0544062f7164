import { resolve } from 'node:path';
import { isMap, isScalar, parseDocument } from 'yaml';
import { referencesIn, type SecretReference } from '../config/secrets.ts';
import type { ConfigCopy } from './config-copy.ts';

/** A file to be written beside the recovered config, and what it holds. */
export interface RecoveredFile {
  /** From the folder of the config. */
  readonly path: string;
  readonly content: string;
}

export interface RecoveredConfig {
  readonly text: string;
  readonly files: readonly RecoveredFile[];
  /** What the config refers to, and nobody knows any more. */
  readonly missing: readonly SecretReference[];
}

export interface RecoverOptions {
  /** The folder that the config is written to. */
  readonly folder: string;
  /** What is there already on this host is left as it is. */
  readonly has: (reference: SecretReference) => boolean;
  /** Where the store of the copy is found now, as a store of the config; absent: where it was. */
  readonly store?: Readonly<Record<string, unknown>>;
  /** For the keystore's passphrase, which is not in the copy. */
  readonly newSecret: () => string;
}

/**
 * The config as it was, with its references changed where this host has nothing under their names: what was known of them goes into
 * files of its own, and a keystore that is made anew gets a new passphrase.
 */
export function recoverConfig(copy: ConfigCopy, options: RecoverOptions): RecoveredConfig {
  const { has, folder, store, newSecret } = options;
  const files = new Map<string, RecoveredFile>();
  const missing = new Map<string, SecretReference>();
  const passphrase = passphraseReferences(copy.config);
  const known = new Map(copy.references.map((reference) => [keyOf(reference), reference.value]));
  const replacements = new Map<string, string>();
  for (const reference of textsIn(parseDocument(copy.config).toJS()).flatMap(referencesIn)) {
    const key = keyOf(reference);
    if (replacements.has(key) || has(reference)) continue;
    const value = passphrase.has(key) ? newSecret() : known.get(key);
    if (value === undefined) {
      missing.set(key, reference);
      continue;
    }
    const path = fileFor(reference, folder, files);
    files.set(path, { path, content: value });
    replacements.set(key, path);
  }
  const text = copy.config.replaceAll(
    /(?<!\$)\$\{(env|file):([^}]+)\}/g,
    (match, kind: 'env' | 'file', name: string) => {
      const path = replacements.get(keyOf({ kind, name }));
      return path === undefined ? match : `\${file:${path}}`;
    },
  );
  return {
    text: store === undefined ? text : withStore(text, copy.store, store),
    files: [...files.values()],
    missing: [...missing.values()],
  };
}

/** Not those of comments. */
function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

function keyOf({ kind, name }: SecretReference): string {
  return `${kind}:${name}`;
}

function passphraseReferences(text: string): ReadonlySet<string> {
  const value: unknown = parseDocument(text).getIn(['encryption', 'passphrase']);
  return new Set(typeof value === 'string' ? referencesIn(value).map(keyOf) : []);
}

/** A relative path stays where it was; others get a place of their own, under a name that tells where they came from. */
function fileFor(
  { kind, name }: SecretReference,
  folder: string,
  files: ReadonlyMap<string, RecoveredFile>,
): string {
  const isInside = resolve(folder, name).startsWith(`${resolve(folder)}/`) && !name.startsWith('/');
  if (kind === 'file' && isInside) return name;
  const plain = `${kind}-${name.replaceAll(/[^A-Za-z0-9_-]+/g, '-').replaceAll(/^-|-$/g, '')}`;
  const path = (count: number): string => `data/recovered/${plain}${count === 0 ? '' : `-${count}`}`;
  let count = 0;
  while (files.has(path(count))) count += 1;
  return path(count);
}

/** Only what differs is written anew: comments, order and form stay. */
function withStore(text: string, id: string, store: Readonly<Record<string, unknown>>): string {
  const document = parseDocument(text);
  if (!isMap(document.getIn(['stores', id]))) return text;
  const changed = Object.entries(store).filter(
    ([key, value]) => document.getIn(['stores', id, key]) !== value,
  );
  const places = changed.flatMap(([key, value]) => {
    const node: unknown = document.getIn(['stores', id, key], true);
    return isScalar(node) && node.range ? [{ range: node.range, value }] : [];
  });
  if (places.length < changed.length) {
    for (const [key, value] of changed) document.setIn(['stores', id, key], value);
    return document.toString();
  }
  return places
    .toSorted((a, b) => b.range[0] - a.range[0])
    .reduce(
      (rest, { range: [start, end], value }) =>
        `${rest.slice(0, start)}${JSON.stringify(value)}${rest.slice(end)}`,
      text,
    );
}
