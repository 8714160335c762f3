import { mapAtMost } from './at-most.js';
import type { Clock } from '../clock.js';
import { AppError } from '../errors.js';
import type { IntercomClient } from '../intercom/client.js';
import type { CallOptions } from '../intercom/send-call.js';
import type { Log } from '../log.js';
import { decideMember } from '../rules/member.js';
import type { ParkObject } from '../store/ports/parked.js';
import type { Applied, Decide, Work } from '../store/ports/cache.js';
import type { CacheChange } from '../store/ports/changes.js';
import type { Store } from '../store/ports/store.js';
import { keyOf, type Subject } from '../store/ports/subject.js';
import { subjectOf } from '../store/ports/changes.js';

/** How often one piece of work may ask for objects that change under our hands before it is retried later. */
const MAX_ROUNDS = 5;
/** Objects that one piece of work reads by id at once: the others wait for their turn. */
export const MAX_READS_AT_ONCE = 8;

/** What Intercom says of an object and denies elsewhere may be a moment's lag; after this many attempts it is none. */
const MAX_CONTRADICTIONS = 10;

export function isContradiction(error: unknown): error is AppError {
  return error instanceof AppError && error.code === 'intercom_answer_unreadable' && error.attempts !== null;
}

/** How many merges in a row are followed to the contact that is left. */
const MAX_MERGES = 3;

/** Two answers of Intercom that can't both be true: to be asked again with growing delays, then parked. */
export function contradiction(message: string): AppError {
  return new AppError('intercom_answer_unreadable', 'later', message, { attempts: MAX_CONTRADICTIONS });
}

export interface DecideSettings {
  readonly timeZone: string;
  readonly eligibleProgramsByReferral: Readonly<Record<string, string>>;
  /** Whether today's date can be believed; it always is when this is left out. */
  readonly isDayKnown?: () => boolean;
}

/** The rules bound to the settings and to one moment (`nowMs`), for the store to call inside its transaction. */
export function decideAt(settings: DecideSettings, nowMs: number): Decide {
  const { timeZone, eligibleProgramsByReferral } = settings;
  const isDayKnown = settings.isDayKnown?.() ?? true;
  const context = { timeZone, eligibleProgramsByReferral, isDayKnown, nowAt: Math.floor(nowMs / 1000) };
  return (facts) => decideMember(facts, context);
}

/**
 * Applies `work`; where the store asks for objects (unknown contact, two snapshots of one second), reads them from
 * Intercom by id and applies again with what came back.
 * @throws AppError of the reads, or `intercom_answer_unreadable` (retry later) when the objects keep changing or
 * contradict each other.
 */
export async function applyWork(
  deps: {
    readonly store: Store;
    readonly intercom: IntercomClient;
    readonly clock: Clock;
    readonly log?: Log;
  },
  work: Work,
  call: CallOptions,
  readOne?: ReadOne,
): Promise<Exclude<Applied, { kind: 'needs' }>> {
  return resolveReads(deps, work, (one) => deps.store.apply(one), call, readOne);
}

/** Reads an object by id; null where it can't be read, and what is known of it is left as it is. */
export type ReadOne = (subject: Subject) => Promise<readonly CacheChange[] | null>;

type Needs = Extract<Applied, { kind: 'needs' }>;

/**
 * The same for whatever `attempt` does with the work: applying it, or only saying what that would change. Of many objects
 * in bulk (`accept`) one that contradicts itself costs itself alone: what was found of it is left out.
 */
export async function resolveReads<Answer extends { readonly kind: string }>(
  deps: { readonly intercom: IntercomClient; readonly log?: Log },
  work: Work,
  attempt: (work: Work) => Promise<Answer | Needs>,
  call: CallOptions,
  readOne: ReadOne = (subject) => readSubject(deps, subject, call),
): Promise<Answer> {
  const readOrLeave: ReadOne = async (subject) => {
    try {
      return await readOne(subject);
    } catch (error) {
      // In bulk, one that contradicts itself costs itself alone.
      if (work.unknownContacts !== 'accept' || !isContradiction(error)) throw error;
      deps.log?.warn({ [subject.kind]: subject.id, reason: error.message }, 'left as it is in the cache');
      return null;
    }
  };
  let changes = work.changes;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const answer = await attempt({ ...work, changes });
    if (!isNeeds(answer)) return answer;
    const read = await mapAtMost(MAX_READS_AT_ONCE, answer.reads, async (subject) => ({
      subject,
      changes: await readOrLeave(subject),
    }));
    const left = new Set(read.flatMap((one) => (one.changes === null ? [keyOf(one.subject)] : [])));
    changes = [
      ...changes.filter((change) => !left.has(keyOf(subjectOf(change)))),
      ...read.flatMap((one) => one.changes ?? []),
    ];
  }
  throw new AppError('intercom_answer_unreadable', 'later', 'the object changed each time it was read');
}

function isNeeds(answer: { readonly kind: string }): answer is Needs {
  return answer.kind === 'needs';
}

/**
 * Reads an object by id: what became known about it, gone and merged included.
 * @throws AppError of the reads, or `intercom_answer_unreadable` when merges lead nowhere.
 */
export async function readSubject(
  deps: { readonly intercom: IntercomClient },
  subject: Subject,
  call: CallOptions,
): Promise<CacheChange[]> {
  if (subject.kind === 'conversation') {
    const answer = await deps.intercom.readConversation(subject.id, call);
    if (answer.kind === 'gone') return [{ kind: 'conversation-deleted', id: subject.id }];
    const authority = { kind: 'read', observedAtMs: answer.observedAtMs } as const;
    return [{ kind: 'conversation', conversation: answer.conversation, authority }];
  }
  const answer = await deps.intercom.readContact(subject.id, call);
  switch (answer.kind) {
    case 'found': {
      const authority = { kind: 'read', observedAtMs: answer.observedAtMs } as const;
      return [{ kind: 'contact', contact: answer.contact, authority }];
    }
    case 'merged':
      return answer.intoId === null
        ? [{ kind: 'contact-deleted', id: subject.id }]
        : followMerges(deps, subject.id, answer.intoId, call);
    case 'gone':
      return [{ kind: 'contact-deleted', id: subject.id }];
  }
}

/** A merge is believed when it leads to a contact that is there, or that is gone for good. */
async function followMerges(
  deps: { readonly intercom: IntercomClient },
  firstId: string,
  intoId: string,
  call: CallOptions,
): Promise<CacheChange[]> {
  const merges: CacheChange[] = [];
  const seen = new Set([firstId]);
  let absorbedId = firstId;
  let survivorId = intoId;
  while (merges.length < MAX_MERGES) {
    if (seen.has(survivorId)) throw contradiction('GET /contacts/{id}: merged in a circle');
    seen.add(survivorId);
    merges.push({ kind: 'contact-merged', absorbedId, survivorId });
    const answer = await deps.intercom.readContact(survivorId, call);
    if (answer.kind === 'found') {
      const authority = { kind: 'read', observedAtMs: answer.observedAtMs } as const;
      return [...merges, { kind: 'contact', contact: answer.contact, authority }];
    }
    if (answer.kind === 'gone' || answer.intoId === null)
      return [...merges, { kind: 'contact-deleted', id: survivorId }];
    absorbedId = survivorId;
    survivorId = answer.intoId;
  }
  throw contradiction('GET /contacts/{id}: merged again and again, and nobody is left');
}

/** Parks an object that can't be read, and says so where that is news. */
export async function parkUnreadable(
  {
    store,
    clock,
    log,
  }: { readonly store: Pick<Store, 'parkObject'>; readonly clock: Clock; readonly log: Log },
  object: Omit<ParkObject, 'nowMs'>,
): Promise<void> {
  const { kind, id, field, runId } = object;
  const parked = await store.parkObject({ ...object, nowMs: clock.nowMs() });
  if (parked !== 'new') return;
  log.warn(
    { ...(runId === null ? {} : { run: runId }), object: kind, id, field },
    'an object cannot be read: parked',
  );
}
