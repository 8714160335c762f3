import { randomBytes } from 'node:crypto';
import { and, desc, eq, inArray, lt, or, sql } from 'drizzle-orm';
import { AppError } from '../../errors.js';
import type {
  FinishRun,
  JobName,
  OpenedRun,
  OpenRun,
  Run,
  RunList,
  RunPage,
  RunStore,
} from '../run-store.js';
import type { Connection } from './connection.js';
import type { Meta } from './meta.js';
import { runs } from './schema.js';
import { sweepCounted, sweepFound, sweepSeen } from './schema-sweeps.js';

type RunRow = typeof runs.$inferSelect;

export interface Runs {
  readonly open: (request: OpenRun) => OpenedRun;
  readonly takeUp: (request: Omit<OpenRun, 'job' | 'params'>) => Run | null;
  readonly isHeld: (runId: string, owner: string) => boolean;
  /** @throws AppError `run_in_progress` */
  readonly insistOnLease: (runId: string, owner: string) => void;
  readonly savePage: (page: RunPage) => void;
  readonly advance: (page: RunPage) => void;
  readonly finish: (finish: FinishRun) => void;
  readonly latest: (job: JobName) => Run | null;
  readonly find: (id: string) => Run | null;
  readonly latestDone: (jobs: readonly JobName[]) => Run | null;
  readonly countEntries: (phase: string) => number;
  readonly list: (request: Parameters<RunStore['listRuns']>[0]) => RunList;
}

const AT_THE_START = {
  phase: 'starting',
  done: 0,
  total: null,
  contacts: 0,
  conversations: 0,
  calls: 0,
} as const;
/** Jobs that bring the cache up to date as a whole. */
const SWEEPING: ReadonlySet<JobName> = new Set<JobName>(['backfill', 'sweep', 'reconcile']);
/** There is a sweep every few minutes; what it wrote stays in the audit for ever. */
const SWEEPS_KEPT_MS = 30 * 86_400_000;

export function createRuns({ sqlite, db, transact }: Connection, meta: Meta): Runs {
  const row = (id: string): RunRow | undefined => db.select().from(runs).where(eq(runs.id, id)).get();

  const isHeld: Runs['isHeld'] = (runId, owner) => {
    const known = row(runId);
    return known?.status === 'running' && known.leaseOwner === owner;
  };
  const insistOnLease = (runId: string, owner: string): void => {
    if (isHeld(runId, owner)) return;
    throw new AppError(
      'run_in_progress',
      'never',
      `run ${runId} is over, or another process has taken it over`,
    );
  };
  const addCounted = sqlite.prepare<[string, string]>(
    'insert into sweep_counted (phase, entry) values (?, ?) on conflict do nothing',
  );
  const savePage: Runs['savePage'] = ({ runId, leaseUntilMs, checkpoint, progress, counted, uncounted }) => {
    if (uncounted !== undefined) db.delete(sweepCounted).where(eq(sweepCounted.phase, uncounted)).run();
    for (const entry of counted?.entries ?? []) addCounted.run(counted?.phase ?? '', entry);
    db.update(runs).set({ leaseUntilMs, checkpoint, progress }).where(eq(runs.id, runId)).run();
  };

  const unfinished = (): RunRow | undefined =>
    db
      .select()
      .from(runs)
      .where(sql`${runs.status} = 'running'`)
      .get();
  const takeOver = (
    known: RunRow,
    lease: Pick<RunRow, 'leaseOwner' | 'leaseUntilMs'>,
    nowMs: number,
  ): 'busy' | 'unfinished' => {
    if (known.leaseOwner !== null && (known.leaseUntilMs ?? 0) > nowMs) return 'busy';
    db.update(runs).set(lease).where(eq(runs.id, known.id)).run();
    return 'unfinished';
  };
  /** What was found holds for the unfinished run only, and is personal. */
  const forgetFindings = (): void => {
    db.delete(sweepFound).run();
    db.delete(sweepSeen).run();
    db.delete(sweepCounted).run();
  };

  return {
    isHeld,
    insistOnLease,
    savePage,

    open: ({ job, owner, nowMs, leaseMs, params }) =>
      transact(() => {
        const known = unfinished();
        const lease = { leaseOwner: owner, leaseUntilMs: nowMs + leaseMs };
        if (known !== undefined) return { kind: takeOver(known, lease, nowMs), run: toRun(known) };
        forgetFindings();
        const id = `run_${randomBytes(8).toString('hex')}`;
        const begin = { id, job, params, status: 'running', startedAtMs: nowMs } as const;
        const begun = { ...begin, ...lease, progress: AT_THE_START };
        return { kind: 'opened', run: toRun(db.insert(runs).values(begun).returning().get()) };
      }),

    takeUp: ({ owner, nowMs, leaseMs }) =>
      transact(() => {
        const known = unfinished();
        if (known === undefined) return null;
        const taken = takeOver(known, { leaseOwner: owner, leaseUntilMs: nowMs + leaseMs }, nowMs);
        return taken === 'unfinished' ? toRun(known) : null;
      }),

    advance: (page) =>
      transact(() => {
        insistOnLease(page.runId, page.owner);
        savePage(page);
      }),

    finish: ({ runId, owner, status, reason, nowMs, progress, result, sweptUntilAt, completeAt }) =>
      transact(() => {
        insistOnLease(runId, owner);
        const job = row(runId)?.job;
        const end = { status, reason, progress, finishedAtMs: nowMs, leaseOwner: null, leaseUntilMs: null };
        db.update(runs)
          .set({ ...end, result: result ?? null })
          .where(eq(runs.id, runId))
          .run();
        forgetFindings();
        if (status === 'done' && job !== undefined && SWEEPING.has(job)) {
          if (sweptUntilAt !== undefined) meta.save('swept_at', Math.floor(nowMs / 1000));
          db.delete(runs)
            .where(and(eq(runs.job, 'sweep'), lt(runs.startedAtMs, nowMs - SWEEPS_KEPT_MS)))
            .run();
        }
        if (sweptUntilAt !== undefined) meta.save('swept_until_at', sweptUntilAt);
        if (completeAt !== undefined) meta.save('complete_at', completeAt);
      }),

    latest: (job) => {
      const newest = desc(runs.startedAtMs);
      const latest = db
        .select()
        .from(runs)
        .where(eq(runs.job, job))
        .orderBy(newest, desc(sql`rowid`))
        .limit(1)
        .get();
      return latest === undefined ? null : toRun(latest);
    },

    find: (id) => {
      const known = row(id);
      return known === undefined ? null : toRun(known);
    },

    latestDone: (jobs) => {
      const done = db
        .select()
        .from(runs)
        .where(
          and(
            eq(runs.status, 'done'),
            inArray(runs.job, [...jobs]),
            sql`coalesce(json_extract(${runs.params}, '$.dryRun'), 0) = 0`,
          ),
        )
        .orderBy(desc(runs.startedAtMs), desc(runs.id))
        .limit(1)
        .get();
      return done === undefined ? null : toRun(done);
    },

    countEntries: (phase) =>
      db
        .select({ count: sql<number>`count(*)` })
        .from(sweepCounted)
        .where(eq(sweepCounted.phase, phase))
        .get()?.count ?? 0,

    list: ({ limit, after, jobs }) => {
      const ofJobs = jobs.length === 0 ? undefined : inArray(runs.job, [...jobs]);
      const place = after === null ? undefined : row(after);
      const behind =
        place === undefined
          ? undefined
          : or(
              lt(runs.startedAtMs, place.startedAtMs),
              and(eq(runs.startedAtMs, place.startedAtMs), lt(runs.id, place.id)),
            );
      const rows = db
        .select()
        .from(runs)
        .where(and(ofJobs, behind))
        .orderBy(desc(runs.startedAtMs), desc(runs.id))
        .limit(limit + 1)
        .all();
      const shown = rows.slice(0, limit);
      const total = db
        .select({ count: sql<number>`count(*)` })
        .from(runs)
        .where(ofJobs)
        .get();
      return {
        runs: shown.map(toRun),
        total: total?.count ?? 0,
        next: rows.length > limit ? (shown.at(-1)?.id ?? null) : null,
      };
    },
  };
}

function toRun(row: RunRow): Run {
  const { leaseOwner: _owner, leaseUntilMs: _until, ...run } = row;
  return run;
}
