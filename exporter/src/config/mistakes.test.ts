import { existsSync, readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigError, formatProblem } from './problem.ts';
import { parseConfig, type LoadedConfig } from './read.ts';
import type { ResolveSecret } from './secrets.ts';

/**
 * Each file of testdata holds mistakes of one kind, and beside it lies the report, word for word. "hunter2" stands for
 * a secret wherever it appears.
 */
const folder = new URL('./testdata/', import.meta.url);

const variables: Readonly<Record<string, string>> = {
  BACKUPS: '/mnt',
  INTERVAL: 'soon',
  DATABASE_URL: 'mysql://app:hunter2@db1/app',
};

const resolveSecret: ResolveSecret = ({ kind, name }) => {
  const value = kind === 'env' ? variables[name] : undefined;
  return value === undefined ? { problem: 'is not there' } : { value };
};

function parse(text: string): LoadedConfig {
  return parseConfig(text, { file: 'lowtide.yaml', resolveSecret, host: { name: 'db1', timezone: 'UTC' } });
}

function problemsOf(text: string): ConfigError {
  try {
    parse(text);
  } catch (thrown) {
    if (thrown instanceof ConfigError) return thrown;
    throw thrown;
  }
  throw new Error('the config was accepted');
}

describe('the report of every mistake', () => {
  const cases = readdirSync(folder).filter((file) => file.endsWith('.yaml'));

  it.each(cases)('of %s', async (file) => {
    const error = problemsOf(readFileSync(new URL(file, folder), 'utf8'));
    await expect(`${error.message}\n`).toMatchFileSnapshot(
      new URL(file.replace('.yaml', '.txt'), folder).pathname,
    );
    expect(error.message).not.toContain('hunter2');
    expect(error.code).toBe('config_invalid');
    expect(error.message.split('\n')).toEqual(
      error.problems.map((problem) => formatProblem('lowtide.yaml', problem)),
    );
    expect(error.problems).toEqual(error.problems.toSorted((a, b) => a.line - b.line || a.column - b.column));
  });

  it('lies beside each file', () => {
    expect(cases.filter((file) => !existsSync(new URL(file.replace('.yaml', '.txt'), folder)))).toEqual([]);
  });
});

describe('a damaged file', () => {
  const whole = `instance: db1
server:
  listen: 127.0.0.1:10210
encryption:
  keystore: ./keys
  passphrase: "hunter2"
stores:
  local: { type: directory, path: ./data/backups }
schedules:
  - id: a
    source: { type: postgres, url: "postgres://app:hunter2@db1/app" }
    every: 1d
    stores: [local]
  - id: b
    source: { type: command, argv: [dump], env: { TOKEN: "hunter2" } }
    cron: "30 2 * * *"
    stores: [local]
`;

  it('is refused with places in the file and without the secret, wherever a piece is missing', () => {
    const lines = whole.split('\n');
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: whole.length }),
        fc.integer({ min: 1, max: 12 }),
        fc.constantFrom('', ' ', ':', '\n', '"', '{', '- ', '*', '&', '!', '|', '\t', '${'),
        (at, length, put) => {
          const text = `${whole.slice(0, at)}${put}${whole.slice(at + length)}`;
          let problems: readonly { line: number; column: number; message: string; path: string }[];
          try {
            problems = parse(text).warnings;
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(ConfigError);
            problems = (thrown as ConfigError).problems;
            expect(problems.length).toBeGreaterThan(0);
          }
          for (const problem of problems) {
            expect(problem.line).toBeLessThanOrEqual(lines.length + 1);
            expect(problem.column).toBeGreaterThan(0);
            expect(`${problem.path} ${problem.message}`).not.toContain('hunter2');
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it('is refused by a ConfigError, whatever it says', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (text) => {
        expect(() => parse(text)).toThrow(ConfigError);
      }),
    );
  });
});
