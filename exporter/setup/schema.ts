import { readFile, writeFile } from 'node:fs/promises';
import { format, resolveConfig } from 'prettier';
import { actionRoles } from '../src/api/actions.ts';
import { openApiDocument } from '../src/api/openapi.ts';
import { routes, type Route } from '../src/api/routes.ts';
import { configJsonSchema, type JsonSchema } from '../src/config/json-schema.ts';
import { version } from '../src/version.ts';

/**
 * Writes what is made of the config's schema: schema/lowtide.schema.json for editors, and the tables in
 * docs/configuration.md between their two marks; and of the API's: schema/openapi.json, and the table in docs/api.md.
 */
const schemaFile = new URL('../schema/lowtide.schema.json', import.meta.url);
const openApiFile = new URL('../schema/openapi.json', import.meta.url);
const apiDocsFile = new URL('../docs/api.md', import.meta.url);
const docsFile = new URL('../docs/configuration.md', import.meta.url);
const marks = ['<!-- keys: written by setup/schema.ts -->', '<!-- end of keys -->'] as const;
const apiMarks = ['<!-- routes: written by setup/schema.ts -->', '<!-- end of routes -->'] as const;

export function schemaText(): string {
  return `${JSON.stringify(configJsonSchema(), undefined, 2)}\n`;
}

export function openApiText(): string {
  return `${JSON.stringify(openApiDocument(version), undefined, 2)}\n`;
}

/** The page as it should be, from the page as it is. */
export async function docsText(page: string): Promise<string> {
  return between(page, marks, tables(), docsFile);
}

export async function apiDocsText(page: string): Promise<string> {
  return between(page, apiMarks, routeTable(), apiDocsFile);
}

async function between(
  page: string,
  [begin, end]: readonly [string, string],
  content: string,
  file: URL,
): Promise<string> {
  const [before, rest] = page.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`${file.pathname} has lost its marks`);
  const text = `${before}${begin}\n\n${content}\n\n${end}${after}`;
  return format(text, { ...(await resolveConfig(file)), parser: 'markdown' });
}

function routeTable(): string {
  const rows = (Object.values(routes) as Route[]).map(({ method, path, summary, action }) => {
    return `| \`${method.toUpperCase()} ${path}\` | ${actionRoles[action]} | ${summary} |`;
  });
  return ['| route | role | what it does |', '| --- | --- | --- |', ...rows].join('\n');
}

/** One table a map. */
function tables(): string {
  return sections(configJsonSchema(), '')
    .map(({ title, rows }) =>
      [
        `### ${title === '' ? 'The file' : `\`${title}\``}`,
        '',
        '| key | type | default | meaning |',
        '| --- | --- | --- | --- |',
        ...rows,
      ].join('\n'),
    )
    .join('\n\n');
}

interface Section {
  readonly title: string;
  readonly rows: readonly string[];
}

function sections(schema: JsonSchema, title: string): readonly Section[] {
  const properties = Object.entries(schema.properties ?? {});
  const rows = properties.map(([key, value]) =>
    row(key, asSchema(value), schema.required?.includes(key) === true),
  );
  const own = rows.length === 0 ? [] : [{ title, rows }];
  return [
    ...own,
    ...properties.flatMap(([key, value]) => inner(asSchema(value), title === '' ? key : `${title}.${key}`)),
  ];
}

/** The maps below a key: in a list, under names of the reader's own, or of several kinds. */
function inner(schema: JsonSchema, title: string): readonly Section[] {
  if (schema.type === 'array') return inner(asSchema(schema.items), `${title}[]`);
  if (typeof schema.additionalProperties === 'object')
    return inner(schema.additionalProperties, `${title}.NAME`);
  const kinds = (schema.oneOf ?? []).map(asSchema).filter((kind) => kind.properties !== undefined);
  if (kinds.length > 0 && schema.properties === undefined) {
    return kinds.flatMap((kind) => sections(kind, `${title} (type: ${typeOf(kind)})`));
  }
  return sections(schema, title);
}

function typeOf(kind: JsonSchema): string {
  return String(asSchema(kind.properties?.['type']).const);
}

function row(key: string, schema: JsonSchema, isRequired: boolean): string {
  const isMap = schema.properties !== undefined || schema.oneOf !== undefined;
  const fallback = isRequired
    ? 'required'
    : schema.default === undefined || isMap
      ? ''
      : code(schema.default);
  const examples = (schema.examples ?? []).slice(0, 2).map(code).join(', ');
  const meaning = `${schema.description ?? ''}${examples === '' ? '' : `; as in ${examples}`}`;
  return `| \`${key}\` | ${kind(schema)} | ${fallback} | ${meaning.replaceAll('|', String.raw`\|`)} |`;
}

function kind(schema: JsonSchema): string {
  if (schema.const !== undefined) return code(schema.const);
  if (schema.enum !== undefined) return schema.enum.map(code).join(', ');
  if (schema.type === 'array') return `list of ${kind(asSchema(schema.items))}`;
  if (schema.type === 'integer') return 'whole number';
  if (schema.type === 'object' || schema.oneOf !== undefined) return 'map';
  return schema.type === 'string' ? 'text' : String(schema.type);
}

function code(value: unknown): string {
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

/** A schema may also be true or false, which says nothing about keys. */
function asSchema(value: JsonSchema['not'] | JsonSchema['items']): JsonSchema {
  return typeof value === 'object' && !Array.isArray(value) ? value : {};
}

if (import.meta.main) {
  await writeFile(schemaFile, schemaText());
  await writeFile(openApiFile, openApiText());
  await writeFile(apiDocsFile, await apiDocsText(await readFile(apiDocsFile, 'utf8')));
  await writeFile(docsFile, await docsText(await readFile(docsFile, 'utf8')));
}
