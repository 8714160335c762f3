import type { Subject } from '../ports/subject.js';

/** What the changes of a work have led to. */
export interface Learned {
  /** Contacts whose decision may be another one now. */
  readonly affected: Set<string>;
  /**
   * Objects that only reading them by id settles: two different snapshots of one second or of no time that can be, or
   * a sign of life of what was deleted. What comes later in the same work may settle them. By key.
   */
  readonly undecided: Map<string, Subject>;
  /** Contacts that a conversation or an event names. */
  readonly named: Set<string>;
  /** Contacts that Intercom answers with although they were taken for deleted: their conversations are missing. */
  readonly revived: Set<string>;
  /** How many changes told the cache something new. */
  news: number;
  /** A contact's personal data was erased. */
  hasErased: boolean;
  /** Some of it was about a deleted contact, so the payload that told of it has to go too. */
  tellsOfDeleted: boolean;
}

export function nothingLearned(): Learned {
  return {
    affected: new Set(),
    undecided: new Map(),
    named: new Set(),
    revived: new Set(),
    news: 0,
    hasErased: false,
    tellsOfDeleted: false,
  };
}
