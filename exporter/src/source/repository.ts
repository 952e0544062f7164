import type { KeepRules } from '../config/schema.ts';
import type { Child, ChildStreams } from '../process/child.ts';
import type { Command } from '../process/command.ts';
import type { EpochMs } from '../units/instant.ts';
import type { BackupType, SourceContext } from './source.ts';

const repositoryTypes = ['restic', 'pgbackrest'] as const;

export type RepositoryType = (typeof repositoryTypes)[number];

export function isRepositoryType(type: string): type is RepositoryType {
  return repositoryTypes.some((each) => each === type);
}

/** The password in an address like `rest:https://user:password@host/`, as it stands there. */
export function passwordIn(address: string): string | undefined {
  return /:\/\/[^/@:]*:([^/@]+)@/.exec(address)?.[1];
}

/**
 * What another tool backs up into a repository that it keeps itself: it stores, encrypts, checks and forgets in its own way.
 * Lowtide says when, starts and stops the tool, and writes down what came of it. It never changes a repository but by the
 * tool, and never takes a lock away from anybody.
 */
export interface Repository {
  readonly type: RepositoryType;
  readonly kind: BackupType;
  /** What is backed up, and where the repository is, for people and logs: without any secret. */
  readonly label: string;
  readonly repository: string;
  readonly care: RepositoryCare;

  /** A cheap look whether the tool is there and the repository can be opened. Throws like `backUp`. */
  check(context: SourceContext): Promise<void>;

  /** Makes a snapshot. Throws `tool_missing`, `source_…`, and `repository_…` where the repository says no. */
  backUp(work: RepositoryWork): Promise<NewSnapshot>;

  /** Lets the tool check the repository. Damage is an answer, the words of the tool; thrown is what kept it from looking. */
  verify(work: RepositoryWork): Promise<RepositoryVerdict>;

  /**
   * Lets the tool forget what the rules of this schedule no longer keep, and tells what is there of this schedule. Without
   * rules, and in a dry run, nothing is forgotten; `reclaim` gives the room of forgotten ones back, which takes long.
   */
  retain(rules: RetainRules, work: RepositoryWork): Promise<Retained>;
}

/** How often what takes long is done, in milliseconds. */
export interface RepositoryCare {
  readonly checkEveryMs: number;
  readonly reclaimEveryMs: number;
}

export interface RepositoryWork {
  /** By these two a tool knows whose snapshots they are: a repository may be shared. */
  readonly schedule: string;
  readonly instance: string;
  readonly timezone: string;
  /** When this work begins. */
  readonly now: EpochMs;
  /** Starts a program of the tool as the courtesy of the run wants it. */
  readonly start: (command: Command, streams: ChildStreams) => Child;
  readonly signal: AbortSignal;
  /** Bytes looked at so far, and how many there will be, as far as the tool tells. */
  readonly onProgress?: (bytes: number, expectedBytes: number | undefined) => void;
}

export interface NewSnapshot {
  /** As the tool calls it. */
  readonly id: string;
  /** What it holds, and what of that was new to the repository. */
  readonly sizeBytes: number;
  readonly addedBytes: number;
  readonly tools: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
  /** The command that restores it, for people: without any secret. */
  readonly restoreBy: string;
}

export type RepositoryVerdict =
  { readonly status: 'passed' } | { readonly status: 'failed'; readonly found: string };

export interface RetainRules {
  readonly keep: KeepRules | undefined;
  readonly reclaim: boolean;
  readonly dryRun: boolean;
}

export interface Retained {
  readonly kept: readonly RetainedSnapshot[];
  readonly forgotten: readonly RetainedSnapshot[];
}

export interface RetainedSnapshot {
  readonly id: string;
  readonly createdAt: EpochMs;
  readonly reasons: readonly string[];
}
