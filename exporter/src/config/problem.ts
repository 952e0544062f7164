import { LowtideError } from '../errors/lowtide-error.ts';

/** Where a value stands in the file, from its root on: `['schedules', 0, 'window']`. */
export type ConfigPath = readonly (string | number)[];

/** One mistake, or one thing worth a warning. Never holds a secret. */
export interface ConfigProblem {
  /** Counted from 1. */
  readonly line: number;
  readonly column: number;
  /** `schedules[0].window`; empty for the file as a whole. */
  readonly path: string;
  /** What is there, and what would be right. */
  readonly message: string;
}

/** The file cannot be used: every mistake that was found, one line each. */
export class ConfigError extends LowtideError {
  /** As the caller named it. */
  readonly file: string;
  readonly problems: readonly ConfigProblem[];

  constructor(file: string, problems: readonly ConfigProblem[]) {
    super('config_invalid', problems.map((problem) => formatProblem(file, problem)).join('\n'), {
      hint: 'docs/configuration.md describes every key.',
    });
    this.name = 'ConfigError';
    this.file = file;
    this.problems = problems;
  }
}

/** `lowtide.yaml:31:13 schedules[0].window: "22:00-26:00" has no hour 26. …` */
export function formatProblem(file: string, { line, column, path, message }: ConfigProblem): string {
  return `${file}:${line}:${column}${path === '' ? '' : ` ${path}`}: ${message}`;
}

export function formatPath(path: ConfigPath): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    const key = /^[\w-]+$/.test(step) ? step : JSON.stringify(step);
    return text === '' ? key : `${text}.${key}`;
  }, '');
}

/** In the order in which a reader meets them. */
export function inFileOrder(problems: readonly ConfigProblem[]): readonly ConfigProblem[] {
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
}
