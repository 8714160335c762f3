import { randomBytes } from 'node:crypto';
import { and, desc, eq, inArray, lt, or, sql } from 'drizzle-orm';
import { AppError } from '../../errors.js';
import type {
  FinishRun,
  HeldRun,
  JobName,
  OpenedRun,
  OpenRun,
  Run,
  RunList,
  RunPage,
  RunStore,
} from '../ports/runs.js';
import type { HeldLease } from '../ports/leases.js';
import type { Connection } from './connection.js';
import { createRenewal } from './leases.js';
import type { Meta } from './meta.js';
import { prepareRows } from './prepare-rows.js';
import { runs, sweepCounted, sweepFound, sweepSeen } from './schema.js';

type RunRow = typeof runs.$inferSelect;

export interface Runs {
  readonly open: (request: OpenRun) => OpenedRun;
  readonly adopt: (request: Omit<OpenRun, 'job' | 'params'>) => HeldRun | null;
  readonly renew: (held: Parameters<RunStore['renewRun']>[0]) => boolean;
  readonly isHeld: (runId: string, lease: HeldLease) => boolean;
  /** @throws AppError `run_in_progress` */
  readonly assertLease: (runId: string, lease: HeldLease) => void;
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

export function createRuns(connection: Connection, meta: Meta): Runs {
  const { sqlite, db, transact } = connection;
  const byId = prepareRows(
    connection,
    runs,
    (columns, table) => `select ${columns} from ${table} where id = ?`,
  );
  const row = (id: string): RunRow | undefined => byId.get(id);

  const held = sqlite
    .prepare<[string, string, number], number>(
      "select 1 from runs where id = ? and status = 'running' and lease_owner = ? and lease_token = ?",
    )
    .pluck();
  const isHeld: Runs['isHeld'] = (runId, { owner, token }) => held.get(runId, owner, token) === 1;
  const assertLease = (runId: string, lease: HeldLease): void => {
    if (isHeld(runId, lease)) return;
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
  /** Null when a live process has it. */
  const takeOver = (
    known: RunRow,
    { owner, nowMs, leaseMs }: Omit<OpenRun, 'job' | 'params'>,
  ): HeldRun | null => {
    if (known.leaseOwner !== null && (known.leaseUntilMs ?? 0) > nowMs) return null;
    const token = known.leaseToken + 1;
    const lease = { leaseOwner: owner, leaseUntilMs: nowMs + leaseMs, leaseToken: token };
    db.update(runs).set(lease).where(eq(runs.id, known.id)).run();
    return { ...toRun(known), lease: { owner, token } };
  };
  const renewLease = createRenewal<string>(connection, {
    table: 'runs',
    key: 'id',
    isOpen: "status = 'running'",
  });
  /** What was found holds for the unfinished run only, and is personal. */
  const forgetFindings = (): void => {
    db.delete(sweepFound).run();
    db.delete(sweepSeen).run();
    db.delete(sweepCounted).run();
  };

  return {
    isHeld,
    assertLease,
    savePage,
    renew: ({ runId, lease, leaseUntilMs }) => renewLease([{ key: runId, lease }], leaseUntilMs).length === 0,

    open: ({ job, params, ...request }) =>
      transact(() => {
        const known = unfinished();
        if (known !== undefined) {
          const run = takeOver(known, request);
          return run === null ? { kind: 'busy', run: toRun(known) } : { kind: 'unfinished', run };
        }
        forgetFindings();
        const { owner, nowMs, leaseMs } = request;
        const id = `run_${randomBytes(8).toString('hex')}`;
        const begin = { id, job, params, status: 'running', startedAtMs: nowMs } as const;
        const lease = { leaseOwner: owner, leaseUntilMs: nowMs + leaseMs, leaseToken: 1 };
        const begun = { ...begin, ...lease, progress: AT_THE_START };
        const run = toRun(db.insert(runs).values(begun).returning().get());
        return { kind: 'opened', run: { ...run, lease: { owner, token: 1 } } };
      }),

    adopt: (request) =>
      transact(() => {
        const known = unfinished();
        return known === undefined ? null : takeOver(known, request);
      }),

    advance: (page) =>
      transact(() => {
        assertLease(page.runId, page.lease);
        savePage(page);
      }),

    finish: ({ runId, lease, status, reason, nowMs, progress, result, sweptUntilAt, completeAt }) =>
      transact(() => {
        assertLease(runId, lease);
        const job = row(runId)?.job;
        const end = { status, reason, progress, finishedAtMs: nowMs, leaseOwner: null, leaseUntilMs: null };
        db.update(runs)
          .set({ ...end, result: result ?? null })
          .where(eq(runs.id, runId))
          .run();
        forgetFindings();
        if (status === 'done' && job !== undefined && SWEEPING.has(job)) {
          if (sweptUntilAt !== undefined) meta.save('swept_at', Math.floor(nowMs / 1000));
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
  const { leaseOwner: _owner, leaseUntilMs: _until, leaseToken: _token, ...run } = row;
  return run;
}
