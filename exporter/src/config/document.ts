import {
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  visit,
  type Document,
  type Pair,
  type YAMLError,
} from 'yaml';
import { formatPath, type ConfigPath, type ConfigProblem } from './problem.ts';
import { explainSyntax } from './syntax.ts';

/** A YAML file as plain data, which still knows where each value stood. */
export interface ConfigDocument {
  /** What the file says; undefined where it is no YAML. */
  readonly value: unknown;
  readonly problems: readonly ConfigProblem[];
  /** Makes a problem of the value at `path`, or of its key; of what is missing, at the map where it belongs. */
  problem(path: ConfigPath, message: string, at?: 'key' | 'value'): ConfigProblem;
}

type Place = (offset: number) => Pick<ConfigProblem, 'line' | 'column'>;

export function readDocument(text: string): ConfigDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    // Keys written twice are found below, where both places are known.
    uniqueKeys: false,
    stringKeys: true,
  });
  const place: Place = (offset) => {
    const { line, col } = lines.linePos(Math.min(Math.max(offset, 0), text.length));
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const problem: ConfigDocument['problem'] = (path, message, at = 'value') => ({
    ...place(offsetOf(document, path, at)),
    path: formatPath(path),
    message,
  });
  const syntax = syntaxProblems(document, place);
  const problems = syntax.length > 0 ? syntax : structureProblems(document, problem, place);
  return problems.length > 0
    ? { value: undefined, problems, problem }
    : { value: document.toJS() as unknown, problems: doubleKeys(document, place), problem };
}

/** Warnings too: they tell of tags, which would change what a value is. */
function syntaxProblems(document: Document.Parsed, place: Place): readonly ConfigProblem[] {
  const seen = new Set<number>();
  return [...document.errors, ...document.warnings].flatMap((error) => {
    const offset = openingQuote(document, error) ?? error.pos[0];
    // A second one at the same place follows from the first.
    if (seen.has(offset)) return [];
    seen.add(offset);
    return [{ ...place(offset), path: '', message: explainSyntax(error) }];
  });
}

/** The parser notices a missing quote where the file ends; the reader wants to know where it began. */
function openingQuote(
  document: Document.Parsed,
  { message }: Pick<YAMLError, 'message'>,
): number | undefined {
  let opening: number | undefined;
  if (!message.startsWith('Missing closing')) return undefined;
  visit(document, {
    Scalar(_, { type, range }) {
      if (type === 'QUOTE_DOUBLE' || type === 'QUOTE_SINGLE') opening = range?.[0];
    },
  });
  return opening;
}

/** What the parser lets pass, and what cannot become plain data. */
function structureProblems(
  document: Document.Parsed,
  problem: ConfigDocument['problem'],
  place: Place,
): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const walk = (node: unknown, path: ConfigPath): void => {
    if (isAlias(node) && node.resolve(document) === undefined) {
      problems.push(problem(path, 'is an alias (*name) of nothing: put text that begins with * in quotes'));
    }
    for (const { key } of isMap(node) ? node.items : []) {
      if (isScalar(key)) continue;
      // Left to toJS, it would become text, with a warning on standard error that quotes the file.
      const message = 'is a key that is no text: a bracket, a colon or a quote is in the wrong place';
      problems.push({ ...place(offsetOfNode(key) ?? 0), path: formatPath(path), message });
    }
    eachChild(node, path, walk);
  };
  walk(document.contents, []);
  if (problems.length > 0) return problems;
  try {
    // toJS refuses aliases that multiply without end, and JSON those that hold themselves.
    JSON.stringify(document.toJS());
    return [];
  } catch {
    return [problem([], 'the aliases (*name) of this file never end: write the values out')];
  }
}

function eachChild(
  node: unknown,
  path: ConfigPath,
  visitChild: (child: unknown, path: ConfigPath) => void,
): void {
  if (isSeq(node)) node.items.forEach((item, index) => visitChild(item, [...path, index]));
  if (isMap(node)) for (const pair of node.items) visitChild(pair.value, [...path, keyOf(pair)]);
}

function offsetOf(document: Document.Parsed, path: ConfigPath, at: 'key' | 'value'): number {
  let node: unknown = document.contents;
  let offset = offsetOfNode(node) ?? 0;
  for (const [index, step] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = findPair(node.items, step);
      if (pair === undefined) return offset;
      node = pair.value;
      const isKey = (at === 'key' && index === path.length - 1) || !hasText(node);
      offset = offsetOfNode(isKey ? pair.key : node) ?? offset;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      offset = offsetOfNode(node) ?? offset;
    } else {
      return offset;
    }
  }
  return offset;
}

/** A key without a value has an empty node behind it, on the next line at worst: the key is the better place. */
function hasText(node: unknown): boolean {
  return isNode(node) && !(isScalar(node) && node.value === null && (node.source ?? '') === '');
}

/** Of two keys of one name, the latter counts, as in `toJS`. */
function findPair(items: readonly unknown[], step: string | number): Pair | undefined {
  return items.filter((item) => isPair(item)).findLast((pair) => keyOf(pair) === String(step));
}

function keyOf(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
}

function offsetOfNode(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}

function doubleKeys(document: Document.Parsed, place: Place): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const walk = (node: unknown, path: ConfigPath): void => {
    const seen = new Map<string, number>();
    for (const pair of isMap(node) ? node.items : []) {
      const key = keyOf(pair);
      const at = place(offsetOfNode(pair.key) ?? 0);
      const before = seen.get(key);
      if (before !== undefined) {
        const message = `is written twice: it stands on line ${before} already`;
        problems.push({ ...at, path: formatPath([...path, key]), message });
      }
      seen.set(key, at.line);
    }
    eachChild(node, path, walk);
  };
  walk(document.contents, []);
  return problems;
}
