import type { ContactFacts, ConversationFacts, MemberDecision } from '../../rules/facts.js';
import { ENGAGEMENT_STATUSES } from '../../rules/vocabulary.js';
import type { Coach, Decide } from '../ports/cache.js';
import type { CacheChange } from '../ports/changes.js';
import type { Store } from '../ports/store.js';
import { call, callChange, contact, contactChange, DAY, NOW_AT, workOn } from './samples.js';

/** What a store has been told, for a plain computation of what reports then have to answer. */
export interface World {
  /** Members, and contacts that are none: leads, archived and erased ones. */
  readonly people: readonly Person[];
  readonly conversations: readonly ConversationFacts[];
  readonly coaches: readonly Coach[];
}

export interface Person {
  readonly contact: ContactFacts;
  readonly kind: 'member' | 'lead' | 'archived' | 'erased';
  readonly enrolledOn: string | null;
  readonly registeredOn: string | null;
  readonly decided: Pick<MemberDecision, 'status' | 'nextChange'>;
}

/** Of no member, so that no filter may know it. */
export const GHOST_EMPLOYER = 'Ghost Ltd';

export const COACHES: readonly Coach[] = [
  { id: '7', name: 'Coach Seven', email: 'seven@example.test' },
  { id: '8', name: 'ärmel Coach', email: null },
  { id: '9', name: 'coach seven', email: null },
  { id: 'B', name: null, email: null },
  { id: 'b', name: 'Zed', email: null },
  { id: 'unused', name: 'Without sessions', email: null },
];

const EMPLOYERS = ['Acme', 'ACME', ' acme\u00a0', 'Beta  Corp', 'beta corp', null, 'Ärzte', '', 'Zoo 😀'];
const NAMES = ['Anna Beck', 'anna beck', 'Émile Zola', 'Bob', null, 'van der Berg, Jan', 'Zoë Ångström Jr.'];
const REFERRALS = ['Counter Health', 'counter  health ', 'Friend', null];
const HELD_STATUSES = ['Engaged', ' at risk', 'Unengaged', 'Something else', null];
const CHANNELS = ['Phone', 'Video Conference', 'phone', 'Email', 'Chat', 'Phnoe', null];
const CODES = [
  'Health Coaching 001',
  'disease management 002',
  'Other 9',
  null,
  'other 9',
  'Disease Management 002',
];
const COACH_IDS = ['7', '8', '9', 'B', 'b', null, 'not listed'];
const STATES = ['closed', 'closed', 'closed', 'closed', 'open', 'snoozed'] as const;

/** The `number`-th of a list that begins again at its end. */
function pick<Item>(list: readonly Item[], number: number): Item {
  const item = list[number % list.length];
  if (item === undefined) throw new RangeError('an empty list');
  return item;
}

function dateAgo(days: number): string {
  return new Date((NOW_AT - days * DAY) * 1000).toISOString().slice(0, 10);
}

/** Midnight UTC, as Intercom holds a date. */
export function heldDateAt(on: string): number {
  return Date.parse(`${on}T00:00:00Z`) / 1000;
}

/** One person, in whom the values that reports look at meet in ever other combinations. */
export function makePerson(number: number, over: Partial<Person> = {}): Person {
  // Ids that differ by case, and that sort otherwise than they were made.
  const id = `${pick(['a', 'A', 'b', 'B', '_'], number)}${(number * 7919) % 1000}`;
  const enrolledOn = number % 6 === 5 ? null : dateAgo((number * 5) % 60);
  const registeredOn = number % 4 === 3 ? null : dateAgo((number * 11) % 70);
  const to = pick(ENGAGEMENT_STATUSES, number + 1);
  const at = NOW_AT + ((number * 3) % 8) * DAY;
  return {
    contact: contact(id, {
      name: pick(NAMES, number),
      email: number % 3 === 0 ? null : `${id}@example.test`,
      externalId: pick([`U${number % 9}`, `u${number}`, null], number),
      attributes: {
        ...(enrolledOn === null
          ? {}
          : { 'Enrolled Date': number % 2 === 0 ? enrolledOn : heldDateAt(enrolledOn) }),
        ...(registeredOn === null ? {} : { 'Registration Date': registeredOn }),
        'Date of Birth': number % 5 === 0 ? 'some day' : '1980-02-29',
        Employer: pick(EMPLOYERS, number),
        Referral: pick(REFERRALS, number),
        'Registration Code': number % 2 === 0 ? null : `R-${number}`,
        'Engagement Status': pick(HELD_STATUSES, number),
        'Engagement Status Date': number % 3 === 0 ? null : NOW_AT - number * DAY,
        'Last Coaching Session': number % 4 === 0 ? null : NOW_AT - ((number * 13) % 50) * DAY,
        'Eligible Programs': number % 2 === 0 ? 'Smart Access' : null,
      },
    }),
    kind: 'member',
    enrolledOn,
    registeredOn,
    decided: {
      status: number % 6 === 5 ? null : pick(ENGAGEMENT_STATUSES, number),
      nextChange: number % 3 === 2 ? null : { at, on: dateAgo(-((number * 3) % 8)), to },
    },
    ...over,
  };
}

/** A conversation; a few share each moment, so that ties have to be settled. */
export function makeConversation(number: number, contactId: string | null): ConversationFacts {
  const closedAt = NOW_AT - (((number * 17) % 65) + 1) * DAY + (number % 4) * 3600;
  const state = pick(STATES, number);
  const id = `${pick(['c', 'C', 'x'], number)}${(number * 6007) % 10_000}`;
  return call(id, contactId, {
    state,
    channel: pick(CHANNELS, number),
    serviceCode: pick(CODES, number + Math.floor(number / 7)),
    coachId: pick(COACH_IDS, number + Math.floor(number / 5)),
    createdAt: closedAt - 1800,
    updatedAt: closedAt + (number % 3) * 60,
    lastCloseAt: state === 'closed' && number % 9 !== 0 ? closedAt : null,
  });
}

export function makeWorld(members: number): World {
  const others = (['lead', 'archived', 'erased'] as const).map((kind, at): Person => {
    const { contact: seen, ...person } = makePerson(members + at);
    const attributes = { ...seen.attributes, Employer: GHOST_EMPLOYER };
    return {
      ...person,
      kind,
      contact: { ...seen, id: `ghost-${at}`, attributes, role: kind === 'lead' ? 'lead' : 'user' },
    };
  });
  const people = [...Array.from({ length: members }, (_, number) => makePerson(number)), ...others];
  const owners = [...people.map(({ contact: { id } }) => id), null, 'unknown'];
  // Some have none, others several.
  const conversations = Array.from({ length: members * 4 }, (_, number) =>
    makeConversation(number, pick(owners, (number * number) % 101)),
  );
  return { people, conversations, coaches: COACHES };
}

/** What the rules would say of these people. */
export function decideFor({ people }: Pick<World, 'people'>): Decide {
  const decided = new Map(people.map((person) => [person.contact.id, person.decided]));
  return ({ contact: { id } }) => ({
    evidence: [],
    changes: [],
    lastQualifyingAt: null,
    nearMisses: [],
    warnings: [],
    ...(decided.get(id) ?? { status: null, nextChange: null }),
  });
}

/** Tells the store all of it. */
export async function tell(store: Store, world: World): Promise<void> {
  const over = { unknownContacts: 'accept', decide: decideFor(world) } as const;
  await store.saveCoaches(world.coaches);
  const changes = [
    ...world.people.map((person) => contactChange(person.contact)),
    ...world.conversations.map((conversation) => callChange(conversation)),
  ];
  const ends = world.people.flatMap(({ kind, contact: { id } }): CacheChange[] => {
    if (kind === 'archived') return [{ kind: 'contact-archived', id, at: NOW_AT }];
    return kind === 'erased' ? [{ kind: 'contact-deleted', id }] : [];
  });
  for (const some of [changes, ends]) {
    const applied = await store.apply(workOn(some, over));
    if (applied.kind !== 'applied')
      throw new Error(`the world could not be told: ${JSON.stringify(applied)}`);
  }
}
