import type { ChildEnd } from '../../process/command.ts';
import { stderrLines } from '../verdict.ts';

/**
 * What GNU tar wrote to standard error, sorted by what it means. One message a line (names are escaped), in English
 * (LC_ALL=C). Source of the texts: src/misc.c and src/create.c of tar 1.34.
 */
export interface TarMessages {
  /** Could not be read, and why: `./secret: Permission denied`. */
  readonly unreadable: readonly string[];
  /** Everything else that names a file: it changed, shrank or vanished while it was read. */
  readonly remarks: readonly string[];
  /** What ends the archive rather than a file: `-: Cannot write: No space left on device`. */
  readonly fatal: readonly string[];
}

const failedRead =
  /^(.*?): (?:Warning: )?(?:Cannot (?:open|stat|read|readlink|read link|savedir|close|seek to [^:]*): (.*)|Read error at byte \d+, while reading \d+ bytes?: (.*))$/;
/** Lines that only announce tar's exit code. */
const announcement =
  /^(Exiting with failure status due to previous errors|Error is not recoverable: exiting now)$/;

export function readTarMessages(end: ChildEnd): TarMessages {
  const unreadable: string[] = [];
  const remarks: string[] = [];
  const fatal: string[] = [];
  for (const line of stderrLines(end)) {
    const text = unescapeName(line.replace(/^\S*tar: /, ''));
    const match = failedRead.exec(text);
    if (announcement.test(text)) continue;
    if (match) unreadable.push(`${match[1] ?? ''}: ${match[2] ?? match[3] ?? ''}`);
    else if (text.includes(': Cannot ')) fatal.push(text);
    else remarks.push(text);
  }
  return { unreadable, remarks, fatal };
}

/** Puts `n\303\251` back to `né`, so that people find their files; other escapes (`\n`, `\\`) stay as they are. */
function unescapeName(text: string): string {
  return text.replaceAll(/(?:\\[2-3][0-7]{2})+/g, (escapes) => {
    const bytes = escapes
      .slice(1)
      .split('\\')
      .map((octal) => Number.parseInt(octal, 8));
    const decoded = Buffer.from(bytes).toString('utf8');
    return decoded.includes('\uFFFD') ? escapes : decoded;
  });
}
