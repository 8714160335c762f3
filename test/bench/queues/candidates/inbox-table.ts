import { readFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Client, Pool, type PoolClient } from 'pg';
import {
  LeaseLost,
  type HeldEvent,
  type NewEvent,
  type Queue,
  type RunSql,
  type Settlement,
} from '../queue.ts';
import { startLeaseLoop } from './lease-loop.ts';

const LEASE_MS = 10_000;
const RENEW_MS = 3000;
const POLL_MS = 2000;
/**
 * Work waits for no disk. A process that stands still inside a transaction would hold the row for ever, and nobody could
 * take it over: the server ends it.
 */
export const WORKING = '-c synchronous_commit=off -c idle_in_transaction_session_timeout=5000';
/** Wake-ups are sent at most so often, whatever comes in. */
const NOTIFY_EVERY_MS = 20;

// Ids are given in the order in which the events came. Keys are written in the order of the keys, so that two groups with
// the same ones wait for each other in one direction only.
const STORE = `
  with clock as materialized (select inbox_now_ms() as ms),
  incoming as (
    select nextval('inbox_id_seq') as id, ordered.* from (
      select * from (
        select distinct on (key) * from unnest($1::text[], $2::text[], $3::smallint[], $4::bigint[], $5::bytea[])
          with ordinality as t (key, lane, rank, due_in_ms, body, place)
        order by key, place
      ) firsts order by place
    ) ordered
  ),
  stored as (
    insert into inbox (id, dedupe_key, origin, received_at_ms, received_on)
    select id, key, case when rank = 0 then 'webhook' else 'reread' end, (select ms from clock), $6::date
    from incoming order by key
    on conflict (dedupe_key) do nothing
    returning id
  ),
  queued as (
    insert into inbox_waiting (id, rank, lane, due_at_ms)
    select i.id, i.rank, i.lane, (select ms from clock) + i.due_in_ms from stored s join incoming i on i.id = s.id
  ),
  kept as (
    insert into inbox_body (received_on, id, body)
    select $6::date, i.id, i.body from stored s join incoming i on i.id = s.id
  )
  select i.key from stored s join incoming i on i.id = s.id`;

const LEASE = 'select * from lease_inbox($1, $2, $3, $4, $5)';

const SETTLE = `
  with settled as (
    delete from inbox_waiting
    where id = $1 and lease_owner = $2 and lease_token = $3 and lease_until_ms > inbox_now_ms()
    returning id
  )
  update inbox i set outcome = $4, settled_at_ms = inbox_now_ms() from settled where i.id = settled.id`;

// Answers what is lost. A row that is being settled is locked: waiting for it would hold up the renewal of all others.
const RENEW = `
  with held as (select * from unnest($2::bigint[], $3::bigint[]) as t (id, token)),
  mine as (
    select w.id from inbox_waiting w join held h on h.id = w.id and h.token = w.lease_token
    where w.lease_owner = $1
    for update of w skip locked
  ),
  renewed as (update inbox_waiting w set lease_until_ms = inbox_now_ms() + $4 from mine where w.id = mine.id)
  select h.id from held h
  where not exists (
    select from inbox_waiting w where w.id = h.id and w.lease_owner = $1 and w.lease_token = h.token)`;

const RETRY = `
  update inbox_waiting
  set lease_owner = null, lease_until_ms = null, due_at_ms = inbox_now_ms() + $4, reason = $5,
      attempts = attempts - $6, rank = rank % 2 + 2 * $6
  where id = $1 and lease_owner = $2 and lease_token = $3 and lease_until_ms > inbox_now_ms()`;

const PARK = `
  update inbox_waiting
  set lease_owner = null, lease_until_ms = null, parked_at_ms = inbox_now_ms(), reason = $4
  where id = $1 and lease_owner = $2 and lease_token = $3 and lease_until_ms > inbox_now_ms()`;

const REPLAY = `
  update inbox_waiting w
  set parked_at_ms = null, due_at_ms = inbox_now_ms(), attempts = 0, rank = rank % 2
  from inbox i
  where i.dedupe_key = $1 and w.id = i.id and w.parked_at_ms is not null`;

const PARKED = `
  select i.dedupe_key as key, w.reason from inbox_waiting w join inbox i on i.id = w.id
  where w.parked_at_ms is not null order by w.parked_at_ms, w.id limit 500`;

// What is behind a held entry of its lane becomes due with that one at the earliest, so the end of its lease stands for it.
const NEXT_DUE = `
  with busy as (select lane, lease_until_ms from inbox_waiting where lease_owner is not null)
  select least(
    (select min(lease_until_ms) from busy),
    (select min(d.due_at_ms) from generate_series(0, 3) as r (rank) cross join lateral (
      select w.due_at_ms from inbox_waiting w
      where w.rank = r.rank and w.lease_owner is null and w.parked_at_ms is null
        and (w.lane is null or w.lane <> all (array(select lane from busy where lane is not null)))
      order by w.due_at_ms limit 1) d)
  ) - inbox_now_ms() as in_ms`;

// Walks the primary key from its oldest end, a piece at a time: ids come in the order of time, near enough.
const FORGET = `
  delete from inbox where id in (
    select id from inbox
    where outcome is not null and settled_at_ms < inbox_now_ms() - 30 * 86400000::bigint
    order by id limit 5000)`;

interface LeasedRow {
  readonly id: string;
  readonly lane: string;
  readonly rank: number;
  readonly attempts: number;
  readonly dedupe_key: string;
  readonly body: Buffer;
}

/** Our own table, leased by one function. */
export function createInboxTable(url: string): Queue {
  // What a 200 stands for waits for the disk. What can be done again from the inbox does not.
  const receiving = new Pool({ connectionString: url, max: 16 });
  const working = new Pool({ connectionString: url, max: 24, options: WORKING });
  // Each connection plans the function anew (some 30 ms), so one of them does all the leasing.
  const leasing = new Pool({ connectionString: url, max: 1, options: WORKING });
  for (const pool of [receiving, working, leasing]) pool.on('error', reportError);
  const notify = everySoOften(() => working.query('notify inbox_wake'));
  const owner = randomUUID();
  let lastToken = 0;

  const lease = async (limit: number): Promise<readonly HeldEvent[]> => {
    lastToken += 1;
    const token = lastToken;
    const { rows } = await leasing.query<LeasedRow>({
      name: 'lease',
      text: LEASE,
      values: [owner, token, LEASE_MS, limit, [0, 1, 2, 3]],
    });
    return rows.map((row) => hold(row, token));
  };
  const held = new Map<string, number>();

  const hold = (row: LeasedRow, token: number): HeldEvent => {
    held.set(row.id, token);
    const change = async (name: string, text: string, values: readonly unknown[]): Promise<Settlement> => {
      const answer = await working.query({ name, text, values: [row.id, owner, token, ...values] });
      held.delete(row.id);
      return answer.rowCount === 1 ? 'settled' : 'lease-lost';
    };
    return {
      key: row.dedupe_key,
      lane: row.lane,
      share: row.rank % 2 === 0 ? 'webhooks' : 'own',
      body: row.body,
      attempt: row.attempts,
      settle: async (work) => {
        const settlement = await transact(working, async (run, client) => {
          // First, because a lease that is lost is then known before any work, and the row stays locked until the end.
          const settled = await client.query({
            name: 'settle',
            text: SETTLE,
            values: [row.id, owner, token, 'done'],
          });
          if (settled.rowCount !== 1) throw new LeaseLost();
          await work(run);
        });
        held.delete(row.id);
        return settlement;
      },
      retry: (reason) =>
        change('retry', RETRY, [Math.min(3_600_000, 500 * 2 ** Math.min(row.attempts, 12)), reason, 0]),
      wait: (reason, ms) => change('retry', RETRY, [ms, reason, 1]),
      park: (reason) => change('park', PARK, [reason]),
    };
  };

  return {
    install: async () => {
      await receiving.query(readFileSync(fileURLToPath(new URL('inbox-table.sql', import.meta.url)), 'utf8'));
      // As after a month of work.
      for (let daysAgo = -1; daysAgo < 30; daysAgo += 1) {
        const day = dayOf(daysAgo);
        await receiving.query(
          `create table inbox_body_${day.replaceAll('-', '')} partition of inbox_body
           for values from ('${day}') to ('${dayOf(daysAgo - 1)}')`,
        );
      }
    },

    storeAll: async (events) => {
      const { rows } = await receiving.query<{ readonly key: string }>({
        name: 'store',
        text: STORE,
        values: [
          events.map(({ key }) => key),
          events.map(({ lane }) => lane),
          events.map(({ share }) => (share === 'webhooks' ? 0 : 1)),
          events.map(({ dueInMs = 0 }) => dueInMs),
          events.map(({ body }) => body),
          dayOf(0),
        ],
      });
      if (rows.length > 0) notify();
      return answersFor(events, new Set(rows.map(({ key }) => key)));
    },

    work: async ({ concurrency, handle }) => {
      const loop = startLeaseLoop({
        concurrency,
        pollMs: POLL_MS,
        lease,
        handle,
        nextDueInMs: async () => {
          const { rows } = await working.query<{ in_ms: string | null }>({
            name: 'next due',
            text: NEXT_DUE,
          });
          const inMs = rows[0]?.in_ms ?? null;
          return inMs === null ? POLL_MS : Number(inMs);
        },
      });
      const listener = new Client({ connectionString: url });
      await listener.connect();
      listener.on('notification', loop.wake);
      await listener.query('listen inbox_wake');
      const renewing = setInterval(() => {
        if (held.size === 0) return;
        const values = [owner, [...held.keys()], [...held.values()], LEASE_MS];
        working.query({ name: 'renew', text: RENEW, values }).catch(reportError);
      }, RENEW_MS);
      return async () => {
        clearInterval(renewing);
        await loop.stop();
        await listener.end();
      };
    },

    countOpen: async () => {
      const { rows } = await receiving.query<{ n: number }>('select count(*)::int as n from inbox_waiting');
      return rows[0]?.n ?? 0;
    },
    listParked: async () => (await receiving.query<{ key: string; reason: string }>(PARKED)).rows,
    replay: async (key) => {
      await receiving.query(REPLAY, [key]);
      notify();
    },

    erase: async (key) => {
      await receiving.query(
        `delete from inbox_body b using inbox i
         where i.dedupe_key = $1 and b.received_on = i.received_on and b.id = i.id`,
        [key],
      );
    },

    fillSettled: async (count) => {
      await receiving.query(
        `insert into inbox (dedupe_key, origin, received_at_ms, received_on, outcome, settled_at_ms)
         select 'old:' || md5(n::text), 'webhook', inbox_now_ms() - n, $2::date, 'done', inbox_now_ms() - n
         from generate_series(1, $1::int) n`,
        [count, dayOf(0)],
      );
      await receiving.query(
        `insert into inbox_body (received_on, id, body)
         select received_on, id, convert_to(repeat(md5(id::text), 125), 'UTF8') from inbox where outcome is not null`,
      );
      await receiving.query('vacuum analyze');
    },

    age: async (days) => {
      await receiving.query(
        'update inbox set settled_at_ms = settled_at_ms - $1::bigint * 86400000 where outcome is not null',
        [days],
      );
      await receiving.query(FORGET);
    },

    close: async () => {
      await notify.stop();
      await Promise.all([receiving.end(), working.end(), leasing.end()]);
    },
  };
}

/** The date in UTC, so many days ago. */
function dayOf(daysAgo: number): string {
  return new Date(Date.now() - daysAgo * 86_400_000).toISOString().slice(0, 10);
}

export function answersFor(
  events: readonly NewEvent[],
  stored: Set<string>,
): readonly ('stored' | 'duplicate')[] {
  return events.map(({ key }) => (stored.delete(key) ? 'stored' : 'duplicate'));
}

const names = new Map<string, string>();

/** Prepared once for each connection. Postgres cuts names at 63 bytes, so the text itself can't be one. */
function nameOf(text: string): string {
  const name = names.get(text) ?? `work-${names.size}`;
  names.set(text, name);
  return name;
}

export async function transact(
  pool: Pool,
  work: (run: RunSql, client: PoolClient) => Promise<void>,
): Promise<Settlement> {
  const client = await pool.connect();
  // The server may end the connection between two statements, when nobody else listens.
  client.on('error', reportError);
  let broken: Error | undefined;
  try {
    await client.query('begin');
    await work(
      (text, values) => client.query({ name: nameOf(text), text, values: [...(values ?? [])] }),
      client,
    );
    await client.query('commit');
    return 'settled';
  } catch (error) {
    await client.query('rollback').catch((reason: Error) => {
      broken = reason;
    });
    if (error instanceof LeaseLost) return 'lease-lost';
    throw error;
  } finally {
    client.off('error', reportError);
    client.release(broken);
  }
}

/** Calls `send` soon after it is asked to, once for all who ask meanwhile. */
function everySoOften(send: () => Promise<unknown>): (() => void) & { readonly stop: () => Promise<void> } {
  let pending: NodeJS.Timeout | null = null;
  let sending: Promise<unknown> = Promise.resolve();
  const ask = (): void => {
    pending ??= setTimeout(() => {
      pending = null;
      sending = send().catch(reportError);
    }, NOTIFY_EVERY_MS);
  };
  const stop = async (): Promise<void> => {
    if (pending !== null) clearTimeout(pending);
    await sending;
  };
  return Object.assign(ask, { stop });
}

/** A pool without a listener for `error` ends the process when the server closes an idle connection. */
export function reportError(error: unknown): void {
  console.error(error instanceof Error ? error.message : error);
}
