import { z } from 'zod';
import { nearest } from '../errors/nearest.ts';

type Issue = z.core.$ZodIssue;

/** A request may hold thousands of names; each is compared with all that are known. */
const mostNames = 10;

/**
 * Says of one place of a request what would be right there, in the words of the config's mistakes. What the request says
 * is not repeated, as it may be anything; but for a name that is not known, which is what is wrong.
 */
export function explainIssue(issue: Issue, schema: z.ZodType): string {
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys
        .slice(0, mostNames)
        .map((key) => explainName(key, namesIn(schema, issue.path)))
        .join('; ');
    case 'invalid_type':
      return issue.input === undefined ? 'is missing' : `must be ${kind(issue.expected)}`;
    case 'invalid_value':
      return `must be ${issue.values.length === 1 ? '' : 'one of '}${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return explainSize(issue, issue.minimum, 'at least');
    case 'too_big':
      return explainSize(issue, issue.maximum, 'at most');
    case 'invalid_format':
      return issue.format === 'regex' ? 'is not of the form that is described' : issue.message;
    case 'custom':
    case 'not_multiple_of':
    case 'invalid_element':
    case 'invalid_key':
    case 'invalid_union':
      return issue.message;
  }
}

function explainName(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  const shown = JSON.stringify(name.slice(0, 64));
  if (near !== undefined) return `${shown} is not known here. Did you mean ${near}?`;
  return `${shown} is not known here${known.length === 0 ? '' : `: there could be ${known.join(', ')}`}`;
}

/** Of the object at `path`; none where it cannot be told. */
function namesIn(schema: z.ZodType, path: Issue['path']): readonly string[] {
  return path.length === 0 && schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

function kind(expected: string): string {
  switch (expected) {
    case 'int':
      return 'a whole number';
    case 'string':
      return 'text';
    case 'boolean':
      return 'true or false';
    case 'array':
      return 'a list';
    case 'object':
      return 'a JSON object';
    default:
      return `a ${expected}`;
  }
}

function explainSize(
  { origin }: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig,
  limit: number | bigint,
  bound: string,
): string {
  if (origin === 'string') return `must have ${bound} ${String(limit)} characters`;
  return origin === 'array' ? `must list ${bound} ${String(limit)}` : `must be ${bound} ${String(limit)}`;
}
