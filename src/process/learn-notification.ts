import type { Clock } from '../clock.js';
import { AppError } from '../errors.js';
import type { IntercomClient } from '../intercom/client.js';
import type { Meaning } from '../intercom/notification.js';
import { conversationsOfContact, MAX_PER_PAGE, readAllPages } from '../intercom/search.js';
import type { CallOptions } from '../intercom/send-call.js';
import type { Log } from '../log.js';
import type { Reread } from '../store/ports/cache.js';
import type { CacheChange } from '../store/ports/changes.js';
import type { LeasedNotification } from '../store/ports/inbox.js';
import type { Store } from '../store/ports/store.js';
import type { Subject } from '../store/ports/subject.js';
import { parkUnreadable, readSubject } from '../work/apply-work.js';
import { readPayload, type Learned, type OpenMeaning } from './read-payload.js';

export interface LearnDeps {
  readonly store: Pick<Store, 'parkObject'>;
  readonly intercom: IntercomClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly ownWorkspaceId: () => Promise<string | null>;
}

/** Intercom's search index needs "a few minutes" after a merge. */
const MERGE_SETTLES_AFTER_MS = 5 * 60_000;

/** What the notification makes known, after the reads that its payload leaves open. */
export async function learnNotification(
  deps: LearnDeps,
  notification: LeasedNotification,
  call: CallOptions,
): Promise<Learned> {
  const { subject, body } = notification;
  if (body === null) {
    if (subject === null) return { kind: 'unreadable', why: 'neither body nor subject' };
    const changes = await readOrPark(deps, subject, null, call);
    // A contact is read again after a merge: its conversations may have moved with it.
    const moved =
      subject.kind === 'contact' ? await conversationsNowOf(deps, notification, subject.id, call) : [];
    return { kind: 'learned', changes: [...changes, ...moved], rereads: [] };
  }
  const shown = readPayload(notification, body, await deps.ownWorkspaceId());
  return shown.kind === 'open' ? readWhatIsOpen(deps, shown.meaning, notification, call) : shown;
}

async function readWhatIsOpen(
  deps: LearnDeps,
  meaning: OpenMeaning,
  notification: LeasedNotification,
  call: CallOptions,
): Promise<Learned> {
  const read = async (subject: Subject): Promise<Learned> => ({
    kind: 'learned',
    changes: await readSubject(deps, subject, call),
    rereads: [],
  });
  switch (meaning.kind) {
    case 'read':
      return read(meaning.subject);
    case 'conversation':
      return read({ kind: 'conversation', id: meaning.conversation.id });
    case 'contact':
      return read({ kind: 'contact', id: meaning.contact.id });
    case 'contact-merged':
      return learnMerge(deps, meaning, notification, call);
    case 'contact-unarchived': {
      const now = await readSubject(deps, { kind: 'contact', id: meaning.id }, call);
      const { id, at } = meaning;
      return {
        kind: 'learned',
        changes: [{ kind: 'contact-unarchived', id, at }, ...now],
        rereads: [],
      };
    }
  }
}

/**
 * A merge: the survivor is read, the absorbed contact's conversations move. Older payloads don't name the absorbed
 * contact; the survivor's conversations, searched for now and again when the index has caught up, then show what moved.
 */
async function learnMerge(
  deps: LearnDeps,
  merge: Extract<Meaning, { kind: 'contact-merged' }>,
  notification: LeasedNotification,
  call: CallOptions,
): Promise<Learned> {
  const { survivorId, absorbedId } = merge;
  const survivor = await readSubject(deps, { kind: 'contact', id: survivorId }, call);
  const absorbed: CacheChange[] =
    absorbedId === null ? [] : [{ kind: 'contact-merged', absorbedId, survivorId }];
  const moved = await conversationsNowOf(deps, notification, survivorId, call);
  const again: Reread = {
    dedupeKey: `merge:${notification.dedupeKey}`,
    origin: 'reread',
    subject: { kind: 'contact', id: survivorId },
    lane: survivorId,
    dueAtMs: deps.clock.nowMs() + MERGE_SETTLES_AFTER_MS,
  };
  return { kind: 'learned', changes: [...survivor, ...absorbed, ...moved], rereads: [again] };
}

async function conversationsNowOf(
  deps: LearnDeps,
  { attempt }: LeasedNotification,
  contactId: string,
  call: CallOptions,
): Promise<CacheChange[]> {
  // A page that was too much for Intercom is not asked for again as it was.
  const perPage = Math.max(1, Math.floor(MAX_PER_PAGE / 2 ** (attempt - 1)));
  const search = { ...conversationsOfContact(contactId), perPage };
  const { items, unreadable } = await readAllPages(
    (one) => deps.intercom.searchConversations(one, call),
    search,
  );
  const changes = items.map((conversation): CacheChange => ({
    kind: 'conversation',
    conversation,
    authority: { kind: 'search' },
  }));
  for (const { id, field, likelyOwnerId, place } of unreadable) {
    const owner = likelyOwnerId ?? contactId;
    if (id === null) {
      const nameless = { kind: 'conversation', id: `#${place}` } as const;
      await parkUnreadable(deps, { ...nameless, field, likelyOwnerId: owner, runId: null });
    } else changes.push(...(await readOrPark(deps, { kind: 'conversation', id }, owner, call)));
  }
  return changes;
}

/** Reads an object by id; one that can't be read is parked alone. */
async function readOrPark(
  deps: LearnDeps,
  subject: Subject,
  likelyOwnerId: string | null,
  call: CallOptions,
): Promise<CacheChange[]> {
  try {
    return await readSubject(deps, subject, call);
  } catch (error) {
    if (!(error instanceof AppError) || error.unreadable === null) throw error;
    const { field, likelyOwnerId: ownerThere } = error.unreadable;
    await parkUnreadable(deps, {
      ...subject,
      field,
      likelyOwnerId: ownerThere ?? likelyOwnerId,
      runId: null,
    });
    return [];
  }
}
