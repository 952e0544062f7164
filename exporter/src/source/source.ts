import type { ChildEnd, Command } from '../process/command.ts';

export type SourceType = 'postgres' | 'mysql' | 'sqlite' | 'directory' | 'command';

/** The `type` label of the metrics. */
export type BackupType = 'database' | 'files' | 'command';

/** What one part of a backup is once unsealed and decompressed. */
export type PartFormat = 'pg_custom' | 'sql' | 'sqlite' | 'tar' | 'raw';

/** Something that can be dumped. A source describes how; the pipeline starts and owns every process. */
export interface Source {
  readonly type: SourceType;
  readonly kind: BackupType;
  /** For people, logs and manifests: where the data lives, without any secret (`postgres://db1:5432/app`). */
  readonly label: string;

  /**
   * Makes ready to dump: checks that the tool exists and answers, writes credential files into `scratch` (a folder
   * of this run alone, 0700, removed afterwards). May take long for sources that copy first (sqlite).
   * Throws `tool_missing`, `source_unreachable`, `source_failed`.
   */
  prepare(context: SourceContext): Promise<Dump>;

  /** A cheap look whether `prepare` would get as far as dumping. Throws like `prepare`. */
  check(context: SourceContext): Promise<void>;
}

export interface SourceContext {
  readonly scratch: string;
  readonly signal: AbortSignal;
}

export interface Dump {
  /** The first is the backup proper; further ones (a cluster's globals) are stored beside it. */
  readonly parts: readonly [DumpPart, ...DumpPart[]];
  /** Program → version line, for the manifest. */
  readonly tools: Readonly<Record<string, string>>;
}

export interface DumpPart {
  readonly role: 'main' | 'globals';
  readonly format: PartFormat;
  /** Bytes come from the command's standard output, or from a file in `scratch`. */
  readonly input: { readonly command: Command } | { readonly file: string };
  /**
   * Decides from the command's end whether the dump is whole. Absent: exit code 0 and nothing on standard error
   * that looks like an error. Throws `source_failed` or `source_unreadable`; returns warnings worth keeping.
   */
  readonly judge?: (end: ChildEnd) => readonly string[];
}

export const partExtensions: Readonly<Record<PartFormat, string>> = {
  pg_custom: 'pgdump',
  sql: 'sql',
  sqlite: 'sqlite',
  tar: 'tar',
  raw: 'bin',
};
