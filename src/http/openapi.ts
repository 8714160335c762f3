import { z } from 'zod';

/** A JSON Schema (2020-12), as OpenAPI 3.1 uses them. */
export type JsonSchema = Readonly<Record<string, unknown>>;

export interface ParameterDescription {
  readonly name: string;
  readonly in: 'query' | 'path' | 'header';
  readonly required: boolean;
  readonly description?: string;
  readonly schema: JsonSchema;
}

export interface AnswerDescription {
  readonly description: string;
  /** By media type. */
  readonly content?: Readonly<Record<string, JsonSchema>>;
}

/** One method at one address, as people and machines are told of it. */
export interface Operation {
  readonly method: 'get' | 'post' | 'put' | 'delete';
  /** `/API/intercom/members/{id}`. */
  readonly path: string;
  readonly id: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /** True where no token is asked for. */
  readonly isOpen?: boolean;
  readonly parameters?: readonly ParameterDescription[];
  /** By media type; a body is never required. */
  readonly body?: Readonly<Record<string, JsonSchema>>;
  readonly answers: Readonly<Record<number, AnswerDescription>>;
}

export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    requestId: z.string().nullable(),
    errors: z
      .array(z.object({ field: z.string(), message: z.string(), allowed: z.array(z.string()).optional() }))
      .optional()
      .meta({ description: 'All wrong fields at once' }),
  })
  .meta({ description: 'RFC 9457' });

/** An answer that is an error, described once for all. */
export function problemAnswer(description: string): AnswerDescription {
  return { description, content: { 'application/problem+json': { $ref: '#/components/schemas/Problem' } } };
}

/** A zod schema as JSON Schema: what comes in, or what goes out. */
export function jsonSchema(schema: z.ZodType, direction: 'input' | 'output'): JsonSchema {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io: direction });
  return rest;
}

const TITLE = 'intercom-engagement';

/** The OpenAPI 3.1 document of all `operations`. */
export function describeApi(operations: readonly Operation[]): JsonSchema {
  const paths: Record<string, Record<string, JsonSchema>> = {};
  for (const operation of operations) {
    const path = (paths[operation.path] ??= {});
    path[operation.method] = describeOperation(operation);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: TITLE,
      version: '1',
      description:
        'Engagement attributes of Intercom contacts and reports about them. Instants are Unix seconds, dates YYYY-MM-DD in the report time zone; errors are RFC 9457 problems.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'One of API_TOKENS' } },
      schemas: { Problem: jsonSchema(problemSchema, 'output') },
    },
  };
}

function describeOperation(operation: Operation): JsonSchema {
  const { id, tag, summary, description, isOpen = false, parameters, body, answers } = operation;
  const refusals = isOpen
    ? {}
    : {
        401: problemAnswer('No valid token'),
        403: problemAnswer('Not from a trusted proxy, or a change that a page of another site has asked for'),
        421: problemAnswer('The host name is none of this service: see PUBLIC_URL'),
        429: problemAnswer('Many wrong tokens came from this address; a right one is still let in'),
      };
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    ...(isOpen ? { security: [] } : {}),
    ...(parameters === undefined ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: false, content: contentOf(body) } }),
    responses: Object.fromEntries(
      Object.entries({ ...answers, ...refusals }).map(([status, answer]) => [
        status,
        {
          description: answer.description,
          ...(answer.content === undefined ? {} : { content: contentOf(answer.content) }),
        },
      ]),
    ),
  };
}

function contentOf(schemas: Readonly<Record<string, JsonSchema>>): JsonSchema {
  return Object.fromEntries(Object.entries(schemas).map(([type, schema]) => [type, { schema }]));
}
