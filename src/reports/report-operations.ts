import { z } from 'zod';
import { jsonSchema, problemAnswer, type JsonSchema, type Operation } from '../http/openapi.js';
import { REPORTS } from './catalog.js';
import { count, instant } from '../http/columns.js';
import type { Report } from './report.js';

const asOf = z.object({
  appliedAt: instant.nullable().meta({ description: 'When the last notification was applied, Unix seconds' }),
  sweptAt: instant.nullable().meta({ description: 'End of the last sweep, Unix seconds' }),
  completeAt: instant
    .nullable()
    .meta({ description: "When the source's totals last agreed with the cache's, Unix seconds" }),
});

/** What every answer of JSON begins with. */
const head = {
  generatedAt: instant,
  asOf,
  timeZone: z.string(),
  filters: z.record(z.string(), z.unknown()).meta({ description: 'The filters as they were understood' }),
};

const exportSummary = z.object({ ...head, total: count, outputPath: z.string(), bytes: count });

const CSV_ANSWER = { 'text/csv': { type: 'string' } } as const;

/** The descriptions of all reports, made from the schemas that their queries are read with. */
export const REPORT_OPERATIONS: readonly Operation[] = REPORTS.flatMap((report) => [
  {
    ...shared(report),
    method: 'get',
    id: `${report.name}ByGet`,
    // Nothing is written by GET.
    parameters: fieldsOf(report).flatMap(([name, schema]) =>
      name === 'outputPath' ? [] : [{ name, in: 'query' as const, required: false, ...described(schema) }],
    ),
  },
  {
    ...shared(report),
    method: 'post',
    id: report.name,
    body: {
      'application/json': {
        type: 'object',
        properties: Object.fromEntries(fieldsOf(report).map(([name, schema]) => [name, oneOrMore(schema)])),
        additionalProperties: false,
      },
    },
  },
]);

function shared(report: Report): Omit<Operation, 'method' | 'id'> {
  const json = jsonSchema(answerSchema(report), 'output');
  const summary = jsonSchema(exportSummary, 'output');
  const canExport = Object.hasOwn(report.fields, 'outputPath');
  return {
    path: report.path,
    tag: 'Reports',
    summary: report.title,
    description: report.purpose,
    answers: {
      200: {
        description: canExport
          ? 'The report, or with outputPath a summary of what was written'
          : 'The report',
        content: { 'application/json': canExport ? { anyOf: [json, summary] } : json, ...CSV_ANSWER },
      },
      304: { description: 'By GET: what If-None-Match names is still right' },
      400: problemAnswer('Wrong fields'),
      413: problemAnswer('The body is too large'),
      503: problemAnswer('The database cannot be used at this moment'),
    },
  };
}

/** The whole JSON answer of a report; tests hold real answers against it. */
export function answerSchema(report: Report): z.ZodObject {
  return z.object({ ...head, ...report.body });
}

function fieldsOf(report: Report): [string, JsonSchema][] {
  return Object.entries(report.fields).map(([name, field]) => [name, jsonSchema(field, 'input')]);
}

function described({ description, ...schema }: JsonSchema) {
  return { ...(typeof description === 'string' ? { description } : {}), schema };
}

/** In a body a list of one may be written as its value. */
function oneOrMore(schema: JsonSchema): JsonSchema {
  const { description, default: fallback, ...list } = schema;
  if (list['type'] !== 'array') return schema;
  return { anyOf: [list['items'], list], description, default: fallback };
}
