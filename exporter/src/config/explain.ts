import type { z } from 'zod';
import { nearest } from '../errors/nearest.ts';
import type { ConfigPath } from './problem.ts';
import { hasReference, isSecret } from './secrets.ts';
import { shapeAt, valueAt, type Shape } from './shape.ts';

/** A mistake before it has a line: where, on the key or on the value, and what would be right. */
export interface Finding {
  readonly path: ConfigPath;
  readonly at: 'key' | 'value';
  readonly message: string;
}

type Issue = z.core.$ZodIssue;

/**
 * Says in the file's own words what the schema found. `written` is the file before secrets were put in, so that a
 * message can show no more than the reader has written.
 */
export function explainIssue(issue: Issue, written: unknown): readonly Finding[] {
  const path = issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step));
  const value = valueAt(written, path);
  const finding = (message: string, at: 'key' | 'value' = 'value'): readonly Finding[] => [
    { path, at, message },
  ];
  const shown = show(value, path);
  if (isVariable(path) && (issue.code === 'invalid_key' || value === null)) {
    return [
      { path: path.slice(0, -1), at: 'value', message: 'holds a name that is none, or one without a value' },
    ];
  }
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => explainKey(path, key, written));
    case 'invalid_key':
      return finding(
        `${JSON.stringify(path.at(-1))} ${issue.issues[0]?.message ?? 'cannot be a key'}`,
        'key',
      );
    case 'invalid_type':
      return finding(explainType(issue.expected, value, shown, shapeAt(path, written)));
    case 'invalid_union':
      return finding(explainChoice(value, shown, optionsOf(issue)));
    case 'invalid_value':
      return finding(explainChoice(value, shown, issue.values.map(String)));
    case 'too_small':
    case 'too_big':
      return finding(explainSize(issue, shown));
    case 'invalid_format':
    case 'custom':
    case 'not_multiple_of':
    case 'invalid_element':
      return finding(typeof value === 'object' ? issue.message : `${shown} ${issue.message}`);
  }
}

/** A variable of a command: where its name is none, it may be a secret that has lost its name. */
function isVariable(path: ConfigPath): boolean {
  return path.at(-2) === 'env' && isSecret(path);
}

/** zod gives the known types of a source or store, though its own type of the issue does not say so. */
function optionsOf(issue: Issue): readonly string[] {
  const options = valueAt(issue, ['options']);
  return Array.isArray(options) ? options.map(String) : [];
}

/** A value as a message may show it: what the file says, unless that is a secret or may hold one. */
export function show(value: unknown, path: ConfigPath): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  // JSON has no word for .nan and .inf.
  const text = typeof value === 'string' || typeof value === 'number' ? String(value) : JSON.stringify(value);
  // A text that only names its secrets shows none.
  if (isSecret(path)) return isOnlyReference(text) ? JSON.stringify(text) : '(hidden)';
  if (/AGE-SECRET-KEY-/i.test(text) || /:\/\/[^/]*@/.test(text)) return '(hidden)';
  if (typeof value !== 'string') return text;
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}…` : text);
}

function isOnlyReference(text: string): boolean {
  return hasReference(text) && /^\$\{[^}]*\}$/.test(text);
}

function explainKey(parent: ConfigPath, key: string, written: unknown): Finding {
  const path = [...parent, key];
  // A key with spaces, or without a value, may be a line that has lost its colon: what it says may be a secret.
  return /^[\w.-]{1,64}$/.test(key) && valueAt(written, path) !== null
    ? { path, at: 'key', message: explainName(parent, key, written) }
    : { path: parent, at: 'value', message: 'holds a key that is none: write key: value' };
}

function explainName(parent: ConfigPath, key: string, written: unknown): string {
  const known = (shapeAt(parent, written)?.keys ?? []).filter(
    (candidate) => valueAt(written, [...parent, candidate]) === undefined,
  );
  const near = nearest(key, known);
  if (near !== undefined) return `is no key that is known here. Did you mean ${near}?`;
  return known.length === 0
    ? 'is no key that is known here'
    : `is no key that is known here. There could be ${known.join(', ')}.`;
}

function explainType(expected: string, value: unknown, shown: string, shape: Shape | undefined): string {
  if (value === undefined) {
    return `is missing${shape?.description === undefined ? '' : `: ${shape.description}`}`;
  }
  const right = wanted(expected, shape);
  if (value === null) return `has no value: ${right} belongs here`;
  if (typeof value === 'object') return `is ${kindOf(value)}, and ${right} belongs here`;
  // A text in the place of a map is often a secret in the wrong place: it is not shown.
  if (expected === 'object' || expected === 'record') return `is ${kindOf(value)}, and ${right} belongs here`;
  const remedy = expected === 'string' && shape?.examples.length === 0 ? ': put it in quotes' : '';
  return `${shown} is ${kindOf(value)}, and ${right} belongs here${remedy}`;
}

function wanted(expected: string, shape: Shape | undefined): string {
  const examples = (shape?.examples ?? []).map((example) =>
    typeof example === 'string' ? example : JSON.stringify(example),
  );
  const like = examples.length > 0 ? ` like ${examples.slice(0, 2).join(' or ')}` : '';
  switch (expected) {
    case 'string':
      return `text${like}`;
    case 'int':
      return 'a whole number';
    case 'number':
      return 'a number';
    case 'boolean':
      return 'true or false';
    case 'array':
      return `a list${like === '' ? ' (items behind a -)' : like}`;
    case 'object':
    case 'record':
      return shape !== undefined && shape.keys.length > 0 ? `a map with ${shape.keys.join(', ')}` : 'a map';
    default:
      return expected;
  }
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return 'text';
  if (typeof value === 'number') return Number.isFinite(value) ? 'a number' : 'not finite';
  return typeof value === 'boolean' ? 'true or false' : 'a map';
}

function explainChoice(value: unknown, shown: string, options: readonly string[]): string {
  const choice = options.length === 1 ? `write ${options.join('')}` : `write one of ${options.join(', ')}`;
  if (value === undefined || value === null) return `is missing: ${choice}`;
  const near = typeof value === 'string' ? nearest(value, options) : undefined;
  return `${shown} is not known here: ${choice}${near === undefined || options.length === 1 ? '' : `. Did you mean ${near}?`}`;
}

function explainSize(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig, shown: string): string {
  if (issue.origin === 'string' || issue.origin === 'array' || issue.origin === 'record') {
    return issue.code === 'too_small'
      ? 'is empty'
      : `is too long: at most ${String(issue.maximum)} characters`;
  }
  const inclusive = issue.inclusive === true;
  return issue.code === 'too_small'
    ? `${shown} is too small: ${inclusive ? 'at least' : 'more than'} ${String(issue.minimum)}`
    : `${shown} is too large: ${inclusive ? 'at most' : 'less than'} ${String(issue.maximum)}`;
}
