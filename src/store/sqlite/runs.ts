import { randomBytes } from 'node:crypto';
import { and, desc, eq, sql } from 'drizzle-orm';
import { AppError } from '../../errors.js';
import type { FinishRun, JobName, OpenRun, Run, RunPage } from '../run-store.js';
import type { Connection } from './connection.js';
import type { Meta } from './meta.js';
import { runs } from './schema.js';

type RunRow = typeof runs.$inferSelect;

export interface Runs {
  readonly open: (
    request: OpenRun,
  ) => { readonly kind: 'opened'; readonly run: Run } | { readonly kind: 'busy'; readonly run: Run };
  readonly isHeld: (runId: string, owner: string) => boolean;
  readonly savePage: (page: RunPage) => void;
  readonly advance: (page: RunPage) => void;
  readonly finish: (finish: FinishRun) => void;
  readonly latest: (job: JobName) => Run | null;
  readonly find: (id: string) => Run | null;
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

export function createRuns({ db, transact }: Connection, meta: Meta): Runs {
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
  const savePage: Runs['savePage'] = ({ runId, leaseUntilMs, checkpoint, progress }) => {
    db.update(runs).set({ leaseUntilMs, checkpoint, progress }).where(eq(runs.id, runId)).run();
  };

  return {
    isHeld,
    savePage,

    open: ({ job, owner, nowMs, leaseMs, params }) =>
      transact(() => {
        const isUnfinished = and(eq(runs.job, job), sql`${runs.status} = 'running'`);
        const unfinished = db.select().from(runs).where(isUnfinished).get();
        const lease = { leaseOwner: owner, leaseUntilMs: nowMs + leaseMs };
        if (unfinished !== undefined) {
          const isBusy = unfinished.leaseOwner !== null && (unfinished.leaseUntilMs ?? 0) > nowMs;
          if (isBusy) return { kind: 'busy', run: toRun(unfinished) };
          db.update(runs).set(lease).where(eq(runs.id, unfinished.id)).run();
          return { kind: 'opened', run: toRun(unfinished) };
        }
        const id = `run_${randomBytes(8).toString('hex')}`;
        const fresh = {
          id,
          job,
          params,
          status: 'running',
          startedAtMs: nowMs,
          progress: AT_THE_START,
        } as const;
        const begun = db
          .insert(runs)
          .values({ ...fresh, ...lease })
          .returning()
          .get();
        return { kind: 'opened', run: toRun(begun) };
      }),

    advance: (page) =>
      transact(() => {
        insistOnLease(page.runId, page.owner);
        savePage(page);
      }),

    finish: ({ runId, owner, status, reason, nowMs, progress, completeAt }) =>
      transact(() => {
        insistOnLease(runId, owner);
        const job = row(runId)?.job;
        const end = { status, reason, progress, finishedAtMs: nowMs, leaseOwner: null, leaseUntilMs: null };
        db.update(runs).set(end).where(eq(runs.id, runId)).run();
        if (status === 'done' && job !== undefined && SWEEPING.has(job)) {
          meta.save('swept_at', Math.floor(nowMs / 1000));
        }
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
  };
}

function toRun(row: RunRow): Run {
  const { id, job, status, params, startedAtMs, finishedAtMs, checkpoint, progress, reason } = row;
  return { id, job, status, params, startedAtMs, finishedAtMs, checkpoint, progress, reason };
}
