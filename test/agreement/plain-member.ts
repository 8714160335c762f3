import { dateIn, daysAgo, plusDays, startOf } from './plain-calendar.js';
import {
  oneOf,
  PLAIN_CHANNELS,
  PLAIN_CODES,
  PLAIN_STATUSES,
  readRecentDay,
  readTime,
  same,
  textOf,
  type PlainContact,
  type PlainConversation,
  type PlainDate,
  type PlainWorld,
} from './plain-world.js';

/** A closed conversation with what the reports say of it. */
export interface PlainClosed {
  readonly conversation: PlainConversation;
  readonly at: number;
  readonly on: string;
  readonly daysAgo: number;
  readonly channel: string | null;
  readonly code: string | null;
  readonly isQualifying: boolean;
  /** Why it is no qualifying call; null where it is one, or was not meant as one. */
  readonly miss: readonly string[] | null;
}

export interface PlainMember {
  readonly contact: PlainContact;
  readonly memberId: string;
  readonly name: string | null;
  readonly email: string | null;
  readonly employer: string | null;
  readonly enrolled: PlainDate | null;
  readonly registered: PlainDate | null;
  readonly known: readonly PlainConversation[];
  readonly closed: readonly PlainClosed[];
  /** Closed over any of the four channels. */
  readonly sessions: readonly PlainClosed[];
  readonly lastQualifying: PlainClosed | null;
  readonly maintained: PlainMaintained;
}

/** The maintained attributes as they should stand in Intercom; `undefined`: left alone. */
export interface PlainMaintained {
  readonly lastCoachingSession: unknown;
  readonly firstSession: unknown;
  readonly lastCall: unknown;
  readonly status: string | null;
  readonly statusDate: unknown;
  /** The status is still to be written. */
  readonly isStatusChange: boolean;
  readonly programs: string | undefined;
  readonly next: { readonly on: string; readonly at: number; readonly to: string } | null;
}

export function textBefore(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

/** Everybody that reports know, as the rules see them now. `before` is what was decided last time. */
export function plainMembers(
  world: PlainWorld,
  before: ReadonlyMap<string, PlainMaintained> = new Map(),
): PlainMember[] {
  const known = new Map<string, PlainConversation[]>();
  for (const conversation of world.conversations) {
    const [first] = conversation.contactIds;
    if (first === undefined || !conversation.isKnown) continue;
    const others = known.get(first);
    if (others === undefined) known.set(first, [conversation]);
    else others.push(conversation);
  }
  return world.contacts
    .filter(({ role, isArchived }) => role === 'user' && !isArchived)
    .map((contact) => plainMember(world, contact, known.get(contact.id) ?? [], before.get(contact.id)));
}

function plainMember(
  world: PlainWorld,
  contact: PlainContact,
  known: readonly PlainConversation[],
  before: PlainMaintained | undefined,
): PlainMember {
  const { zone } = world;
  const closed = known
    .filter(({ state }) => state === 'closed')
    .map((conversation) => plainClosed(conversation, world));
  const lastQualifying = closed.filter(({ isQualifying }) => isQualifying).sort(latestFirst)[0] ?? null;
  const enrolled = readRecentDay(contact.attributes['Enrolled Date'], zone);
  const registered = readRecentDay(contact.attributes['Registration Date'], zone);
  return {
    contact,
    memberId: textOf(contact.userId) ?? contact.id,
    name: textOf(contact.name),
    email: textOf(contact.email),
    employer: textOf(contact.attributes['Employer']),
    enrolled,
    registered,
    known,
    closed,
    sessions: closed.filter(({ channel }) => channel !== null),
    lastQualifying,
    maintained: plainMaintained(world, contact, { known, closed, enrolled, registered }, before),
  };
}

export function latestFirst(one: PlainClosed, other: PlainClosed): number {
  return other.at - one.at || textBefore(one.conversation.id, other.conversation.id);
}

function plainClosed(conversation: PlainConversation, { zone, nowAt }: PlainWorld): PlainClosed {
  const at = conversation.lastCloseAt ?? conversation.updatedAt;
  const on = dateIn(at, zone);
  const writtenChannel = textOf(conversation.attributes['Channel']);
  const writtenCode = textOf(conversation.attributes['Service Code']);
  const channel = oneOf(PLAIN_CHANNELS, writtenChannel);
  const code = oneOf(PLAIN_CODES, writtenCode);
  const isCall = channel === 'Phone' || channel === 'Video Conference';
  const isQualifying = isCall && code !== null;
  const miss: string[] = [];
  if (channel === null) {
    miss.push(writtenChannel === null ? 'Channel empty' : `Channel unknown: ${writtenChannel}`);
  }
  if (code === null) {
    miss.push(writtenCode === null ? 'Service Code empty' : `Service Code unknown: ${writtenCode}`);
  }
  return {
    conversation,
    at,
    on,
    daysAgo: daysAgo(on, dateIn(nowAt, zone)),
    channel,
    code: code ?? writtenCode,
    isQualifying,
    miss: isQualifying || channel === 'Email' || channel === 'Chat' ? null : miss,
  };
}

interface Known {
  readonly known: readonly PlainConversation[];
  readonly closed: readonly PlainClosed[];
  readonly enrolled: PlainDate | null;
  readonly registered: PlainDate | null;
}

function plainMaintained(
  world: PlainWorld,
  { attributes }: PlainContact,
  { known, closed, enrolled, registered }: Known,
  before: PlainMaintained | undefined,
): PlainMaintained {
  const { zone, nowAt, knownFromAt } = world;
  const todayOn = dateIn(nowAt, zone);
  const qualifying = closed.filter(({ isQualifying }) => isQualifying).map(({ at }) => at);
  const calls = known
    .filter((one) => oneOf(PLAIN_CHANNELS, one.attributes['Channel']) === 'Phone')
    .map((one) => (one.state === 'closed' ? (one.lastCloseAt ?? one.updatedAt) : one.createdAt));

  /** What Intercom holds from before the coverage stays unless something newer is known; inside it, we know better. */
  const latest = (name: string, times: readonly number[]): unknown => {
    const held = readTime(attributes[name]);
    const newest = times.length === 0 ? null : Math.max(...times);
    if (typeof held === 'number' && held < knownFromAt && (newest === null || held > newest)) {
      return attributes[name];
    }
    return newest ?? (held === 'bad' ? undefined : null);
  };

  const lastCoachingSession = latest('Last Coaching Session', qualifying);
  const lastAt = readTime(lastCoachingSession);
  const sinceOn = typeof lastAt === 'number' ? dateIn(lastAt, zone) : (enrolled?.on ?? '');
  const days = enrolled === null ? 0 : daysAgo(sinceOn, todayOn);
  let status: string | null = null;
  let next: PlainMaintained['next'] = null;
  const changeAfter = (limit: number, to: string): PlainMaintained['next'] => {
    const on = plusDays(sinceOn, limit + 1);
    return { on, at: startOf(on, zone), to };
  };
  if (enrolled !== null && days <= 28) {
    status = 'Engaged';
    next = changeAfter(28, typeof lastAt === 'number' ? 'At Risk' : 'Unengaged');
  } else if (enrolled !== null && typeof lastAt === 'number' && days <= 56) {
    status = 'At Risk';
    next = changeAfter(56, 'Unengaged');
  } else if (enrolled !== null) {
    status = 'Unengaged';
  }

  const isHeld = status !== null && same(textOf(attributes['Engagement Status']) ?? '') === same(status);
  const isStatusChange = status !== null && !isHeld;
  const isDecidedBefore = before?.isStatusChange === true && before.status === status;
  const changedAt = isDecidedBefore ? before.statusDate : nowAt;

  let programs: string | undefined;
  if (same(textOf(attributes['Referral']) ?? '') === 'counter health') programs = 'Smart Access';

  let firstSession: unknown;
  if ((enrolled ?? registered) !== null && readTime(attributes['First Session Date']) === 'missing') {
    firstSession = qualifying.length === 0 ? null : Math.min(...qualifying);
  }
  return {
    lastCoachingSession,
    firstSession,
    lastCall: latest('Last Call', calls),
    status,
    statusDate: isStatusChange ? changedAt : attributes['Engagement Status Date'],
    isStatusChange,
    programs,
    next,
  };
}

export function statusOf({ contact, maintained }: PlainMember): string | null {
  const held = textOf(contact.attributes['Engagement Status']);
  return maintained.status ?? oneOf(PLAIN_STATUSES, held) ?? held;
}
