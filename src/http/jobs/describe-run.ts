import { z } from 'zod';
import type { Run } from '../../store/ports/runs.js';
import type { Difference, DriftList } from '../../store/ports/sweeps.js';
import { count, instant } from '../columns.js';

const value = z.union([z.string(), z.number(), z.boolean()]).nullable();

/** One attribute of one member that is not in Intercom as it should be. */
export const differenceRow = z.object({
  contactId: z.string().meta({ description: 'Intercom contact id' }),
  memberId: z.string().meta({ description: 'User ID, or the contact id where the User ID is empty' }),
  attribute: z.string(),
  before: value.meta({ description: "Intercom's value" }),
  after: value.meta({ description: 'What the rules want' }),
  why: z.string(),
});

const totals = z.object({ intercom: count, cache: count });

export const runSchema = z.object({
  runId: z.string(),
  job: z.string(),
  status: z
    .enum(['running', 'done', 'failed', 'guarded'])
    .meta({ description: 'guarded: it stopped before writing, because too many members would have changed' }),
  dryRun: z.boolean(),
  startedAt: instant,
  finishedAt: instant.nullable(),
  scanned: z.object({ conversations: count, contacts: count }),
  changed: count.meta({ description: 'Members that differ: written, or in a dry run only found' }),
  unchanged: count,
  failed: count.meta({ description: 'Members whose write has failed so far and is tried again' }),
  parked: count.meta({
    description: "Members whose write waits for a person, and objects of Intercom's that could not be read",
  }),
  erased: count.meta({
    description:
      'Members who are gone from Intercom or merged: erased here, or in a dry run or a guarded one not yet',
  }),
  reason: z.string().nullable(),
  progress: z.object({ phase: z.string(), done: count, total: count.nullable(), calls: count }),
  totals: z.object({ contacts: totals, conversations: totals }).nullable(),
});

export const jobAnswer = runSchema.extend({
  differences: z.array(differenceRow).meta({ description: 'The first 100' }),
  moreDifferences: z.boolean(),
});

/** How many differences a run is answered with; all of them are under `/drift`. */
export const MAX_DIFFERENCES = 100;

export function describeRun(run: Run): z.output<typeof runSchema> {
  const { progress, result } = run;
  return {
    runId: run.id,
    job: run.job,
    status: run.status,
    dryRun: run.params['dryRun'] === true,
    startedAt: Math.floor(run.startedAtMs / 1000),
    finishedAt: run.finishedAtMs === null ? null : Math.floor(run.finishedAtMs / 1000),
    scanned: { conversations: progress.conversations, contacts: progress.contacts },
    changed: result?.changed ?? 0,
    unchanged: (result?.compared ?? 0) - (result?.changed ?? 0),
    failed: result?.failed ?? 0,
    parked: (result?.parked ?? 0) + (progress.parked ?? 0),
    erased: result?.erased ?? 0,
    reason: run.reason,
    progress: {
      phase: progress.phase,
      done: progress.done,
      total: progress.total,
      calls: progress.calls,
    },
    totals: result?.totals ?? null,
  };
}

export function describeJob(run: Run, drift: DriftList): z.output<typeof jobAnswer> {
  return {
    ...describeRun(run),
    differences: drift.differences.map(describeDifference),
    moreDifferences: drift.next !== null,
  };
}

export function describeDifference(difference: Difference): z.output<typeof differenceRow> {
  const { contactId, memberId, attribute, before, after, why } = difference;
  return { contactId, memberId, attribute, before, after, why };
}
