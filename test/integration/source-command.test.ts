import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { commandSource } from '../../exporter/src/source/command.ts';
import type { Command } from '../../exporter/src/process/command.ts';
import { dumpSource, type DumpedPart } from '../conformance/dump.ts';
import { sourceConformance } from '../conformance/source.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lowtide-source-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const dump = (argv: Command['argv'], env: Record<string, string> = {}): Promise<readonly DumpedPart[]> =>
  dumpSource(commandSource({ argv, env }), { folder });
const shell = (script: string, env?: Record<string, string>): Promise<readonly DumpedPart[]> =>
  dump(['sh', '-c', script], env);

sourceConformance('command', () => ({
  source: () => commandSource({ argv: ['sh', '-c', 'printf "all of it"'], env: { API_TOKEN: 'tok-12345' } }),
  absent: { source: () => commandSource({ argv: ['no-such-program-here'], env: {} }), code: 'tool_missing' },
  secrets: ['tok-12345'],
  expectWhole: ([main]) => expect(readFileSync(main!.path, 'utf8')).toBe('all of it'),
}));

describe('the output of a command', () => {
  it('is kept byte by byte', async () => {
    const [main] = await shell(String.raw`printf '\000\377\n\r\n'; cat /bin/sh`);
    const expected = Buffer.concat([Buffer.from([0, 255, 10, 13, 10]), readFileSync('/bin/sh')]);
    expect(readFileSync(main!.path).equals(expected)).toBe(true);
  });

  it('comes from the argv itself, with nothing for a shell to read', async () => {
    const [main] = await dump(['printf', '%s|', '$HOME', '; ls', '*', 'a b', "'", '-n']);
    expect(readFileSync(main!.path, 'utf8')).toBe("$HOME|; ls|*|a b|'|-n|");
  });

  it('sees its own variables and none of the service’s', async () => {
    process.env['LOWTIDE_TEST_SECRET'] = 'of the service';
    const [main] = await dump(['env'], { MODE: 'full' });
    delete process.env['LOWTIDE_TEST_SECRET'];
    const env = readFileSync(main!.path, 'utf8');
    expect(env).toContain('MODE=full');
    expect(env).not.toContain('of the service');
  });

  it('is whole though the program talked meanwhile; its words become warnings, twenty at most', async () => {
    expect((await shell('echo 10 % >&2; echo 90 % >&2; echo data'))[0]?.warnings).toEqual(['10 %', '90 %']);
    const [main] = await shell('seq 1000 >&2; echo data');
    expect(main?.warnings).toHaveLength(21);
    expect(main?.warnings.at(-1)).toBe('and 980 more');
  });

  it.each([
    [
      'ends with another code than 0',
      'echo half; echo "disk on fire" >&2; exit 7',
      /exit code 7: disk on fire/,
    ],
    ['dies by a signal', 'echo half; kill -SEGV $$', /was ended by SIGSEGV/],
  ])('is refused when the program %s', async (_, script, message) => {
    await expect(shell(script)).rejects.toMatchObject({
      code: 'source_failed',
      message: expect.stringMatching(message) as string,
    });
  });

  it('names no secret of its environment when it fails', async () => {
    await expect(
      shell('echo "denied: $DB_PASSWORD" >&2; exit 1', { DB_PASSWORD: 'hush-hush' }),
    ).rejects.toMatchObject({
      message: expect.stringContaining('denied: ***') as string,
    });
  });

  it('is refused when the program is no program', async () => {
    await expect(dump(['/etc/passwd'])).rejects.toMatchObject({ code: 'tool_missing' });
    await expect(dump(['ls -l'])).rejects.toMatchObject({ code: 'tool_missing' });
  });
});
