import { Hono } from 'hono';
import type { Store } from '../store/store.js';

export interface HealthDeps {
  readonly store: Pick<Store, 'canWrite' | 'latestRun'>;
  /** 0: no backfill is ever due. */
  readonly backfillDays: number;
}

/**
 * `/healthz`: the process answers. `/readyz`: 200 once the store can be written and the first backfill has been
 * started or found done, else 503 with what is missing. Neither says anything about members.
 */
export function createHealthRoutes(deps: HealthDeps): Hono {
  const routes = new Hono();
  routes.get('/healthz', (context) => context.json({ status: 'ok' }));
  routes.get('/readyz', async (context) => {
    const writable = await deps.store.canWrite();
    const backfill = deps.backfillDays === 0 ? 'off' : await backfillState(deps.store, writable);
    const ready = writable && backfill !== 'not started';
    const store = writable ? 'ok' : 'cannot be written';
    return context.json({ status: ready ? 'ready' : 'not ready', store, backfill }, ready ? 200 : 503);
  });
  return routes;
}

async function backfillState(store: HealthDeps['store'], writable: boolean): Promise<string> {
  if (!writable) return 'unknown';
  return (await store.latestRun('backfill'))?.status ?? 'not started';
}
