import type { RepositoryConfig } from '../config/schema.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { runChild } from '../process/child.ts';
import type { ChildEnd, Command } from '../process/command.ts';
import { faultsIn, isUsable, labelIn, percentIn, readStanza, type Stanza } from './pgbackrest/output.ts';
import { pgbackrestFailure } from './pgbackrest/troubles.ts';
import type { NewSnapshot, Repository, RepositoryVerdict, RepositoryWork, Retained } from './repository.ts';
import type { SourceContext } from './source.ts';
import { readLines } from './tool.ts';
import type { EpochMs } from '../units/instant.ts';
import { firstLines, redacted, secretsIn, stderrLines } from './verdict.ts';

export type PgbackrestOptions = Extract<RepositoryConfig, { type: 'pgbackrest' }>;

/** A PostgreSQL cluster in a stanza of pgBackRest, which expires by the rules of its own configuration. */
export function pgbackrestRepository(options: PgbackrestOptions): Repository {
  return new PgbackrestRepository(options);
}

class PgbackrestRepository implements Repository {
  readonly type = 'pgbackrest';
  readonly kind = 'database';
  readonly label: string;
  readonly repository: string;
  readonly care: Repository['care'];
  readonly #options: PgbackrestOptions;

  constructor(options: PgbackrestOptions) {
    const { stanza, repo, config } = options;
    this.#options = options;
    this.label = `stanza ${stanza}`;
    this.repository = `${repo === undefined ? 'the repository' : `repo${repo}`} of ${config ?? 'its configuration'}`;
    this.care = { checkEveryMs: options.check, reclaimEveryMs: Infinity };
  }

  async check({ signal }: SourceContext): Promise<void> {
    const end = await runChild(this.#command(['info', '--output=json'], {}), { signal });
    if (end.exitCode !== 0) throw pgbackrestFailure(this.#told(end));
    this.#usable(end.stdout);
  }

  async backUp(work: RepositoryWork): Promise<NewSnapshot> {
    const before = await this.#info(work);
    const lastBytes = before.backup.at(-1)?.info.size;
    let label: string | undefined;
    const end = await this.#run(
      ['backup', `--type=${this.#kindOfBackup(before, work.now)}`, '--log-level-console=detail'],
      work,
      (line) => {
        label ??= labelIn(line);
        const percent = percentIn(line);
        if (percent !== undefined && lastBytes !== undefined) {
          work.onProgress?.(Math.round((lastBytes * percent) / 100), lastBytes);
        }
      },
    );
    if (end.exitCode !== 0 || label === undefined) {
      work.signal.throwIfAborted();
      throw pgbackrestFailure(end);
    }
    // It is there by now: nothing that comes is to be called off.
    const made = (await this.#info({ ...work, signal: never() })).backup.find((each) => each.label === label);
    if (made === undefined) {
      throw new LowtideError('source_failed', `pgbackrest has made ${label}, and does not list it`);
    }
    const torn =
      made.error === true ? ['pages with wrong checksums were found: pgbackrest info --set has them'] : [];
    return {
      id: label,
      sizeBytes: made.info.size,
      addedBytes: made.info.repository.delta,
      tools: { pgbackrest: await this.#version() },
      warnings: firstLines([...torn, ...stderrLines(end)]),
      restoreBy: ['pgbackrest', ...this.#place(), `--set=${label}`, 'restore'].join(' '),
    };
  }

  async verify(work: RepositoryWork): Promise<RepositoryVerdict> {
    const text: string[] = [];
    const end = await this.#run(['verify', '--output=text', '--verbose'], work, (line) => text.push(line));
    if (end.exitCode !== 0) {
      work.signal.throwIfAborted();
      throw pgbackrestFailure(end);
    }
    const faults = faultsIn(text.join('\n'));
    return faults.length === 0
      ? { status: 'passed' }
      : { status: 'failed', found: firstLines(faults).join('; ') };
  }

  /** Each backup expires what `repo1-retention-full` and the like say; here is only told what is left. */
  async retain(_rules: unknown, work: RepositoryWork): Promise<Retained> {
    const { backup } = await this.#info(work);
    const kept = backup.map(({ label, timestamp }) => ({
      id: label,
      createdAt: timestamp.stop * 1000,
      reasons: ["pgBackRest keeps it, by its own configuration's rules"],
    }));
    return { kept, forgotten: [] };
  }

  #kindOfBackup({ backup }: Stanza, now: EpochMs): string {
    const { backup: kind, full_every: fullEveryMs } = this.#options;
    if (kind !== 'auto') return kind;
    const full = backup.findLast(({ type }) => type === 'full');
    const newest = backup.at(-1);
    if (full === undefined || newest === undefined) return 'full';
    return now - full.timestamp.start * 1000 >= fullEveryMs ? 'full' : 'incr';
  }

  async #info(work: RepositoryWork): Promise<Stanza> {
    const text: string[] = [];
    const end = await this.#run(['info', '--output=json'], work, (line) => text.push(line));
    if (end.exitCode === 0) return this.#usable(text.join('\n'));
    work.signal.throwIfAborted();
    throw pgbackrestFailure(end);
  }

  #usable(text: string): Stanza {
    const { stanza } = this.#options;
    const found = readStanza(text, stanza);
    if (isUsable(found)) return found;
    throw new LowtideError('repository_missing', `stanza ${stanza} cannot be used: ${found.status.message}`, {
      hint: `\`pgbackrest --stanza=${stanza} stanza-create\` makes it, as the user that pgBackRest runs as; Lowtide never does.`,
    });
  }

  async #run(
    args: readonly string[],
    { start, signal, timezone }: RepositoryWork,
    onLine: (line: string) => void,
  ): Promise<ChildEnd> {
    const child = start(this.#command(args, { TZ: timezone }), { stdout: 'pipe', signal });
    return this.#told(await readLines(child, onLine));
  }

  #command([name = '', ...args]: readonly string[], more: Readonly<Record<string, string>>): Command {
    const { user, env } = this.#options;
    const become = user === undefined ? [] : ['runuser', '-u', user, '--'];
    const [program = '', ...rest] = [
      ...[...become, 'pgbackrest', ...this.#place(), '--log-level-stderr=warn'],
      ...[name, ...args],
    ];
    return { argv: [program, ...rest], env: { ...more, ...env } };
  }

  /** What says which repository is meant. */
  #place(): readonly string[] {
    const { stanza, config, repo } = this.#options;
    return [
      `--stanza=${stanza}`,
      ...(config === undefined ? [] : [`--config=${config}`]),
      ...(repo === undefined ? [] : [`--repo=${repo}`]),
    ];
  }

  async #version(): Promise<string> {
    const end = await runChild({ argv: ['pgbackrest', 'version'] });
    return end.stdout.trim();
  }

  #told(end: ChildEnd): ChildEnd {
    return { ...redacted(end, secretsIn(this.#options.env)), program: 'pgbackrest' };
  }
}

function never(): AbortSignal {
  return new AbortController().signal;
}
