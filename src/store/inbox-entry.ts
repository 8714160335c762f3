import type { InboxEntry, InboxShare, NotificationOrigin } from './ports/inbox.js';
import type { InboxRow } from './tables/work-tables.js';

/** Further contents that are kept under one notification id. Intercom's ids are unique: there should be none. */
export const MAX_CONTENTS = 7;

/** A row with its payload, as it is handed over to be processed. */
export function inboxEntry(row: InboxRow, body: Uint8Array | null): InboxEntry {
  const { id, origin, dedupeKey, topic, subjectKind, subjectId, createdAt, receivedAtMs } = row;
  const subject = subjectKind === null || subjectId === null ? null : { kind: subjectKind, id: subjectId };
  return { id, origin, dedupeKey, topic, subject, createdAt, receivedAtMs, body, attempt: row.attempts };
}

/** In the order in which they are handed out. */
export function originsOf(of: InboxShare | undefined): readonly NotificationOrigin[] {
  switch (of) {
    case 'webhooks':
      return ['webhook'];
    case 'own':
      return ['settle', 'reread'];
    case undefined:
      return ['webhook', 'settle', 'reread'];
  }
}
