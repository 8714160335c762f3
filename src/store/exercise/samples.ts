import type { Change, ContactFacts, ConversationFacts, MemberDecision } from '../../rules/facts.js';
import type { HeldRun } from '../ports/runs.js';
import type { CacheChange } from '../ports/changes.js';
import type { Applied, Decide, Work } from '../ports/cache.js';
import type { LeasedNotification, NewNotification } from '../ports/inbox.js';
import type { Lease } from '../ports/leases.js';
import type { LeasedWrite } from '../ports/outbox.js';
import type { Store } from '../ports/store.js';
import type { Settings } from './engine.js';

/** Noon of a day on which nothing special happens; every test counts from here. */
export const NOW_AT = 1_790_000_000;
export const NOW_MS = NOW_AT * 1000;
export const DAY = 86_400;
export const LEASE_MS = 60_000;

/** Time stands, and the store's own pauses take only as long as others need to do something. */
export const SETTINGS: Settings = {
  timeZone: 'America/New_York',
  clock: { nowMs: () => NOW_MS, sleep: () => new Promise((resolve) => setImmediate(resolve)) },
};

export function contact(id: string, over: Partial<ContactFacts> = {}): ContactFacts {
  return {
    id,
    role: 'user',
    externalId: `user-${id}`,
    name: `Name of ${id}`,
    email: `${id}@example.test`,
    createdAt: NOW_AT - 100 * DAY,
    updatedAt: NOW_AT - 10 * DAY,
    attributes: { 'Enrolled Date': NOW_AT - 90 * DAY },
    ...over,
  };
}

/** A closed coaching call of yesterday. */
export function call(
  id: string,
  contactId: string | null,
  over: Partial<ConversationFacts> = {},
): ConversationFacts {
  return {
    id,
    contactId,
    createdAt: NOW_AT - DAY - 600,
    updatedAt: NOW_AT - DAY,
    state: 'closed',
    channel: 'Phone',
    serviceCode: 'Health Coaching 001',
    coachId: '7',
    lastCloseAt: NOW_AT - DAY,
    ...over,
  };
}

export function contactChange(seen: ContactFacts, observedAtMs: number | null = null): CacheChange {
  const authority =
    observedAtMs === null ? ({ kind: 'event' } as const) : ({ kind: 'read', observedAtMs } as const);
  return { kind: 'contact', contact: seen, authority };
}

export function callChange(seen: ConversationFacts, observedAtMs: number | null = null): CacheChange {
  const authority =
    observedAtMs === null ? ({ kind: 'event' } as const) : ({ kind: 'read', observedAtMs } as const);
  return { kind: 'conversation', conversation: seen, authority };
}

export function notification(key: string, over: Partial<NewNotification> = {}): NewNotification {
  return {
    dedupeKey: key,
    topic: 'conversation.admin.closed',
    subject: { kind: 'conversation', id: `c-${key}` },
    lane: `lane-${key}`,
    createdAt: NOW_AT,
    receivedAtMs: NOW_MS,
    body: Buffer.from(`{"id":"${key}"}`),
    hashContent: null,
    unreadable: null,
    ...over,
  };
}

/**
 * A small stand-in for the rules: Last Call is the latest close; Engagement Status is Engaged for 28 days after it,
 * written together with a date that a change still waiting keeps.
 */
export function decideAt(nowAt: number = NOW_AT): Decide {
  return (facts) => {
    const lastCall = facts.conversations.reduce<number | null>(
      (latest, one) =>
        one.lastCloseAt !== null && one.lastCloseAt > (latest ?? 0) ? one.lastCloseAt : latest,
      null,
    );
    const held = facts.contact.attributes;
    const changes: Change[] = [];
    const isKept = facts.keptForms.some((form) => form.sent === lastCall && form.kept === held['Last Call']);
    if ((held['Last Call'] ?? null) !== lastCall && !isKept) {
      changes.push({ attribute: 'Last Call', before: held['Last Call'] ?? null, after: lastCall });
    }
    const endsAt = lastCall === null ? null : lastCall + 29 * DAY;
    const status = endsAt === null ? null : nowAt < endsAt ? 'Engaged' : 'Unengaged';
    if (status !== null && held['Engagement Status'] !== status) {
      const earlier = facts.waiting.find(
        ({ attribute, after }) => attribute === 'Engagement Status' && after === status,
      );
      const dated = facts.waiting.find(({ attribute }) => attribute === 'Engagement Status Date');
      const date = earlier !== undefined && dated !== undefined ? dated.after : nowAt;
      changes.push({
        attribute: 'Engagement Status',
        before: held['Engagement Status'] ?? null,
        after: status,
      });
      changes.push({
        attribute: 'Engagement Status Date',
        before: held['Engagement Status Date'] ?? null,
        after: date,
      });
    }
    return {
      ...NOTHING_DECIDED,
      changes,
      status,
      nextChange:
        endsAt !== null && nowAt < endsAt ? { at: endsAt, on: '2026-10-20', to: 'Unengaged' } : null,
      lastQualifyingAt: lastCall,
    };
  };
}

const NOTHING_DECIDED: MemberDecision = {
  evidence: [],
  changes: [],
  status: null,
  nextChange: null,
  lastQualifyingAt: null,
  nearMisses: [],
  warnings: [],
};

/** A decision that always asks for these changes. */
export function wanting(...changes: Change[]): Decide {
  return () => ({ ...NOTHING_DECIDED, changes });
}

export function workOn(changes: readonly CacheChange[], over: Partial<Work> = {}): Work {
  return {
    changes,
    cause: { kind: 'notification', ref: 'notif_1' },
    nowMs: NOW_MS,
    decide: decideAt(),
    completes: { kind: 'nothing' },
    unknownContacts: 'ask',
    recompute: 'now',
    ...over,
  };
}

export function lease(over: Partial<Lease & { followers: number }> = {}) {
  return { owner: 'process-1', nowMs: NOW_MS, leaseMs: LEASE_MS, limit: 100, ...over };
}

/** Answers of several, whoever of them was first. */
export function inAnyOrder(answers: readonly unknown[]): unknown[] {
  return answers.toSorted((one, other) => (String(one) < String(other) ? -1 : 1));
}

/** The cache with contact `id` and one call of theirs, the writes that follow from it waiting. */
export async function knowMember(store: Store, id: string): Promise<void> {
  const applied = await store.apply(
    workOn([contactChange(contact(id)), callChange(call(`call-of-${id}`, id))]),
  );
  if (applied.kind !== 'applied') throw new Error(`the member could not be made: ${applied.kind}`);
}

/** Leases the notification that is due first. */
export async function takeOne(store: Store, nowMs = NOW_MS): Promise<LeasedNotification> {
  const [taken] = await store.leaseNotifications(lease({ nowMs, limit: 1 }));
  if (taken === undefined) throw new Error('nothing was due');
  return taken;
}

/** Handles the notification that is due first. */
export async function settleOne(store: Store): Promise<void> {
  await store.apply(workOn([], { completes: handled(await takeOne(store)) }));
}

/** Leases the only write that is due. */
export async function leaseOneWrite(
  store: Store,
  over: { owner?: string; nowMs?: number } = {},
): Promise<LeasedWrite> {
  const [write, ...others] = await store.leaseWrites(lease(over));
  if (write === undefined || others.length > 0) throw new Error('expected exactly one write to be due');
  return write;
}

/** The contact as Intercom holds it once `write` has been sent. */
export function afterWrite(id: string, write: LeasedWrite, over: Partial<ContactFacts> = {}): ContactFacts {
  const sent = Object.fromEntries(write.changes.map(({ attribute, after }) => [attribute, after]));
  const base = contact(id);
  return { ...base, updatedAt: NOW_AT + 1, attributes: { ...base.attributes, ...sent }, ...over };
}

/** Answers the completion of a write whose changes have all been sent. */
export function sentAll({ contactId, lease: held, changes }: LeasedWrite) {
  return {
    kind: 'write',
    contactId,
    lease: held,
    sentWriteIds: changes.map((change) => change.writeId),
    keptForms: [],
    afterwards: 'release',
  } as const;
}

/** Answers the completion of a notification. */
export function handled(leased: LeasedNotification | undefined, outcome: 'applied' | 'ignored' = 'applied') {
  if (leased === undefined) throw new Error('nothing was leased');
  return { kind: 'notification', id: leased.id, lease: leased.lease, outcome } as const;
}

/** Opens a run that is the caller's. */
export async function openRun(
  store: Store,
  request: Partial<Parameters<Store['openRun']>[0]> = {},
  kind: 'opened' | 'unfinished' = 'opened',
): Promise<HeldRun> {
  const opened = await store.openRun({ job: 'reconcile', params: {}, ...lease(), ...request });
  if (opened.kind !== kind) throw new Error(`the run is ${opened.kind}`);
  return opened.run;
}

/** What has become of a contact's writes, oldest first. */
export async function outcomesOf(store: Store, contactId: string): Promise<string[]> {
  const writes = (await store.findMember(contactId))?.writes ?? [];
  return writes.map((write) => `${write.attribute}: ${write.outcome}`).toReversed();
}

export function wants(after: Change['after'], attribute: Change['attribute'] = 'Last Call'): Change {
  return { attribute, before: null, after };
}

let touchedAt = NOW_AT;

/** Applies a snapshot of a contact that is newer each time, so that its member is decided anew. */
export function touch(store: Store, id: string, over: Partial<Work> = {}): Promise<Applied> {
  touchedAt += 1;
  return store.apply(workOn([contactChange(contact(id, { updatedAt: touchedAt }))], over));
}
