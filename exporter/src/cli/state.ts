import { existsSync, realpathSync } from 'node:fs';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { moveState, type MovedState, type MoveProgress } from '../catalog/migrate-state.ts';
import { acquireServiceLock } from '../catalog/ownership.ts';
import { openMovableState } from '../compose/state.ts';
import { isPostgresUrl, isUrl } from '../config/location.ts';
import { hasReference } from '../config/secrets.ts';
import type { LoadedConfig } from '../config/read.ts';
import { LowtideError } from '../errors/lowtide-error.ts';
import { parsePostgresUrl } from '../source/postgres/connection.ts';
import { counted } from '../units/count.ts';
import type { CommandContext } from './command.ts';
import { exitCodes, type ExitCode } from './exit.ts';
import { expandArgument } from './expand-argument.ts';
import type { Progress } from './progress.ts';

export interface MigrateStateOptions {
  readonly from?: string;
  readonly to: string;
}

/** `lowtide state migrate --to STATE`: what Lowtide knows is copied to where it shall be, and compared; nothing goes from where it was. */
export async function migrateState(context: CommandContext, options: MigrateStateOptions): Promise<ExitCode> {
  const to = locationOf('--to', options.to, context);
  const given = options.from === undefined ? undefined : locationOf('--from', options.from, context);
  const loaded = await context.readConfig();
  const { config } = loaded;
  const from = given ?? config.state;
  const { env, signal } = context.terminal;
  using _locks = serviceLocks([config.local, from, to]);
  await using source = openMovableState(from, config, env);
  await using target = openMovableState(to, config, env);
  using progress = new MoveBars(context);
  const moved = await moveState(source, target, { signal, onProgress: (each) => progress.show(each) });
  progress[Symbol.dispose]();
  answer(context, { from: source.label, to: target.label, line: lineOf(options.to, to, loaded), moved });
  return exitCodes.done;
}

/** What stands on the command line, with what it refers to put in; folders are absolute. */
function locationOf(option: '--from' | '--to', written: string, context: CommandContext): string {
  const location = expandArgument(option, written, context).replace(/^sqlite:(\/\/)?/i, '');
  if (isPostgresUrl(location)) {
    const { password } = parsePostgresUrl(location);
    if (password !== undefined && !hasReference(written)) {
      throw new LowtideError(
        'usage',
        `${option} has a password, which every user of this host can read there`,
        {
          hint: `Put the URL into a variable or a file of your own, and write ${option} '\${env:NAME}' or '\${file:PATH}'.`,
        },
      );
    }
    return location;
  }
  if (location === '' || isUrl(location)) {
    throw new LowtideError('usage', `${option} is no state: a folder, or postgres://user@host:5432/database`);
  }
  return resolve(location);
}

/** No service is to begin meanwhile, whichever of these it would take for its own. */
function serviceLocks(places: readonly string[]): Disposable {
  const folders = places.filter((place) => !isPostgresUrl(place) && existsSync(place));
  const locks = new DisposableStack();
  try {
    for (const folder of new Set(folders.map((each) => realpathSync(each)))) {
      locks.use(acquireServiceLock(folder));
    }
    return locks;
  } catch (thrown) {
    locks.dispose();
    throw thrown;
  }
}

class MoveBars implements Disposable {
  readonly #context: CommandContext;
  #step: MoveProgress['step'] | undefined;
  #bar: Progress | undefined;

  constructor(context: CommandContext) {
    this.#context = context;
  }

  show({ step, doneBytes, totalBytes }: MoveProgress): void {
    if (step !== this.#step) {
      this.#bar?.[Symbol.dispose]();
      this.#step = step;
      const title = step === 'writing' ? 'Copying the state' : 'Reading it back';
      this.#bar = this.#context.progress(title, totalBytes);
    }
    this.#bar?.update(doneBytes);
  }

  [Symbol.dispose](): void {
    this.#bar?.[Symbol.dispose]();
    this.#bar = undefined;
  }
}

/** As the config has it: folders as seen from there, and a secret as it was referred to. */
function lineOf(written: string, to: string, { file }: LoadedConfig): string {
  const folder = dirname(file);
  if (isPostgresUrl(to)) {
    const seenFromThere = written.replaceAll(
      /(?<!\$)\$\{file:([^}]+)\}/g,
      (_, path: string) => `\${file:${resolve(path)}}`,
    );
    return `state: ${seenFromThere}`;
  }
  const near = relative(folder, to);
  return `state: ${near === '' || near.startsWith('..') || isAbsolute(near) ? to : `./${near}`}`;
}

interface Answer {
  readonly from: string;
  readonly to: string;
  readonly line: string;
  readonly moved: MovedState;
}

function answer({ output, options }: CommandContext, { from, to, line, moved }: Answer): void {
  const { rows, changedTexts } = moved;
  const total = Object.values(rows).reduce((sum, each) => sum + each, 0);
  const text = [
    `Moved ${counted(total, 'row')} of ${counted(Object.keys(rows).length, 'table')}, and read them back: they are the same.`,
    `  from ${from}, where it stays as it was`,
    `  to   ${to}`,
    `Now write into ${options.config}, and then start what was stopped:`,
    `  ${line}`,
  ];
  output.answer({ from, to, rows, changedTexts, configLine: line }, text.join('\n'));
  if (changedTexts > 0) {
    output.note(
      `${counted(changedTexts, 'text')} had a NUL, which PostgreSQL cannot hold: U+FFFD stands in its place.`,
    );
  }
}
