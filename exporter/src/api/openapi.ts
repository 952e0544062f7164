import { z } from 'zod';
import { actionRoles } from './actions.ts';
import { routes, type Route } from './routes.ts';
import { components, id, problemSchema } from './schemas/common.ts';
import { planEvent, progressEvent, storedEvent } from './schemas/events.ts';

type Json = Record<string, unknown>;

/** The API in OpenAPI 3.1, made of the routes and their schemas. */
export function openApiDocument(version: string): Json {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Lowtide',
      version,
      description:
        'See and steer encrypted backups. Errors are RFC 9457 problem details with a stable code; docs/api.md has examples.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/api/v1' }],
    security: [{ token: [] }],
    tags: tags(),
    paths: paths(),
    components: {
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'Made by lowtide token create, or named in the config.',
        },
      },
      schemas: schemas(),
    },
  };
}

/** Requests as they are sent, where a default may be left out; answers as they come, where it is there. */
function schemas(): Json {
  const all = (io: 'input' | 'output'): Json =>
    z.toJSONSchema(components, { uri: (name) => `#/components/schemas/${name}`, io, override }).schemas;
  const sent = all('input');
  const bodies = new Set(
    (Object.values(routes) as Route[]).flatMap(({ body }) => (body ? [nameOf(body)] : [])),
  );
  return Object.fromEntries(
    Object.entries(all('output'))
      .map(([name, schema]): [string, unknown] => [
        name,
        plain((bodies.has(name) ? sent[name] : schema) as Json),
      ])
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** The format says it all; the pattern that zod checks it by is half a kilobyte, at every time. */
function override({ jsonSchema }: { readonly jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
}

/** Without the marks of a document of its own. */
function plain(schema: Json): Json {
  const marks = ['$schema', '$id', '~standard'];
  return Object.fromEntries(Object.entries(schema).filter(([key]) => !marks.includes(key)));
}

function paths(): Json {
  const all: Record<string, Json> = {};
  for (const [name, route] of Object.entries(routes) as [string, Route][]) {
    (all[route.path] ??= {})[route.method] = operation(name, route);
  }
  all['/openapi.json'] = {
    get: {
      operationId: 'getDescription',
      summary: 'This description',
      tags: ['openapi.json'],
      security: [],
      responses: { 200: { description: 'OpenAPI 3.1.', content: { 'application/json': { schema: {} } } } },
    },
  };
  return all;
}

function operation(name: string, route: Route): Json {
  return {
    operationId: name,
    summary: route.summary,
    description: `Needs a token that may \`${route.action}\` (${actionRoles[route.action]} and above).`,
    tags: [tagOf(route.path)],
    ...(parameters(name, route).length > 0 && { parameters: parameters(name, route) }),
    ...(route.body !== undefined && {
      requestBody: { required: true, content: { 'application/json': { schema: reference(route.body) } } },
    }),
    responses: {
      ...Object.fromEntries(
        Object.entries(route.answers).map(([status, { description, schema }]) => [
          status,
          {
            description,
            ...(schema !== undefined && { content: { 'application/json': { schema: reference(schema) } } }),
            ...(name === 'followEvents' && {
              content: {
                'text/event-stream': {
                  schema: {
                    oneOf: [reference(storedEvent), reference(progressEvent), reference(planEvent)],
                  },
                },
              },
            }),
          },
        ]),
      ),
      default: {
        description: 'A refusal.',
        content: { 'application/problem+json': { schema: reference(problemSchema) } },
      },
    },
  };
}

function parameters(name: string, route: Route): Json[] {
  const list: Json[] = [];
  if (route.path.includes('{id}')) {
    list.push({ name: 'id', in: 'path', required: true, schema: inline(route.id ?? id) });
  }
  for (const [key, schema] of Object.entries(route.query?.shape ?? {})) {
    const { description, ...rest } = inline(schema as z.ZodType);
    list.push({ name: key, in: 'query', required: false, description, schema: rest });
  }
  if (route.method === 'post') {
    list.push({
      name: 'Idempotency-Key',
      in: 'header',
      required: false,
      description: 'Names the request for a day: sent again, it is not done again, and answered as before.',
      schema: { type: 'string', minLength: 1, maxLength: 200 },
    });
  }
  if (name === 'followEvents') {
    list.push({
      name: 'Last-Event-ID',
      in: 'header',
      required: false,
      description: 'The id of the last event that was received.',
      schema: { type: 'string', pattern: String.raw`^\d{1,15}$` },
    });
  }
  return list;
}

function inline(schema: z.ZodType): Json {
  return plain(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', override }));
}

function reference(schema: z.ZodType): Json {
  return { $ref: `#/components/schemas/${nameOf(schema)}` };
}

/** Requests and answers all have names. */
function nameOf(schema: z.ZodType): string {
  const name = components.get(schema)?.id;
  if (name === undefined) throw new TypeError('a request or an answer has no name: see named() in common.ts');
  return name;
}

function tagOf(path: string): string {
  return path.split('/')[1] ?? '';
}

function tags(): Json[] {
  const names = new Set((Object.values(routes) as Route[]).map((route) => tagOf(route.path)));
  return [...names, 'openapi.json'].map((name) => ({ name }));
}
