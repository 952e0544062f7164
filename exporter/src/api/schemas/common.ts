import { z } from 'zod';

/**
 * The words that all requests and answers are made of. A schema with a name becomes a component of openapi.json, and a
 * type of `lowtide/api` in contract.ts.
 */
export const components = z.registry<{ id: string }>();

export function named<T extends z.ZodType>(id: string, schema: T): T {
  components.add(schema, { id });
  return schema;
}

export const instant = z.iso.datetime().describe('RFC 3339, UTC');
export const bytes = z.int().min(0).describe('bytes');
export const seconds = z.number().min(0).describe('seconds');

/** Ids of runs, backups and keys: what a path can hold. */
export const id = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,199}$/);
/** As the config has names. */
export const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/);

/** As hosts are called: the config takes any text. */
export const instance = z.string().regex(/^[^\p{C}]{1,128}$/u);

/** Of the items of answers: the host that it is of. */
export const itsHost = z.string().describe('the host that it is of');

export const backupType = z.enum(['database', 'files', 'command']);

export const failure = named(
  'Failure',
  z
    .strictObject({
      code: z.string().describe('stable, see docs/errors.md'),
      message: z.string(),
      hint: z.string().optional().describe('what helps'),
    })
    .describe('Why something failed.'),
);

export const problemSchema = named(
  'Problem',
  z
    .looseObject({
      type: z.literal('about:blank'),
      title: z.string(),
      status: z.int(),
      detail: z.string(),
      code: z.string().optional().describe('stable, see docs/errors.md'),
      hint: z.string().optional().describe('what helps'),
      docs: z.string().optional().describe('path of the page that explains the codes'),
    })
    .describe('RFC 9457 problem details: every answer from 400 on.'),
);

const mostPerPage = 200;

/** What every list takes. */
export const page = {
  limit: z.coerce.number().int().min(1).max(mostPerPage).default(50).describe('at most so many'),
  cursor: z.string().min(1).max(1000).optional().describe('`nextCursor` of the page before; opaque'),
};

export type ListShape<T extends z.ZodType> = {
  items: z.ZodArray<T>;
  nextCursor: z.ZodOptional<z.ZodString>;
};

export function listOf<T extends z.ZodType>(id: string, item: T): z.ZodObject<ListShape<T>, z.core.$strict> {
  return named(id, z.strictObject(listShape(item)).describe(onePage));
}

/** `more`: what each page tells beside its items. */
export function listWith<T extends z.ZodType, More extends z.ZodRawShape>(
  id: string,
  item: T,
  more: More,
): z.ZodObject<ListShape<T> & More, z.core.$strict> {
  return named(id, z.strictObject({ ...listShape(item), ...more }).describe(onePage));
}

const onePage = 'One page of a list.';

function listShape<T extends z.ZodType>(item: T): ListShape<T> {
  return {
    items: z.array(item),
    nextCursor: z.string().optional().describe('asks for what follows; absent on the last page'),
  };
}

export const progress = named(
  'Progress',
  z
    .strictObject({
      bytes: bytes.describe('done so far'),
      expectedBytes: bytes.optional().describe('a guess from the last time; may be exceeded'),
      ratio: z.number().min(0).max(1).optional().describe('0 to 1, as far as the guess is right'),
      bytesPerSecond: z.number().min(0).describe('over the last seconds'),
      slowedBy: z
        .string()
        .optional()
        .describe(
          'cpu, cpu_pressure, memory_pressure or disk_pressure: it makes way for a host that is busy',
        ),
      etaSeconds: seconds.optional().describe('until it ends, as far as the guess is right'),
    })
    .describe('How far work that goes on has come.'),
);
