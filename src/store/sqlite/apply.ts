import type { Applied, Compared, QueuedChange, Recompute, Reread, Work } from '../store.js';
import { erasePayload } from './erase.js';
import type { InboxRow } from './inbox.js';
import { beginLearning, learnChange, readsNeeded, type Learned } from './learn.js';
import { compareMember, recomputeMember } from './recompute.js';
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
      if (held !== undefined && learned.tellsOfDeleted) {
        erasePayload(tables, held.id);
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
      learnAll(tables, work);
      const { decide, only, members = [] } = work;
      const differences = members.flatMap((contactId) => {
        const compared = compareMember(tables, contactId, { decide, only });
        if (compared === null) return [];
        const wasSynced = typeof tables.members.find(contactId)?.syncedAtMs === 'number';
        return compared.differences.map((change) => {
          const evidence = compared.decision.evidence.find((one) => one.attribute === change.attribute);
          return { ...change, contactId, why: evidence?.because ?? '', wasSynced };
        });
      });
      throw new Abandon({ kind: 'compared', members: members.length, differences });
    });
  } catch (error) {
    return abandoned(error);
  }
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
      const row = inbox.findHeld(completes.id, completes.owner);
      if (row === undefined) throw lost();
      return row;
    }
    case 'write':
      if (outbox.findHeld(completes.contactId, completes.owner) === undefined) throw lost();
      return undefined;
    case 'page':
      if (!runs.isHeld(completes.page.runId, completes.page.owner)) throw lost();
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

function complete({ inbox, outbox, runs, meta }: Tables, { completes, nowMs }: Work, held?: InboxRow): void {
  switch (completes.kind) {
    case 'nothing':
      return;
    case 'notification':
      if (held === undefined) return;
      inbox.settle(held, completes.outcome === 'applied' ? 'done' : 'ignored', nowMs);
      if (held.origin !== 'webhook') return;
      if (completes.outcome === 'applied') meta.save('applied_at', Math.floor(nowMs / 1000));
      if (meta.read('silent_since_at') !== null) meta.save('silent_since_at', null);
      return;
    case 'write':
      outbox.settle(completes.contactId, {
        hasSent: completes.sentWriteIds.length > 0,
        keepsLease: completes.lease === 'keep',
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

function stillWaiting({ writes }: Tables, { completes }: Work): ReturnType<typeof waitingChange>[] {
  if (completes.kind !== 'write' || completes.lease !== 'keep') return [];
  return writes.ready(completes.contactId).map(waitingChange);
}
