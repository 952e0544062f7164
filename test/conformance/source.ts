import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LowtideError } from '../../exporter/src/errors/lowtide-error.ts';
import {
  partExtensions,
  type Dump,
  type Source,
  type SourceContext,
} from '../../exporter/src/source/source.ts';
import { dumpSource, type DumpedPart } from './dump.ts';

/** What the suite needs to know about one kind of source. */
export interface SourceRig {
  /** Describes data that is there and can be read. */
  readonly source: () => Source;
  /** Describes data that is not there; it fails in `check` and `prepare` with this code. */
  readonly absent: { readonly source: () => Source; readonly code: LowtideError['code'] };
  /** Texts that must show up nowhere. */
  readonly secrets: readonly string[];
  /** Throws when the dumped part does not hold the data. */
  readonly expectWhole: (parts: readonly DumpedPart[]) => void;
}

/** What every source does, whatever it dumps. `rig` is asked for within tests, when servers are up. */
export function sourceConformance(name: string, rig: () => SourceRig): void {
  describe(`the source ${name}`, () => {
    let folder: string;
    let context: SourceContext;
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'lowtide-source-'));
      chmodSync(folder, 0o700);
      const scratch = join(folder, 'scratch');
      mkdirSync(scratch, { mode: 0o700 });
      context = { scratch, signal: new AbortController().signal };
    });
    afterEach(() => rmSync(folder, { recursive: true, force: true }));

    it('dumps the whole of its data', async () => {
      const parts = await dumpSource(rig().source(), { folder });
      expect(parts.map(({ role }) => role)).toEqual(parts.length === 1 ? ['main'] : ['main', 'globals']);
      rig().expectWhole(parts);
    });

    it('can be dumped again, and twice at the same time', async () => {
      const source = rig().source();
      const dumps = await Promise.all(
        ['one', 'two'].map((run) => dumpSource(source, { folder: join(folder, run) })),
      );
      dumps.forEach((parts) => rig().expectWhole(parts));
    });

    it('says that the data can be reached, and leaves no file outside its scratch folder', async () => {
      await rig().source().check(context);
      expect(readdirSync(folder)).toEqual(['scratch']);
    });

    it('names formats the manifest knows and the versions of its tools, one line each', async () => {
      const dump = await rig().source().prepare(context);
      for (const part of dump.parts) expect(partExtensions).toHaveProperty(part.format);
      for (const version of Object.values(dump.tools)) expect(version).toMatch(/^[^\n]*\d[^\n]*$/);
    });

    it('has a label of one line', () => {
      expect(rig().source().label).toMatch(/^\S[^\n]*$/);
    });

    it('shows no secret in its label, its arguments, its versions, or files that others may read', async () => {
      const source = rig().source();
      const dump = await source.prepare(context);
      expectNoSecret([source.label, ...argumentsOf(dump), ...Object.values(dump.tools)].join('\n'));
      for (const path of filesUnder(context.scratch)) {
        if (rig().secrets.some((secret) => readFileSync(path).includes(secret))) {
          expect(statSync(path).mode & 0o077, path).toBe(0);
        }
      }
    });

    const brokenEnds = [
      { how: 'was killed', exitCode: null, signal: 'SIGKILL' },
      { how: 'could not go on', exitCode: 3, signal: null },
    ];
    it.each(brokenEnds)('takes no dump for whole whose tool $how', async ({ exitCode, signal }) => {
      const dump = await rig().source().prepare(context);
      for (const part of dump.parts) {
        if ('file' in part.input) continue;
        const program = part.input.command.argv[0];
        const judged = caught(() => part.judge?.({ program, exitCode, signal, stderr: '' }));
        expect(judged).toMatchObject({ code: 'source_failed' });
        expect(judged.message).toContain(program);
      }
    });

    it('shows no secret that its tool printed', async () => {
      const dump = await rig().source().prepare(context);
      for (const part of dump.parts) {
        if ('file' in part.input) continue;
        const end = { program: part.input.command.argv[0], signal: null };
        const stderr = rig()
          .secrets.map((secret) => `the password is ${secret}!\n`)
          .join('');
        expectNoSecret(caught(() => part.judge?.({ ...end, exitCode: 3, stderr })).message);
        expectNoSecret((part.judge?.({ ...end, exitCode: 0, stderr }) ?? []).join('\n'));
      }
    });

    it('stops when it is told to before it began', async () => {
      const reason = new Error('stopped by the test');
      const stopped = { ...context, signal: AbortSignal.abort(reason) };
      await expect(rig().source().prepare(stopped)).rejects.toBe(reason);
    });

    it.each(['check', 'prepare'] as const)('refuses in %s what is not there, with a hint', async (step) => {
      const { source, code } = rig().absent;
      const attempt: Promise<unknown> =
        step === 'check' ? source().check(context) : source().prepare(context);
      const refused = await attempt.then(
        () => 'was not refused',
        (thrown: unknown) => thrown,
      );
      expect(refused).toBeInstanceOf(LowtideError);
      if (!(refused instanceof LowtideError)) return;
      expect(refused.code).toBe(code);
      expect(refused.hint).toBeTruthy();
      expectNoSecret(`${refused.message}\n${refused.hint ?? ''}\n${String(refused.cause)}`);
    });

    function expectNoSecret(text: string): void {
      for (const secret of rig().secrets) {
        expect(text).not.toContain(secret);
        expect(text).not.toContain(encodeURIComponent(secret));
      }
    }
  });
}

function argumentsOf(dump: Dump): readonly string[] {
  return dump.parts.flatMap(({ input }) => ('command' in input ? input.command.argv : []));
}

function filesUnder(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function caught(action: () => unknown): LowtideError {
  try {
    action();
  } catch (thrown) {
    if (thrown instanceof LowtideError) return thrown;
    throw thrown;
  }
  throw new Error('nothing was thrown');
}
