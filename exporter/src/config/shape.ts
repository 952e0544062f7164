import { configJsonSchema, type JsonSchema } from './json-schema.ts';
import type { ConfigPath } from './problem.ts';

/** What the schema says about one place in the file. */
export interface Shape {
  readonly description: string | undefined;
  /** Known keys of a map; empty for anything else. */
  readonly keys: readonly string[];
  readonly examples: readonly unknown[];
}

/** Made when a mistake is to be explained: it takes longer than all else that reading a config does. */
let root: JsonSchema | undefined;

/** The shape at `path`, in a file that says `value`; undefined where the schema knows of nothing there. */
export function shapeAt(path: ConfigPath, value: unknown): Shape | undefined {
  let schema: JsonSchema | undefined = (root ??= configJsonSchema());
  let there = value;
  for (const step of path) {
    schema = schema && below(alternative(schema, there), step);
    there = valueAt(there, [step]);
  }
  const found = schema && alternative(schema, there);
  return (
    found && {
      description: found.description ?? schema?.description,
      keys: Object.keys(found.properties ?? {}),
      examples: found.examples ?? [],
    }
  );
}

/** Undefined where there is nothing. */
export function valueAt(value: unknown, path: ConfigPath): unknown {
  return path.reduce<unknown>((node, step) => {
    if (typeof node !== 'object' || node === null || !Object.hasOwn(node, step)) return undefined;
    return (node as Record<string | number, unknown>)[step];
  }, value);
}

/** Of the kinds of source or store, the one that the file's `type` chooses. */
function alternative(schema: JsonSchema, value: unknown): JsonSchema {
  const type = valueAt(value, ['type']);
  const chosen = type === undefined ? undefined : schema.oneOf?.find((option) => constOf(option) === type);
  return isSchema(chosen) ? chosen : schema;
}

function constOf(option: unknown): unknown {
  return valueAt(option, ['properties', 'type', 'const']);
}

function below(schema: JsonSchema, step: string | number): JsonSchema | undefined {
  const found =
    typeof step === 'number' ? schema.items : (schema.properties?.[step] ?? schema.additionalProperties);
  return isSchema(found) ? found : undefined;
}

function isSchema(found: unknown): found is JsonSchema {
  return typeof found === 'object' && found !== null && !Array.isArray(found);
}
