import { inboxEntry, originsOf } from '../inbox-entry.js';
import type { InboxShare, InboxStore, LeasedNotification, NotificationOrigin } from '../ports/inbox.js';
import type { InboxRow } from '../tables/work-tables.js';
import type { Unit } from './database.js';
import type { EngineTime } from './engine-time.js';
import { passGate } from './locks.js';
import { findPayloads } from './payloads.js';
import { ROWS } from './row-sets.js';

type Request = Parameters<InboxStore['leaseNotifications']>[0];

interface Due {
  readonly id: number;
  readonly lane: string | null;
  readonly origin: NotificationOrigin;
  readonly waits: boolean;
}

export interface LeasedOnes {
  readonly leased: LeasedNotification[];
  /** Theirs. */
  readonly lanes: readonly string[];
  /** Busy lanes, theirs among them, in which more is due. */
  readonly passedOver: ReadonlySet<string>;
}

/** Rows that are looked at for each that is wanted: a lane may have more than one. */
const WINDOW = 8;
/** What one lane hides from the window is found with the next look, then without that lane. */
const MAX_LOOKS = 4;

/** The oldest due entries, at most one for each lane, none of a lane that is held. */
export async function leaseNotifications(
  unit: Unit,
  time: EngineTime,
  request: Request,
  of: InboxShare | undefined,
): Promise<LeasedOnes> {
  const { owner, leaseMs, limit, followers = 0, nowMs: callerMs } = request;
  await passGate(unit, 'inbox');
  // After the wait.
  const nowMs = await time.at(unit, callerMs);
  const { busy, expired } = await findLeasedLanes(unit, nowMs);
  const { chosen, passedOver } = await choose(unit, { ...request, limit, nowMs }, originsOf(of), busy);
  if (chosen.length === 0) return { leased: [], lanes: [], passedOver };
  const rows = await take(unit, { ids: chosen.map(({ id }) => id), owner, nowMs, untilMs: nowMs + leaseMs });
  const taken = chosen.flatMap((due) => rows.get(due.id) ?? []);
  // Attempts whose leases have run out may still be running somewhere: their lanes have gone to these.
  await endLeases(
    unit,
    taken.flatMap(({ lane }) => (lane !== null && expired.has(lane) ? [lane] : [])),
    taken.map(({ id }) => id),
  );
  const waits = new Set(chosen.flatMap((due) => (due.waits ? [due.id] : [])));
  const leading = taken.filter(
    ({ id, lane, origin }) => followers > 0 && lane !== null && origin === 'webhook' && !waits.has(id),
  );
  const behind = await findFollowers(unit, leading, nowMs, followers);
  const withPayload = [...taken, ...behind].flatMap(({ id, hasPayload }) => (hasPayload ? [id] : []));
  const bodies = await findPayloads(unit, withPayload);
  const entryOf = (row: InboxRow) => inboxEntry(row, bodies.get(row.id) ?? null);
  return {
    lanes: taken.flatMap(({ lane }) => lane ?? []),
    passedOver: new Set([...passedOver, ...behind.flatMap(({ lane }) => lane ?? [])]),
    leased: taken.map((row) => ({
      ...entryOf(row),
      lease: { owner, token: row.leaseToken },
      leaseUntilMs: callerMs + leaseMs,
      followers: leading.includes(row)
        ? behind
            .filter(({ lane }) => lane === row.lane)
            .map((one) => ({ ...entryOf(one), attempt: one.attempts + 1 }))
        : [],
    })),
  };
}

/** One whose entry is being settled right now is busy, whatever its lease says. */
async function findLeasedLanes(
  unit: Unit,
  nowMs: number,
): Promise<{ readonly busy: ReadonlySet<string>; readonly expired: ReadonlySet<string> }> {
  const rows = await unit.rows<{ readonly lane: string; readonly isExpired: boolean }>(
    `with expired as materialized (
       select id from inbox where lease_owner is not null and lease_until_ms <= @nowMs for update skip locked)
     select lane, id in (select id from expired) as "isExpired" from inbox
     where lease_owner is not null and lane is not null`,
    { nowMs },
  );
  const busy = new Set(rows.flatMap(({ lane, isExpired }) => (isExpired ? [] : [lane])));
  return { busy, expired: new Set(rows.flatMap(({ lane }) => (busy.has(lane) ? [] : [lane]))) };
}

async function choose(
  unit: Unit,
  { nowMs, limit, waitingForIntercom = limit }: Request,
  origins: readonly NotificationOrigin[],
  busy: ReadonlySet<string>,
): Promise<{ readonly chosen: readonly Due[]; readonly passedOver: ReadonlySet<string> }> {
  const lanes = new Set(busy);
  const passedOver = new Set<string>();
  const chosen: Due[] = [];
  const chooseFrom = async (origin: NotificationOrigin, waits: boolean, most: number): Promise<void> => {
    const window = limit * WINDOW;
    for (let looks = 1; chosen.length < most && looks <= MAX_LOOKS; looks += 1) {
      const known = chosen.map(({ id }) => id);
      const due = await findDue(unit, { origin, waits, nowMs, lanes: [...lanes], known, window });
      for (const one of due) {
        if (chosen.length >= most) return;
        if (one.lane !== null && lanes.has(one.lane)) passedOver.add(one.lane);
        else {
          if (one.lane !== null) lanes.add(one.lane);
          chosen.push(one);
        }
      }
      if (due.length < window) return;
    }
  };
  for (const origin of origins) {
    await chooseFrom(origin, false, limit);
    // What waited for Intercom goes last: most of what comes in needs no call and must not wait behind it.
    await chooseFrom(origin, true, Math.min(limit, chosen.length + waitingForIntercom));
  }
  return { chosen, passedOver };
}

/** Along inbox_waiting, in its order. */
function findDue(
  unit: Unit,
  {
    origin,
    waits,
    nowMs,
    lanes,
    known,
    window,
  }: {
    readonly origin: NotificationOrigin;
    readonly waits: boolean;
    readonly nowMs: number;
    readonly lanes: readonly string[];
    readonly known: readonly number[];
    readonly window: number;
  },
): Promise<Due[]> {
  return unit.rows<Due>(
    `select id, lane, origin, waits_for_intercom as waits from inbox
     where status = 'waiting' and origin = @origin and waits_for_intercom = @waits and due_at_ms <= @nowMs
       and (lease_owner is null or lease_until_ms <= @nowMs)
       and (lane is null or lane <> all (@lanes)) and id <> all (@known::bigint[])
     order by due_at_ms, id limit @window`,
    { origin, waits, nowMs, lanes, known, window },
  );
}

async function take(
  unit: Unit,
  values: {
    readonly ids: readonly number[];
    readonly owner: string;
    readonly nowMs: number;
    readonly untilMs: number;
  },
): Promise<ReadonlyMap<number, InboxRow>> {
  const rows = await unit.rows<object>(
    `update inbox set lease_owner = @owner, leased_at_ms = @nowMs, lease_until_ms = @untilMs,
       lease_token = lease_token + 1, attempts = attempts + 1, waits_for_intercom = false
     where id = any (array(
       select id from inbox where id = any (@ids) and status = 'waiting'
         and (lease_owner is null or lease_until_ms <= @nowMs) for update skip locked))
     returning ${ROWS.inbox.columns}`,
    values,
  );
  return new Map(rows.map(ROWS.inbox.read).map((row) => [row.id, row]));
}

async function endLeases(unit: Unit, lanes: readonly string[], exceptIds: readonly number[]): Promise<void> {
  if (lanes.length === 0) return;
  await unit.run(
    `update inbox set lease_owner = null, leased_at_ms = null, lease_until_ms = null
     where lane = any (@lanes) and lease_owner is not null and id <> all (@exceptIds::bigint[])`,
    { lanes, exceptIds },
  );
}

/** Behind each in its lane, in their order. */
async function findFollowers(
  unit: Unit,
  leading: readonly InboxRow[],
  nowMs: number,
  followers: number,
): Promise<InboxRow[]> {
  if (leading.length === 0) return [];
  const rows = await unit.rows<object>(
    `select ${ROWS.inbox.columns}
     from unnest(@lanes::text[], @ids::bigint[]) as led (of_lane, behind_id)
     cross join lateral (
       select * from inbox
       where lane = of_lane and id > behind_id and status = 'waiting' and origin = 'webhook'
         and not waits_for_intercom and due_at_ms <= @nowMs and lease_owner is null
       order by inbox.id limit @followers) as behind
     order by id`,
    { lanes: leading.map(({ lane }) => lane), ids: leading.map(({ id }) => id), nowMs, followers },
  );
  return rows.map(ROWS.inbox.read);
}
