import pino, { type DestinationStream, type Logger } from 'pino';
import pretty from 'pino-pretty';

export type { Logger } from 'pino';

export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export const logFormats = ['json', 'pretty'] as const;

export interface LogOptions {
  readonly level: (typeof logLevels)[number];
  readonly format: (typeof logFormats)[number];
  /** Takes secrets out of every line. */
  readonly redact: (text: string) => string;
  readonly write: (line: string) => void;
}

/** One line an event: JSON for machines, or coloured text for a terminal. */
export function createLog({ level, format, redact, write }: LogOptions): Logger {
  const redacting: DestinationStream = { write: (line) => write(redact(line)) };
  const base = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  if (format === 'json') {
    return pino({ ...base, formatters: { level: (label) => ({ level: label }) } }, redacting);
  }
  const prettyOptions = {
    colorize: false,
    ignore: 'hint',
    translateTime: 'SYS:HH:MM:ss',
    destination: redacting,
  };
  return pino(base, pretty({ ...prettyOptions, sync: true }));
}
