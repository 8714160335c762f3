import type { Applied, Compared, Loss, QueuedChange, Recompute, Reread, Work } from '../ports/cache.js';
import { erasePayload } from './erase.js';
import type { InboxRow } from './schema.js';
import { noteOtherWorkspaces } from './other-workspaces.js';
import { beginLearning, learnChange, readsNeeded, type Learned } from './learn.js';
import { compareMember, findLiveUser, recomputeMember } from './recompute.js';
import type { Tables } from './tables.js';
import { waitingChange } from './writes.js';

/** Thrown to roll the transaction back with an answer that is no failure. */
class Abandon extends Error {
  readonly answer: Exclude<Applied, { readonly kind: 'applied' }> | Compared;

  constructor(answer: Abandon['answer']) {
    super(answer.kind);
    this.answer = answer;
  }
}

/**
 * The heart of the store: what became known → cache → decisions → waiting writes → what was being worked on is
 * settled, in one transaction. See {@link Store.apply}.
 * @param onErased called after the commit of a work that has erased personal data.
 */
export function applyWork(tables: Tables, work: Work, onErased: () => void): Applied {
  let hasErased = false;
  try {
    const applied = tables.connection.transact(() => {
      const held = checkLease(tables, work);
      const learned = learnAll(tables, work);
      const { affected } = learned;
      for (const contactId of work.members ?? []) affected.add(contactId);
      if (work.completes.kind === 'write') {
        keepWhatWasSent(tables, work);
        affected.add(work.completes.contactId);
      }
      let members = 0;
      const queued: QueuedChange[] = [];
      for (const contactId of affected) {
        const decide = work.recompute === 'now' ? work.decide : null;
        const recomputed = recomputeMember(tables, contactId, {
          cause: work.cause,
          nowMs: work.nowMs,
          decide,
          only: work.only,
        });
        if (recomputed.isDecided) members += 1;
        queued.push(...recomputed.queued);
      }
      for (const reread of [...(work.rereads ?? []), ...conversationsOf(learned.revived, work.nowMs)]) {
        tables.inbox.addReread(reread);
      }
      complete(tables, work, held);
      hasErased = learned.hasErased;
      if (held !== undefined && (learned.tellsOfDeleted || isOfOtherWorkspace(work))) {
        erasePayload(tables, held.id);
        hasErased = true;
      } else if (held !== undefined && tables.scrubber.forgetMentions(held, work.nowMs)) {
        hasErased = true;
      }
      return { kind: 'applied', members, queued, waiting: stillWaiting(tables, work) } as const;
    });
    if (hasErased) onErased();
    return applied;
  } catch (error) {
    const answer = abandoned(error);
    if (answer.kind === 'compared') throw error;
    return answer;
  }
}

/** Learns and decides as {@link applyWork} does, and leaves everything as it was. See {@link Store.compare}. */
export function compareWork(tables: Tables, work: Work): Compared {
  try {
    return tables.connection.transact<never>(() => {
      checkLease(tables, work);
      const { decide, only, members = [] } = work;
      const before = membersBefore(tables, work);
      learnAll(tables, work);
      const differences = members.flatMap((contactId) => {
        const compared = compareMember(tables, contactId, { decide, only });
        if (compared === null) return [];
        const wasSynced = typeof tables.members.find(contactId)?.syncedAtMs === 'number';
        return compared.differences.map((change) => {
          const evidence = compared.decision.evidence.find((one) => one.attribute === change.attribute);
          return { ...change, contactId, why: evidence?.because ?? '', wasSynced };
        });
      });
      const losses = lossesOf(tables, before);
      throw new Abandon({ kind: 'compared', members: members.length, differences, losses });
    });
  } catch (error) {
    return abandoned(error);
  }
}

interface MembersBefore {
  /** Whether Intercom had held what the rules want of them. */
  readonly wasSynced: ReadonlyMap<string, boolean>;
  /** Whose cached conversations the work deletes. */
  readonly losing: ReadonlySet<string>;
}

function membersBefore(
  { members, conversations }: Tables,
  { changes, members: ids = [] }: Work,
): MembersBefore {
  // Only those the work is about: a merge concerns two of them, and each is counted where its turn comes.
  const wasSynced = new Map<string, boolean>();
  for (const id of ids) {
    const row = members.find(id);
    if (row !== undefined) wasSynced.set(id, row.syncedAtMs !== null);
  }
  const losing = new Set<string>();
  for (const change of changes) {
    if (change.kind !== 'conversation-deleted') continue;
    const owner = conversations.find(change.id)?.contactId;
    if (typeof owner === 'string') losing.add(owner);
  }
  return { wasSynced, losing };
}

/** Who is no member any more after what the work tells, or has lost conversations. */
function lossesOf(tables: Tables, { wasSynced, losing }: MembersBefore): Loss[] {
  return [...wasSynced].flatMap(([contactId, isSynced]): Loss[] => {
    const lost = { contactId, wasSynced: isSynced };
    if (findLiveUser(tables, contactId) === null) {
      const state = tables.lifecycles.find('contact', contactId)?.state;
      if (state === 'deleted') return [{ ...lost, kind: 'erased' }];
      return [{ ...lost, kind: state === 'merged' ? 'merged' : 'left' }];
    }
    return losing.has(contactId) ? [{ ...lost, kind: 'conversation deleted' }] : [];
  });
}

/** @throws Abandon when something has to be read first */
function learnAll(tables: Tables, work: Work): Learned {
  const learned = beginLearning();
  for (const change of work.changes) learnChange(tables, learned, change, work.nowMs);
  const reads = readsNeeded(tables, learned, work.unknownContacts);
  if (reads.length > 0) throw new Abandon({ kind: 'needs', reads });
  return learned;
}

function abandoned(error: unknown): Abandon['answer'] {
  if (error instanceof Abandon) return error.answer;
  throw error;
}

/** Recomputes the members behind `afterContactId`. See {@link Store.recomputeMembers}. */
export function recomputeMembers(
  tables: Tables,
  { afterContactId, limit, cause, nowMs, decide }: Recompute,
): { readonly members: number; readonly lastContactId: string | null } {
  return tables.connection.transact(() => {
    const ids = tables.contacts.userIdsAfter(afterContactId, limit);
    const decided = ids.filter((id) => recomputeMember(tables, id, { cause, nowMs, decide }).isDecided);
    return { members: decided.length, lastContactId: ids.length < limit ? null : (ids.at(-1) ?? null) };
  });
}

/** Answers the inbox entry that the work completes, if it is one. */
function checkLease({ inbox, outbox, runs }: Tables, { completes }: Work): InboxRow | undefined {
  const lost = (): Abandon => new Abandon({ kind: 'lease-lost' });
  switch (completes.kind) {
    case 'nothing':
      return undefined;
    case 'notification': {
      const row = inbox.findHeld(completes.id, completes.lease);
      if (row === undefined) throw lost();
      return row;
    }
    case 'write':
      if (outbox.findHeld(completes) === undefined) throw lost();
      return undefined;
    case 'page':
      if (!runs.isHeld(completes.page.runId, completes.page.lease)) throw lost();
      return undefined;
  }
}

/** Before the decision, which must know what has reached Intercom and in which form. */
function keepWhatWasSent({ writes, contacts }: Tables, { completes, nowMs }: Work): void {
  if (completes.kind !== 'write') return;
  const { contactId, sentWriteIds, keptForms } = completes;
  contacts.keepForms(contactId, keptForms);
  for (const { attribute, after } of writes.markSent(contactId, sentWriteIds, nowMs)) {
    if (attribute !== 'First Session Date') continue;
    contacts.setOwnFirstSession(contactId, typeof after === 'number' ? after : null);
  }
}

function isOfOtherWorkspace({ completes }: Work): boolean {
  return completes.kind === 'notification' && completes.otherWorkspaceId !== undefined;
}

function complete(tables: Tables, { completes, nowMs }: Work, held?: InboxRow): void {
  const { inbox, outbox, runs, meta } = tables;
  switch (completes.kind) {
    case 'nothing':
      return;
    case 'notification':
      if (held === undefined) return;
      inbox.settle(held, completes.outcome === 'applied' ? 'done' : 'ignored', nowMs);
      if (completes.otherWorkspaceId !== undefined) {
        noteOtherWorkspaces(tables, [{ id: completes.otherWorkspaceId, count: 1, lastAtMs: nowMs }]);
        return;
      }
      if (held.origin !== 'webhook') return;
      if (completes.outcome === 'applied') meta.save('applied_at', Math.floor(nowMs / 1000));
      if (meta.read('silent_since_at') !== null) meta.save('silent_since_at', null);
      return;
    case 'write':
      outbox.settle(completes.contactId, {
        nowMs,
        hasSent: completes.sentWriteIds.length > 0,
        keepsLease: completes.afterwards === 'keep',
      });
      return;
    case 'page':
      runs.savePage(completes.page);
      return;
  }
}

/** Deleting a contact has erased its conversations too: reading it again brings them back. */
function conversationsOf(revived: ReadonlySet<string>, nowMs: number): Reread[] {
  return [...revived].map((id) => ({
    dedupeKey: `revived:${id}:${nowMs}`,
    origin: 'reread',
    subject: { kind: 'contact', id },
    lane: id,
    dueAtMs: nowMs,
  }));
}

function stillWaiting({ writes }: Tables, { completes, nowMs }: Work): ReturnType<typeof waitingChange>[] {
  if (completes.kind !== 'write' || completes.afterwards !== 'keep') return [];
  const due = writes.ready(completes.contactId).filter((write) => write.notBeforeMs <= nowMs);
  return due.map(waitingChange);
}
