import { FOUGHT_OVER_FROM, REVERSAL_WITHIN_MS } from '../plan/damping.js';
import type { FightRow } from '../plan/rows.js';
import type { FoughtOver } from '../ports/activity.js';
import type { Query, Unit } from './database.js';
import { ROWS } from './row-sets.js';

/** What is over is kept no longer. */
const KEPT_MS = 86_400_000;
/** Over when nobody has changed anything back within the time in which that counts. */
const IS_GOING_ON = `until_ms >= @sinceMs and reversals >= ${FOUGHT_OVER_FROM}`;

/** Who keeps changing back what this service writes, by contact and attribute. */
export async function putFights(unit: Unit, fights: readonly FightRow[], nowMs: number): Promise<void> {
  if (fights.length === 0) return;
  await unit.run(
    `delete from fights where (contact_id, attribute) in (
       select contact_id, attribute from fights where until_ms < @beforeMs for update skip locked)`,
    { beforeMs: nowMs - KEPT_MS },
  );
  await ROWS.fights.put(unit, fights);
}

/** How many attributes are fought over at the moment. */
export async function countFights(query: Query, nowMs: number): Promise<number> {
  const [row] = await query.rows<{ readonly count: number }>(
    `select count(*) as count from fights where ${IS_GOING_ON}`,
    { sinceMs: nowMs - REVERSAL_WITHIN_MS },
  );
  return row?.count ?? 0;
}

/** Those that wait longest first. */
export function listFights(query: Query, limit: number, nowMs: number): Promise<FoughtOver[]> {
  return query.rows<FoughtOver>(
    `select fights.contact_id as "contactId", name as "memberName", attribute, reversals, since_ms as "sinceMs",
       until_ms as "untilMs"
     from fights left join contacts on contacts.id = fights.contact_id
     where ${IS_GOING_ON} order by until_ms desc limit @limit`,
    { sinceMs: nowMs - REVERSAL_WITHIN_MS, limit },
  );
}

export async function forgetFights(unit: Unit, contactIds: readonly string[]): Promise<void> {
  await unit.run('delete from fights where contact_id = any (@contactIds)', { contactIds });
}
