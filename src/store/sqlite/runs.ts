import { and, desc, eq, inArray, lt, or, sql } from 'drizzle-orm';
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
import { isSweeping, newRunRow, runLost, takenOver, toHeldRun, toRun, type RunRow } from '../run-row.js';
import type { Connection } from './connection.js';
import { createRenewal } from './leases.js';
import type { Meta } from './meta.js';
import { prepareRows } from './prepare-rows.js';
import { runs, sweepCounted, sweepFound, sweepSeen } from './schema.js';

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
    throw runLost(runId);
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
  const takeOver = (known: RunRow, request: Omit<OpenRun, 'job' | 'params'>): HeldRun | null => {
    const taken = takenOver(known, request);
    if (taken === null) return null;
    const { leaseOwner, leaseUntilMs, leaseToken } = taken;
    db.update(runs).set({ leaseOwner, leaseUntilMs, leaseToken }).where(eq(runs.id, known.id)).run();
    return toHeldRun(taken);
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

    open: (request) =>
      transact(() => {
        const known = unfinished();
        if (known !== undefined) {
          const run = takeOver(known, request);
          return run === null ? { kind: 'busy', run: toRun(known) } : { kind: 'unfinished', run };
        }
        forgetFindings();
        const begun = db.insert(runs).values(newRunRow(request)).returning().get();
        return { kind: 'opened', run: toHeldRun(begun) };
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
        if (status === 'done' && isSweeping(job)) {
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
