import type { Clock } from './clock.js';
import { AppError } from './errors.js';
import type { CallOptions, IntercomClient } from './intercom/client.js';
import { decideMember } from './rules/member.js';
import type { Applied, CacheChange, Decide, Store, Subject, Work } from './store/store.js';

/** How often one piece of work may ask for objects that change under our hands before it is retried later. */
const MOST_ROUNDS = 5;

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
 * @throws AppError of the reads, or `intercom_answer_unreadable` (retry later) when the objects keep changing.
 */
export async function applyWork(
  deps: { readonly store: Store; readonly intercom: IntercomClient; readonly clock: Clock },
  work: Work,
  call: CallOptions,
): Promise<Exclude<Applied, { kind: 'needs' }>> {
  return resolveReads(deps, work, (one) => deps.store.apply(one), call);
}

type Needs = Extract<Applied, { kind: 'needs' }>;

/** The same for whatever `attempt` does with the work: applying it, or only saying what that would change. */
export async function resolveReads<Answer extends { readonly kind: string }>(
  deps: { readonly intercom: IntercomClient },
  work: Work,
  attempt: (work: Work) => Promise<Answer | Needs>,
  call: CallOptions,
): Promise<Answer> {
  let changes = work.changes;
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const answer = await attempt({ ...work, changes });
    if (!isNeeds(answer)) return answer;
    const read = await Promise.all(answer.reads.map((subject) => readSubject(deps, subject, call)));
    changes = [...changes, ...read.flat()];
  }
  throw new AppError('intercom_answer_unreadable', 'later', 'the object changed each time it was read');
}

function isNeeds(answer: { readonly kind: string }): answer is Needs {
  return answer.kind === 'needs';
}

/** Reads an object by id: what became known about it, gone and merged included. */
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
        : [{ kind: 'contact-merged', absorbedId: subject.id, survivorId: answer.intoId }];
    case 'gone':
      return [{ kind: 'contact-deleted', id: subject.id }];
  }
}
