import pino, { type Logger } from 'pino';
import { prettyFactory } from 'pino-pretty';
import type { LogOptions } from './log-options.ts';

export type { Logger } from 'pino';

/** One line an event: JSON for machines, or text for people. */
export function createLog({ level, format, redact, write }: LogOptions): Logger {
  const base = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  if (format === 'json') {
    const formatters = { level: (label: string) => ({ level: label }) };
    return pino({ ...base, formatters }, { write: (line) => write(redact(line)) });
  }
  const prettify = prettyFactory({ translateTime: 'SYS:HH:MM:ss', singleLine: true });
  return pino(base, { write: (line) => write(redact(prettify(line))) });
}
