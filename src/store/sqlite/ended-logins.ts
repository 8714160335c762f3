import type { SignInStore } from '../ports/sign-ins.js';
import type { Connection } from './connection.js';

/** More sign-outs within the life of a login than people make. */
const MAX_ROWS = 10_000;

type Login = Parameters<SignInStore['isLoginEnded']>[0];

/**
 * Logins that were signed out. Rows of expired ones go, and the latest end among them stays as a floor under which no
 * login counts: a clock that goes back revives none. Too many rows raise the floor too, which ends some other
 * logins early and none too late.
 */
export interface EndedLogins {
  readonly end: (login: Parameters<SignInStore['endLogin']>[0]) => void;
  readonly isEnded: (login: Login) => boolean;
}

/** The id of the row that holds the floor; no login has it. */
const FLOOR = '';

export function createEndedLogins({ sqlite, transact }: Connection, maxRows = MAX_ROWS): EndedLogins {
  const insert = sqlite.prepare(
    `insert into ended_sessions (id, expires_at) values (@id, @expiresAt)
     on conflict (id) do update set expires_at = max(expires_at, excluded.expires_at)`,
  );
  // The row whose end is the next floor: the latest of those that have expired, or are too many.
  const nextFloor = sqlite
    .prepare<[{ nowAt: number; most: number }], number | null>(
      `select max(expires_at) from ended_sessions where id <> '' and (expires_at <= @nowAt or id in
         (select id from ended_sessions where id <> '' order by expires_at desc limit -1 offset @most))`,
    )
    .pluck();
  const remove = sqlite.prepare("delete from ended_sessions where id <> '' and expires_at <= ?");
  const find = sqlite
    .prepare<[Login], number>(
      `select 1 from ended_sessions where id = @id or (id = '' and expires_at >= @expiresAt) limit 1`,
    )
    .pluck();
  return {
    end: ({ id, expiresAt, nowAt }) =>
      transact(() => {
        insert.run({ id, expiresAt });
        const floor = nextFloor.get({ nowAt, most: maxRows });
        if (floor === null || floor === undefined) return;
        insert.run({ id: FLOOR, expiresAt: floor });
        remove.run(floor);
      }),
    isEnded: ({ id, expiresAt }) => find.get({ id, expiresAt }) !== undefined,
  };
}
