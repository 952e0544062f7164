import { ConfigError } from '../config/problem.ts';
import type { LowtideError } from '../errors/lowtide-error.ts';

/**
 * What people and programs read. With `--json` standard output holds one JSON document and nothing else, also when the
 * command fails; all that is said on the way goes to standard error. Without it, standard output holds the answer as text.
 */
export interface Output {
  readonly json: boolean;
  /** The command's answer: once. `text` is a table or a sentence. */
  answer(value: unknown, text: string): void;
  /** What is worth knowing beside the answer. */
  note(text: string): void;
  fail(error: LowtideError): void;
}

export interface TextStream {
  write(text: string): unknown;
}

export function createOutput(json: boolean, stdout: TextStream, stderr: TextStream): Output {
  return {
    json,
    answer(value, text) {
      stdout.write(json ? `${JSON.stringify(value, undefined, 2)}\n` : text === '' ? '' : `${text}\n`);
    },
    note(text) {
      stderr.write(`${text}\n`);
    },
    fail(error) {
      const { code, message, hint } = error;
      if (json) stdout.write(`${JSON.stringify({ error: { code, message, hint } }, undefined, 2)}\n`);
      // A report of many mistakes begins each line with its place, which editors can jump to.
      stderr.write(error instanceof ConfigError ? `${message}\n` : `lowtide: ${message}\n`);
      if (hint !== undefined) stderr.write(`hint: ${hint}\n`);
    },
  };
}

/**
 * Columns as wide as their widest cell; numbers are the caller's to align. Where `width` leaves room for it, the text of the last column
 * goes on below itself.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  width = Infinity,
): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  const before = widths.slice(0, -1).reduce((sum, each) => sum + each + gap.length, 0);
  const room = width - before >= leastFolded ? width - before : Infinity;
  return all
    .map((row) => {
      const cells = row.slice(0, -1).map((cell, column) => `${cell.padEnd(widths[column] ?? 0)}${gap}`);
      return `${cells.join('')}${folded(row.at(-1) ?? '', room, ' '.repeat(before))}`.trimEnd();
    })
    .join('\n');
}

const gap = '  ';
/** In fewer columns a sentence is no easier to read than where the terminal breaks it. */
const leastFolded = 20;

/** Breaks a text between words; `margin` comes before each further line. */
function folded(text: string, width: number, margin: string): string {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? '';
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && longer.length > width) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines.join(`\n${margin}`);
}
