import type {
  FinishRun,
  HeldRun,
  OpenedRun,
  OpenRun,
  Run,
  RunList,
  RunPage,
  RunStore,
} from '../ports/runs.js';
import type { HeldLease } from '../ports/leases.js';
import { isSweeping, newRunRow, runLost, takenOver, toHeldRun, toRun, type RunRow } from '../run-row.js';
import { ALL_TABLES } from '../tables/all-tables.js';
import type { MetaPart, TimePart } from './core-parts.js';
import type { Query, Unit } from './database.js';
import { createTableRows } from './table-rows.js';

const RUNS = createTableRows(ALL_TABLES.runs, ['id']);
type Request = Omit<OpenRun, 'job' | 'params'>;

/**
 * See {@link RunStore.openRun}. At most one is unfinished: the index `runs_unfinished` sees to that.
 * @param time by which leases end
 */
export async function openRun(unit: Query, request: OpenRun, time: TimePart): Promise<OpenedRun> {
  const nowMs = await time.at(unit, request.nowMs);
  for (;;) {
    const known = await findUnfinished(unit);
    if (known !== undefined) {
      const run = await takeOver(unit, known, { ...request, nowMs });
      return run === null ? { kind: 'busy', run: toRun(known) } : { kind: 'unfinished', run };
    }
    const begun = { ...newRunRow(request), leaseUntilMs: nowMs + request.leaseMs };
    // Another process that has begun one at the same moment makes this one wait, and then look again.
    if (!(await insertRun(unit, begun))) continue;
    await forgetFindings(unit);
    return { kind: 'opened', run: toHeldRun(begun) };
  }
}

export async function adoptRun(unit: Query, request: Request, time: TimePart): Promise<HeldRun | null> {
  const nowMs = await time.at(unit, request.nowMs);
  const known = await findUnfinished(unit);
  return known === undefined ? null : takeOver(unit, known, { ...request, nowMs });
}

/** Null when a live process has it. */
async function takeOver(unit: Query, known: RunRow, request: Request): Promise<HeldRun | null> {
  const taken = takenOver(known, request);
  if (taken === null) return null;
  await RUNS.put(unit, [taken]);
  return toHeldRun(taken);
}

async function findUnfinished(unit: Query): Promise<RunRow | undefined> {
  const [row] = await RUNS.find(unit, "status = 'running' for no key update");
  return row;
}

async function insertRun(unit: Query, row: RunRow): Promise<boolean> {
  const { id, job, status, params, leaseOwner, leaseUntilMs, leaseToken, startedAtMs, progress } = row;
  const inserted = await unit.run(
    `insert into runs (id, job, status, params, lease_owner, lease_until_ms, lease_token, started_at_ms, progress)
     values (@id, @job, @status, @params, @leaseOwner, @leaseUntilMs, @leaseToken, @startedAtMs, @progress)
     on conflict (status) where status = 'running' do nothing`,
    {
      id,
      job,
      status,
      leaseOwner,
      leaseUntilMs,
      leaseToken,
      startedAtMs,
      params: JSON.stringify(params),
      progress: JSON.stringify(progress),
    },
  );
  return inserted > 0;
}

const IS_HELD = "id = @runId and status = 'running' and lease_owner = @owner and lease_token = @token";

/** Prolongs the lease. False when it is lost. */
export async function renewRun(
  unit: Query,
  { runId, lease, leaseUntilMs }: Parameters<RunStore['renewRun']>[0],
): Promise<boolean> {
  const values = { runId, ...lease, leaseUntilMs };
  return (await unit.run(`update runs set lease_until_ms = @leaseUntilMs where ${IS_HELD}`, values)) > 0;
}

/** Nobody takes the run over until the end of the transaction. */
export async function isRunHeld(unit: Query, runId: string, { owner, token }: HeldLease): Promise<boolean> {
  const values = { runId, owner, token };
  const held = await unit.rows(`select id from runs where ${IS_HELD} for no key update`, values);
  return held.length > 0;
}

/** @throws AppError `run_in_progress` */
export async function assertRunHeld(unit: Query, runId: string, lease: HeldLease): Promise<void> {
  if (!(await isRunHeld(unit, runId, lease))) throw runLost(runId);
}

/** Of a run that is held. */
export async function saveRunPage(unit: Query, page: RunPage): Promise<void> {
  const { runId, leaseUntilMs, checkpoint, progress, counted, uncounted } = page;
  if (uncounted !== undefined) {
    await unit.run('delete from sweep_counted where phase = @phase', { phase: uncounted });
  }
  if (counted !== undefined && counted.entries.length > 0) {
    await unit.run(
      `insert into sweep_counted (phase, entry) select @phase, unnest(@entries::text[]) on conflict do nothing`,
      counted,
    );
  }
  await unit.run(
    `update runs set lease_until_ms = @leaseUntilMs, checkpoint = @checkpoint, progress = @progress where id = @runId`,
    { runId, leaseUntilMs, checkpoint, progress: JSON.stringify(progress) },
  );
}

/** @throws AppError `run_in_progress` */
export async function advanceRun(unit: Query, page: RunPage): Promise<void> {
  await assertRunHeld(unit, page.runId, page.lease);
  await saveRunPage(unit, page);
}

/** @throws AppError `run_in_progress` */
export async function finishRun(unit: Unit, meta: MetaPart, finish: FinishRun): Promise<void> {
  const { runId, lease, status, reason, nowMs, progress, result, sweptUntilAt, completeAt } = finish;
  await assertRunHeld(unit, runId, lease);
  const [ended] = await unit.rows<Pick<RunRow, 'job'>>(
    `update runs set status = @status, reason = @reason, progress = @progress, finished_at_ms = @nowMs,
       lease_owner = null, lease_until_ms = null, result = @result
     where id = @runId returning job`,
    {
      runId,
      status,
      reason,
      nowMs,
      progress: JSON.stringify(progress),
      result: result === undefined ? null : JSON.stringify(result),
    },
  );
  await forgetFindings(unit);
  const isFresh = status === 'done' && isSweeping(ended?.job) && sweptUntilAt !== undefined;
  const known = {
    ...(isFresh ? { swept_at: Math.floor(nowMs / 1000) } : {}),
    ...(sweptUntilAt === undefined ? {} : { swept_until_at: sweptUntilAt }),
    ...(completeAt === undefined ? {} : { complete_at: completeAt }),
  };
  if (Object.keys(known).length > 0) await meta.save(unit, known);
}

/** What was found holds for the unfinished run only, and is personal. */
async function forgetFindings(unit: Query): Promise<void> {
  for (const table of ['sweep_found', 'sweep_seen', 'sweep_counted']) await unit.run(`delete from ${table}`);
}

export async function latestRun(query: Query, job: Run['job']): Promise<Run | null> {
  // Of two that began in one moment the first had to end before the second could begin.
  const order = 'started_at_ms desc, finished_at_ms desc nulls first, id desc';
  const [row] = await RUNS.find(query, `job = @job order by ${order} limit 1`, { job });
  return row === undefined ? null : toRun(row);
}

export async function findRun(query: Query, id: string): Promise<Run | null> {
  const [row] = await RUNS.find(query, 'id = @id', { id });
  return row === undefined ? null : toRun(row);
}

export async function latestDoneRun(query: Query, jobs: readonly Run['job'][]): Promise<Run | null> {
  const [row] = await RUNS.find(
    query,
    `status = 'done' and job = any (@jobs) and (params::json ->> 'dryRun') is distinct from 'true'
     order by started_at_ms desc, id desc limit 1`,
    { jobs },
  );
  return row === undefined ? null : toRun(row);
}

export async function countEntries(query: Query, phase: string): Promise<number> {
  const [row] = await query.rows<{ count: number }>(
    'select count(*) as count from sweep_counted where phase = @phase',
    { phase },
  );
  return row?.count ?? 0;
}

export async function listRuns(
  query: Query,
  { limit, after, jobs }: Parameters<RunStore['listRuns']>[0],
): Promise<RunList> {
  const isAsked = 'cardinality(@jobs::text[]) = 0 or job = any (@jobs)';
  const place = after === null ? null : await findRun(query, after);
  const rows = await RUNS.find(
    query,
    `(${isAsked}) and (@startedAtMs::bigint is null or (started_at_ms, id) < (@startedAtMs, @id))
     order by started_at_ms desc, id desc limit @most`,
    { jobs, startedAtMs: place?.startedAtMs ?? null, id: place?.id ?? '', most: limit + 1 },
  );
  const [total] = await query.rows<{ count: number }>(`select count(*) as count from runs where ${isAsked}`, {
    jobs,
  });
  const shown = rows.slice(0, limit);
  return {
    runs: shown.map(toRun),
    total: total?.count ?? 0,
    next: rows.length > limit ? (shown.at(-1)?.id ?? null) : null,
  };
}
