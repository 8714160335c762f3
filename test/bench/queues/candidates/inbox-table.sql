-- One narrow row for each entry, kept for 30 days after it is settled: it holds the dedupe key and what people look at.
-- Written when the entry comes in and once more when it is settled. No index names a column that changes, so settling is
-- a HOT update; fillfactor leaves the room for it.
create table inbox (
  id bigint generated always as identity primary key,
  dedupe_key text collate "C" not null,
  content_hash text collate "C",
  origin text not null check (origin in ('webhook', 'settle', 'reread')),
  topic text,
  subject_kind text,
  subject_id text collate "C",
  created_at bigint,
  received_at_ms bigint not null,
  -- The partition that holds its payload.
  received_on date not null,
  outcome text check (outcome in ('done', 'ignored')),
  settled_at_ms bigint
) with (fillfactor = 85);

create unique index inbox_dedupe_key on inbox (dedupe_key);

-- What is waiting, held or parked: the queue itself. Rows are deleted when they are settled, so it stays as small as the
-- backlog, however many weeks are kept.
create table inbox_waiting (
  id bigint primary key,
  -- The order among what is due: 0 webhook, 1 our own; 2 and 3 the same, waiting for Intercom to answer again.
  rank smallint not null check (rank between 0 and 3),
  lane text collate "C",
  due_at_ms bigint not null,
  attempts integer not null default 0,
  lease_owner text,
  lease_token bigint,
  lease_until_ms bigint,
  parked_at_ms bigint,
  reason text,
  check (lease_owner is null or parked_at_ms is null)
) with (
  fillfactor = 70,
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 2000,
  autovacuum_vacuum_cost_delay = 0
);

create index inbox_waiting_due on inbox_waiting (rank, due_at_ms, id)
  where lease_owner is null and parked_at_ms is null;
-- "One at a time for each contact" is a fact of the database.
create unique index inbox_waiting_busy on inbox_waiting (lane) where lease_owner is not null;
create index inbox_waiting_parked on inbox_waiting (parked_at_ms, id) where parked_at_ms is not null;

-- Payloads go with their day: dropping a partition leaves nothing behind to vacuum.
create table inbox_body (
  received_on date not null,
  id bigint not null,
  body bytea not null,
  primary key (received_on, id)
) partition by range (received_on);
alter table inbox_body alter column body set compression lz4;

-- Leasing goes through here one process at a time, so that two never choose entries of one lane.
create table inbox_gate (id smallint primary key check (id = 1));
insert into inbox_gate values (1);

create function inbox_now_ms() returns bigint language sql volatile parallel safe as $$
  select (extract(epoch from clock_timestamp()) * 1000)::bigint
$$;

-- The oldest due entries, at most one for each lane, none of a lane that is held. `p_owner` names the process and
-- `p_token` is a number that it never uses twice.
create function lease_inbox(p_owner text, p_token bigint, p_lease_ms integer, p_limit integer, p_ranks smallint[])
returns table (id bigint, lane text, rank smallint, attempts integer, dedupe_key text, body bytea)
language plpgsql rows 10
-- The queue is empty at one moment and long at the next, so its statistics are wrong at both. There is one right plan.
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_bitmapscan = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  v_now bigint;
  v_busy text[];
begin
  -- A lease that is lost with the server is only taken again: its commit waits for no disk.
  perform set_config('synchronous_commit', 'off', true);
  perform 1 from inbox_gate where inbox_gate.id = 1 for update;
  -- After the wait, and by the clock: now() is the moment at which the transaction began.
  v_now := inbox_now_ms();

  -- A dead owner's lanes are free again. One that is being settled right now is locked, and left alone.
  update inbox_waiting w
  set lease_owner = null, lease_until_ms = null
  from (
    select e.id from inbox_waiting e
    where e.lease_owner is not null and e.lease_until_ms <= v_now
    for update skip locked
  ) expired
  where w.id = expired.id;

  select coalesce(array_agg(b.lane), '{}') into v_busy
  from inbox_waiting b
  where b.lease_owner is not null and b.lane is not null;

  return query
  with due as materialized (
    select w.id, w.lane, r.place, w.due_at_ms
    from unnest(p_ranks) with ordinality as r (rank, place)
    cross join lateral (
      select d.id, d.lane, d.due_at_ms
      from inbox_waiting d
      where d.rank = r.rank and d.due_at_ms <= v_now and d.lease_owner is null and d.parked_at_ms is null
        and (d.lane is null or d.lane <> all (v_busy))
      order by d.due_at_ms, d.id
      limit p_limit * 8
    ) w
  ),
  heads as (
    select distinct on (coalesce(due.lane, due.id::text)) due.id, due.place, due.due_at_ms
    from due
    order by coalesce(due.lane, due.id::text), due.place, due.due_at_ms, due.id
  ),
  chosen as (select heads.id from heads order by heads.place, heads.due_at_ms, heads.id limit p_limit),
  free as (
    select w.id from inbox_waiting w
    where w.id = any (array(select chosen.id from chosen))
      and w.lease_owner is null and w.parked_at_ms is null
    for update skip locked
  ),
  taken as (
    update inbox_waiting w
    set lease_owner = p_owner, lease_token = p_token, lease_until_ms = v_now + p_lease_ms, attempts = w.attempts + 1
    from free
    where w.id = free.id
    returning w.id, w.lane, w.rank, w.attempts
  )
  select t.id, t.lane, t.rank, t.attempts, i.dedupe_key, b.body
  from taken t
  join inbox i on i.id = t.id
  left join inbox_body b on b.received_on = i.received_on and b.id = t.id;
end
$$;
