import pino, { type Logger } from 'pino';
import { prettyFactory } from 'pino-pretty';
import type { LogOptions } from './log-options.ts';
import { logfmt } from './logfmt.ts';

export type { Logger } from 'pino';

/** One line an event: JSON for machines, or text for people. */
export function createLog({ level, format, redact, write }: LogOptions): Logger {
  // pino's own would add a type and a stack that say nothing: errors come here described.
  const serializers = { err: (described: unknown) => described };
  const base = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers };
  if (format !== 'pretty') {
    const formatters = { level: (label: string) => ({ level: label }) };
    const shaped = format === 'json' ? (line: string) => line : toLogfmt;
    return pino({ ...base, formatters }, { write: (line) => write(redact(shaped(line))) });
  }
  const prettify = prettyFactory({ translateTime: 'SYS:HH:MM:ss', singleLine: true });
  return pino(base, { write: (line) => write(redact(prettify(line))) });
}

function toLogfmt(line: string): string {
  return `${logfmt(JSON.parse(line) as Record<string, unknown>)}\n`;
}
