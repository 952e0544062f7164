import { z } from 'zod';
import { LowtideError } from '../../errors/lowtide-error.ts';

/** What pgBackRest tells: `info --output=json`, and the lines of its log, for a backup has no other answer. */

const backup = z.object({
  label: z.string(),
  type: z.enum(['full', 'diff', 'incr']),
  /** Pages whose checksums do not agree: the backup was made nevertheless. */
  error: z.boolean().nullish(),
  timestamp: z.object({ start: z.number(), stop: z.number() }),
  info: z.object({
    size: z.int().nonnegative(),
    repository: z.object({ delta: z.int().nonnegative() }),
  }),
});

const stanza = z.object({
  name: z.string(),
  status: z.object({ code: z.int(), message: z.string() }),
  /** Oldest first. */
  backup: z.array(backup),
});

export type Stanza = z.output<typeof stanza>;

export function readStanza(text: string, name: string): Stanza {
  const read = z.array(stanza).safeParse(jsonOf(text));
  if (!read.success) {
    throw new LowtideError('source_failed', 'pgbackrest info gave an answer that is not understood', {
      hint: 'Is it a version of pgBackRest that is newer than this lowtide? Tell us which.',
      cause: read.error,
    });
  }
  return read.data.find((each) => each.name === name) ?? { name, status: noStanza, backup: [] };
}

/** The codes of a stanza's status that say that nothing can be kept in it. */
const noStanza = { code: 1, message: 'missing stanza path' };
const emptyStanza = 2;

export function isUsable({ status: { code } }: Stanza): boolean {
  return code === 0 || code === emptyStanza;
}

/** The label of the backup that was made, by the log. */
export function labelIn(line: string): string | undefined {
  return /new backup label = (\S+)/.exec(line)?.[1];
}

/** How many percent of the files' bytes have been copied, by the log. */
export function percentIn(line: string): number | undefined {
  const percent = /backup file .*, ([0-9]+(?:\.[0-9]+)?)%\)/.exec(line)?.[1];
  return percent === undefined ? undefined : Number(percent);
}

/** What `verify --output=text --verbose` has found wrong; empty where all is well. It ends with 0 in either case. */
export function faultsIn(text: string): readonly string[] {
  const lines = text.split('\n').map((line) => line.trim());
  if (lines.includes('status: ok')) return [];
  const faults = lines.filter((line) =>
    /status: invalid|(?:missing|invalid|other): [1-9]|^No usable/.test(line),
  );
  return faults.length > 0 ? faults : ['pgbackrest verify does not say that all is well'];
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
