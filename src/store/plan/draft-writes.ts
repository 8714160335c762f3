import type { SentWrite, NewWrite, WaitingWrite } from './rows.js';
import type { ContactFamily, WriteChanges } from './slice.js';

/** The decided changes of a draft's contacts. */
export interface DraftWrites {
  readonly waiting: (contactId: string) => readonly WaitingWrite[];
  /** Those of them that are to be sent. */
  readonly ready: (contactId: string) => readonly WaitingWrite[];
  readonly lastSent: (contactId: string, attribute: SentWrite['attribute']) => SentWrite | undefined;
  readonly add: (write: NewWrite) => void;
  readonly setBefore: (contactId: string, write: WaitingWrite, before: WaitingWrite['before']) => void;
  readonly supersede: (contactId: string, writes: readonly WaitingWrite[]) => void;
  /** They are in Intercom; those that were superseded meanwhile too. */
  readonly markSent: (contactId: string, sent: readonly SentWrite[]) => void;
  /** Those that are due and were not tried yet count as tried with the attempt that is under way. */
  readonly joinAttempt: (contactId: string, nowMs: number) => void;
  readonly changes: () => WriteChanges;
}

export function createDraftWrites(familyOf: (contactId: string) => ContactFamily): DraftWrites {
  const changed = new Map<string, readonly WaitingWrite[]>();
  const justSent = new Map<string, readonly SentWrite[]>();
  const added = new Set<NewWrite>();
  const superseded = new Set<number>();
  const sentIds = new Set<number>();
  const joined = new Set<number>();
  const befores = new Map<number, WaitingWrite['before']>();
  const waiting = (contactId: string): readonly WaitingWrite[] =>
    changed.get(contactId) ?? familyOf(contactId).waiting;
  const drop = (contactId: string, gone: readonly WaitingWrite[]): void => {
    changed.set(
      contactId,
      waiting(contactId).filter((write) => !gone.includes(write)),
    );
  };
  const replace = (contactId: string, write: WaitingWrite, by: WaitingWrite): void => {
    changed.set(
      contactId,
      waiting(contactId).map((one) => (one === write ? by : one)),
    );
  };
  const isNew = (write: WaitingWrite): write is NewWrite => write.id === null;
  return {
    waiting,
    ready: (contactId) => waiting(contactId).filter((write) => write.parkedAtMs === null),
    lastSent: (contactId, attribute) =>
      [...(justSent.get(contactId) ?? []), ...familyOf(contactId).sent]
        .filter((write) => write.attribute === attribute)
        .toSorted((one, other) => other.id - one.id)[0],
    add: (write) => {
      added.add(write);
      changed.set(write.contactId, [...waiting(write.contactId), write]);
    },
    setBefore: (contactId, write, before) => {
      if (write.id === null) return;
      befores.set(write.id, before);
      replace(contactId, write, { ...write, before });
    },
    supersede: (contactId, gone) => {
      for (const write of gone) {
        if (isNew(write)) added.delete(write);
        else if (write.id !== null) superseded.add(write.id);
      }
      drop(contactId, gone);
    },
    markSent: (contactId, sent) => {
      for (const { id } of sent) sentIds.add(id);
      justSent.set(contactId, sent);
      drop(
        contactId,
        waiting(contactId).filter((write) => write.id !== null && sentIds.has(write.id)),
      );
    },
    joinAttempt: (contactId, nowMs) => {
      for (const write of waiting(contactId)) {
        const isUntried = write.parkedAtMs === null && write.attempts === 0 && write.notBeforeMs <= nowMs;
        if (!isUntried) continue;
        const tried = { ...write, attempts: 1 };
        replace(contactId, write, tried);
        if (isNew(write)) {
          added.delete(write);
          added.add({ ...write, attempts: 1 });
        } else if (write.id !== null) joined.add(write.id);
      }
    },
    changes: () => ({
      added: [...added],
      superseded: [...superseded],
      sent: [...sentIds],
      befores: [...befores].map(([id, before]) => ({ id, before })),
      joined: [...joined],
    }),
  };
}
