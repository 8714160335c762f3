import type { WriteChanges } from '../plan/slice.js';
import type { WriteRecord } from '../ports/queries.js';
import type { AttributeValue } from '../../rules/facts.js';
import { MAX_TOGETHER, withWholeLast } from '../whole-decisions.js';
import { causeOf, outcomeOf, type WriteRow } from '../write-row.js';
import type { Query, Unit } from './database.js';
import { ROWS } from './row-sets.js';

const IS_WAITING = `contact_id = @contactId and outcome = 'waiting'`;
const IS_READY = `${IS_WAITING} and parked_at_ms is null`;

/** Decided and not in Intercom yet, and to be sent: those that Intercom has refused are left out. */
export async function readyWrites(query: Query, contactIds: readonly string[]): Promise<WriteRow[]> {
  if (contactIds.length === 0) return [];
  return ROWS.writes.find(
    query,
    `contact_id = any (@contactIds) and outcome = 'waiting' and parked_at_ms is null order by id`,
    { contactIds },
  );
}

/** What a plan changes. An attribute has at most one waiting write: the old ones go before the new ones come. */
export async function saveWrites(unit: Unit, changes: WriteChanges, nowMs: number): Promise<void> {
  const { added, superseded, sent, befores, joined } = changes;
  if (sent.length > 0) {
    // Even where a newer decision has superseded them meanwhile.
    await unit.run(
      `update writes set outcome = 'sent', settled_at_ms = @nowMs, reason = null where id = any (@sent)`,
      { sent, nowMs },
    );
  }
  if (superseded.length > 0) {
    await unit.run(
      `update writes set outcome = 'superseded', settled_at_ms = @nowMs
       where id = any (@superseded) and outcome = 'waiting'`,
      { superseded, nowMs },
    );
  }
  if (befores.length > 0) {
    const known = befores.flatMap(({ id, before }) => (id === null ? [] : [{ id, before }]));
    await unit.run(
      `update writes set before = given.before
       from unnest(@ids::bigint[], @befores::text[]) as given (id, before) where writes.id = given.id`,
      { ids: known.map(({ id }) => id), befores: known.map(({ before }) => asJson(before)) },
    );
  }
  if (joined.length > 0)
    await unit.run('update writes set attempts = 1 where id = any (@joined)', { joined });
  if (added.length === 0) return;
  await unit.run(
    `insert into writes (contact_id, attribute, before, after, cause_kind, cause_ref, outcome, attempts, reason,
       not_before_ms, queued_at_ms)
     select contact_id, attribute, before, after, cause_kind, cause_ref, 'waiting', attempts, reason, not_before_ms,
       queued_at_ms
     from unnest(@contactIds::text[], @attributes::text[], @befores::text[], @afters::text[], @causeKinds::text[],
       @causeRefs::text[], @attempts::bigint[], @reasons::text[], @notBefores::bigint[], @queued::bigint[])
       with ordinality as given (contact_id, attribute, before, after, cause_kind, cause_ref, attempts, reason,
         not_before_ms, queued_at_ms, place)
     order by place`,
    {
      contactIds: added.map(({ contactId }) => contactId),
      attributes: added.map(({ attribute }) => attribute),
      befores: added.map(({ before }) => asJson(before)),
      afters: added.map(({ after }) => asJson(after)),
      causeKinds: added.map(({ cause }) => cause.kind),
      causeRefs: added.map(({ cause }) => cause.ref),
      attempts: added.map(({ attempts }) => attempts),
      reasons: added.map(({ reason }) => reason),
      notBefores: added.map(({ notBeforeMs }) => notBeforeMs),
      queued: added.map(({ queuedAtMs }) => queuedAtMs),
    },
  );
}

/** Counts the attempt for those that need not wait any more. */
export async function countAttempts(unit: Unit, contactIds: readonly string[], nowMs: number): Promise<void> {
  await unit.run(
    `update writes set attempts = attempts + 1, is_replayed = false
     where contact_id = any (@contactIds) and outcome = 'waiting' and parked_at_ms is null
       and not_before_ms <= @nowMs`,
    { contactIds, nowMs },
  );
}

/** The attempt was none. */
export async function uncountAttempt(unit: Unit, contactId: string): Promise<void> {
  await unit.run(`update writes set attempts = attempts - 1 where ${IS_READY} and attempts > 0`, {
    contactId,
  });
}

/** Why those that were tried have failed. */
export async function setReason(unit: Unit, contactId: string, reason: string): Promise<void> {
  await unit.run(`update writes set reason = @reason where ${IS_READY} and attempts > 0`, {
    contactId,
    reason,
  });
}

export async function parkWrites(
  unit: Unit,
  contactId: string,
  changes: readonly { readonly writeId: number; readonly reason: string }[],
  parkedAtMs: number,
): Promise<void> {
  await unit.run(
    `update writes set reason = given.reason, parked_at_ms = @parkedAtMs
     from unnest(@ids::bigint[], @reasons::text[]) as given (id, reason)
     where writes.id = given.id and ${IS_WAITING}`,
    {
      contactId,
      parkedAtMs,
      ids: changes.map(({ writeId }) => writeId),
      reasons: changes.map(({ reason }) => reason),
    },
  );
}

/** Keeps the rows, but nothing that tells of whom or of what value they were. */
export async function anonymizeWrites(
  unit: Unit,
  contactIds: readonly string[],
  nowMs: number,
): Promise<void> {
  await unit.run(
    `update writes set contact_id = null, before = null, after = null, reason = null,
       settled_at_ms = case when outcome = 'waiting' then @nowMs::bigint else settled_at_ms end,
       outcome = case when outcome = 'waiting' then 'superseded' else outcome end
     where contact_id = any (@contactIds)`,
    { contactIds, nowMs },
  );
}

/** Newest first. */
export async function listTimeline(query: Query, contactId: string, limit: number): Promise<WriteRecord[]> {
  const rows = await ROWS.writes.find(query, 'contact_id = @contactId order by id desc limit @limit', {
    contactId,
    limit: limit + MAX_TOGETHER,
  });
  const [row] = await ROWS.outbox.find(query, 'contact_id = @contactId', { contactId });
  return withWholeLast(rows, limit, (write) => write).map((write) => ({
    id: write.id,
    contactId,
    attribute: write.attribute,
    before: write.before,
    after: write.after,
    cause: causeOf(write),
    outcome: outcomeOf(write, row?.state ?? null),
    reason: write.reason,
    attempts: write.attempts,
    queuedAtMs: write.queuedAtMs,
    settledAtMs: write.settledAtMs,
  }));
}

function asJson(value: AttributeValue): string | null {
  return value === null ? null : JSON.stringify(value);
}
