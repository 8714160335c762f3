import { FOUGHT_OVER_FROM, REVERSAL_WITHIN_MS } from '../plan/damping.js';
import type { FightRow } from '../plan/rows.js';
import type { FoughtOver } from '../ports/activity.js';
import type { Connection } from './connection.js';

/** Who keeps changing back what this service writes, by contact and attribute. */
export interface Fights {
  readonly ofContact: (contactId: string) => FightRow[];
  readonly put: (fights: readonly FightRow[], nowMs: number) => void;
  /** How many attributes are fought over at the moment. */
  readonly count: (nowMs: number) => number;
  /** Those that wait longest first. */
  readonly list: (limit: number, nowMs: number) => FoughtOver[];
  readonly forgetContacts: (contactIds: readonly string[]) => void;
}

/** What is over is kept no longer. */
const KEPT_MS = 86_400_000;

export function createFights({ sqlite }: Connection): Fights {
  const ofContact = sqlite.prepare<[string], FightRow>(
    `select contact_id as contactId, attribute, reversals, since_ms as sinceMs, until_ms as untilMs,
       last_write_id as lastWriteId
     from fights where contact_id = ?`,
  );
  const save = sqlite.prepare<[string, string, number, number, number, number]>(
    `insert into fights (contact_id, attribute, reversals, since_ms, until_ms, last_write_id)
     values (?, ?, ?, ?, ?, ?)
     on conflict (contact_id, attribute) do update set reversals = excluded.reversals, since_ms = excluded.since_ms,
       until_ms = excluded.until_ms, last_write_id = excluded.last_write_id`,
  );
  const prune = sqlite.prepare<[number]>('delete from fights where until_ms < ?');
  const forget = sqlite.prepare<[string]>('delete from fights where contact_id = ?');
  // Over when nobody has changed anything back within the time in which that counts.
  const isGoingOn = `until_ms >= ? and reversals >= ${FOUGHT_OVER_FROM}`;
  const countActive = sqlite
    .prepare<[number], number>(`select count(*) from fights where ${isGoingOn}`)
    .pluck();
  const listActive = sqlite.prepare<[number, number], FoughtOver>(
    `select fights.contact_id as contactId, name as memberName, attribute, reversals, since_ms as sinceMs,
       until_ms as untilMs
     from fights left join contacts on contacts.id = fights.contact_id
     where ${isGoingOn} order by until_ms desc limit ?`,
  );

  return {
    ofContact: (contactId) => ofContact.all(contactId),

    put: (fights, nowMs) => {
      if (fights.length === 0) return;
      prune.run(nowMs - KEPT_MS);
      for (const { contactId, attribute, reversals, sinceMs, untilMs, lastWriteId } of fights) {
        save.run(contactId, attribute, reversals, sinceMs, untilMs, lastWriteId);
      }
    },

    count: (nowMs) => countActive.get(nowMs - REVERSAL_WITHIN_MS) ?? 0,
    list: (limit, nowMs) => listActive.all(nowMs - REVERSAL_WITHIN_MS, limit),
    forgetContacts: (contactIds) => {
      for (const id of contactIds) forget.run(id);
    },
  };
}
