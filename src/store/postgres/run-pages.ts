import type { HeldLease } from '../ports/leases.js';
import type { RunPage } from '../ports/runs.js';
import type { Unit } from './database.js';

/** Whether the lease is the current one of an unfinished run, which then stays as it is until the end of the unit. */
export async function holdsRun(unit: Unit, runId: string, { owner, token }: HeldLease): Promise<boolean> {
  const rows = await unit.rows(
    `select 1 from runs
     where id = @runId and status = 'running' and lease_owner = @owner and lease_token = @token for update`,
    { runId, owner, token },
  );
  return rows.length > 0;
}

/** Progress, and a longer lease; `leaseUntilMs` in the time of the engine. */
export async function saveRunPage(
  unit: Unit,
  { runId, leaseUntilMs, checkpoint, progress, counted, uncounted }: Omit<RunPage, 'lease'>,
): Promise<void> {
  if (uncounted !== undefined) {
    await unit.run('delete from sweep_counted where phase = @uncounted', { uncounted });
  }
  if (counted !== undefined) {
    await unit.run(
      `insert into sweep_counted (phase, entry) select @phase::text, unnest(@entries::text[]) on conflict do nothing`,
      { phase: counted.phase, entries: counted.entries },
    );
  }
  await unit.run(
    `update runs set lease_until_ms = @leaseUntilMs, checkpoint = @checkpoint, progress = @progress
     where id = @runId`,
    { runId, leaseUntilMs, checkpoint, progress: JSON.stringify(progress) },
  );
}
