import { subjectOf, type CacheChange } from '../../src/store/ports/changes.js';
import type { Decide } from '../../src/store/ports/cache.js';
import type { Subject } from '../../src/store/ports/subject.js';
import { planTogether } from '../../src/store/plan/plan-together.js';
import { planWork, type Planned } from '../../src/store/plan/plan-work.js';
import type { ReportedMember } from '../../src/store/plan/reported-member.js';
import type { RowChanges } from '../../src/store/plan/row-set.js';
import type {
  ContactRow,
  ConversationRow,
  LifecycleRow,
  MemberRow,
  OutboxRow,
  WaitingWrite,
} from '../../src/store/plan/rows.js';
import { keyOf } from '../../src/store/ports/subject.js';
import type { CacheSlice, SliceDiff } from '../../src/store/plan/slice.js';

/** The smallest engine there can be: rows in maps, every slice all of them. */
export interface PlanWorld {
  readonly contacts: ReadonlyMap<string, ContactRow>;
  readonly conversations: ReadonlyMap<string, ConversationRow>;
  readonly lifecycles: ReadonlyMap<string, LifecycleRow>;
  readonly members: ReadonlyMap<string, MemberRow>;
  readonly outbox: ReadonlyMap<string, OutboxRow>;
  readonly waiting: (contactId: string) => readonly WaitingWrite[];
  readonly reportedMembers: ReadonlyMap<string, ReportedMember>;
  /** Applies a notification; objects that the plan asks for are read with `read`. */
  readonly apply: (change: CacheChange, nowMs: number) => void;
  /** Applies several as one where that may be. */
  readonly applyTogether: (changes: readonly CacheChange[], nowMs: number) => boolean;
}

/** How often a plan may ask for reads before it has to come to an end. */
const MAX_ROUNDS = 5;

export function createPlanWorld(options: {
  /** Every contact and conversation that is ever named. */
  readonly subjects: readonly Subject[];
  readonly read: (subject: Subject, nowMs: number) => readonly CacheChange[];
  readonly decide: Decide;
  readonly timeZone: string;
}): PlanWorld {
  const { subjects, read, decide, timeZone } = options;
  const contacts = new Map<string, ContactRow>();
  const conversations = new Map<string, ConversationRow>();
  const lifecycles = new Map<string, LifecycleRow>();
  const members = new Map<string, MemberRow>();
  const reportedMembers = new Map<string, ReportedMember>();
  const outbox = new Map<string, OutboxRow>();
  const writes = new Map<string, WaitingWrite[]>();
  const idsOf = (kind: Subject['kind']): string[] =>
    subjects.filter((subject) => subject.kind === kind).map(({ id }) => id);
  let lastId = 0;

  const slice = (): CacheSlice => ({
    timeZone,
    coverageFromAt: 0,
    contacts: new Map(idsOf('contact').map((id) => [id, contacts.get(id) ?? null])),
    conversations: new Map(idsOf('conversation').map((id) => [id, conversations.get(id) ?? null])),
    lifecycles: new Map(subjects.map((subject) => [keyOf(subject), lifecycles.get(keyOf(subject)) ?? null])),
    families: new Map(
      idsOf('contact').map((id) => [
        id,
        {
          conversationIds: [...conversations.values()]
            .filter((row) => row.contactId === id)
            .map((row) => row.id),
          member: members.get(id) ?? null,
          waiting: writes.get(id) ?? [],
          outbox: outbox.get(id) ?? null,
          fights: [],
          sent: [],
          parkedCount: 0,
          absorbedIds: [...lifecycles.values()].filter((row) => row.mergedIntoId === id).map((row) => row.id),
        },
      ]),
    ),
    sent: [],
    parked: new Map(),
    parkedOfAnybody: 0,
  });

  const save = (diff: SliceDiff): void => {
    for (const step of diff.steps) {
      if (step.kind !== 'merged') continue;
      for (const [key, row] of lifecycles) {
        if (row.mergedIntoId === step.absorbedId)
          lifecycles.set(key, { ...row, mergedIntoId: step.survivorId });
      }
    }
    saveRows(contacts, diff.contacts, ({ id }) => id);
    saveRows(conversations, diff.conversations, ({ id }) => id);
    saveRows(lifecycles, diff.lifecycles, keyOf);
    saveRows(members, diff.members, ({ contactId }) => contactId);
    for (const id of diff.members.removed) reportedMembers.delete(id);
    for (const row of diff.reportedMembers) reportedMembers.set(row.contactId, row);
    saveRows(outbox, diff.outbox, ({ contactId }) => contactId);
    const { superseded, befores, added } = diff.writes;
    for (const [id, of] of writes) {
      writes.set(
        id,
        of
          .filter((write) => write.id === null || !superseded.includes(write.id))
          .map((write) => ({
            ...write,
            before: befores.find((one) => one.id === write.id)?.before ?? write.before,
          })),
      );
    }
    for (const step of diff.steps) {
      if (step.kind === 'erased') for (const id of step.contactIds) writes.delete(id);
    }
    for (const write of added) {
      writes.set(write.contactId, [...(writes.get(write.contactId) ?? []), { ...write, id: (lastId += 1) }]);
    }
  };

  return {
    contacts,
    conversations,
    lifecycles,
    members,
    reportedMembers,
    outbox,
    waiting: (contactId) => writes.get(contactId) ?? [],
    applyTogether: (changes, nowMs) => {
      const plan = planTogether(slice(), { changes, nowMs, decide });
      if (plan !== null) save(plan.diff);
      return plan !== null;
    },
    apply: (change, nowMs) => {
      let changes: readonly CacheChange[] = [change];
      for (let round = 0; round < MAX_ROUNDS; round += 1) {
        const work: Planned = {
          changes,
          cause: { kind: 'notification', ref: null },
          nowMs,
          decide,
          completes: { kind: 'nothing' },
          unknownContacts: 'ask',
          recompute: 'now',
        };
        const plan = planWork(slice(), work);
        if (plan.kind === 'planned') {
          save(plan.diff);
          return;
        }
        changes = [...changes, ...plan.reads.flatMap((subject) => read(subject, nowMs))];
      }
      throw new Error(`${keyOf(subjectOf(change))} needs reads without end`);
    },
  };
}

function saveRows<Row>(
  to: Map<string, Row>,
  { put, removed }: RowChanges<Row>,
  key: (row: Row) => string,
): void {
  for (const one of removed) to.delete(one);
  for (const row of put) to.set(key(row), row);
}
