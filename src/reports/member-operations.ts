import { z } from 'zod';
import { jsonSchema, problemAnswer, type Operation } from '../http/openapi.js';
import { count, date, instant } from '../http/columns.js';

const attributeValue = z.union([z.string(), z.number(), z.boolean()]).nullable();
const strings = z.array(z.string());

/** What `member.ts` answers with; tests hold real answers against it. */
export const memberSchema = z.object({
  generatedAt: instant,
  asOf: z.object({
    appliedAt: instant.nullable(),
    sweptAt: instant.nullable(),
    completeAt: instant.nullable(),
  }),
  coverageFromAt: instant.nullable(),
  timeZone: z.string(),
  memberId: z.string(),
  contactId: z.string(),
  memberName: z.string().nullable(),
  memberEmail: z.string().nullable(),
  client: z.string().nullable(),
  enrolledOn: date.nullable().meta({ description: 'Enrolled Date as a date' }),
  registeredOn: date.nullable().meta({ description: 'Registration Date as a date' }),
  status: z.string().nullable(),
  nextChange: z.object({ at: instant, on: date, to: z.string() }).nullable(),
  attributes: z.array(
    z.object({
      attribute: z.string(),
      held: attributeValue.meta({ description: 'As in Intercom' }),
      maintained: z.boolean(),
      wanted: attributeValue,
      because: z.string(),
      conversationIds: strings,
      figures: z.record(z.string(), z.union([z.string(), z.number()]).nullable()),
    }),
  ),
  sessions: z.array(
    z.object({
      conversationId: z.string(),
      state: z.enum(['open', 'closed', 'snoozed']),
      channel: z.string().nullable(),
      serviceCode: z.string().nullable(),
      coachId: z.string().nullable(),
      coachName: z.string().nullable(),
      createdAt: instant,
      time: instant.nullable(),
      timeOn: date.nullable(),
      isCoachingSession: z.boolean(),
      isQualifyingCall: z.boolean(),
    }),
  ),
  nearMisses: z.array(
    z.object({
      conversationId: z.string(),
      closedAt: instant,
      coachId: z.string().nullable(),
      reasons: strings,
    }),
  ),
  warnings: z.array(z.object({ attribute: z.string(), message: z.string() })),
  writes: z.array(
    z.looseObject({
      attribute: z.string(),
      before: attributeValue,
      after: attributeValue,
      outcome: z.string(),
      attempts: count,
    }),
  ),
});

const glossarySchema = z.object({
  timeZone: z.string(),
  glossary: z.array(z.object({ term: z.string(), meaning: z.string() })),
});

export const MEMBER_OPERATIONS: readonly Operation[] = [
  {
    method: 'get',
    path: '/API/intercom/members/{id}',
    id: 'member',
    tag: 'Reports',
    summary: 'One member',
    description: 'Every attribute with its evidence, sessions, near misses, writes, the next status change.',
    parameters: [
      {
        name: 'id',
        in: 'path',
        required: true,
        description: 'Intercom contact id or User ID',
        schema: { type: 'string' },
      },
    ],
    answers: {
      200: {
        description: 'The member',
        content: { 'application/json': jsonSchema(memberSchema, 'output') },
      },
      404: problemAnswer('Nobody has this id'),
    },
  },
  {
    method: 'get',
    path: '/API/intercom/glossary',
    id: 'glossary',
    tag: 'Reports',
    summary: 'The words and numbers of the rules',
    answers: {
      200: {
        description: 'The glossary',
        content: { 'application/json': jsonSchema(glossarySchema, 'output') },
      },
    },
  },
];
