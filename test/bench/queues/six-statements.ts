import type { ClientBase, Pool } from 'pg';
import type { HeldEvent, RunSql } from './queue.ts';

/** Tables such as the product's: what the work of an event reads and changes. */
export const WORK_TABLES = `
  create table contacts (id text primary key, updated_at bigint not null, attributes jsonb not null);
  create table conversations (id text primary key, contact_id text not null, updated_at bigint not null, state text not null);
  create index conversations_contact on conversations (contact_id);
  create table members (contact_id text primary key, sessions integer not null, status text not null);
  create table outbox (contact_id text primary key, wanted jsonb not null, due_at bigint not null);
  create table done (key text, lane text, attempt integer, at timestamptz not null default clock_timestamp());
  create table trace (key text, lane text, share text, worker text, what text, at timestamptz not null default clock_timestamp());`;

/** What processing an event does, in the transaction that settles it: six small statements. */
export async function runSixStatements(event: HeldEvent, run: RunSql): Promise<void> {
  const at = Math.floor(Date.now() / 1000);
  const { conversation }: { readonly conversation: string } = JSON.parse(event.body.toString('utf8'));
  await run('select attributes from contacts where id = $1 for update', [event.lane]);
  await run(
    `insert into conversations values ($1, $2, $3, 'closed')
     on conflict (id) do update set updated_at = excluded.updated_at, state = excluded.state`,
    [conversation, event.lane, at],
  );
  await run('select count(*), max(updated_at) from conversations where contact_id = $1', [event.lane]);
  await run(
    `insert into members values ($1, 1, 'Engaged')
     on conflict (contact_id) do update set sessions = members.sessions + 1`,
    [event.lane],
  );
  await run(
    `insert into outbox values ($1, $2, $3)
     on conflict (contact_id) do update set wanted = excluded.wanted, due_at = excluded.due_at`,
    [event.lane, JSON.stringify({ 'Last Call': at }), at],
  );
  await run('insert into done (key, lane, attempt) values ($1, $2, $3)', [
    event.key,
    event.lane,
    event.attempt,
  ]);
}

export async function createWorkTables(client: ClientBase | Pool, contacts: number): Promise<void> {
  await client.query(WORK_TABLES);
  await client.query(
    `insert into contacts select 'lane:' || n, 0, '{"Employer":"Acme"}' from generate_series(0, $1::int - 1) n`,
    [contacts],
  );
  await client.query(
    `insert into conversations select 'conversation:' || n, 'lane:' || n % $1::int, 0, 'open' from generate_series(1, $1::int * 5) n`,
    [contacts],
  );
  await client.query('analyze');
}
