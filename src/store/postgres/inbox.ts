import { originsOf } from '../inbox-entry.js';
import type { Reread } from '../ports/cache.js';
import type {
  InboxShare,
  InboxStore,
  LeasedNotification,
  NewNotification,
  NotificationFailure,
} from '../ports/inbox.js';
import type { HeldLease, Retry, Settlement } from '../ports/leases.js';
import type { InboxRow } from '../tables/work-tables.js';
import type { WorkBell } from '../work-bell.js';
import type { Query, Unit } from './database.js';
import type { EngineTime } from './engine-time.js';
import { leaseNotifications } from './lease-notifications.js';
import type { Scrubber } from './payload-scrub.js';
import { ROWS } from './row-sets.js';
import { storeNotifications } from './store-notifications.js';
import type { WebhookHours } from './webhook-hours.js';

/** What has come in and is worked off lane by lane. */
export interface Inbox {
  /** Stores each once; the answers are in the order of `notifications`. */
  readonly storeAll: (
    unit: Unit,
    notifications: readonly NewNotification[],
  ) => Promise<('stored' | 'duplicate')[]>;
  readonly lease: (
    unit: Unit,
    request: Parameters<InboxStore['leaseNotifications']>[0],
    of: InboxShare | undefined,
  ) => Promise<LeasedNotification[]>;
  /**
   * The entry while `lease` is its current one, which then stays as it is until the end of the unit; undefined when it was
   * taken over, settled or erased.
   */
  readonly findHeld: (unit: Unit, id: number, lease: HeldLease) => Promise<InboxRow | undefined>;
  /** Those that are not settled, likewise. */
  readonly findWaiting: (unit: Unit, ids: readonly number[]) => Promise<InboxRow[]>;
  readonly settle: (
    unit: Unit,
    rows: readonly InboxRow[],
    outcome: 'done' | 'ignored',
    nowMs: number,
  ) => Promise<void>;
  readonly retry: (unit: Unit, failure: NotificationFailure & Retry) => Promise<Settlement>;
  readonly park: (unit: Unit, failure: NotificationFailure) => Promise<Settlement>;
  /** Answers the ids of those that are no longer the current ones. */
  readonly renew: (
    unit: Unit,
    held: Parameters<InboxStore['renewNotifications']>[0],
    untilMs: number,
  ) => Promise<number[]>;
  /** An entry whose key is known is left as it is. */
  readonly addRereads: (unit: Unit, rereads: readonly Reread[]) => Promise<void>;
  readonly nextDueAtMs: (query: Query, of: InboxShare | undefined) => Promise<number | null>;
}

/** What is beyond them is found when the loop looks again by itself. */
const MAX_PASSED_OVER = 10_000;
const NO_LEASE = 'lease_owner = null, leased_at_ms = null, lease_until_ms = null';

export function createInbox({
  time,
  bell,
  hours,
  scrubber,
}: {
  readonly time: EngineTime;
  readonly bell: WorkBell;
  readonly hours: WebhookHours;
  readonly scrubber: Scrubber;
}): Inbox {
  /** Lanes in which something due was passed over because they were busy. Other processes look by themselves. */
  const passedOver = new Set<string>();
  const passOver = (lanes: Iterable<string>): void => {
    for (const lane of lanes) if (passedOver.size < MAX_PASSED_OVER) passedOver.add(lane);
  };

  const findHeld: Inbox['findHeld'] = async (unit, id, { owner, token }) => {
    const [row] = await ROWS.inbox.find(
      unit,
      `id = @id and lease_owner = @owner and lease_token = @token and status = 'waiting' for update`,
      { id, owner, token },
    );
    return row;
  };
  const wakeLanes = (unit: Unit, rows: readonly InboxRow[]): void => {
    unit.afterCommit(() => {
      const woken = rows.filter(({ lane }) => lane !== null && passedOver.delete(lane));
      if (woken.length > 0) bell.ring('inbox');
    });
  };

  return {
    findHeld,
    findWaiting: (unit, ids) =>
      ROWS.inbox.find(unit, `id = any (@ids) and status = 'waiting' order by id for update`, { ids }),

    storeAll: async (unit, notifications) => {
      const nowMs = await time.now(unit);
      const answers = await storeNotifications(unit, notifications, { scrubber, nowMs });
      const counted = notifications.map(({ receivedAtMs, unreadable }, at) => {
        const isNew = answers[at] === 'stored';
        const result = !isNew ? 'duplicate' : unreadable === null ? 'accepted' : 'parked';
        return { result, atMs: receivedAtMs } as const;
      });
      const isWork = notifications.some((one, at) => one.unreadable === null && answers[at] === 'stored');
      unit.afterCommit(() => {
        hours.note(counted);
        passOver(notifications.flatMap(({ lane }) => lane ?? []));
        if (isWork) bell.ring('inbox');
      });
      return answers;
    },

    lease: async (unit, request, of) => {
      const { leased, lanes, passedOver: more } = await leaseNotifications(unit, time, request, of);
      unit.afterCommit(() => {
        for (const lane of lanes) passedOver.delete(lane);
        passOver(more);
      });
      return leased;
    },

    settle: async (unit, rows, outcome, nowMs) => {
      await unit.run(
        `update inbox set ${NO_LEASE}, status = @outcome, reason = null, settled_at_ms = @nowMs
         where id = any (@ids)`,
        { outcome, nowMs, ids: rows.map(({ id }) => id) },
      );
      wakeLanes(unit, rows);
    },

    retry: async (unit, { id, lease, reason, dueAtMs, waitsForIntercom = false }) => {
      const row = await findHeld(unit, id, lease);
      if (row === undefined) return 'lease-lost';
      await unit.run(
        `update inbox set ${NO_LEASE}, due_at_ms = @dueAtMs, reason = @reason, waits_for_intercom = @waitsForIntercom,
           attempts = @attempts
         where id = @id`,
        {
          id,
          reason,
          waitsForIntercom,
          dueAtMs: time.fromCaller(dueAtMs),
          attempts: waitsForIntercom ? Math.max(0, row.attempts - 1) : row.attempts,
        },
      );
      unit.afterCommit(() => bell.ring('inbox'));
      return 'settled';
    },

    park: async (unit, { id, lease, reason }) => {
      const row = await findHeld(unit, id, lease);
      if (row === undefined) return 'lease-lost';
      const settledAtMs = row.leasedAtMs ?? row.receivedAtMs;
      await unit.run(
        `update inbox set ${NO_LEASE}, status = 'parked', reason = @reason, settled_at_ms = @settledAtMs
         where id = @id`,
        { id, reason, settledAtMs },
      );
      wakeLanes(unit, [row]);
      await scrubber.forgetMentions(unit, [row], settledAtMs);
      return 'settled';
    },

    renew: async (unit, held, untilMs) => {
      if (held.length === 0) return [];
      const renewed = await unit.rows<{ readonly id: number }>(
        `update inbox set lease_until_ms = @untilMs
         from unnest(@ids::bigint[], @owners::text[], @tokens::bigint[]) as held (held_id, owner, token)
         where id = held_id and lease_owner = owner and lease_token = token and status = 'waiting'
         returning id`,
        {
          untilMs,
          ids: held.map(({ id }) => id),
          owners: held.map(({ lease }) => lease.owner),
          tokens: held.map(({ lease }) => lease.token),
        },
      );
      const still = new Set(renewed.map(({ id }) => id));
      return held.flatMap(({ id }) => (still.has(id) ? [] : [id]));
    },

    addRereads: async (unit, rereads) => {
      if (rereads.length === 0) return;
      await unit.run(
        `insert into inbox (origin, dedupe_key, subject_kind, subject_id, lane, received_at_ms, status, due_at_ms, attempts)
         select origin, key, kind, id, lane, due, 'waiting', due, 0
         from unnest(@origins::text[], @keys::text[], @kinds::text[], @ids::text[], @lanes::text[], @due::bigint[])
           with ordinality as given (origin, key, kind, id, lane, due, place)
         order by place on conflict (dedupe_key) do nothing`,
        {
          origins: rereads.map(({ origin }) => origin),
          keys: rereads.map(({ dedupeKey }) => dedupeKey),
          kinds: rereads.map(({ subject }) => subject.kind),
          ids: rereads.map(({ subject }) => subject.id),
          lanes: rereads.map(({ lane }) => lane),
          due: rereads.map(({ dueAtMs }) => dueAtMs),
        },
      );
      unit.afterCommit(() => {
        passOver(rereads.map(({ lane }) => lane));
        bell.ring('inbox');
      });
    },

    nextDueAtMs: async (query, of) => {
      // Entries behind a leased one become free with it at the earliest, so its end stands for the whole lane.
      const [row] = await query.rows<{ readonly at: number | null }>(
        `select least(
           (select min(free.due_at_ms) from unnest(@origins::text[]) as of_origin (name)
            cross join (values (false), (true)) as of_wait (waits)
            cross join lateral (
              select due_at_ms from inbox
              where status = 'waiting' and origin = name and waits_for_intercom = waits and lease_owner is null
                and not exists (select 1 from inbox as blocking
                  where blocking.lane = inbox.lane and blocking.lease_owner is not null)
              order by due_at_ms, id limit 1) as free),
           (select min(lease_until_ms) from inbox where lease_owner is not null)) as at`,
        { origins: originsOf(of) },
      );
      return typeof row?.at === 'number' ? time.toCaller(row.at) : null;
    },
  };
}
