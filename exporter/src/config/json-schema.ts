import { z } from 'zod';
import { configSchema } from './schema.ts';

export type JsonSchema = z.core.JSONSchema.JSONSchema;

/** What editors check `lowtide.yaml` by, and what ships as schema/lowtide.schema.json. */
export function configJsonSchema(): JsonSchema {
  return {
    $id: 'urn:lowtide:schema:config',
    title: 'lowtide.yaml',
    description: 'What Lowtide backs up, when, and where to.',
    ...z.toJSONSchema(configSchema, { io: 'input' }),
  };
}
