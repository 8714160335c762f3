import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ContactFacts, ConversationFacts } from '../src/rules/facts.js';
import { decideMember } from '../src/rules/member.js';
import { contactFacts } from '../src/store/plan/contact-row.js';
import { conversationFacts } from '../src/store/plan/conversation-row.js';
import { storedDecision } from '../src/store/plan/member-row.js';
import { reportedMember } from '../src/store/plan/reported-member.js';
import type { CacheChange } from '../src/store/ports/changes.js';
import type { Subject } from '../src/store/ports/subject.js';
import { createPlanWorld, type PlanWorld } from './support/plan-world.js';
import { at, contact, NEW_YORK } from './support/rules-facts.js';

/*
 * A tiny Intercom in which things happen, and its notifications in any order, some of them again and again. Whatever the
 * order, the cache must come to what is true in the end.
 */

const CONTACTS = ['a', 'b', 'c', 'd'] as const;
const CONVERSATIONS = ['1', '2', '3', '4', '5'] as const;
const SUBJECTS: readonly Subject[] = [
  ...CONTACTS.map((id) => ({ kind: 'contact', id }) as const),
  ...CONVERSATIONS.map((id) => ({ kind: 'conversation', id }) as const),
];
const BEGAN_AT = at('2026-10-01T12:00:00Z');
const NOW_AT = at('2026-11-25T12:00:00Z');
const CONTEXT = {
  nowAt: NOW_AT,
  timeZone: NEW_YORK,
  eligibleProgramsByReferral: { 'Counter Health': 'Smart Access' },
};

interface Happening {
  readonly what: 'edit' | 'close' | 'talk' | 'move' | 'merge' | 'delete' | 'drop' | 'archive' | 'unarchive';
  readonly contact: (typeof CONTACTS)[number];
  readonly other: (typeof CONTACTS)[number];
  readonly conversation: (typeof CONVERSATIONS)[number];
  readonly afterSeconds: number;
  readonly text: string;
}

const happening: fc.Arbitrary<Happening> = fc.record({
  what: fc.constantFrom(
    ...(['edit', 'edit', 'close', 'close', 'close', 'talk', 'talk', 'move', 'merge', 'delete'] as const),
    ...(['drop', 'archive', 'unarchive'] as const),
  ),
  contact: fc.constantFrom(...CONTACTS),
  other: fc.constantFrom(...CONTACTS),
  conversation: fc.constantFrom(...CONVERSATIONS),
  // Within one second too, which Intercom's times don't tell apart.
  afterSeconds: fc.integer({ min: 0, max: 2 }),
  text: fc.constantFrom('Counter Health', 'Elsewhere', 'Phone', 'Email'),
});

interface Truth {
  readonly contacts: Map<string, ContactFacts>;
  readonly conversations: Map<string, ConversationFacts>;
  readonly mergedInto: Map<string, string>;
  readonly archived: Set<string>;
  /** Contacts that were given another's conversation. */
  readonly given: Set<string>;
  readonly events: CacheChange[];
}

/** What has happened, and a notification of everything. */
function live(happenings: readonly Happening[]): Truth {
  const truth: Truth = {
    contacts: new Map(),
    conversations: new Map(),
    mergedInto: new Map(),
    archived: new Set(),
    given: new Set(),
    events: [],
  };
  const authority = { kind: 'event' } as const;
  let nowAt = BEGAN_AT;
  const tellContact = (facts: ContactFacts): void => {
    truth.contacts.set(facts.id, facts);
    truth.events.push({ kind: 'contact', contact: facts, authority });
  };
  const tellConversation = (facts: ConversationFacts): void => {
    truth.conversations.set(facts.id, facts);
    truth.events.push({ kind: 'conversation', conversation: facts, authority });
  };
  for (const id of CONTACTS) {
    tellContact({ ...contact({ 'Enrolled Date': BEGAN_AT }), id, externalId: `M-${id}`, updatedAt: nowAt });
  }
  for (const [place, id] of CONVERSATIONS.entries()) {
    tellConversation({
      id,
      contactId: CONTACTS[place % CONTACTS.length] ?? null,
      createdAt: nowAt,
      updatedAt: nowAt,
      state: 'open',
      channel: 'Phone',
      serviceCode: 'Health Coaching 001',
      coachId: null,
      lastCloseAt: null,
    });
  }
  for (const one of happenings) {
    // Archiving has no snapshot whose content could settle what happened within one second.
    nowAt += one.what.endsWith('archive') ? one.afterSeconds + 1 : one.afterSeconds;
    happen(truth, one, nowAt, { tellContact, tellConversation });
  }
  return truth;
}

function happen(
  truth: Truth,
  one: Happening,
  nowAt: number,
  tell: {
    readonly tellContact: (facts: ContactFacts) => void;
    readonly tellConversation: (facts: ConversationFacts) => void;
  },
): void {
  const person = truth.contacts.get(one.contact);
  const other = truth.contacts.get(one.other);
  const call = truth.conversations.get(one.conversation);
  switch (one.what) {
    case 'edit':
      if (person !== undefined)
        tell.tellContact({
          ...person,
          attributes: { ...person.attributes, Referral: one.text },
          updatedAt: nowAt,
        });
      return;
    case 'close':
      if (call !== undefined)
        tell.tellConversation({ ...call, state: 'closed', lastCloseAt: nowAt, updatedAt: nowAt });
      return;
    case 'talk':
      if (call !== undefined)
        tell.tellConversation({ ...call, state: 'open', channel: one.text, updatedAt: nowAt });
      return;
    case 'move':
      if (call === undefined || person === undefined) return;
      truth.given.add(person.id);
      tell.tellConversation({ ...call, contactId: person.id, updatedAt: nowAt });
      return;
    case 'merge':
      if (person === undefined || other === undefined || person.id === other.id) return;
      truth.contacts.delete(person.id);
      truth.mergedInto.set(person.id, other.id);
      if (truth.given.has(person.id)) truth.given.add(other.id);
      for (const row of truth.conversations.values()) {
        if (row.contactId === person.id) truth.conversations.set(row.id, { ...row, contactId: other.id });
      }
      truth.events.push({ kind: 'contact-merged', absorbedId: person.id, survivorId: other.id });
      return;
    case 'delete':
      // A call that changed hands and was erased with its new contact leaves nothing by which an event of before could be
      // told from a new one: the nightly run finds that.
      if (person === undefined || truth.given.has(person.id)) return;
      truth.contacts.delete(one.contact);
      truth.events.push({ kind: 'contact-deleted', id: one.contact });
      return;
    case 'drop':
      truth.conversations.delete(one.conversation);
      if (call !== undefined) truth.events.push({ kind: 'conversation-deleted', id: one.conversation });
      return;
    case 'archive':
    case 'unarchive':
      if (person === undefined) return;
      if (one.what === 'archive') truth.archived.add(person.id);
      else truth.archived.delete(person.id);
      truth.events.push({ kind: `contact-${one.what}d`, id: person.id, at: nowAt });
  }
}

/** What Intercom answers by id, after all of it. */
function readFrom(truth: Truth) {
  return ({ kind, id }: Subject, nowMs: number): CacheChange[] => {
    const authority = { kind: 'read', observedAtMs: nowMs } as const;
    if (kind === 'conversation') {
      const conversation = truth.conversations.get(id);
      return conversation === undefined
        ? [{ kind: 'conversation-deleted', id }]
        : [{ kind: 'conversation', conversation, authority }];
    }
    const found = truth.contacts.get(id);
    if (found !== undefined) return [{ kind: 'contact', contact: found, authority }];
    const survivorId = truth.mergedInto.get(id);
    if (survivorId === undefined) return [{ kind: 'contact-deleted', id }];
    const merged = { kind: 'contact-merged', absorbedId: id, survivorId } as const;
    return [merged, ...readFrom(truth)({ kind: 'contact', id: survivorId }, nowMs)];
  };
}

/** @param together how many events each piece of work tries to apply as one; one each when left out */
function deliver(truth: Truth, events: readonly CacheChange[], together: () => number = () => 1): PlanWorld {
  const world = createPlanWorld({
    subjects: SUBJECTS,
    read: readFrom(truth),
    decide: (facts) => decideMember(facts, CONTEXT),
    timeZone: NEW_YORK,
  });
  // Each a second after the other: it takes longer than that for a read to be told from what was read before.
  for (let place = 0; place < events.length;) {
    const some = events.slice(place, place + Math.max(1, together()));
    const nowMs = (nth: number): number => NOW_AT * 1000 + nth * 2000;
    if (some.length === 1 || !world.applyTogether(some, nowMs(place))) {
      for (const [offset, event] of some.entries()) world.apply(event, nowMs(place + offset));
    }
    place += some.length;
  }
  return world;
}

/** What the cache says of every object, in the form of {@link truthOf}. */
function cacheOf(world: PlanWorld): unknown {
  return {
    contacts: CONTACTS.map((id) => {
      const row = world.contacts.get(id);
      return row === undefined ? null : contactFacts(row);
    }),
    members: CONTACTS.filter((id) => world.members.has(id)),
    conversations: CONVERSATIONS.map((id) => {
      const row = world.conversations.get(id);
      return row === undefined ? null : conversationFacts(row);
    }),
    reported: CONVERSATIONS.filter((id) => typeof world.conversations.get(id)?.reportedAt === 'number'),
    strangersWritten: CONTACTS.filter(
      (id) => !world.members.has(id) && (world.waiting(id).length > 0 || world.outbox.has(id)),
    ),
  };
}

/** Calls of deleted contacts are not cached; who is archived is no member. */
function truthOf({ contacts, conversations, archived }: Truth): unknown {
  const members = CONTACTS.filter((id) => contacts.has(id) && !archived.has(id));
  const cached = CONVERSATIONS.map((id) => {
    const facts = conversations.get(id);
    return facts !== undefined && contacts.has(facts.contactId ?? '') ? facts : null;
  });
  return {
    contacts: CONTACTS.map((id) => contacts.get(id) ?? null),
    members,
    conversations: cached,
    reported: cached.flatMap((one) =>
      one?.state === 'closed' && members.some((id) => id === one.contactId) ? [one.id] : [],
    ),
    strangersWritten: [],
  };
}

/** The decisions and what waits follow from the cached facts alone. */
function expectDecided(world: PlanWorld): void {
  for (const [id, member] of world.members) {
    const row = world.contacts.get(id);
    if (row === undefined) throw new Error(`the member ${id} has no contact`);
    const waiting = world.waiting(id).map(({ attribute, before, after }) => ({ attribute, before, after }));
    const conversations = [...world.conversations.values()].filter((one) => one.contactId === id);
    const facts = conversations.map(conversationFacts);
    expect(world.reportedMembers.get(id), `what reports read of ${id}`).toEqual(
      reportedMember(row, facts, storedDecision(member), NEW_YORK),
    );
    const { changes, ...decision } = decideMember(
      {
        contact: contactFacts(row),
        conversations: facts,
        coverageFromAt: 0,
        waiting,
        ownFirstSessionAt: null,
        keptForms: [],
      },
      CONTEXT,
    );
    expect(storedDecision(member), `what is decided of ${id}`).toEqual(decision);
    const wishes = (list: readonly { attribute: string; after: unknown }[]): string[] =>
      list.map(({ attribute, after }) => `${attribute}: ${String(after)}`).toSorted();
    expect(wishes(waiting), `what waits for ${id}`).toEqual(wishes(changes));
    expect(world.outbox.has(id)).toBe(waiting.length > 0);
  }
}

const history = fc.array(happening, { maxLength: 14 });

describe('whatever has happened in Intercom, the cache comes to what is true', () => {
  test('with its notifications in any order, each of them once or more, by itself or with others', () => {
    fc.assert(
      fc.property(history, fc.infiniteStream(fc.nat()), (happenings, numbers) => {
        const truth = live(happenings);
        const repeated = [
          ...truth.events,
          ...truth.events.filter(() => (numbers.next().value ?? 0) % 3 === 0),
        ];
        const shuffled = repeated
          .map((event) => ({ event, place: numbers.next().value ?? 0 }))
          .toSorted((one, other) => one.place - other.place)
          .map(({ event }) => event);
        const world = deliver(truth, shuffled, () => (numbers.next().value ?? 0) % 5);
        expect(cacheOf(world)).toEqual(truthOf(truth));
        expectDecided(world);
      }),
      { numRuns: 400 },
    );
  });

  test('and everything told once more, in the order in which it happened, changes nothing', () => {
    fc.assert(
      fc.property(history, (happenings) => {
        const truth = live(happenings);
        const once = deliver(truth, truth.events);
        const twice = deliver(truth, [...truth.events, ...truth.events]);
        expect(cacheOf(twice)).toEqual(truthOf(truth));
        const comparable = (world: PlanWorld): unknown =>
          CONTACTS.map((id) => {
            const member = world.members.get(id);
            return member === undefined ? null : { ...member, decidedAtMs: 0, syncedAtMs: 0 };
          });
        expect(comparable(twice)).toEqual(comparable(once));
      }),
      { numRuns: 200 },
    );
  });

  test('a late sign of a contact that was merged into a deleted one is settled by one read', () => {
    const merge = { what: 'merge', contact: 'a', other: 'c' } as const;
    const gone = { what: 'delete', contact: 'c', other: 'a' } as const;
    const others = { conversation: '1', afterSeconds: 1, text: '' } as const;
    const truth = live([
      { ...merge, ...others },
      { ...gone, ...others },
    ]);
    const kinds = truth.events.map(({ kind }) => kind);
    const [merged, deleted] = [kinds.indexOf('contact-merged'), kinds.indexOf('contact-deleted')];
    const late = truth.events.filter((_, place) => place !== merged && place !== deleted);
    const first = [truth.events[deleted], truth.events[merged]].flatMap((event) => event ?? []);
    expect(cacheOf(deliver(truth, [...first, ...late]))).toEqual(truthOf(truth));
  });
});
