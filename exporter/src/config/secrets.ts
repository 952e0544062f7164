import { formatPath, type ConfigPath } from './problem.ts';

/**
 * `${env:NAME}` and `${file:PATH}` in any text of the config, and what must never be shown. `$${` stands for a plain
 * `${`. Which keys hold secrets is said here once: their values appear in no message, and `Redactor` takes them out
 * of logs.
 */
export interface SecretReference {
  readonly kind: 'env' | 'file';
  readonly name: string;
}

/** Looks a reference up; where it cannot, says why and what to do, as the rest of a sentence about the reference. */
export type ResolveSecret = (
  reference: SecretReference,
) => { readonly value: string } | { readonly problem: string };

/** The environment of this process: the only place of the config that knows it. */
export function environment(): Readonly<Record<string, string | undefined>> {
  return process.env;
}

const secretPaths: readonly RegExp[] = [
  /^encryption\.passphrase$/,
  /^load\.(history|alerts)\.prometheus\.(url|bearer_token)$/,
  /^load\.hosts\.[^.]+\.prometheus\.(url|bearer_token)$/,
  /^stores\.[^.]+\.(secret_access_key|session_token)$/,
  /^server\.tokens\[\d+\]\.token$/,
  /^restore_targets\.[^.]+\.to$/,
  /^schedules\[\d+\]\.source\.(url|password)$/,
  /^schedules\[\d+\]\.source\.env\..+$/,
  /^schedules\[\d+\]\.verify\.drill_into$/,
  /^schedules\[\d+\]\.verify\.drill_checks\.env\..+$/,
];

export function isSecret(path: ConfigPath): boolean {
  const text = formatPath(path);
  return secretPaths.some((pattern) => pattern.test(text));
}

/** Variables whose name says that they hold a secret. */
export function isSecretName(name: string): boolean {
  return /pass|pwd|secret|token|key|credential|auth|url|dsn/i.test(name);
}

/** What a text refers to; the text may be a whole file. */
export function referencesIn(text: string): readonly SecretReference[] {
  return [...text.matchAll(/(?<!\$)\$\{(env|file):([^}]+)\}/g)].map(([, kind, name]) => ({
    kind: kind as SecretReference['kind'],
    name: name ?? '',
  }));
}

export interface Expansion {
  readonly value: unknown;
  readonly problems: readonly { readonly path: ConfigPath; readonly message: string }[];
}

/** Replaces the references in every text below `value`. A text with one that fails becomes undefined. */
export function expandSecrets(value: unknown, resolve: ResolveSecret): Expansion {
  const problems: { path: ConfigPath; message: string }[] = [];
  const known = new Map<string, ReturnType<ResolveSecret>>();
  // Once each: a file may be a pipe, as in `<(pass show keystore)`.
  const lookUp = (kind: 'env' | 'file', name: string): ReturnType<ResolveSecret> => {
    const id = `${kind}:${name}`;
    const found = known.get(id) ?? resolve({ kind, name });
    known.set(id, found);
    return found;
  };
  const expandText = (text: string, path: ConfigPath): string | undefined => {
    const before = problems.length;
    const expanded = text.replaceAll(
      /\$\$\{|\$\{([^}]*)(\}?)/g,
      (match, inside: string | undefined, end: string) => {
        if (inside === undefined) return '${';
        const reference = /^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$/s.exec(inside);
        if (reference === null || end === '') {
          problems.push({ path, message: explainReference(inside, end !== '' && !isSecret(path)) });
          return match;
        }
        const kind = inside.startsWith('env:') ? 'env' : 'file';
        const found = lookUp(kind, inside.slice(kind.length + 1));
        if ('value' in found) return found.value;
        problems.push({ path, message: `${match} ${found.problem}` });
        return match;
      },
    );
    return problems.length === before ? expanded : undefined;
  };
  const walk = (node: unknown, path: ConfigPath): unknown => {
    if (typeof node === 'string') return expandText(node, path);
    if (Array.isArray(node)) return node.map((item, index) => walk(item, [...path, index]));
    if (typeof node !== 'object' || node === null) return node;
    return Object.fromEntries(Object.entries(node).map(([key, item]) => [key, walk(item, [...path, key])]));
  };
  return { value: walk(value, []), problems };
}

/** Whether a text takes something from elsewhere. */
export function hasReference(text: unknown): boolean {
  return typeof text === 'string' && /(?<!\$)\$\{(env|file):/.test(text);
}

function explainReference(inside: string, mayBeShown: boolean): string {
  const plain = 'for a plain ${ write $${';
  return mayBeShown && /^[A-Za-z_][A-Za-z0-9_]*$/.test(inside)
    ? `\${${inside}} names no kind of secret: write \${env:${inside}}; ${plain}`
    : `holds a \${ that begins neither \${env:NAME} nor \${file:PATH}; ${plain}`;
}

/** Takes secrets out of texts that are about to be logged. */
export class Redactor {
  #secrets: readonly string[] = [];

  /** Shorter ones would blot out half of every line, and protect nothing. */
  static readonly shortest = 4;

  add(secret: string): void {
    // As it is, and as it looks inside of JSON.
    const forms = [secret, JSON.stringify(secret).slice(1, -1)];
    this.#secrets = [...new Set([...this.#secrets, ...forms])]
      .filter((form) => form.length >= Redactor.shortest)
      // A secret may be part of another one.
      .toSorted((a, b) => b.length - a.length);
  }

  redact(text: string): string {
    return this.#secrets.reduce((rest, secret) => rest.replaceAll(secret, '[redacted]'), text);
  }
}
