import { MAX_WRITES_BACK } from '../plan/fights.js';
import { REVERSAL_WITHIN_MS } from '../plan/damping.js';
import type { SentWrite } from '../plan/rows.js';
import type { CacheSlice, ContactFamily } from '../plan/slice.js';
import { keyOf, type Subject } from '../ports/subject.js';
import type { WriteRow } from '../write-row.js';
import type { Unit } from './database.js';
import { pickMeta } from './meta.js';
import { JSON_ROWS } from './row-sets.js';

/** What a slice is to hold. */
export interface Wanted {
  readonly contactIds: readonly string[];
  readonly conversationIds: readonly string[];
  /** Contacts that are deleted or merged: whom they have absorbed is asked for too. */
  readonly goneIds: readonly string[];
  /** What the work tells of. */
  readonly subjects: readonly Subject[];
  readonly sent: { readonly contactId: string; readonly sentWriteIds: readonly number[] } | null;
  readonly nowMs: number;
}

const { contacts, conversations, lifecycles, members, outbox, fights, writes } = JSON_ROWS;

/** One statement, because each takes its way to the server and back. */
const SLICE = `select
  ${contacts.select('contacts where id = any (@contactIds)')} as contacts,
  ${conversations.select(
    'conversations where id = any (@conversationIds) or contact_id = any (@contactIds) order by id',
  )} as conversations,
  ${lifecycles.select(
    `lifecycles where (kind = 'contact' and id = any (@contactIds))
       or (kind = 'conversation' and id = any (@conversationIds))`,
  )} as lifecycles,
  ${lifecycles.select(
    `lifecycles where @asksAbsorbed::boolean and merged_into_id = any (@contactIds)`,
  )} as absorbed,
  ${members.select('members where contact_id = any (@contactIds)')} as members,
  ${outbox.select('outbox where contact_id = any (@contactIds)')} as outbox,
  ${fights.select('fights where contact_id = any (@contactIds)')} as fights,
  ${writes.select(
    `writes where contact_id = any (@contactIds) and outcome = 'waiting' order by id`,
  )} as waiting,
  ${writes.select(
    `(select recent.* from unnest(@contactIds::text[]) as of_contact (of_id) cross join lateral (
        select * from writes where writes.contact_id = of_id order by writes.id desc limit ${MAX_WRITES_BACK}) as recent
      ) as recent where outcome = 'sent' and settled_at_ms >= @sinceMs order by id desc`,
  )} as sent,
  ${writes.select(
    `writes where id = any (@sentIds::bigint[]) and (contact_id = @sentOf or contact_id is null) order by id`,
  )} as "sentNow",
  (select coalesce(json_agg(json_build_object('kind', kind, 'id', id, 'contactId', contact_id)), '[]')
   from parked_objects
   where contact_id = any (@contactIds) or (kind, id) in (
     select * from unnest(@subjectKinds::text[], @subjectIds::text[]))) as parked,
  (select count(*) from parked_objects where contact_id is null and kind = 'conversation') as "parkedOfAnybody",
  (select value from meta where name = 'coverage_from_at') as coverage`;

type Answer = Readonly<
  Record<
    | 'contacts'
    | 'conversations'
    | 'lifecycles'
    | 'absorbed'
    | 'members'
    | 'outbox'
    | 'fights'
    | 'waiting'
    | 'sent'
    | 'sentNow',
    unknown
  >
> & {
  readonly parked: readonly (Subject & { readonly contactId: string | null })[];
  readonly parkedOfAnybody: number;
  readonly coverage: string | null;
};

/** The rows as they are; see {@link CacheSlice}. */
export async function readSlice(
  unit: Unit,
  wanted: Wanted & { readonly timeZone: string; readonly families: 'all' | 'of-gone' },
): Promise<CacheSlice> {
  const { contactIds, conversationIds, goneIds, subjects, sent, nowMs, timeZone } = wanted;
  const [answer] = await unit.rows<Answer>(SLICE, {
    contactIds,
    conversationIds,
    asksAbsorbed: goneIds.length > 0,
    sinceMs: nowMs - REVERSAL_WITHIN_MS,
    sentIds: sent?.sentWriteIds ?? [],
    sentOf: sent?.contactId ?? '',
    subjectKinds: subjects.map(({ kind }) => kind),
    subjectIds: subjects.map(({ id }) => id),
  });
  if (answer === undefined) throw new TypeError('a slice without an answer');
  const contactRows = byKey(contacts.read(answer.contacts), (row) => row.id);
  const conversationRows = byKey(conversations.read(answer.conversations), (row) => row.id);
  const lifecycleRows = byKey(lifecycles.read(answer.lifecycles), keyOf);
  const goneOf = new Set(
    goneIds.flatMap((id) => [id, lifecycleRows.get(keyOf({ kind: 'contact', id }))?.mergedIntoId ?? id]),
  );
  const ofContact = groupBy([...conversationRows.values()], (row) => row.contactId);
  const memberRows = byKey(members.read(answer.members), (row) => row.contactId);
  const outboxRows = byKey(outbox.read(answer.outbox), (row) => row.contactId);
  const fightRows = groupBy(fights.read(answer.fights), (row) => row.contactId);
  const waiting = groupBy(writes.read(answer.waiting), (row) => row.contactId);
  const sentBefore = groupBy(writes.read(answer.sent), (row) => row.contactId);
  const absorbed = groupBy(lifecycles.read(answer.absorbed), (row) => row.mergedIntoId);
  const parkedOf = groupBy([...answer.parked], (row) => row.contactId);
  const parked = byKey([...answer.parked], keyOf);

  const familyOf = (id: string): ContactFamily => ({
    conversationIds: (ofContact.get(id) ?? []).map((row) => row.id),
    member: memberRows.get(id) ?? null,
    waiting: waiting.get(id) ?? [],
    outbox: outboxRows.get(id) ?? null,
    fights: fightRows.get(id) ?? [],
    sent: (sentBefore.get(id) ?? []).map(toSent),
    parkedCount: parkedOf.get(id)?.length ?? 0,
    absorbedIds: goneOf.has(id) ? (absorbed.get(id) ?? []).map((row) => row.id) : [],
  });
  const conversationKeys = new Set([...conversationIds, ...conversationRows.keys()]);
  const lifecycleKeys = [
    ...contactIds.map((id) => keyOf({ kind: 'contact', id })),
    ...conversationIds.map((id) => keyOf({ kind: 'conversation', id })),
  ];
  const whose = wanted.families === 'all' ? contactIds : [...goneOf];
  return {
    timeZone,
    coverageFromAt: pickMeta(
      ['coverage_from_at'],
      new Map([['coverage_from_at', answer.coverage === null ? null : JSON.parse(answer.coverage)]]),
    ).coverage_from_at,
    contacts: new Map(contactIds.map((id) => [id, contactRows.get(id) ?? null])),
    conversations: new Map([...conversationKeys].map((id) => [id, conversationRows.get(id) ?? null])),
    lifecycles: new Map(lifecycleKeys.map((key) => [key, lifecycleRows.get(key) ?? null])),
    families: new Map(whose.map((id) => [id, familyOf(id)])),
    sent: writes.read(answer.sentNow).map((row) => ({ ...toSent(row), settledAtMs: 0 })),
    parked: new Map(subjects.map((subject) => [keyOf(subject), parked.get(keyOf(subject)) ?? null])),
    parkedOfAnybody: answer.parkedOfAnybody,
  };
}

function toSent({ id, attribute, after, settledAtMs }: WriteRow): SentWrite {
  return { id, attribute, after, settledAtMs: settledAtMs ?? 0 };
}

function byKey<Item>(items: readonly Item[], key: (item: Item) => string): Map<string, Item> {
  return new Map(items.map((item) => [key(item), item]));
}

function groupBy<Item>(items: readonly Item[], key: (item: Item) => string | null): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const of = key(item);
    if (of === null) continue;
    const group = groups.get(of) ?? [];
    group.push(item);
    groups.set(of, group);
  }
  return groups;
}
