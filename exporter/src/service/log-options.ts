export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export const logFormats = ['logfmt', 'json', 'pretty'] as const;

export interface LogOptions {
  readonly level: (typeof logLevels)[number];
  readonly format: (typeof logFormats)[number];
  /** Takes secrets out of every line. */
  readonly redact: (text: string) => string;
  readonly write: (line: string) => void;
}
