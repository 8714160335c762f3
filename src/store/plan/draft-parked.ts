import { keyOf, type Subject } from '../ports/subject.js';
import type { CacheSlice, ContactFamily } from './slice.js';

/** The objects of a draft that could not be read. */
export interface DraftParked {
  readonly release: (subject: Subject) => void;
  readonly move: (fromContactId: string, toContactId: string) => void;
  readonly forget: (contactId: string) => void;
  /** True while something is parked that may be this contact's, or that may be anybody's. */
  readonly mayConcern: (contactId: string) => boolean;
  readonly released: () => readonly Subject[];
}

export function createDraftParked(
  slice: CacheSlice,
  familyOf: (contactId: string) => ContactFamily,
): DraftParked {
  const owners = new Map<string, { readonly contactId: string | null } | null>(slice.parked);
  const counts = new Map<string, number>();
  let ofAnybody = slice.parkedOfAnybody;
  const released: Subject[] = [];
  const countOf = (contactId: string): number => counts.get(contactId) ?? familyOf(contactId).parkedCount;
  return {
    release: (subject) => {
      const row = owners.get(keyOf(subject)) ?? null;
      if (row === null) return;
      owners.set(keyOf(subject), null);
      released.push(subject);
      if (row.contactId === null) ofAnybody -= subject.kind === 'conversation' ? 1 : 0;
      else if (slice.families.has(row.contactId)) counts.set(row.contactId, countOf(row.contactId) - 1);
    },
    move: (from, to) => {
      counts.set(to, countOf(to) + countOf(from));
      counts.set(from, 0);
      for (const [key, row] of owners) if (row?.contactId === from) owners.set(key, { contactId: to });
    },
    forget: (contactId) => {
      counts.set(contactId, 0);
      for (const [key, row] of owners) if (row?.contactId === contactId) owners.set(key, null);
    },
    mayConcern: (contactId) => ofAnybody > 0 || countOf(contactId) > 0,
    released: () => released,
  };
}
