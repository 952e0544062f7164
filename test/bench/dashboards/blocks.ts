import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Synthetic } from './synthetic.ts';

const scrapeSeconds = 30;
const sparseSeconds = 3600;
const hour = 3600;
const day = 24 * hour;
/** What a Prometheus has made of its first blocks, of two hours each, within two days. Blocks begin at multiples of it. */
const blockSeconds = 18 * hour;

/** Writes `days` of the series up to `until` (in seconds, on an edge of blocks) as a TSDB's blocks; returns how many samples. */
export function writeBlocks(
  series: readonly Synthetic[],
  { folder, until, days }: { readonly folder: string; readonly until: number; readonly days: number },
): number {
  mkdirSync(folder, { recursive: true });
  const text = join(folder, '..', 'samples.txt');
  let samples = 0;
  const first = Math.floor((until - days * day) / blockSeconds) * blockSeconds;
  for (let from = first; from < until; from += blockSeconds) {
    samples += writeSamples(text, series, from, until);
    const end = spawnSync(
      'promtool',
      ['tsdb', 'create-blocks-from', 'openmetrics', '--quiet', '--max-block-duration=18h', text, folder],
      {
        encoding: 'utf8',
      },
    );
    if (end.status !== 0) throw new Error(`promtool: ${end.stderr}`);
  }
  rmSync(text);
  return samples;
}

function writeSamples(path: string, series: readonly Synthetic[], from: number, until: number): number {
  const file = openSync(path, 'w');
  let samples = 0;
  let lines: string[] = [];
  const flush = (): void => {
    writeSync(file, lines.join(''));
    lines = [];
  };
  for (const { name, labels, denseDays, valueAt } of series) {
    const isDense = from >= until - denseDays * day;
    const to = Math.min(from + blockSeconds, until);
    for (let at = from; at < to; at += isDense ? scrapeSeconds : sparseSeconds) {
      lines.push(`${name}{${labels}} ${valueAt(at)} ${at}\n`);
      samples += 1;
    }
    if (lines.length > 20_000) flush();
  }
  lines.push('# EOF\n');
  flush();
  closeSync(file);
  return samples;
}
