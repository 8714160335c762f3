import { z } from 'zod';
import { count, instant } from '../columns.js';
import { nextCursor, total } from '../listing.js';
import type { QueryFields } from '../read-query.js';
import { jsonSchema, problemAnswer, type JsonSchema, type Operation } from '../openapi.js';
import { differenceRow, jobAnswer, runSchema } from './describe-run.js';
import { fieldsOf } from './job-routes.js';
import { REQUESTABLE_JOBS, type RequestableJob } from '../../work/jobs.js';
import { PARKED_FIELDS, parkedItem, REPLAY_FIELDS } from './parked-routes.js';
import { DRIFT_FIELDS, RUNS_FIELDS } from './run-routes.js';

const TAG = 'Jobs';

const PURPOSES: Readonly<Record<RequestableJob, string>> = {
  'session-sync':
    'Compares Last Coaching Session, First Session Date and Last Call with Intercom, and fixes them',
  'engagement-sync': 'Compares Engagement Status and its date with Intercom, and fixes them',
  'referral-sync': 'Compares Eligible Programs with Intercom, and fixes them',
  reconcile: 'Compares everything with Intercom and fixes it, as every night',
};

const runId = {
  name: 'id',
  in: 'path',
  required: true,
  description: 'Id of the run',
  schema: { type: 'string' },
} as const;

export const JOB_OPERATIONS: readonly Operation[] = [
  ...REQUESTABLE_JOBS.map((job): Operation => ({
    method: 'post',
    path: `/API/intercom/${job}`,
    id: job,
    tag: TAG,
    summary: PURPOSES[job],
    body: { 'application/json': bodyOf(fieldsOf(job)) },
    answers: {
      200: answer('What was found and done', jobAnswer),
      202: answer('It has begun', jobAnswer),
      400: problemAnswer('Wrong fields'),
      409: problemAnswer('Another run is under way, or too many members would have changed'),
      502: problemAnswer('The run failed, with the reason'),
      503: problemAnswer('The database cannot be used, or the service stops'),
    },
  })),
  {
    method: 'get',
    path: '/API/intercom/runs',
    id: 'runs',
    tag: TAG,
    summary: 'Runs, newest first, with their progress',
    parameters: parametersOf(RUNS_FIELDS),
    answers: {
      200: answer(
        'The runs',
        z.object({ generatedAt: instant, total, runs: z.array(runSchema), nextCursor }),
      ),
      400: problemAnswer('Wrong fields'),
    },
  },
  {
    method: 'get',
    path: '/API/intercom/runs/{id}',
    id: 'run',
    tag: TAG,
    summary: 'One run, with the first differences that it found',
    parameters: [runId],
    answers: { 200: answer('The run', jobAnswer), 404: problemAnswer('There is no such run') },
  },
  {
    method: 'get',
    path: '/API/intercom/runs/{id}/drift',
    id: 'drift',
    tag: TAG,
    summary: 'Everything in which members differed from Intercom when the run compared them',
    parameters: [runId, ...parametersOf(DRIFT_FIELDS)],
    answers: {
      200: {
        description: 'The differences',
        content: {
          ...answer(
            '',
            z.object({
              generatedAt: instant,
              runId: z.string(),
              total,
              items: z.array(differenceRow),
              nextCursor,
            }),
          ).content,
          'text/csv': { type: 'string' },
        },
      },
      400: problemAnswer('Wrong fields'),
      404: problemAnswer('There is no such run'),
    },
  },
  {
    method: 'get',
    path: '/API/intercom/parked',
    id: 'parked',
    tag: TAG,
    summary: 'Work that waits for a person, with the reason, oldest first',
    parameters: parametersOf(PARKED_FIELDS),
    answers: {
      200: answer(
        'One page of what is parked',
        z.object({ generatedAt: instant, total, items: z.array(parkedItem), nextCursor }),
      ),
      400: problemAnswer('Wrong fields'),
    },
  },
  {
    method: 'post',
    path: '/API/intercom/replay',
    id: 'replay',
    tag: TAG,
    summary: 'Puts parked work back into the flow',
    body: { 'application/json': bodyOf(REPLAY_FIELDS) },
    answers: {
      200: answer('How much went back', z.object({ replayed: count })),
      400: problemAnswer('Wrong fields'),
    },
  },
];

function answer(description: string, schema: z.ZodType) {
  return { description, content: { 'application/json': jsonSchema(schema, 'output') } } as const;
}

function bodyOf(fields: QueryFields): JsonSchema {
  const properties = Object.entries(fields).map(([name, field]) => [name, jsonSchema(field, 'input')]);
  return { type: 'object', properties: Object.fromEntries(properties), additionalProperties: false };
}

function parametersOf(fields: QueryFields): NonNullable<Operation['parameters']> {
  return Object.entries(fields).map(([name, field]) => {
    const { description, ...schema } = jsonSchema(field, 'input');
    const said = typeof description === 'string' ? { description } : {};
    return { name, in: 'query', required: false, ...said, schema };
  });
}
