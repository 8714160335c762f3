import type { SignInStore } from '../ports/sign-ins.js';
import type { Query } from './database.js';

/** More sign-outs within the life of a login than people make. */
const MAX_ROWS = 10_000;

/** The id of the row that holds the floor; no login has it. */
const FLOOR = '';

/**
 * Ends a login. Rows of expired ones go, and the latest end among them stays as a floor under which no login counts: a
 * clock that goes back revives none. Too many rows raise the floor too, which ends some other logins early and none too
 * late.
 */
export async function endLogin(
  unit: Query,
  { id, expiresAt, nowAt }: Parameters<SignInStore['endLogin']>[0],
  maxRows = MAX_ROWS,
): Promise<void> {
  await keep(unit, id, expiresAt);
  // The row whose end is the next floor: the latest of those that have expired, or are too many.
  const [next] = await unit.rows<{ floor: number | null }>(
    `select max(expires_at) as floor from ended_sessions where id <> '' and (expires_at <= @nowAt or id in
       (select id from ended_sessions where id <> '' order by expires_at desc offset @maxRows))`,
    { nowAt, maxRows },
  );
  const floor = next?.floor ?? null;
  if (floor === null) return;
  await keep(unit, FLOOR, floor);
  await unit.run("delete from ended_sessions where id <> '' and expires_at <= @floor", { floor });
}

async function keep(unit: Query, id: string, expiresAt: number): Promise<void> {
  await unit.run(
    `insert into ended_sessions (id, expires_at) values (@id, @expiresAt)
     on conflict (id) do update set expires_at = greatest(ended_sessions.expires_at, excluded.expires_at)`,
    { id, expiresAt },
  );
}

export async function isLoginEnded(
  query: Query,
  { id, expiresAt }: Parameters<SignInStore['isLoginEnded']>[0],
): Promise<boolean> {
  const rows = await query.rows(
    `select id from ended_sessions where id = @id or (id = '' and expires_at >= @expiresAt) limit 1`,
    { id, expiresAt },
  );
  return rows.length > 0;
}
