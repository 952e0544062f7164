import { lstat } from 'node:fs/promises';
import type { KeepRules, RepositoryConfig } from '../config/schema.ts';
import { LowtideError, systemErrorCode } from '../errors/lowtide-error.ts';
import { describeEnd, runChild } from '../process/child.ts';
import type { ChildEnd } from '../process/command.ts';
import {
  passwordIn,
  type NewSnapshot,
  type Repository,
  type RepositoryVerdict,
  type RepositoryWork,
  type Retained,
  type RetainRules,
} from './repository.ts';
import { readBackupLine, readForget, readSnapshots, readUnreadable } from './restic/output.ts';
import { isDamage, resticFailure } from './restic/troubles.ts';
import type { SourceContext } from './source.ts';
import { readLines } from './tool.ts';
import { firstLines, redacted, secretsIn, stderrLines } from './verdict.ts';

export type ResticOptions = Extract<RepositoryConfig, { type: 'restic' }>;

/** The snapshot was made, without what could not be read. */
const incomplete = 3;

/**
 * Folders in a restic repository. Snapshots bear the tag `lowtide-schedule=ID` and the instance as their host: by these a
 * schedule tells its own from all others in the repository, and touches no other.
 */
export function resticRepository(options: ResticOptions): Repository {
  return new ResticRepository(options);
}

class ResticRepository implements Repository {
  readonly type = 'restic';
  readonly kind = 'files';
  readonly label: string;
  readonly repository: string;
  readonly care: Repository['care'];
  readonly #options: ResticOptions;

  constructor(options: ResticOptions) {
    this.#options = options;
    this.label = options.paths.join(', ');
    const secret = passwordIn(options.repository);
    this.repository =
      secret === undefined ? options.repository : options.repository.replace(`:${secret}@`, ':***@');
    this.care = { checkEveryMs: options.check, reclaimEveryMs: options.prune };
  }

  async check({ signal }: SourceContext): Promise<void> {
    await this.#findPaths();
    const end = await runChild(this.#command(['cat', 'config', '--no-lock'], {}), { signal });
    if (end.exitCode !== 0) throw resticFailure(this.#redacted(end));
  }

  async backUp(work: RepositoryWork): Promise<NewSnapshot> {
    const { paths, exclude, tags } = this.#options;
    await this.#findPaths();
    const version = await this.#version(work.signal);
    let made: { readonly id: string; readonly sizeBytes: number; readonly addedBytes: number } | undefined;
    const end = await this.#run(
      [
        ...['backup', '--json', `--host=${work.instance}`, `--tag=${tagOf(work)}`],
        ...tags.map((tag) => `--tag=${tag}`),
        ...exclude.map((pattern) => `--exclude=${pattern}`),
        ...['--', ...paths],
      ],
      work,
      (text) => {
        const line = readBackupLine(text);
        if (line?.message_type === 'status') work.onProgress?.(line.bytes_done, line.total_bytes);
        if (line?.message_type !== 'summary') return;
        made = {
          id: shortId(line.snapshot_id),
          sizeBytes: line.total_bytes_processed,
          addedBytes: line.data_added_packed ?? line.data_added,
        };
      },
    );
    const whole = end.exitCode === 0 || end.exitCode === incomplete;
    // One that was made is there, whether or not somebody wanted to stop it meanwhile.
    if (!whole || made === undefined) {
      work.signal.throwIfAborted();
      throw resticFailure(end);
    }
    const lines = stderrLines(end);
    const unreadable = readUnreadable(lines);
    const remarks = lines.filter((line) => !line.startsWith('{'));
    return {
      ...made,
      tools: { restic: version },
      warnings: firstLines([...unreadable.map((line) => `left out, it cannot be read: ${line}`), ...remarks]),
      restoreBy: `restic -r ${shown(this.repository)} restore ${made.id} --target FOLDER`,
    };
  }

  async verify(work: RepositoryWork): Promise<RepositoryVerdict> {
    const { read_data: share } = this.#options;
    const data = share === 'none' ? [] : share === 'all' ? ['--read-data'] : [`--read-data-subset=${share}`];
    const end = await this.#run(['check', ...data], work);
    if (end.exitCode === 0) return { status: 'passed' };
    work.signal.throwIfAborted();
    if (isDamage(end)) return { status: 'failed', found: describeEnd(end) };
    throw resticFailure(end);
  }

  async retain({ keep, reclaim, dryRun }: RetainRules, work: RepositoryWork): Promise<Retained> {
    const mine = [`--host=${work.instance}`, `--tag=${tagOf(work)}`];
    const rules = keepOptions(keep);
    if (rules.length === 0) {
      const there = readSnapshots(await this.#ask(['snapshots', '--json', ...mine], work));
      return { kept: there.map((each) => retained(each, ['there is no rule'])), forgotten: [] };
    }
    const answer = await this.#ask(
      // All of a schedule's snapshots are one group: a path that is added to it does not begin a new count.
      ['forget', '--json', '--group-by=', ...mine, ...rules, ...(dryRun ? ['--dry-run'] : [])],
      work,
    );
    const { keep: kept, remove } = readForget(answer);
    if (reclaim && !dryRun) await this.#ask(['prune'], work);
    return {
      kept: kept.map((each) => retained(each, each.reasons)),
      forgotten: remove.map((each) => retained(each, ['no rule keeps it'])),
    };
  }

  async #ask(args: readonly string[], work: RepositoryWork): Promise<string> {
    const lines: string[] = [];
    const end = await this.#run(args, work, (line) => lines.push(line));
    if (end.exitCode === 0) return lines.find((line) => line.startsWith('[')) ?? '';
    work.signal.throwIfAborted();
    throw resticFailure(end);
  }

  async #run(
    args: readonly string[],
    { start, signal, timezone }: RepositoryWork,
    onLine: (line: string) => void = () => undefined,
  ): Promise<ChildEnd> {
    // It takes its lock away when it is interrupted; SIGTERM leaves the lock there, up to restic 0.16.
    const streams = { stdout: 'pipe', endBy: 'SIGINT', signal } as const;
    const child = start(this.#command(args, { TZ: timezone, RESTIC_PROGRESS_FPS: '1' }), streams);
    return this.#redacted(await readLines(child, onLine));
  }

  #command(args: readonly string[], more: Readonly<Record<string, string>>) {
    const { repository, password, password_file: file, env } = this.#options;
    return {
      argv: ['restic', ...args] as const,
      env: {
        ...more,
        ...env,
        RESTIC_REPOSITORY: repository,
        ...(password !== undefined && { RESTIC_PASSWORD: password }),
        ...(file !== undefined && { RESTIC_PASSWORD_FILE: file }),
      },
    };
  }

  /** restic knows no --version; its answer names the platform too. */
  async #version(signal: AbortSignal): Promise<string> {
    const end = await runChild({ argv: ['restic', 'version'] }, { signal });
    return end.stdout.split('\n')[0]?.trim() ?? '';
  }

  /** restic leaves out a path that is not there, and calls the snapshot whole. */
  async #findPaths(): Promise<void> {
    for (const path of this.#options.paths) {
      await lstat(path).catch((cause: unknown) => {
        throw new LowtideError(
          'source_unreachable',
          `cannot find ${path} (${systemErrorCode(cause) ?? 'unknown'})`,
          {
            hint: "Check the source's paths, and that they are mounted.",
            cause,
          },
        );
      });
    }
  }

  #redacted(end: ChildEnd): ChildEnd {
    const { repository, password, env } = this.#options;
    return redacted(end, [password, passwordIn(repository), ...secretsIn(env)]);
  }
}

function tagOf({ schedule }: RepositoryWork): string {
  return `lowtide-schedule=${schedule}`;
}

function keepOptions(keep: KeepRules | undefined): readonly string[] {
  return Object.entries(keep ?? {}).map(([period, count]) => `--keep-${period}=${count}`);
}

function retained({ id, time }: { readonly id: string; readonly time: string }, reasons: readonly string[]) {
  return { id: shortId(id), createdAt: Date.parse(time), reasons };
}

/** As restic shows it, and takes it: up to 0.16 a backup tells no more of it. */
function shortId(id: string): string {
  return id.slice(0, 8);
}

/** For a person to paste into a shell. */
function shown(text: string): string {
  return /^[\w@%+=:,./*-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
