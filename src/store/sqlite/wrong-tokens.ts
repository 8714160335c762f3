import type { WrongToken, WrongTokenCount } from '../ports/sign-ins.js';
import type { Connection } from './connection.js';

const MAX_CLIENTS = 10_000;

/** Wrong tokens of the last minutes, by whom. */
export interface WrongTokens {
  readonly count: (wrong: WrongToken) => WrongTokenCount;
  readonly forget: (nowMs: number) => number;
}

export function createWrongTokens({ sqlite, transact }: Connection): WrongTokens {
  const find = sqlite.prepare<[string], { failures: number; endsAtMs: number }>(
    'select failures, ends_at_ms as endsAtMs from wrong_tokens where client = ?',
  );
  const put = sqlite.prepare<[string, number, number]>(
    `insert into wrong_tokens (client, failures, ends_at_ms) values (?, ?, ?)
     on conflict (client) do update set failures = excluded.failures, ends_at_ms = excluded.ends_at_ms`,
  );
  const makeRoom = sqlite.prepare<[number]>(
    `delete from wrong_tokens where (select count(*) from wrong_tokens) > ? and client =
       (select client from wrong_tokens order by ends_at_ms limit 1)`,
  );
  const forgetOld = sqlite.prepare<[number]>('delete from wrong_tokens where ends_at_ms <= ?');
  return {
    count: ({ client, nowMs, windowMs }) =>
      transact(() => {
        const known = find.get(client);
        // One that ends later than any was begun before the clock went back.
        const isCurrent = known !== undefined && known.endsAtMs > nowMs && known.endsAtMs <= nowMs + windowMs;
        const failures = isCurrent ? known.failures + 1 : 1;
        const endsAtMs = isCurrent ? known.endsAtMs : nowMs + windowMs;
        put.run(client, failures, endsAtMs);
        makeRoom.run(MAX_CLIENTS);
        return { failures, endsInMs: endsAtMs - nowMs };
      }),
    forget: (nowMs) => forgetOld.run(nowMs).changes,
  };
}
