import { Hono } from 'hono';
import type { Clock } from '../clock.js';
import type { Store } from '../store/ports/store.js';
import type { ShownTime } from './time-check.js';

export interface HealthDeps {
  readonly store: Pick<Store, 'canWrite' | 'latestRun' | 'latestDoneRun' | 'whyUnfit'>;
  readonly clock: Clock;
  readonly time: Pick<ShownTime, 'isTrusted'>;
  readonly areReportsWarm?: () => boolean;
  /** True once it was told to stop. */
  readonly isStopping?: () => boolean;
  /** 0: no backfill is ever due. */
  readonly backfillDays: number;
}

/** Who asks waits no longer for a database that doesn't answer; longer than a busy one takes. */
const MAX_LOOK_MS = 2000;

/** Anybody may ask, and each look writes to the disk: one a second is enough. */
const GOOD_FOR_MS = 1000;

/**
 * `/healthz`: the process answers. `/readyz`: 200 once the store can be written, reports are loaded and the first
 * backfill has been started or found done, else 503 with what is missing. A first backfill that has failed is said, and is no 503: it is
 * tried again by itself, and a balancer that turned webhooks away meanwhile would lose them. Neither says anything about
 * members. Once it was told to stop, and where the database does not answer soon, it is 503 at once, so that a balancer sends
 * requests elsewhere.
 */
export function createHealthRoutes(deps: HealthDeps): Hono {
  const routes = new Hono();
  let writableAtMs = Number.NEGATIVE_INFINITY;
  const isWritable = async (): Promise<boolean> => {
    const sinceMs = deps.clock.nowMs() - writableAtMs;
    if (sinceMs >= 0 && sinceMs < GOOD_FOR_MS) return true;
    const writable = await deps.store.canWrite();
    if (writable) writableAtMs = deps.clock.nowMs();
    return writable;
  };
  routes.get('/healthz', (context) => context.json({ status: 'ok' }));
  const look = async () => {
    // Not remembered: what is stored after the file was moved is lost.
    const unfit = await deps.store.whyUnfit();
    const writable = unfit === null && (await isWritable());
    const backfill = deps.backfillDays === 0 ? 'off' : await backfillState(deps.store, writable);
    const isTrusted = deps.time.isTrusted();
    // While the clock can't be right the first backfill waits, and webhooks are to come all the same.
    const isWarm = deps.areReportsWarm?.() ?? true;
    const ready = writable && isWarm && (backfill !== 'not started' || !isTrusted);
    const answer = {
      status: ready ? 'ready' : 'not ready',
      store: unfit ?? (writable ? 'ok' : 'cannot be written'),
      backfill,
      ...(backfill === 'failed' ? { detail: BACKFILL_FAILED } : {}),
      ...(isWarm ? {} : { reports: 'starting' }),
      ...(isTrusted ? {} : { clock: "can't be right" }),
    };
    return { answer, ready };
  };
  const unanswered = {
    answer: { status: 'not ready', store: 'does not answer', backfill: 'unknown' },
    ready: false,
  };
  routes.get('/readyz', async (context) => {
    if (deps.isStopping?.() === true) return context.json(STOPPING, 503);
    const looked = new AbortController();
    const { answer, ready } = await Promise.race([
      look(),
      deps.clock.sleep(MAX_LOOK_MS, looked.signal).then(() => unanswered),
    ]).finally(() => looked.abort());
    return context.json(answer, ready ? 200 : 503);
  });
  return routes;
}

const STOPPING = { status: 'not ready', store: 'unknown', backfill: 'unknown', stopping: true };

async function backfillState(store: HealthDeps['store'], writable: boolean): Promise<string> {
  if (!writable) return 'unknown';
  const latest = await store.latestRun('backfill');
  if (latest?.status !== 'failed') return latest?.status ?? 'not started';
  return (await store.latestDoneRun(['backfill'])) === null ? 'failed' : 'done';
}

const BACKFILL_FAILED =
  'The first backfill has failed. It is tried again with growing delays; /intercom/activity says why. Until it is done ' +
  'nothing in Intercom is corrected downwards.';
