import { Hono, type Context } from 'hono';
import { reasonOf } from '../../work/backoff.js';
import { AppError } from '../../errors.js';
import { flag, optionalWholeNumber, wholeNumber } from '../query-fields.js';
import { readQuery } from '../read-query.js';
import { readGiven } from '../read-request.js';
import type { Run } from '../../store/ports/runs.js';
import type { Store } from '../../store/ports/store.js';
import { answerProblem, refuseFields } from '../problem.js';
import { describeJob, MAX_DIFFERENCES } from './describe-run.js';
import { REQUESTABLE_JOBS, type Jobs, type RequestableJob } from '../../work/jobs.js';

export interface JobDeps {
  readonly store: Pick<Store, 'listDrift'>;
  readonly jobs: Jobs;
}

const DAYS = { min: 1, max: 365 } as const;

const whetherToWait = flag('Answer 202 with the run at once, instead of its result at its end');
const whetherToForce = flag('Write although more members would change than MAX_SWEEP_CHANGE_SHARE allows');

const SYNC_FIELDS = {
  lookbackDays: wholeNumber(DAYS, 365, 'How far back conversations are read again'),
  dryRun: flag('Only list the differences', true),
  async: whetherToWait,
  force: whetherToForce,
} as const;

const RECONCILE_FIELDS = {
  lookbackDays: optionalWholeNumber(
    DAYS,
    'How far back conversations are read again; without it as far as the cache reaches, at most a year',
  ),
  dryRun: flag('Only list the differences'),
  async: whetherToWait,
  force: whetherToForce,
} as const;

/** What the body of a job's request may hold. */
export function fieldsOf(job: RequestableJob): typeof SYNC_FIELDS | typeof RECONCILE_FIELDS {
  return job === 'reconcile' ? RECONCILE_FIELDS : SYNC_FIELDS;
}

/** `POST /API/intercom/session-sync` and the others: sweeps and syncs by hand. */
export function createJobRoutes(deps: JobDeps): Hono {
  const routes = new Hono();
  for (const job of REQUESTABLE_JOBS) {
    const path = `/API/intercom/${job}`;
    routes.post(path, (context) => startJob(context, job, deps));
    routes.all(path, (context) => {
      context.header('allow', 'POST');
      return answerProblem(context, 405, 'This address answers POST.');
    });
  }
  return routes;
}

async function startJob(context: Context, job: RequestableJob, deps: JobDeps): Promise<Response> {
  const read = await readGiven(context);
  if (read.kind === 'wrong') return refuseFields(context, read.problems);
  const reading = readQuery(fieldsOf(job), read.given, undefined, 'job');
  if (reading.kind === 'wrong') return refuseFields(context, reading.problems);
  const { lookbackDays = null, dryRun, force, async: isAsync } = reading.query;

  const started = await deps.jobs.start({ job, lookbackDays, dryRun, force });
  if (started.kind === 'busy') {
    const { run } = started;
    return answerProblem(
      context,
      409,
      `One run at a time: ${run.job} ${run.id} is under way; /API/intercom/runs/${run.id} shows how far it is.`,
    );
  }
  if (isAsync) {
    // Whoever asked looks at the run; its failure is recorded there.
    started.ended.catch(() => undefined);
    context.header('location', `/API/intercom/runs/${started.run.id}`);
    return context.json(describeJob(started.run, { differences: [], total: 0, next: null }), 202);
  }
  try {
    return await answerEnded(context, await started.ended, deps);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const { id } = started.run;
    if (error.code === 'stopped') {
      return answerProblem(context, 503, `The service stops; run ${id} goes on after its next start.`);
    }
    return answerProblem(context, 502, `Run ${id} failed: ${reasonOf(error)}.`);
  }
}

async function answerEnded(context: Context, run: Run, { store }: JobDeps): Promise<Response> {
  if (run.status === 'guarded') {
    const drift = `/API/intercom/runs/${run.id}/drift`;
    return answerProblem(
      context,
      409,
      `Run ${run.id} stopped: ${run.reason ?? ''} ("force": true). See ${drift}.`,
    );
  }
  const drift = await store.listDrift({ runId: run.id, limit: MAX_DIFFERENCES, after: null });
  return context.json(describeJob(run, drift));
}
