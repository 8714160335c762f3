import { FOUGHT_OVER_FROM, pauseAfterMs, REVERSAL_WITHIN_MS } from '../plan/damping.js';
import { sameValue } from '../../rules/difference.js';
import type { AttributeValue, Change } from '../../rules/facts.js';
import type { MaintainedAttribute } from '../../rules/vocabulary.js';
import type { FoughtOver } from '../ports/activity.js';
import type { Connection } from './connection.js';

/** Why a write has to wait. */
export interface Pause {
  readonly notBeforeMs: number;
  readonly reversals: number;
}

/** Who keeps changing back what this service writes, by contact and attribute. */
export interface Fights {
  /**
   * Looks whether wanting `change` means that somebody has changed away what was written last, counts it where it does,
   * and answers how long the write has to wait; null: not at all.
   */
  readonly judge: (contactId: string, change: Change, nowMs: number) => Pause | null;
  /** How many attributes are fought over at the moment. */
  readonly count: (nowMs: number) => number;
  /** Those that wait longest first. */
  readonly list: (limit: number, nowMs: number) => FoughtOver[];
  readonly forgetContacts: (contactIds: readonly string[]) => void;
}

interface FightRow {
  readonly reversals: number;
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly lastWriteId: number;
}

interface SentRow {
  readonly id: number;
  readonly after: string | null;
  readonly settledAtMs: number;
}

/** Of the contact's whole history no more is looked through. */
const MAX_WRITES_BACK = 50;
/** What is over is kept no longer. */
const KEPT_MS = 86_400_000;

/** These two are one decision, and are written together. */
function decidedBy(attribute: MaintainedAttribute): MaintainedAttribute {
  return attribute === 'Engagement Status Date' ? 'Engagement Status' : attribute;
}

export function createFights({ sqlite }: Connection): Fights {
  const find = sqlite.prepare<[string, string], FightRow>(
    `select reversals, since_ms as sinceMs, until_ms as untilMs, last_write_id as lastWriteId
     from fights where contact_id = ? and attribute = ?`,
  );
  const lastSent = sqlite.prepare<[string, number, string], SentRow>(
    `select id, after, settled_at_ms as settledAtMs
     from (select id, attribute, after, outcome, settled_at_ms from writes
           where contact_id = ? order by id desc limit ?)
     where attribute = ? and outcome = 'sent' limit 1`,
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
    judge: (contactId, { attribute, after }, nowMs) => {
      const fought = decidedBy(attribute);
      const known = find.get(contactId, fought);
      const isOver = known === undefined || known.untilMs + REVERSAL_WITHIN_MS < nowMs;
      const before = isOver ? { reversals: 0, sinceMs: nowMs, untilMs: 0, lastWriteId: 0 } : known;
      const sent = fought === attribute ? lastSent.get(contactId, MAX_WRITES_BACK, attribute) : undefined;
      const isReversal =
        sent !== undefined &&
        sent.id !== before.lastWriteId &&
        nowMs - sent.settledAtMs < REVERSAL_WITHIN_MS &&
        sameValue(attribute, readValue(sent.after), after);
      if (!isReversal) return before.untilMs > nowMs ? { ...before, notBeforeMs: before.untilMs } : null;
      const reversals = before.reversals + 1;
      const untilMs = nowMs + pauseAfterMs(reversals);
      prune.run(nowMs - KEPT_MS);
      save.run(contactId, fought, reversals, before.sinceMs, untilMs, sent.id);
      return untilMs > nowMs ? { reversals, notBeforeMs: untilMs } : null;
    },

    count: (nowMs) => countActive.get(nowMs - REVERSAL_WITHIN_MS) ?? 0,
    list: (limit, nowMs) => listActive.all(nowMs - REVERSAL_WITHIN_MS, limit),
    forgetContacts: (contactIds) => {
      for (const id of contactIds) forget.run(id);
    },
  };
}

function readValue(text: string | null): AttributeValue {
  const value: unknown = text === null ? null : JSON.parse(text);
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
}
