import { newContact } from '../../src/sandbox/contacts.js';
import { newConversation } from '../../src/sandbox/conversations.js';
import { createRandom, type Random } from '../../src/sandbox/random.js';
import type { ContactRecord, ConversationRecord } from '../../src/sandbox/records.js';
import type { Workspace } from '../../src/sandbox/workspace.js';
import { dateIn, firstOfMonth, lastOfMonth, plusDays, startOf, utcMidnight } from './plain-calendar.js';
import type { PlainWorld } from './plain-world.js';

/* Members and conversations as years of imports, typing errors and clock changes leave them, boundaries included. */

export interface GeneratedSize {
  readonly members: number;
  readonly conversations: number;
}

/** First and last name by the whole one. */
export type NameParts = Map<string, readonly [first: string, last: string]>;
type Attributes = Record<string, string | number | boolean | null>;

const HOUR = 3600;
const DAY = 86_400;
/** Where buckets, windows and statuses begin and end. */
const BOUNDARY_DAYS = [
  0, 0, 1, 7, 8, 13, 14, 15, 21, 22, 27, 28, 29, 30, 31, 55, 56, 57, 58, 84, 364, 365, 366,
];
const CHANNELS = [
  'Phone',
  'Phone',
  'Phone',
  'Video Conference',
  'Email',
  'Chat',
  'phone',
  ' PHONE ',
  'video conference',
  'Video  Conference',
  'CHAT ',
  'eMail',
  'Phnoe',
  'SMS',
  '',
  '  ',
  null,
  5,
  true,
];
const CODES = [
  'Health Coaching 001',
  'Health Coaching 001',
  'Disease Management 002',
  'health coaching 001 ',
  'DISEASE MANAGEMENT 002',
  'Nutrition 003',
  ' nutrition 003',
  'Health Coaching 01',
  '',
  null,
  2,
];
const EMPLOYERS = [
  'Acme',
  'acme ',
  ' ACME',
  'Beta GmbH',
  'Gamma, Inc.',
  '=Formula Ltd',
  '-5',
  'Ünïcode AG',
  'ÜNÏCODE ag',
  'İstanbul A.Ş.',
  '😀 Smile',
  '\uFF21 wide',
  42,
  '',
  '   ',
  null,
];
const REFERRALS = ['Counter Health', ' counter health', 'COUNTER HEALTH', 'Another Way', '', null, 7];
const UNREADABLE = [
  'soon',
  '2026-02-30',
  '12/31/2025',
  '1790000000.5',
  true,
  1_790_000_000_000,
  0.5,
  '1899-12-31',
  '-',
];
const FIRST_NAMES = ['Ana', 'José', 'Mette', 'Rahul', 'Ximena', "D'Arcy", 'Zoë', '莉'];
const LAST_NAMES = ['Brown', 'Núñez', "O'Brien", 'Kowalska', 'Smith-Jones', 'Ångström', 'Chen'];
const FORMER_COACH = 5_210_099;

/** Fills the workspace; the names that it invents are in `nameParts` as they are meant. */
export function generateWorkspace(
  workspace: Workspace,
  { members, conversations }: GeneratedSize,
  { seed, zone }: { readonly seed: number; readonly zone: string },
): NameParts {
  const { state } = workspace;
  const random = createRandom(seed);
  const makers = { random, zone, nowAt: state.nowAt(), todayOn: dateIn(state.nowAt(), zone) };
  const nameParts: NameParts = new Map();
  // Two coaches of one name, and none of the other's.
  state.admins.push({
    id: 5_210_007,
    name: 'IMANI OKAFOR',
    email: 'other@sandbox.example',
    jobTitle: 'Coach',
  });
  const contacts: ContactRecord[] = [];
  for (let number = 0; number < members; number += 1) {
    const { name, parts } = makeName(random);
    const made = newContact(state, {
      role: random.chance(0.04) ? 'lead' : 'user',
      externalId: choose(random, [`M-${number}`, `M-${number}`, `M-${number}`, ` m ${number} `, null, '']),
      name,
      email: random.chance(0.9) ? `member${number}@example.com` : null,
      createdAt: makers.nowAt - random.between(1, 800) * DAY,
      customAttributes: makeAttributes(makers),
    });
    const contact = { ...made, archived: random.chance(0.03) };
    if (name !== null) nameParts.set(name, parts);
    state.contacts.put(contact);
    contacts.push(contact);
  }
  for (let number = 0; number < conversations; number += 1) {
    state.conversations.put(makeConversation(workspace, makers, contacts));
  }
  // Two calls that end in the same second: the lower id goes first.
  for (const conversation of workspace.conversations().slice(0, Math.ceil(conversations / 50))) {
    const { id } = newConversation(state, { contactIds: conversation.contactIds });
    state.conversations.put({ ...conversation, id, adminAssigneeId: choose(random, [5_210_001, 5_210_002]) });
  }
  workspace.catchUpSearch();
  return nameParts;
}

interface Makers {
  readonly random: Random;
  readonly zone: string;
  readonly nowAt: number;
  readonly todayOn: string;
}

function choose<Item>(random: Random, items: readonly Item[]): Item {
  const found = items[random.between(0, items.length - 1)];
  if (found === undefined) throw new TypeError('nothing to choose from');
  return found;
}

/** A date near a boundary as often as not; some lie ahead, some are the ends of months. */
function makeDate({ random, todayOn }: Makers, farthest: number): string {
  const near = plusDays(todayOn, -choose(random, BOUNDARY_DAYS));
  const any = plusDays(todayOn, -random.between(0, farthest));
  return random.weighted([
    [near, 45],
    [any, 40],
    [firstOfMonth(any), 5],
    [lastOfMonth(any), 5],
    [plusDays(todayOn, random.between(1, 40)), 5],
  ] as const);
}

/** A second of that date as clocks in the zone count it, often its first or last one. */
function makeInstant(makers: Makers, on: string): number {
  const { random, zone } = makers;
  const from = startOf(on, zone);
  const last = startOf(plusDays(on, 1), zone) - 1;
  return random.weighted([
    [from, 1],
    [from + 1, 1],
    [last, 2],
    [from + 2 * HOUR, 1],
    [utcMidnight(on) + 1, 1],
    [random.between(from, last), 6],
  ] as const);
}

/** A date-only attribute in one of the forms that Intercom and imports give it. */
function makeDateValue(makers: Makers, on: string): string | number | boolean | null {
  const { random } = makers;
  const at = makeInstant(makers, on);
  return random.weighted<string | number | boolean | null>([
    [utcMidnight(on), 50],
    [on, 10],
    [` ${on} `, 2],
    [String(utcMidnight(on)), 5],
    [at, 12],
    [String(at), 4],
    [new Date(at * 1000).toISOString(), 4],
    [null, 8],
    ['', 2],
    [choose(random, UNREADABLE), 6],
  ]);
}

function makeAttributes(makers: Makers): Attributes {
  const { random, nowAt } = makers;
  const old = choose(random, [
    '1901-01-01',
    '1969-12-31',
    '1970-01-01',
    '2000-02-29',
    '2199-12-31',
    '2015-06-30',
  ]);
  const enrolledOn = random.chance(0.03) ? old : makeDate(makers, 500);
  const held = (): string | number | boolean | null =>
    random.weighted<string | number | boolean | null>([
      [null, 45],
      [nowAt - random.between(0, 365) * DAY, 25],
      [nowAt - random.between(366, 900) * DAY, 20],
      [String(nowAt - random.between(300, 420) * DAY), 3],
      [nowAt + 3 * DAY, 2],
      [choose(random, UNREADABLE), 5],
    ]);
  const status = ['Engaged', 'At Risk', 'Unengaged', 'engaged ', 'Paused', '', null, 3];
  return {
    'Enrolled Date': makeDateValue(makers, enrolledOn),
    'Registration Date': makeDateValue(makers, makeDate(makers, 500)),
    'Date of Birth': makeDateValue(
      makers,
      choose(random, [old, plusDays('1930-01-01', random.between(0, 30_000))]),
    ),
    Employer: choose(random, EMPLOYERS),
    Referral: choose(random, REFERRALS),
    'Registration Code': choose(random, ['R-1', ' R-2 ', '', null, 12]),
    'Last Coaching Session': held(),
    'First Session Date': held(),
    'Last Call': held(),
    'Engagement Status': choose(random, status),
    'Engagement Status Date': held(),
    'Eligible Programs': choose(random, ['Smart Access', 'Another Program', ' ', null]),
    Unrelated: 'never kept',
  };
}

function makeConversation(
  workspace: Workspace,
  makers: Makers,
  contacts: readonly ContactRecord[],
): ConversationRecord {
  const { state } = workspace;
  const { random, nowAt } = makers;
  const { id: member, archived } = choose(random, contacts);
  const other = choose(random, contacts);
  // What is archived before the service knows it is met in no other member's conversations.
  const isMixed = !archived && !other.archived;
  const contactIds = random.weighted<readonly string[]>([
    [[member], 90],
    [isMixed ? [member, other.id] : [member], 6],
    [[], 2],
    [['ffffffffffffffffffffffff'], 2],
  ]);
  const closedAt = makeInstant(makers, makeDate(makers, 400));
  const isClosed = random.chance(0.88);
  const withoutStatistics = random.chance(0.06);
  const made = newConversation(state, {
    contactIds,
    adminId: choose(random, [5_210_001, 5_210_002, 5_210_003, 5_210_007, FORMER_COACH, null]),
    createdAt: closedAt - random.between(0, 3 * DAY),
    customAttributes: { Channel: choose(random, CHANNELS), 'Service Code': choose(random, CODES) },
    withoutStatistics,
  });
  const { statistics } = made;
  const hasCloseTime = isClosed ? random.chance(0.97) : random.chance(0.2);
  // Without a close time the session's time is that of the last change.
  const changedLater = random.chance(0.3) ? random.between(0, 20 * DAY) : random.between(0, 60);
  return {
    ...made,
    state: isClosed ? 'closed' : choose(random, ['open', 'snoozed']),
    updatedAt: hasCloseTime && !withoutStatistics ? Math.min(closedAt + changedLater, nowAt + DAY) : closedAt,
    statistics: statistics === null ? null : { ...statistics, lastCloseAt: hasCloseTime ? closedAt : null },
  };
}

function makeName(random: Random): {
  readonly name: string | null;
  readonly parts: readonly [string, string];
} {
  const first = choose(random, FIRST_NAMES);
  const last = choose(random, LAST_NAMES);
  return random.weighted([
    [{ name: `${first} ${last}`, parts: [first, last] }, 50],
    [{ name: `${first} Maria ${last}`, parts: [first, last] }, 10],
    [{ name: `${first} van der ${last}`, parts: [first, `van der ${last}`] }, 10],
    [{ name: `${first} ${last} Jr.`, parts: [first, last] }, 5],
    [{ name: `${last}, ${first}`, parts: [first, last] }, 5],
    [{ name: `  ${first} ${last} `, parts: [first, last] }, 5],
    [{ name: first, parts: [first, ''] }, 5],
    [{ name: `@${first} ${last}`, parts: [`@${first}`, last] }, 3],
    [{ name: '  ', parts: ['', ''] }, 3],
    [{ name: null, parts: ['', ''] }, 4],
  ] as const);
}

/** How the service sees the workspace from where it stands. */
export interface Viewpoint {
  readonly zone: string;
  /** How far back the backfill reached. */
  readonly knownFromAt: number;
  /** Older conversations that are known all the same. */
  readonly alsoKnown: ReadonlySet<string>;
  readonly nameParts: NameParts;
}

/** What the workspace holds now, in the plain form. */
export function readWorld(workspace: Workspace, { alsoKnown, ...viewpoint }: Viewpoint): PlainWorld {
  return {
    ...viewpoint,
    nowAt: workspace.state.nowAt(),
    coachNames: new Map(workspace.state.admins.map(({ id, name }) => [String(id), name])),
    contacts: workspace.contacts().map((contact) => ({
      id: contact.id,
      role: contact.role,
      isArchived: contact.archived,
      userId: contact.externalId,
      name: contact.name,
      email: contact.email,
      attributes: contact.customAttributes,
    })),
    conversations: workspace.conversations().map((conversation) => ({
      id: conversation.id,
      isKnown: conversation.updatedAt >= viewpoint.knownFromAt || alsoKnown.has(conversation.id),
      contactIds: conversation.contactIds,
      createdAt: conversation.createdAt,
      updatedAt: conversation.updatedAt,
      lastCloseAt: conversation.statistics?.lastCloseAt ?? null,
      state: conversation.state,
      coachId: conversation.adminAssigneeId === null ? null : String(conversation.adminAssigneeId),
      attributes: conversation.customAttributes,
    })),
  };
}
